"""The story that the demonstration tells: one agreement crosses the network and comes back, and some calls are refused.

Each step states what must hold and looks for it where it would be seen: in manifests and the catalogue, through the
gateways' SIS APIs, and in the folders that stand for the two institutions' own systems.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

from ewpgw.demo import processes
from ewpgw.demo.layout import bring_data
from ewpgw.demo.network import StepFailed, until
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content
from ewpgw.network.catalogue import Catalogue
from ewpgw.security.keys import KeyProblem, generate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from ewpgw.demo.network import Network
    from ewpgw.demo.tester import Draft

NORTH_ID = "north-2026-017"
SOUTH_ID = "south-17"
_FAILURES = (StepFailed, processes.ProcessEnded, OSError, TimeoutError, ClientError, KeyProblem)


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it went."""

    name: str
    ok: bool
    seconds: float
    detail: str


def expect(holds: bool, otherwise: str) -> None:
    """Raises StepFailed with ``otherwise`` where the condition does not hold."""
    if not holds:
        raise StepFailed(otherwise)


async def tell(network: Network) -> AsyncIterator[Step]:
    """Starts the network and yields each step as it ends, up to the first that does not hold."""
    story = _Story(network)
    steps: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("The network starts", story.start),
        ("Manifests tell what each node runs", story.manifests),
        ("The catalogue lists the members", story.catalogue),
        ("A signed echo, north to south", lambda: story.echo("north", "south")),
        ("A signed echo, south to north", lambda: story.echo("south", "north")),
        ("North's system proposes an agreement", story.propose),
        ("South is notified", story.notified),
        ("South fetches north's copy", story.fetched),
        ("South's system receives the copy", story.delivered),
        ("South's system answers with a change", story.counter),
        ("North takes the change over; both copies are equal", story.equal),
        ("Refused: a body changed on the way", story.tampered),
        ("Refused: a key that nobody published", story.foreign_key),
        ("Refused: a request dated an hour ago", story.stale),
        ("Refused: a request sent a second time", story.replayed),
    ]
    for name, step in steps:
        began = perf_counter()
        try:
            detail, ok = await step(), True
        except _FAILURES as problem:
            detail, ok = str(problem) or type(problem).__name__, False
        yield Step(name, ok, round(perf_counter() - began, 3), detail)
        if not ok:
            return


