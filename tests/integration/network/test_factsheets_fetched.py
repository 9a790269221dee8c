"""Partners' factsheets: one for each HEI, without an index."""

from __future__ import annotations

from datetime import timedelta

from support.documents import factsheet
from support.outgoing import NORTH, SOUTH, WEST, Outgoing
from support.partners import FakePartner, Says

from ewpgw.apis.running import APIS
from ewpgw.model.entities import ENTITIES
from ewpgw.network.pulls import PullSchedule
from ewpgw.store import copies, work
from ewpgw.store.copies import Copy, CopyKey, CopyState
from ewpgw.store.copies import Received as ReceivedCopy
from ewpgw.store.work import WorkKey, WorkKind, WorkState

PATH = "factsheet/v1"
ENTITY = ENTITIES["factsheet"]
PULL = WorkKey(WorkKind.PULL, NORTH, SOUTH, "factsheet", "")


def response(weeks: int = 4, hei_id: str = SOUTH) -> bytes:
    record = ENTITY.from_json(hei_id, factsheet(hei_id, weeks=weeks)).record
    assert record is not None
    return ENTITY.newest.wrap([ENTITY.newest.encode(record).fragment])


async def fetched(north: Outgoing) -> Copy | None:
    return await copies.get(north.store, CopyKey(NORTH, "factsheet", SOUTH, SOUTH))


async def pull(north: Outgoing) -> None:
    await north.want(PULL)
    await north.work_off()


async def test_a_pull_fetches_the_partners_factsheet(north: Outgoing, south: FakePartner) -> None:
    south.script(PATH, Says(response()), Says(response()), Says(response(weeks=2)))
    await pull(north)
    assert [sent.parameters for sent in south.received] == [[("hei_id", SOUTH)]]
    copy = await fetched(north)
    assert copy is not None
    assert (copy.state, copy.revision, copy.body) == (CopyState.CURRENT, 1, response())
    for revision in (1, 2):
        await pull(north)
        copy = await fetched(north)
        assert copy is not None
        assert copy.revision == revision


async def test_a_partner_without_a_factsheet_has_none(north: Outgoing, south: FakePartner) -> None:
    south.script(PATH, Says(ENTITY.newest.wrap([])))
    await pull(north)
    assert await fetched(north) is None


async def test_another_institutions_factsheet_is_not_the_partners(north: Outgoing, south: FakePartner) -> None:
    south.script(PATH, Says(response(hei_id=WEST)))
    await pull(north)
    copy = await fetched(north)
    assert copy is not None
    assert (copy.state, copy.document) == (CopyState.INVALID, None)


async def test_a_partner_that_offers_none_is_not_asked_and_nobody_is_bothered(north: Outgoing) -> None:
    key = WorkKey(WorkKind.PULL, NORTH, WEST, "factsheet", "")
    await north.want(key)
    await north.work_off()
    assert (await north.row(key)).state is WorkState.DONE
    assert await north.rows(WorkKind.REFRESH) == {}


async def test_factsheets_and_approvals_are_pulled_from_the_partners_of_agreements(north: Outgoing) -> None:
    async with north.store.transaction() as tx:
        received = ReceivedCopy(b"", "{}", "x")
        await copies.put_received(tx, CopyKey(NORTH, "iias", SOUTH, "s1"), received, north.clock())
        await copies.put_received(tx, CopyKey(NORTH, "factsheet", WEST, WEST), received, north.clock())
    apis = [api for api in APIS if api.name in ("iias", "iias-approval", "factsheet")]
    schedule = PullSchedule(north.store, {NORTH: apis}, every=timedelta(days=1), now=north.clock, on_work=lambda: None)
    assert await schedule.want_missing() == 3
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL])
    assert {(row.key.api, row.key.partner) for row in rows} == {
        ("iias", SOUTH),
        ("iias-approval", SOUTH),
        ("factsheet", SOUTH),
    }
    assert await schedule.want_missing() == 0
