"""Nominations and arrivals of partners: told, fetched and pulled in the version that both speak (both databases)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree
from support.deciding import ENTITY
from support.nominating import nominated
from support.outgoing import NORTH, SOUTH, WEST, Clock, Outgoing
from support.partners import FakePartner, Received, Says, catalogue_with

from ewpgw.apis.running import APIS
from ewpgw.intake import intake
from ewpgw.model.entities import ENTITIES
from ewpgw.network.pulls import PullSchedule
from ewpgw.records import Incoming
from ewpgw.store import copies, work
from ewpgw.store.copies import Copy, CopyKey, CopyState
from ewpgw.store.work import WorkKey, WorkKind, WorkState

ARRIVALS = ENTITIES["imobilities"]
CNR = "https://github.com/erasmus-without-paper/ewp-specs-api-{}/tree/stable-v{}"
INDEX = (
    "https://github.com/erasmus-without-paper/ewp-specs-api-omobilities/blob/stable-v{}/endpoints/index-response.xsd"
)


def refresh(item: str, api: str = "omobilities") -> WorkKey:
    return WorkKey(WorkKind.REFRESH, NORTH, SOUTH, api, item)


def delivery(item: str, api: str = "omobility-cnr") -> WorkKey:
    return WorkKey(WorkKind.DELIVERY, NORTH, SOUTH, api, item)


def pull(api: str) -> WorkKey:
    return WorkKey(WorkKind.PULL, NORTH, SOUTH, api, "")


def taken(api: str, version: int) -> Says:
    return Says(f'<{api}-response xmlns="{CNR.format(api, version)}"/>'.encode())


def index(version: int, *ids: str) -> Says:
    listed = "".join(f"<omobility-id>{each}</omobility-id>" for each in ids)
    name = "omobilities-index-response"
    return Says(f'<{name} xmlns="{INDEX.format(version)}">{listed}</{name}>'.encode())


def nomination(
    omobility_id: str, version: int, *, sending: str = SOUTH, receiving: str = NORTH, **changes: Any
) -> Says:
    checked = ENTITY.from_json(sending, nominated(sending, omobility_id, receiving, **changes))
    assert checked.record is not None, checked
    shape = ENTITY.shape(version)
    return Says(shape.wrap([shape.encode(checked.record).fragment]))


def arrivals(version: int, *, also: str | None = None, **dates: str | None) -> Says:
    """What the partner says of our nominations: by identifier, the day of arrival; of one of them twice."""
    shape = ARRIVALS.shape(version)
    found = []
    for omobility_id, date in dates.items():
        given = {"omobility_id": omobility_id, "sending_hei_id": NORTH, "actual_arrival_date": date}
        record = ARRIVALS.from_json(SOUTH, {name: value for name, value in given.items() if value}).record
        assert record is not None
        found += [shape.encode(record).fragment] * (2 if omobility_id == also else 1)
    return Says(shape.wrap(found))


def offers(north: Outgoing, south: FakePartner, **versions: set[str]) -> None:
    """The catalogue lists these versions of some of South's APIs, by names with underscores."""
    manifest = south.manifest()

    def listed(entry: etree._Element) -> bool:
        wanted = versions.get(etree.QName(entry).localname.replace("-", "_"))
        return wanted is None or (entry.get("version") or "").split(".")[0] in wanted

    north.catalogue = catalogue_with(replace(manifest, apis=tuple(filter(listed, manifest.apis))))


async def nominate(north: Outgoing, *ids: str, partner: str = SOUTH, **changes: Any) -> None:
    records = intake(north.store, {}, north.clock, lambda: None).records  # nobody is told
    for omobility_id in ids:
        given = nominated(NORTH, omobility_id, partner, **changes)
        outcome = await records.put(NORTH, "omobilities", Incoming(None, document=given), source="test")
        assert outcome.result in ("created", "changed"), outcome


async def copy_of(north: Outgoing, item: str, entity: str = "omobilities") -> Copy | None:
    return await copies.get(north.store, CopyKey(NORTH, entity, SOUTH, item))


NEWEST = {"omobilities": 3, "omobility-cnr": 2, "imobilities": 2, "imobility-cnr": 2}


