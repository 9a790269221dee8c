"""Partners' transcripts: fetched after a notification or a pull, in the newest common version, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from support.nominating import nominated
from support.outgoing import NORTH, SOUTH, Clock, Outgoing, outgoing
from support.partners import FakePartner, Received, Says, fake_partner
from support.transcribing import TORS, given

from ewpgw.apis.running import APIS
from ewpgw.network import fetching
from ewpgw.network.received import examine
from ewpgw.preparing import Incoming
from ewpgw.store import copies, exchanges, transcripts, work
from ewpgw.store.copies import Copy, CopyKey, CopyState
from ewpgw.store.transcripts import VersionKey
from ewpgw.store.work import WorkKey, WorkKind
from ewpgw.transcripts import received

GET, INDEX = "imobility-tors/v3/get", "imobility-tors/v3/index"
REFRESH = WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "imobility-tors", "n1")
PULL = WorkKey(WorkKind.PULL, NORTH, SOUTH, "imobility-tors", "")
ELMO = "https://github.com/emrex-eu/elmo-schemas/tree/v2"
ECHO = (
    b'<response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-echo/tree/stable-v2">'
    b"<hei-id>south.example</hei-id></response>"
)
EMPTY = TORS.newest.wrap([])


def response(omobility_id: str = "n1", version: int = 3) -> bytes:
    record = TORS.from_json(SOUTH, given(SOUTH, NORTH, omobility_id)).record
    assert record is not None
    shape = TORS.shape(version)
    return shape.wrap([shape.encode(record).fragment])


def listing(*ids: str) -> bytes:
    namespace = (
        "https://github.com/erasmus-without-paper/ewp-specs-api-imobility-tors/blob/stable-v3/endpoints/"
        "index-response.xsd"
    )
    listed = "".join(f"<omobility-id>{each}</omobility-id>" for each in ids)
    return f'<imobility-tors-index-response xmlns="{namespace}">{listed}</imobility-tors-index-response>'.encode()


def serving(*ids: str) -> Callable[[Received], Says]:
    """A get endpoint with these transcripts."""

    def answer(asked: Received) -> Says:
        wanted = dict(asked.parameters)["omobility_id"]
        return Says(response(wanted) if wanted in ids else EMPTY)

    return answer


async def fetched(north: Outgoing, omobility_id: str = "n1") -> Copy:
    found = await copies.get(north.store, CopyKey(NORTH, "imobility-tors", SOUTH, omobility_id))
    assert found is not None
    return found


async def test_a_notified_transcript_is_fetched_and_kept_with_what_was_found_out(
    north: Outgoing, south: FakePartner
) -> None:
    south.script(GET, Says(response()))
    await north.want(REFRESH)
    await north.work_off()
    assert [sent.parameters for sent in south.received] == [[("omobility_id", "n1")]]
    copy = await fetched(north)
    assert (copy.state, copy.body) == (CopyState.CURRENT, response())
    assert received.findings(copy)["signature"]["verdict"] == "unsigned"
    assert received.findings(copy)["unplaced"] == []
    await north.evidence.flush()
    assert copy.exchange_id is not None
    logged = await exchanges.get(north.store, copy.exchange_id)
    assert logged is not None
    assert logged.response_body == b"", "the copy and its version have the bytes"
    versions = VersionKey(NORTH, False, SOUTH, "n1")
    assert await transcripts.body(north.store, versions, 1) == response()
    assert (await transcripts.versions(north.store, versions))[0].exchange_id == copy.exchange_id


@pytest.fixture
async def older(tmp_path: Path, clock: Clock) -> AsyncIterator[FakePartner]:
    """A partner with version 2 of the API, and version 1 of its notifications."""
    newer = {("imobility-tors", 3), ("imobility-tor-cnr", 2)}
    apis = [api for api in APIS if (api.name, api.major) not in newer]
    async with fake_partner(tmp_path, clock, apis=apis) as partner:
        yield partner


async def test_with_an_older_partner_the_older_versions_are_spoken(
    tmp_path: Path, clock: Clock, older: FakePartner
) -> None:
    async with outgoing(f"sqlite:///{tmp_path / 'older.db'}", tmp_path, clock, older) as north:
        older.script("imobility-tors/v2/get", Says(response(version=2)))
        await north.want(REFRESH)
        await north.work_off()
        assert [sent.parameters for sent in older.received] == [[("receiving_hei_id", SOUTH), ("omobility_id", "n1")]]
        assert (await fetched(north)).state is CopyState.CURRENT
        document = given(NORTH, SOUTH, "s1")
        older.received.clear()
        namespace = "https://github.com/erasmus-without-paper/ewp-specs-api-imobility-tor-cnr/tree/stable-v1"
        older.script("imobility-tor-cnr/v1", Says(f'<imobility-tor-cnr-response xmlns="{namespace}"/>'.encode()))
        await north.records.put(NORTH, "imobility-tors", Incoming(None, document), source="test")
        await north.work_off()
        assert [sent.parameters for sent in older.received] == [[("receiving_hei_id", NORTH), ("omobility_id", "s1")]]
        delivered = await transcripts.deliveries(north.store, VersionKey(NORTH, True, SOUTH, "s1"))
        assert delivered[1].notified_exchange_id is not None


async def test_a_pull_finds_what_no_notification_told_and_what_was_taken_back(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(INDEX, Says(listing("n1", "n2")))
    south.script(GET, serving("n1", "n2"))
    await north.want(PULL)
    await north.work_off()
    assert (await fetched(north, "n2")).state is CopyState.CURRENT
    clock.pass_(days=1)
    south.script(INDEX, Says(listing("n1")), Says(listing()))
    south.script(GET, serving("n1"))
    await north.want(PULL)
    await north.work_off()
    assert (await fetched(north, "n2")).state is CopyState.GONE


async def test_partners_to_whom_students_went_are_asked_daily(north: Outgoing) -> None:
    assert (
        await north.records.put(NORTH, "omobilities", Incoming("n1", nominated(NORTH, "n1", SOUTH)), source="test")
    ).result == "created"
    await north.schedule().want_missing()
    rows = await work.list_rows(north.store, hei_id=NORTH, kinds=[WorkKind.PULL], limit=100)
    assert (SOUTH, "imobility-tors") in {(row.key.partner, row.key.api) for row in rows}


async def test_the_gateway_goes_on_working_while_a_transcript_is_looked_at(
    caller: Outgoing, south: FakePartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, answered = asyncio.get_running_loop(), []

    def examining(*arguments: Any, **more: Any) -> Any:
        other = asyncio.run_coroutine_threadsafe(caller.client.call(NORTH, SOUTH, "echo", 2, "", []), loop)
        answered.append(other.result(20).status)  # on the loop's own thread this would never be answered
        return examine(*arguments, **more)

    monkeypatch.setattr(fetching, "examine", examining)
    south.script(GET, Says(response()))
    south.script("echo/v2", Says(ECHO))
    await caller.want(REFRESH)
    await caller.work_off()
    assert answered == [200]
    assert (await fetched(caller)).state is CopyState.CURRENT


def _elmo(inner: str) -> bytes:
    return TORS.newest.wrap(
        [
            f'<tor xmlns="{TORS.newest.namespace}"><omobility-id>n1</omobility-id>'
            f"<receiving-academic-year-id>2026/2027</receiving-academic-year-id>{inner}</tor>".encode()
        ]
    )


def _many_courses(number: int) -> bytes:
    course = b"<learningOpportunitySpecification><title>A</title></learningOpportunitySpecification>"
    return response().replace(
        b"<learningOpportunitySpecification>", course * number + b"<learningOpportunitySpecification>", 1
    )


HOSTILE: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "an attachment of 50 MiB": (
        lambda: response().replace(b"base64,", b"base64," + b"AAAA" * (50 * 2**20 // 3), 1),
        None,
    ),
    "200,000 courses": (lambda: _many_courses(200_000), "elements"),
    "as many courses as are read, and more": (lambda: _many_courses(30_000), "at most 50000"),
    "deep nesting": (lambda: _elmo(f'<elmo xmlns="{ELMO}">' + "<a>" * 5000 + "</a>" * 5000 + "</elmo>"), "no XML"),
    "entities": (
        lambda: b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'"><!ENTITY d "' + b"&b;" * 1000 + b'">]>' + response(),
        "no XML",
    ),
    "no ELMO at all": (lambda: _elmo(""), "elmo"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_transcripts_are_set_aside_and_the_last_good_version_stays(
    caller: Outgoing, south: FakePartner, name: str
) -> None:
    make, said = HOSTILE[name]
    body = make()
    south.script(GET, Says(response()), Says(body))
    await caller.want(REFRESH)
    await caller.work_off()
    await caller.want(REFRESH)
    await caller.work_off_only(WorkKind.REFRESH)
    copy = await fetched(caller)
    assert copy.body == response(), "the last good version stays"
    if said is None:
        row = await work.get(caller.store, REFRESH)
        assert row is not None
        assert "larger than" in (row.last_error or "")
        assert copy.invalid_body is None
    else:
        assert copy.state is CopyState.INVALID
        assert said in (copy.invalid_problems or "")
