"""Reading partners' indexes, because notifications get lost (ewp-specs-architecture, Index-pulling)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete
from support.outgoing import NO_AGREEMENT, NORTH, NOTIFIED, SOUTH, Clock, Outgoing, agreement, index, pull
from support.partners import FakePartner, Received, Says, error
from support.waiting import eventually

from ewpgw.store import copies
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.copies import Received as ReceivedCopy
from ewpgw.store.feed import FeedKind
from ewpgw.store.tables import work
from ewpgw.store.work import WorkKind, WorkState

GET, INDEX = "iias/v7/get", "iias/v7/index"
OTHER_INDEX = (
    b'<omobilities-index-response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-omobilities/'
    b'blob/stable-v3/endpoints/index-response.xsd"><omobility-id>s2</omobility-id></omobilities-index-response>'
)


async def keep(north: Outgoing, *iia_ids: str, gone: Sequence[str] = ()) -> None:
    """Copies of south's that were fetched some time."""
    for iia_id in (*iia_ids, *gone):
        key = CopyKey(NORTH, "iias", SOUTH, iia_id)
        async with north.store.transaction() as tx:
            await copies.put_received(tx, key, ReceivedCopy(agreement(iia_id), "{}", iia_id), north.clock())
        if iia_id in gone:
            async with north.store.transaction() as tx:
                await copies.mark_gone(tx, key, north.clock())


async def look(north: Outgoing) -> set[str]:
    """Pulls south's index, and nothing else; the ids whose refresh it wants."""
    await north.want(pull())
    await north.work_off_only(WorkKind.PULL)
    return set(await north.rows(WorkKind.REFRESH))


def since(sent: Received) -> datetime | None:
    found = [value for name, value in sent.parameters if name == "modified_since"]
    return datetime.fromisoformat(found[0]) if found else None


def answering(everything: Sequence[str], changed: Sequence[str] = ()) -> Callable[[Received], Says]:
    """An index that knows what changed since any moment."""
    return lambda sent: Says(index(*(everything if since(sent) is None else changed)))


async def test_new_ids_become_refreshes(north: Outgoing, south: FakePartner) -> None:
    south.script(INDEX, answering(["s1", "s2"]))
    assert await look(north) == {"s1", "s2"}
    assert set((await north.rows(WorkKind.REFRESH)).values()) == {WorkState.DUE}
    assert (await north.row(pull())).state is WorkState.DONE
    assert north.woken == 1, "the work loop is told"