@pytest.mark.parametrize("api", NEWEST)
async def test_the_newest_common_version_is_spoken_and_changes_with_the_catalogue_up_and_down(
    north: Outgoing, south: FakePartner, api: str
) -> None:
    newest = NEWEST[api]
    older, paths = newest - 1, {}
    for version in (older, newest):
        if api in ("omobility-cnr", "imobility-cnr"):
            paths[version] = f"{api}/v{version}"
            south.script(paths[version], taken(api, version))
        else:
            paths[version] = f"{api}/v{version}/get"
            answer = nomination("s1", version) if api == "omobilities" else arrivals(version, s1="2026-09-01")
            south.script(paths[version], answer)
    key = {
        "omobilities": refresh("s1"),
        "imobilities": refresh("s1", "imobilities"),
        "omobility-cnr": delivery("s1"),
        "imobility-cnr": delivery(f"{SOUTH}:s1", "imobility-cnr"),
    }[api]
    owner = {
        "omobilities": ("sending_hei_id", SOUTH),
        "imobilities": ("receiving_hei_id", SOUTH),
        "omobility-cnr": ("sending_hei_id", NORTH),
        "imobility-cnr": ("receiving_hei_id", NORTH),
    }[api]
    spoken = []
    listed = ({older}, {older, newest}, {newest}, {older})
    for versions in listed:
        offers(north, south, **{api.replace("-", "_"): {str(version) for version in versions}})
        before = len(south.received)
        await north.want(key)
        await north.work_off_only(key.kind)
        (sent,) = south.received[before:]
        (version,) = [version for version, path in paths.items() if sent.target.partition("?")[0].endswith(path)]
        assert sent.parameters == [*([owner] if version == older else []), ("omobility_id", "s1")]
        spoken.append(version)
        if api == "omobilities":
            copy = await copy_of(north, "s1")
            assert copy is not None
            assert (copy.state, '"proposal_id"' in (copy.document or "")) == (CopyState.CURRENT, version == newest)
    assert spoken == [older, newest, newest, older]


async def test_a_partner_without_any_common_version_is_not_called(north: Outgoing, south: FakePartner) -> None:
    offers(north, south, omobilities={"9"})
    await north.want(refresh("s1"))
    await north.work_off_only(WorkKind.REFRESH)
    assert south.received == []
    row = await north.row(refresh("s1"))
    assert row.last_error is not None
    assert "omobilities" in row.last_error


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("between", "path"),
    [
        ({"sending": WEST}, "nomination.sending_hei.hei_id"),
        ({"receiving": WEST}, "nomination.receiving_hei.hei_id"),
    ],
)
async def test_a_nomination_that_is_not_the_partners_or_not_for_us_is_set_aside(
    north: Outgoing, south: FakePartner, version: int, between: dict[str, str], path: str
) -> None:
    offers(north, south, omobilities={str(version)})
    south.script(f"omobilities/v{version}/get", nomination("s1", version, **between))
    await north.want(refresh("s1"))
    await north.work_off_only(WorkKind.REFRESH)
    copy = await copy_of(north, "s1")
    assert copy is not None
    assert (copy.state, copy.document) == (CopyState.INVALID, None)
    assert path in (copy.invalid_problems or "")


@pytest.mark.parametrize("version", [2, 3])
async def test_a_partners_nominations_are_found_in_its_index(
    north: Outgoing, south: FakePartner, version: int, clock: Clock
) -> None:
    offers(north, south, omobilities={str(version)})
    south.script(f"omobilities/v{version}/index", index(version, "s1", "s2"))
    await north.want(pull("omobilities"))
    await north.work_off_only(WorkKind.PULL)
    assert set(await north.rows(WorkKind.REFRESH)) == {"s1", "s2"}
    (sent,) = south.calls(f"omobilities/v{version}/index")
    assert sent.parameters == ([("sending_hei_id", SOUTH)] if version == 2 else [])


def answering(version: int, said: dict[str, str | None]) -> Any:
    """The partner's answers about what it is asked."""

    def answer(sent: Received) -> Says:
        asked = [value for name, value in sent.parameters if name == "omobility_id"]
        return arrivals(version, **{each: said[each] for each in asked if each in said})

    return answer


