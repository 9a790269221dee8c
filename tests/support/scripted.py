"""A university whose system does what a test tells it, also what it must not, opposite a gateway that is a process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from ewpgw.apis.call import Node
from ewpgw.apis.discovery import build
from ewpgw.apis.running import APIS
from ewpgw.config import LimitSettings
from ewpgw.model.entities import ENTITIES
from ewpgw.registry.assembly import assemble
from ewpgw.registry.manifest import read_manifest
from support.authority import key_of, server_tls
from support.callers import Draft, Reply, calling
from support.closed_network import Gateway
from support.coordinators import Coordinator
from support.nodes import identity_of, utc_now
from support.outgoing import NO_AGREEMENT, NORTH, NOTIFIED, SOUTH, index
from support.partners import FakePartner, Received, Says
from support.processes import complaints, until
from support.threads import in_thread

T = TypeVar("T")
_APPROVAL = "https://github.com/erasmus-without-paper/ewp-specs-api-iias-approval/tree/stable-v2"
_APPROVAL_CNR = "https://github.com/erasmus-without-paper/ewp-specs-api-iia-approval-cnr/tree/stable-v2"
APPROVAL_NOTIFIED = f'<iia-approval-cnr-response xmlns="{_APPROVAL_CNR}"/>'.encode()


def served(document: Mapping[str, Any]) -> bytes:
    """The get-response in which the owner of an agreement serves it."""
    entity = ENTITIES["iias"]
    found = entity.from_json(document["partner"][0]["hei_id"], document)
    assert found.record is not None, found
    return entity.newest.wrap([entity.newest.encode(found.record).fragment])


def approving(versions: Mapping[str, str]) -> bytes:
    """An answer that approves these hashes, by the identifiers of the one who asked."""
    listed = "".join(
        f"<approval><iia-id>{iia_id}</iia-id><iia-hash>{iia_hash}</iia-hash></approval>"
        for iia_id, iia_hash in versions.items()
    )
    return f'<iias-approval-response xmlns="{_APPROVAL}">{listed}</iias-approval-response>'.encode()


class ScriptedUniversity:
    """South's system. ``copies`` is what it serves, ``approved`` which hashes of North's copies it says it approves.

    It lives in a thread of its own, so that tests may wait for the gateway.
    """

    def __init__(self, folder: Path) -> None:
        self.copies: dict[str, Says] = {}
        self.approved: dict[str, str] = {}
        self._wrong: dict[str, list[Says]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="south", daemon=True)
        self._thread.start()
        self.fake = self._run(self._start(folder))
        self.fake.script("iias/v7/get", self._get)
        self.fake.script("iias/v7/index", lambda _: Says(index(*self.copies)))
        self.answers_about_approvals()
        self.fake.script("iia-cnr/v3", self._notified)
        self.fake.script("iia-approval-cnr/v2", Says(APPROVAL_NOTIFIED))

    @staticmethod
    async def _start(folder: Path) -> FakePartner:
        fake = FakePartner(SOUTH, folder, utc_now, APIS)
        await fake.start(server_tls())
        return fake

    def _run(self, job: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(30)

    def close(self) -> None:
        self._run(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _get(self, sent: Received) -> Says:
        (iia_id,) = [value for name, value in sent.parameters if name == "iia_id"]
        return self.copies.get(iia_id, Says(NO_AGREEMENT))

    def _approvals(self, sent: Received) -> Says:
        asked = [value for name, value in sent.parameters if name == "iia_id"]
        return Says(approving({iia_id: self.approved[iia_id] for iia_id in asked if iia_id in self.approved}))

    def answers_about_approvals(self) -> None:
        """Answers what it approves as it should."""
        self.fake.script("iias-approval/v2", self._approvals)

    def answers_notifications_of(self, iia_id: str, *answers: Says) -> None:
        """What it answers when it is told of this agreement, one after the other; then as it should again."""
        self._wrong[iia_id] = list(answers)

    def _notified(self, sent: Received) -> Says:
        wrong = self._wrong.get(dict(sent.parameters)["iia_id"])
        return wrong.pop(0) if wrong else Says(NOTIFIED)

    def serves(self, document: Mapping[str, Any]) -> None:
        """Serves a copy from now on, without telling anybody."""
        self.copies[document["partner"][0]["iia_id"]] = Says(served(document))

    def notified_of(self, iia_id: str, path: str = "iia-cnr/v3") -> int:
        """How often it was told of an agreement."""
        return sum(("iia_id", iia_id) in each.parameters for each in self.fake.calls(path))


class Field:
    """North's gateway, its coordinator, and South's system opposite."""

    def __init__(self, gateway: Gateway, south: ScriptedUniversity) -> None:
        self.gateway = gateway
        self.south = south
        self.north = Coordinator(gateway.sis, NORTH, SOUTH)

    def draft(self, path: str, *parameters: tuple[str, str], method: str = "POST") -> Draft:
        """A call of South's to the gateway, signed and not sent."""

        async def sign() -> Draft:
            async with calling(key_of(SOUTH)) as caller:
                return caller.draft(self.gateway.url(path), parameters, method=method)

        return in_thread(sign())

    def send(self, draft: Draft) -> Reply:
        """Sends a call; the signature of the answer is verified, also that of a refusal."""

        async def send() -> Reply:
            async with calling(key_of(SOUTH), key_of(NORTH).public) as caller:
                return await caller.send(draft)

        return in_thread(send())

    def call(self, path: str, *parameters: tuple[str, str], method: str = "POST") -> Reply:
        """A call of South's, and its answer."""
        return self.send(self.draft(path, *parameters, method=method))

    def notify(self, iia_id: str) -> None:
        """South tells that a copy of its own has changed."""
        assert self.call("/iia-cnr/v3", ("iia_id", iia_id)).status == 200

    def shows(self, document: Mapping[str, Any]) -> None:
        """South serves a copy and tells so."""
        self.south.serves(document)
        self.notify(document["partner"][0]["iia_id"])

    def approves(self, our_id: str, iia_hash: str) -> None:
        """South says that it approves a version of North's copy."""
        self.south.approved[our_id] = iia_hash
        assert self.call("/iia-approval-cnr/v2", ("iia_id", our_id)).status == 200

    def served(self, our_id: str) -> Reply:
        """What North serves to South under an identifier."""
        return self.call("/iias/v7/get", ("iia_id", our_id))


@contextmanager
def field(folder: Path) -> Iterator[Field]:
    """A gateway of north.example with a catalogue that South's system publishes, for want of a registry."""
    south = ScriptedUniversity(folder)
    try:
        url = f"https://localhost:{south.fake.port}/catalogue-v1.xml"
        gateway = Gateway("north", (NORTH,), folder, catalogue_url=url, adapter=False)
        node = Node(identity_of(NORTH, gateway.url(""), folder), APIS, LimitSettings().by_element())
        manifests = [read_manifest(gateway.manifest_urls[0], build(node)), south.fake.manifest()]
        south.fake.script("/catalogue-v1.xml", Says(assemble(manifests, url).document, signed=False))
        south.fake.knows(key_of(NORTH).public)
        try:
            gateway.start()
            until(lambda: gateway.knows(2), "the gateway knows both")
            yield Field(gateway, south)
        finally:
            gateway.process.put_away()
    finally:
        south.close()
    assert not (found := complaints(gateway.process.log)), found