async def test_new_changed_and_vanished_ids_become_refreshes_and_nothing_else(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    await keep(north, "same", "changed", "vanished", gone=["gone"])
    south.script(INDEX, answering(["same", "changed", "vanished"]))
    await look(north)
    await drop_refreshes(north)
    clock.pass_(days=1)
    south.script(INDEX, answering(["same", "changed", "new"], ["changed", "new", "unknown"]))
    assert await look(north) == {"changed", "vanished", "new"}


async def drop_refreshes(north: Outgoing) -> None:
    """As if every refresh so far had been done long ago."""
    async with north.store.transaction() as tx:
        await tx.execute(delete(work).where(work.c.kind == WorkKind.REFRESH.value))


async def test_nothing_new_wants_nothing(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    await keep(north, "s1")
    south.script(INDEX, answering(["s1"]))
    await look(north)
    await drop_refreshes(north)
    clock.pass_(days=1)
    woken = north.woken
    assert await look(north) == set()
    assert north.woken == woken


async def test_a_gone_copy_that_is_listed_again_is_fetched_and_one_that_is_not_is_left_alone(
    north: Outgoing, south: FakePartner
) -> None:
    await keep(north, gone=["back", "gone"])
    south.script(INDEX, answering(["back"]))
    assert await look(north) == {"back"}


async def test_the_first_pull_looks_at_everything_and_asks_for_no_moment(north: Outgoing, south: FakePartner) -> None:
    """Before it nobody knows since when copies may be out of date."""
    await keep(north, "s1", "s2")
    south.script(INDEX, answering(["s1", "s2"]))
    assert await look(north) == {"s1", "s2"}
    assert [since(sent) for sent in south.calls(INDEX)] == [None]


async def test_from_the_second_pull_on_changes_are_asked_for_since_the_first_with_an_hour_to_spare(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    await keep(north, "s1")
    south.script(INDEX, answering(["s1"]))
    first = clock()
    await look(north)
    clock.pass_(days=1)
    await look(north)
    asked = [since(sent) for sent in south.calls(INDEX)]
    assert asked == [None, None, first - timedelta(hours=1)]


async def test_a_failed_pull_does_not_move_the_moment_on(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    await keep(north, "s1")
    south.script(INDEX, answering(["s1"]), error(503, "maintenance"), answering(["s1"]))
    first = clock()
    await look(north)
    clock.pass_(days=1)
    await look(north)
    clock.pass_(days=1)
    await look(north)
    assert [since(sent) for sent in south.calls(INDEX)][-1] == first - timedelta(hours=1)


@pytest.mark.parametrize("failing", [error(503, "maintenance"), Says(cut_after=-1)], ids=["503", "closed"])
async def test_a_failed_pull_is_retried_and_wants_nothing_meanwhile(
    north: Outgoing, south: FakePartner, clock: Clock, failing: Says
) -> None:
    await keep(north, "s1")
    south.script(INDEX, failing, answering(["s2"]))
    assert await look(north) == set()
    row = await north.row(pull())
    assert (row.state, row.attempts) == (WorkState.DUE, 1)
    clock.moment = row.next_attempt_at
    await north.work_off_only(WorkKind.PULL)
    assert set(await north.rows(WorkKind.REFRESH)) == {"s1", "s2"}


async def test_a_pull_that_fails_at_its_second_question_wants_nothing(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    await keep(north, "s1")
    south.script(INDEX, answering(["s1"]))
    await look(north)
    await drop_refreshes(north)
    clock.pass_(days=1)
    south.script(INDEX, answering(["s1", "s2"]), error(500, "broken"))
    assert await look(north) == set()
    assert (await north.row(pull())).state is WorkState.DUE


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html></html>",
        b"",
        NOTIFIED,
        NO_AGREEMENT,
        b'<iias-index-response xmlns="urn:other"/>',
        index("x" * 65),
        OTHER_INDEX,
    ],
    ids=["html", "empty", "cnr-response", "get-response", "namespace", "too long an id", "another api"],
)
async def test_an_unusable_index_is_shown_and_reported_and_touches_nothing(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, body: bytes
) -> None:
    await keep(reporting, "s1")
    south.script(INDEX, Says(body))
    assert await look(reporting) == set(), "no copy looks vanished because an index is broken"
    row = await reporting.row(pull())
    assert (row.state, row.last_status) == (WorkState.FAILED, 200)
    assert [entry.kind for entry in await reporting.feed()][-1] is FeedKind.PULL_FAILED
    await eventually(lambda: portal.calls("monitoring"))
    (report,) = portal.calls("monitoring")
    said = dict(report.parameters)
    assert (said["api_name"], said["endpoint_name"], said["http_code"]) == ("iias", "index", "200")
    assert said["client_message"] == row.last_error


async def test_an_empty_index_makes_every_copy_be_looked_at(north: Outgoing, south: FakePartner) -> None:
    await keep(north, "s1", "s2")
    south.script(INDEX, answering([]))
    assert await look(north) == {"s1", "s2"}


async def test_the_index_of_one_partner_says_nothing_about_another(north: Outgoing, south: FakePartner) -> None:
    async with north.store.transaction() as tx:
        key = CopyKey(NORTH, "iias", "west.example", "w1")
        await copies.put_received(tx, key, ReceivedCopy(b"", "{}", "w1"), north.clock())
    south.script(INDEX, answering([]))
    assert await look(north) == set()


async def test_a_lost_notification_is_healed_by_a_pull(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    """PROTOCOL, What breaks in the field, 10: of a new, a changed and a deleted agreement nobody told us."""
    served = {"s1": agreement("s1"), "s2": agreement("s2")}
    south.script(GET, lambda sent: Says(served.get(dict(sent.parameters)["iia_id"], NO_AGREEMENT)))
    south.script(INDEX, answering(["s1", "s2"]))
    await north.want(pull())
    await north.work_off()
    assert [(await state(north, iia_id)) for iia_id in ("s1", "s2")] == [CopyState.CURRENT] * 2
    served = {"s1": agreement("s1", people=9), "s3": agreement("s3")}
    south.script(INDEX, answering(["s1", "s3"], ["s1", "s3"]))
    clock.pass_(days=1)
    await north.want(pull())
    await north.work_off()
    changed = await north.copy("s1")
    assert changed is not None
    assert changed.body == agreement("s1", people=9)
    assert await state(north, "s2") is CopyState.GONE
    assert await state(north, "s3") is CopyState.CURRENT


async def state(north: Outgoing, iia_id: str) -> CopyState | None:
    copy = await north.copy(iia_id)
    return copy.state if copy else None