async def asked_about(north: Outgoing) -> set[str]:
    """What a pull of the arrivals wants to be fetched by itself."""
    before = await work.list_rows(north.store, kinds=[WorkKind.REFRESH], api="imobilities")
    assert all(row.state is WorkState.DONE for row in before)
    await north.want(pull("imobilities"))
    await north.work_off_only(WorkKind.PULL)
    found = await work.list_rows(north.store, kinds=[WorkKind.REFRESH], states=[WorkState.DUE], api="imobilities")
    return {row.key.item for row in found}


@pytest.mark.parametrize("version", [1, 2])
async def test_students_of_ours_are_asked_about_in_batches_and_only_news_is_fetched(
    north: Outgoing, south: FakePartner, version: int
) -> None:
    await nominate(north, *(f"n{number:03}" for number in range(60)))
    await nominate(north, "w1", partner=WEST)
    offers(north, south, imobilities={str(version)})
    path = f"imobilities/v{version}/get"
    said: dict[str, str | None] = {"n001": "2026-09-01", "n059": "2026-09-02"}
    south.script(path, answering(version, said))
    assert await asked_about(north) == {"n001", "n059"}
    ids = [[value for name, value in sent.parameters if name == "omobility_id"] for sent in south.calls(path)]
    assert [len(each) for each in ids] == [50, 10]
    owner = [("receiving_hei_id", SOUTH)] if version == 1 else []
    assert all(sent.parameters[: len(owner)] == owner for sent in south.calls(path))
    await north.work_off_only(WorkKind.REFRESH)
    kept = await copy_of(north, "n001", "imobilities")
    assert kept is not None
    assert "2026-09-01" in (kept.document or "")
    assert await asked_about(north) == set(), "nothing is new"
    del said["n001"]
    said["n059"] = "2026-09-03"
    assert await asked_about(north) == {"n001", "n059"}
    await north.work_off_only(WorkKind.REFRESH)
    assert await asked_about(north) == set(), "one is gone, and known to be"


async def test_students_who_do_not_go_or_have_long_been_back_are_not_asked_about(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    await nominate(north, "n1", "n2")
    await nominate(north, "n2", status="cancelled")
    await nominate(
        north,
        "n3",
        nomination__receiving_academic_year_id="2020/2021",
        nomination__sending_academic_term_ewp_id="2020/2021-1/2",
    )
    south.script("imobilities/v2/get", arrivals(2))
    assert await asked_about(north) == set()
    (sent,) = south.calls("imobilities/v2/get")
    assert sent.parameters == [("omobility_id", "n1")]


async def test_a_partner_without_the_api_is_not_asked_what_became_of_students(
    north: Outgoing, south: FakePartner
) -> None:
    await nominate(north, "n1")
    offers(north, south, imobilities=set())
    assert await asked_about(north) == set()
    assert (south.received, (await north.row(pull("imobilities"))).state) == ([], WorkState.DONE)


@pytest.mark.parametrize(
    "answer",
    [
        Says(b"<html>no XML"),
        arrivals(1, n1="2026-09-01"),
        arrivals(2, n2="2026-09-01"),
        Says(arrivals(2, n1="2026-09-01").body.replace(b"2026-09-01", b"soon")),
        arrivals(2, n1="2026-09-01", also="n1"),
    ],
    ids=["no XML", "another version", "not asked about", "invalid", "twice"],
)
async def test_an_answer_about_students_that_is_of_no_use_changes_nothing(
    north: Outgoing, south: FakePartner, answer: Says
) -> None:
    await nominate(north, "n1")
    south.script("imobilities/v2/get", answer)
    assert await asked_about(north) == set()
    assert (await north.row(pull("imobilities"))).state is WorkState.FAILED


async def test_partners_of_agreements_and_of_nominations_are_pulled_and_each_api_once(
    north: Outgoing, south: FakePartner
) -> None:
    await nominate(north, "n1")
    wanted = [api for api in APIS if api.name in ("omobilities", "imobilities")]
    schedule = PullSchedule(
        north.store, {NORTH: wanted}, every=timedelta(days=1), now=north.clock, on_work=lambda: None
    )
    assert await schedule.want_missing() == 2
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL], states=[WorkState.DUE])
    assert {(row.key.api, row.key.partner, row.wanted) for row in rows} == {
        ("omobilities", SOUTH, 1),
        ("imobilities", SOUTH, 1),
    }
