"""Partners' courses: one by one when asked for, or all that they list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from support.documents import course
from support.outgoing import NORTH, SOUTH, WEST, Clock, Outgoing
from support.partners import FakePartner, Received, Says, catalogue_with

from ewpgw.model.entities import ENTITIES
from ewpgw.store import copies, work
from ewpgw.store.copies import Copy, CopyKey, CopyState
from ewpgw.store.copies import Received as ReceivedCopy
from ewpgw.store.work import WorkKey, WorkKind, WorkState

GET, LIST = "courses/v0", "simple-course-replication/v1"
SHAPE = ENTITIES["courses"].newest
PULL = WorkKey(WorkKind.PULL, NORTH, SOUTH, "courses", "")
LISTED = "https://github.com/erasmus-without-paper/ewp-specs-api-course-replication/tree/stable-v1"


def response(*los_ids: str, title: str = "Calculus") -> bytes:
    found = [ENTITIES["courses"].from_json(SOUTH, course(los_id, "C", title=title)).record for los_id in los_ids]
    return SHAPE.wrap([SHAPE.encode(record).fragment for record in found if record is not None])


def listing(*los_ids: str) -> bytes:
    ids = "".join(f"<los-id>{los_id}</los-id>" for los_id in los_ids)
    return f'<course-replication-response xmlns="{LISTED}">{ids}</course-replication-response>'.encode()


def serving(*los_ids: str, title: str = "Calculus") -> Callable[[Received], Says]:
    """A Courses API with these courses."""

    def answer(received: Received) -> Says:
        wanted = dict(received.parameters)["los_id"]
        return Says(response(*([wanted] if wanted in los_ids else []), title=title))

    return answer


async def fetched(north: Outgoing, los_id: str) -> Copy | None:
    return await copies.get(north.store, CopyKey(NORTH, "courses", SOUTH, los_id))


async def keep(north: Outgoing, *los_ids: str) -> None:
    for los_id in los_ids:
        async with north.store.transaction() as tx:
            key = CopyKey(NORTH, "courses", SOUTH, los_id)
            await copies.put_received(tx, key, ReceivedCopy(b"", "{}", los_id), north.clock())


async def pull(north: Outgoing) -> None:
    await north.want(PULL)
    await north.work_off()


async def refreshed(north: Outgoing) -> Sequence[str]:
    """Which courses a pull found to be looked at."""
    await north.want(PULL)
    await north.work_off_only(WorkKind.PULL)
    return sorted(await north.rows(WorkKind.REFRESH))


async def test_a_course_is_fetched_when_it_is_asked_for(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, serving("CR/1"))
    await north.want(WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "courses", "CR/1"))
    await north.work_off()
    assert [sent.parameters for sent in south.received] == [[("hei_id", SOUTH), ("los_id", "CR/1")]]
    copy = await fetched(north, "CR/1")
    assert copy is not None
    assert (copy.state, copy.body) == (CopyState.CURRENT, response("CR/1"))
    assert '"los_code":"C"' in (copy.document or "").replace(": ", ":")


async def test_a_pull_fetches_all_that_the_partner_lists(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script(LIST, Says(listing("CR/1", "DEP/2")))
    south.script(GET, serving("CR/1", "DEP/2"))
    await pull(north)
    assert [sent.parameters for sent in south.calls(LIST)] == [[("hei_id", SOUTH)]]
    for los_id in ("CR/1", "DEP/2"):
        copy = await fetched(north, los_id)
        assert copy is not None
        assert copy.state is CopyState.CURRENT
    clock.pass_(days=1)
    south.script(LIST, Says(listing("CR/1")), Says(listing("CR/1")))
    south.script(GET, serving("CR/1", title="Analysis"))
    await pull(north)
    assert [name for name, _ in south.calls(LIST)[-1].parameters] == ["hei_id", "modified_since"]
    changed, gone = await fetched(north, "CR/1"), await fetched(north, "DEP/2")
    assert changed is not None
    assert gone is not None
    assert (changed.state, changed.revision, gone.state) == (CopyState.CURRENT, 2, CopyState.GONE)


async def test_what_did_not_change_is_not_fetched_again(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script(LIST, Says(listing("CR/1")))
    south.script(GET, serving("CR/1"))
    await pull(north)
    clock.pass_(days=1)
    south.script(LIST, Says(listing("CR/1")), Says(listing()))
    await pull(north)
    assert len(south.calls(GET)) == 1


async def test_kinds_of_later_versions_are_passed_over(north: Outgoing, south: FakePartner) -> None:
    south.script(LIST, Says(listing("CR/1", "MC/2")))
    assert await refreshed(north) == ["CR/1"]
    later = response("CR/1").replace(b"<type>Course</type>", b"<type>Microcredential</type>")
    assert later != response("CR/1")
    south.script(GET, Says(later))
    await north.work_off()
    copy = await fetched(north, "CR/1")
    assert copy is not None
    assert (copy.state, copy.body) == (CopyState.CURRENT, later)
    assert "Microcredential" not in (copy.document or "")


@pytest.mark.parametrize("body", [b"<html/>", b"", response("CR/1"), listing("no identifier")])
async def test_a_broken_list_touches_nothing(north: Outgoing, south: FakePartner, body: bytes) -> None:
    await keep(north, "CR/1")
    south.script(LIST, Says(body))
    assert await refreshed(north) == []
    assert (await north.row(PULL)).state is WorkState.FAILED


async def test_a_list_that_the_partner_does_not_have_is_a_failure_for_whoever_asks(
    north: Outgoing, south: FakePartner
) -> None:
    without_list(north, south)
    await keep(north, "CR/1")
    assert await refreshed(north) == []
    row = await north.row(PULL)
    assert row.last_error is not None
    assert "lists no simple-course-replication API" in row.last_error


async def test_a_partner_that_no_longer_lists_its_courses_loses_none(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(LIST, Says(listing("CR/1")))
    south.script(GET, serving("CR/1"))
    await pull(north)
    without_list(north, south)
    clock.pass_(days=1)
    await pull(north)
    assert (await north.row(PULL)).state is WorkState.DONE
    copy = await fetched(north, "CR/1")
    assert copy is not None
    assert copy.state is CopyState.CURRENT


def without_list(north: Outgoing, south: FakePartner) -> None:
    """The catalogue from now on: the partner has courses, and no list of them."""
    manifest = south.manifest()
    kept = tuple(entry for entry in manifest.apis if not entry.tag.endswith("}simple-course-replication"))
    north.catalogue = catalogue_with(replace(manifest, apis=kept))


async def test_lists_are_pulled_again_only_from_whom_they_were_asked_for(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    """One course that somebody looked at must not bring in ten thousand."""
    await keep(north, "CR/1")
    assert await north.schedule().want_missing() == 0
    south.script(LIST, Says(listing("CR/1")))
    south.script(GET, serving("CR/1"))
    await pull(north)
    assert await north.schedule().want_missing() == 0
    clock.pass_(hours=25)
    assert await north.schedule().want_missing() == 1
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL], states=[WorkState.DUE])
    assert [(row.key.api, row.key.partner) for row in rows] == [("courses", SOUTH)]


async def test_whose_courses_we_know_is_no_partner_of_ours_for_that(north: Outgoing) -> None:
    async with north.store.transaction() as tx:
        key = CopyKey(NORTH, "courses", WEST, "CR/1")
        await copies.put_received(tx, key, ReceivedCopy(b"", "{}", "x"), north.clock())
    assert await north.schedule().want_missing() == 0, "neither its factsheet nor anything else is pulled"