class _Story:
    def __init__(self, network: Network) -> None:
        self._network = network

    async def start(self) -> str:
        await self._network.start()
        return "a registry, north.example and south.example, each a process; tester.example with a key of its own"

    async def manifests(self) -> str:
        runs: list[str] = []
        for member in ("north", "south"):
            reply = await self._network.tester.fetch(self._network.layout.manifest_url(member))
            expect(reply.status == 200, f"{member}'s manifest: HTTP {reply.status}")
            root = parse(reply.body)
            faults = schemas().faults(root)
            expect(not faults, f"{member}'s manifest is not valid: {faults[:1]}")
            runs = [str(entry.tag).partition("}")[2] for entry in root.iter() if entry.get("version")]
        return f"valid; both run {', '.join(runs)}"

    async def catalogue(self) -> str:
        async def members() -> Catalogue | None:
            reply = await self._network.tester.fetch(self._network.layout.catalogue_url)
            expect(reply.status == 200, f"the catalogue: HTTP {reply.status}")
            catalogue = Catalogue.read(reply.body)
            return catalogue if len(catalogue.hei_ids) == 3 else None

        catalogue = await until(members, "three institutions in the catalogue")
        for member in ("north.example", "south.example"):
            expect(catalogue.entry(member, "iias", 7) is not None, f"no IIAs API 7 of {member} in the catalogue")
        for member in ("north", "south"):
            await until(partial(self._has_catalogue, member), f"{member}'s gateway has this catalogue")
        return f"{', '.join(sorted(catalogue.hei_ids))}, with their APIs and keys"

    async def _has_catalogue(self, member: str) -> bool:
        checks = (await self._network.sis(member, "/health/ready"))["checks"]
        return any(check["name"] == "catalogue" and check["detail"].startswith("3 HEIs") for check in checks)

    async def echo(self, caller: str, called: str) -> str:
        arguments = ["call", f"{called}.example", "echo", "", f"echo=hello from {caller}", "--config", f"{caller}.yaml"]
        code, output = await processes.run([*arguments, "--json"], folder=self._network.layout.root)
        expect(code == 0, f"ewpgw call ended with {code}: {output.strip()[-300:]}")
        answer = json.loads(output)
        expect(answer["status"] == 200 and answer["signed"], f"the answer was not signed: {answer}")
        expect(f"<hei-id>{caller}.example</hei-id>" in answer["body"], "the caller was not recognised")
        return f"{called} knew the caller as {caller}.example; the answer's signature was verified"

    async def propose(self) -> str:
        files = bring_data(self._network.layout, "north")
        await until(lambda: self._record("north", NORTH_ID), f"north's gateway has the record {NORTH_ID}")
        return f"{len(files)} files in north's folder; the agreement {NORTH_ID} is valid and stored"

    async def notified(self) -> str:
        row = await until(
            lambda: self._work("north", "delivery", NORTH_ID), "north's notification is answered with 200"
        )
        return f"iia-cnr answered with 200 at {row['last_at'][:19]}"

    async def fetched(self) -> str:
        found = await until(lambda: self._copy("south", "north.example", NORTH_ID), "south holds north's copy")
        return f"valid; iia-hash {found['hash'][:16]}… computed from the bytes received and equal to the one stated"

    async def delivered(self) -> str:
        inbox = self._network.layout.data("south") / "inbox" / "iias" / "north.example"
        for suffix in ("xml", "json"):
            await until(_exists(inbox / f"{NORTH_ID}.{suffix}"), f"{NORTH_ID}.{suffix} in south's inbox")
        return f"inbox/iias/north.example/{NORTH_ID}.xml and .json"

    async def counter(self) -> str:
        layout = self._network.layout
        theirs = json.loads((layout.data("south") / "inbox/iias/north.example" / f"{NORTH_ID}.json").read_text())
        ours = _answer(theirs)
        conditions = ours["cooperation_conditions"]["student_studies_mobility_spec"]
        conditions[0]["mobilities_per_year"]["value"] = "2"
        _write(layout.data("south") / "iias" / f"{SOUTH_ID}.json", ours)
        inbox = layout.data("north") / "inbox" / "iias" / "south.example" / f"{SOUTH_ID}.json"
        await until(_exists(inbox), "south's copy in north's inbox")
        return "two students a year instead of three; north's system has south's copy"

    async def equal(self) -> str:
        layout = self._network.layout
        theirs = json.loads((layout.data("north") / "inbox/iias/south.example" / f"{SOUTH_ID}.json").read_text())
        own = next((layout.data("north") / "iias").glob("*.json"))
        ours = json.loads(own.read_text())
        ours["partner"][1].update(iia_id=SOUTH_ID, iia_code=theirs["partner"][0]["iia_code"])
        ours["cooperation_conditions"] = theirs["cooperation_conditions"]
        _write(own, ours)

        async def agree() -> bool:
            mine = await self._copy("south", "north.example", NORTH_ID)
            other = await self._copy("north", "south.example", SOUTH_ID)
            if not mine or not other or mine["our_id"] != SOUTH_ID or other["our_id"] != NORTH_ID:
                return False
            return same_content(Iia.model_validate(mine["document"]), Iia.model_validate(other["document"]))

        await until(agree, "the copies that north and south hold of each other's agreement say the same")
        return "each copy names the other's id, and the conditions are the same"

    async def tampered(self) -> str:
        draft = self._network.tester.sign(self._cnr, [("iia_id", "one")])
        return await self._refused(draft.with_body(b"iia_id=two"), 400, "igest")

    async def foreign_key(self) -> str:
        draft = self._network.tester.sign(self._cnr, [("iia_id", "one")], key=generate())
        return await self._refused(draft, 403, "catalogue")

    async def stale(self) -> str:
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        return await self._refused(self._network.tester.sign(self._cnr, [("iia_id", "one")], now=hour_ago), 400, "ate")

    async def replayed(self) -> str:
        draft = self._network.tester.sign(self._cnr, [("iia_id", "one")])
        first = await self._network.tester.send(draft)
        expect(first.status == 200, f"the first sending: HTTP {first.status}: {first.developer_message}")
        return await self._refused(draft, 400, "used before")

    @property
    def _cnr(self) -> str:
        return f"{self._network.layout.base_url('north')}/iia-cnr/v3"

    async def _refused(self, draft: Draft, status: int, word: str) -> str:
        reply = await self._network.tester.send(draft)
        expect(reply.status == status, f"HTTP {reply.status} instead of {status}: {reply.developer_message}")
        expect(word in reply.developer_message, f"the reason does not speak of it: {reply.developer_message}")
        expect("signature" in reply.headers, "the refusal was not signed")
        return f"HTTP {status}, signed: {reply.developer_message}"

    async def _record(self, member: str, iia_id: str) -> Any:
        listed = await self._network.sis(member, f"/api/v1/heis/{member}.example/records/iias")
        return next((item for item in listed["items"] if item["id"] == iia_id), None)

    async def _work(self, member: str, kind: str, item: str) -> Any:
        rows = await self._network.sis(member, f"/api/v1/heis/{member}.example/work?kind={kind}&state=done")
        return next((row for row in rows["items"] if row["item"] == item), None)

    async def _copy(self, member: str, partner: str, iia_id: str) -> Any:
        path = f"/api/v1/heis/{member}.example/partner-copies/iias?partner={partner}"
        for item in (await self._network.sis(member, path))["items"]:
            if item["id"] == iia_id and item["state"] == "current":
                return await self._network.sis(
                    member, f"/api/v1/heis/{member}.example/partner-copies/iias/{partner}/{iia_id}"
                )
        return None


def _answer(theirs: dict[str, Any]) -> dict[str, Any]:
    """South's own copy of north's agreement: south first, with its own id and number, and north's id kept."""
    ours = copy.deepcopy(theirs)
    first, second = ours["partner"]
    second.update(iia_id=SOUTH_ID, iia_code="SOUTH/2026/17")
    ours["partner"] = [second, first]
    ours.pop("iia_hash", None)
    return ours


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return path.exists()

    return found
