"""Our records through the SIS API: put, read, list, delete, and what was refused."""

from __future__ import annotations

import asyncio
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from ewpgw.store import work

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from support.sis_api import Reply, Sis

UNITS = "north.example/records/organizational-units"
IIAS = "north.example/records/iias"


def unit(ounit_id: str, name: str = "Faculty of Law") -> dict[str, Any]:
    return {"ounit_id": ounit_id, "ounit_code": "LAW", "name": [{"value": name, "lang": "en"}]}


def iia(iia_id: str, partner: str = "south.example", code: str = "N-17") -> dict[str, Any]:
    return {
        "partner": [{"hei_id": "north.example", "iia_id": iia_id, "iia_code": code}, {"hei_id": partner}],
        "in_effect": False,
        "cooperation_conditions": {},
    }


async def test_a_new_record_is_created_and_read_back_as_it_was_put(sis_on_both: Sis) -> None:
    put = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert put.status == 201
    assert put.json == {"id": "ou-1", "result": "created", "revision": 1, "warnings": []}
    assert put.headers["ETag"] == '"1"'
    got = await sis_on_both.get(f"{UNITS}/ou-1")
    assert got.status == 200
    assert got.headers["ETag"] == '"1"'
    assert got.json["document"] == unit("ou-1")
    assert got.json["revision"] == 1
    assert got.json["partners"] is None
    assert got.json["source"] == "sis"
    assert got.json["modified_at"] == "2025-09-01T12:00:00Z"


async def test_the_same_content_again_changes_nothing_and_other_content_makes_a_new_revision(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    same = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert (same.status, same.json["result"], same.headers["ETag"]) == (200, "unchanged", '"1"')
    other = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", "Law School"))
    assert (other.status, other.json["result"], other.headers["ETag"]) == (200, "changed", '"2"')


async def test_warnings_come_with_an_accepted_record(sis: Sis) -> None:
    put = await sis.put(f"{IIAS}/7", iia("7"))
    assert put.status == 201
    [warning] = put.json["warnings"]
    assert warning["path"] == "cooperation_conditions"
    assert warning["severity"] == "warning"


async def test_a_change_based_on_an_old_revision_is_refused(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", "Second"))
    late = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", "Late"), If_Match='"1"')
    assert late.status == 412
    assert late.json["error"]["code"] == "precondition-failed"
    assert late.json["error"]["details"] == {"revision": 2}
    assert (await sis_on_both.get(f"{UNITS}/ou-1")).json["document"]["name"][0]["value"] == "Second"
    right = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", "Third"), If_Match='W/"1","a,b" , "2"')
    assert (right.status, right.headers["ETag"]) == (200, '"3"')


@pytest.mark.parametrize("tag", ['"1"', "*"])
async def test_if_match_demands_that_the_record_is_there(sis: Sis, tag: str) -> None:
    put = await sis.put(f"{UNITS}/ou-1", unit("ou-1"), If_Match=tag)
    assert put.status == 412
    assert put.json["error"]["details"] == {"revision": None}
    assert (await sis.get(f"{UNITS}/ou-1")).status == 404


async def test_if_match_with_any_revision_lets_a_change_through(sis: Sis) -> None:
    await sis.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert (await sis.put(f"{UNITS}/ou-1", unit("ou-1", "New"), If_Match="*")).status == 200


async def test_a_weak_etag_never_matches_a_change(sis: Sis) -> None:
    await sis.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert (await sis.put(f"{UNITS}/ou-1", unit("ou-1", "New"), If_Match='W/"1"')).status == 412


@pytest.mark.parametrize("header", ["1", '"1', '"1" "2"', '"1",', '"1", 2', ""])
async def test_an_if_match_that_is_no_list_of_etags_is_refused(sis: Sis, header: str) -> None:
    await sis.put(f"{UNITS}/ou-1", unit("ou-1"))
    put = await sis.put(f"{UNITS}/ou-1", unit("ou-1", "New"), If_Match=header)
    assert put.status == 400
    assert "If-Match" in put.json["error"]["message"]


async def test_with_if_none_match_a_record_is_created_or_nothing_happens(sis_on_both: Sis) -> None:
    first = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"), If_None_Match="*")
    assert first.status == 201
    second = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", "Second"), If_None_Match="*")
    assert (second.status, second.json["error"]["details"]) == (412, {"revision": 1})
    assert (await sis_on_both.get(f"{UNITS}/ou-1")).json["revision"] == 1


async def test_of_many_who_create_or_change_one_revision_at_once_one_does(sis_on_both: Sis) -> None:
    def puts(**condition: str) -> list[Awaitable[Reply]]:
        return [sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1", f"Number {n}"), **condition) for n in range(6)]

    created = await asyncio.gather(*puts(If_None_Match="*"))
    assert sorted(reply.status for reply in created) == [201, 412, 412, 412, 412, 412]
    # whoever sent what is stored already changes nothing, and may
    changed = await asyncio.gather(*puts(If_Match='"1"'))
    assert sorted(reply.json.get("result", "") for reply in changed if reply.status == 200) in (
        ["changed"],
        ["changed", "unchanged"],
    )
    deleting = [sis_on_both.call("DELETE", f"{UNITS}/ou-1", headers={"If-Match": '"2"'}) for _ in range(3)]
    deleted = await asyncio.gather(*deleting)
    assert sorted(reply.status for reply in deleted) == [204, 412, 412]


async def test_a_reader_who_has_the_revision_gets_no_body(sis: Sis) -> None:
    await sis.put(f"{UNITS}/ou-1", unit("ou-1"))
    for tag in ('"1"', 'W/"1"', '"7", "1"', "*"):
        same = await sis.call("GET", f"{UNITS}/ou-1", headers={"If-None-Match": tag})
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", '"1"')
    assert (await sis.call("GET", f"{UNITS}/ou-1", headers={"If-None-Match": '"2"'})).status == 200


async def test_a_refused_record_is_explained_and_the_last_good_version_stays(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    bad = unit("ou-1")
    del bad["ounit_code"]
    put = await sis_on_both.put(f"{UNITS}/ou-1", bad)
    assert put.status == 422
    assert put.json["error"]["code"] == "record-refused"
    [problem] = put.json["problems"]
    assert problem["path"] == "ounit_code"
    assert problem["message"] == "is required"
    assert problem["severity"] == "refusal"
    assert "ounits" in problem["source"]
    assert (await sis_on_both.get(f"{UNITS}/ou-1")).json["document"] == unit("ou-1")
    listed = (await sis_on_both.get(UNITS)).json["items"]
    assert [(item["id"], item["refused"]) for item in listed] == [("ou-1", True)]


async def test_a_refusal_is_listed_until_a_good_version_replaces_it(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/ou-1", {"ounit_id": "ou-1"})
    [refusal] = (await sis_on_both.get("north.example/refusals")).json["items"]
    assert (refusal["entity"], refusal["key"], refusal["source"]) == ("organizational-units", "ou-1", "sis")
    assert refusal["document"] == '{"ounit_id": "ou-1"}'
    assert {problem["path"] for problem in refusal["problems"]} == {"ounit_code", "name"}
    assert (await sis_on_both.get("west.example/refusals")).json["items"] == []
    missing = await sis_on_both.get(f"{UNITS}/ou-1")
    assert missing.status == 404
    assert "refused" in missing.json["error"]["message"]
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert (await sis_on_both.get("north.example/refusals")).json == {"items": [], "next": None}


async def test_refusals_are_paged_and_filtered_by_entity(sis_on_both: Sis) -> None:
    for number in range(3):
        await sis_on_both.put(f"{UNITS}/ou-{number}", {})
    await sis_on_both.put(f"{IIAS}/7", {})
    seen, cursor = [], ""
    while True:
        page = (await sis_on_both.get(f"north.example/refusals?limit=3{cursor}")).json
        seen += [(item["entity"], item["key"]) for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert seen == [("iias", "7"), *(("organizational-units", f"ou-{number}") for number in range(3))]
    only = (await sis_on_both.get("north.example/refusals?entity=iias")).json["items"]
    assert [item["key"] for item in only] == ["7"]


async def test_the_id_in_the_path_must_be_the_records_own(sis: Sis) -> None:
    put = await sis.put(f"{UNITS}/ou-1", unit("ou-2"))
    assert put.status == 422
    assert put.json["problems"][0]["path"] == "ounit_id"


async def test_a_deleted_record_is_gone_and_its_id_is_never_used_again(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    deleted = await sis_on_both.call("DELETE", f"{UNITS}/ou-1")
    assert (deleted.status, deleted.body) == (204, b"")
    gone = await sis_on_both.get(f"{UNITS}/ou-1")
    assert (gone.status, gone.json["error"]["code"]) == (404, "unknown-record")
    assert "deleted" in gone.json["error"]["message"]
    assert (await sis_on_both.get(UNITS)).json["items"] == []
    again = await sis_on_both.put(f"{UNITS}/ou-1", unit("ou-1"))
    assert (again.status, again.json["error"]["code"]) == (409, "id-retired")
    assert (await sis_on_both.call("DELETE", f"{UNITS}/ou-1")).status in (204, 404)


async def test_deleting_what_never_was_is_an_error(sis: Sis) -> None:
    deleted = await sis.call("DELETE", f"{UNITS}/ou-1")
    assert (deleted.status, deleted.json["error"]["code"]) == (404, "unknown-record")


async def test_a_delete_based_on_an_old_revision_is_refused(sis: Sis) -> None:
    await sis.put(f"{UNITS}/ou-1", unit("ou-1"))
    await sis.put(f"{UNITS}/ou-1", unit("ou-1", "Second"))
    late = await sis.call("DELETE", f"{UNITS}/ou-1", headers={"If-Match": '"1"'})
    assert late.status == 412
    assert (await sis.get(f"{UNITS}/ou-1")).status == 200
    assert (await sis.call("DELETE", f"{UNITS}/ou-1", headers={"If-Match": '"2"'})).status == 204


ODD_IDS = [
    "2024/17",
    "a%2Fb",
    "a+b",
    "100%",
    "/",
    "?q=1#x",
    "{id}",
    "a&b=c;d",
    "~!@$^*()'\"<>\\|`[]",
    "..a",
    ".",
    "..",
    "%",
    "+",
]


@pytest.mark.parametrize("identifier", ODD_IDS)
async def test_an_id_of_any_printable_characters_is_used_exactly(sis: Sis, identifier: str) -> None:

    path = f"{UNITS}/{quote(identifier, safe='')}"
    assert (await sis.put(path, unit(identifier))).status == 201
    assert (await sis.get(path)).json["id"] == identifier
    assert [item["id"] for item in (await sis.get(UNITS)).json["items"]] == [identifier]
    assert (await sis.call("DELETE", path)).status == 204


async def test_percent_encodings_of_either_case_are_the_same_id(sis: Sis) -> None:
    await sis.put(f"{UNITS}/2024%2F17", unit("2024/17"))
    assert (await sis.get(f"{UNITS}/2024%2f17")).json["id"] == "2024/17"
    assert (await sis.get(f"{UNITS}/%32024%2F17")).json["id"] == "2024/17"
    assert (await sis.get(f"{UNITS}/2024/17")).status == 404


@pytest.mark.parametrize("segment", ["a%00b", "%0A", "a%20b", "caf%C3%A9", "%FF", "x" * 65, "%7F"])
async def test_a_path_with_something_that_is_no_identifier_is_refused(sis: Sis, segment: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused = await sis.call(method, f"{UNITS}/{segment}", json={} if method == "PUT" else None)
        assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")


async def test_records_are_listed_in_pages_by_id(sis_on_both: Sis) -> None:
    ids = ["A", "B/1", "a", "b&c", "z+"]
    for identifier in reversed(ids):
        await sis_on_both.put(f"{UNITS}/{quote(identifier, safe='')}", unit(identifier))
    await sis_on_both.put("west.example/records/organizational-units/W", unit("W"))
    seen, after = [], ""
    for _ in range(4):
        page = (await sis_on_both.get(f"{UNITS}?limit=2{after}")).json
        seen.append([item["id"] for item in page["items"]])
        if page["next"] is None:
            break
        after = f"&after={quote(page['next'], safe='')}"
    assert seen == [["A", "B/1"], ["a", "b&c"], ["z+"]]


async def test_the_list_says_of_each_record_whether_a_newer_version_was_refused(sis_on_both: Sis) -> None:
    for identifier in ("a", "b", "c"):
        await sis_on_both.put(f"{UNITS}/{identifier}", unit(identifier))
    await sis_on_both.put(f"{UNITS}/b", {})
    await sis_on_both.put(f"{UNITS}/bb", {})
    listed = (await sis_on_both.get(UNITS)).json["items"]
    assert [(item["id"], item["refused"]) for item in listed] == [("a", False), ("b", True), ("c", False)]
    page = (await sis_on_both.get(f"{UNITS}?after=a&limit=1")).json["items"]
    assert [(item["id"], item["refused"]) for item in page] == [("b", True)]


async def test_the_partners_of_a_record_are_shown(sis: Sis) -> None:
    await sis.put(f"{IIAS}/7", iia("7"))
    assert (await sis.get(f"{IIAS}/7")).json["partners"] == ["south.example"]
    assert (await sis.get(IIAS)).json["items"][0]["partners"] == ["south.example"]


async def test_many_records_are_put_at_once_and_each_stands_for_itself(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/old", unit("old"))
    await sis_on_both.put(f"{UNITS}/gone", unit("gone"))
    await sis_on_both.call("DELETE", f"{UNITS}/gone")
    records = [unit("new"), {"ounit_id": "bad"}, unit("old"), unit("gone"), "no record at all"]
    posted = await sis_on_both.call("POST", UNITS, json=records)
    assert posted.status == 200
    items = posted.json["items"]
    assert [item["index"] for item in items] == [0, 1, 2, 3, 4]
    assert [item["result"] for item in items] == ["created", "refused", "unchanged", "retired", "refused"]
    assert [item["id"] for item in items] == ["new", "bad", "old", "gone", None]
    assert [item["revision"] for item in items] == [1, None, 1, None, None]
    assert {problem["path"] for problem in items[1]["problems"]} == {"ounit_code", "name"}


@pytest.mark.parametrize("body", [{}, "text", None, 1, [0] * 1001])
async def test_a_bulk_put_of_anything_but_a_list_of_bounded_length_is_refused(sis: Sis, body: object) -> None:
    posted = await sis.call("POST", UNITS, data=dumps(body), headers={"Content-Type": "application/json"})
    assert posted.status == 400
    assert "list" in posted.json["error"]["message"]


async def test_the_partners_of_a_record_are_notified_once_more_on_request(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{IIAS}/2024%2F17", iia("2024/17"))
    before = await work.list_rows(sis_on_both.store)
    posted = await sis_on_both.call("POST", "north.example/notifications", json={"entity": "iias", "id": "2024/17"})
    assert (posted.status, posted.json) == (202, {"entity": "iias", "id": "2024/17", "deliveries": 1})
    after = await work.list_rows(sis_on_both.store)
    assert [(row.key.partner, row.key.item, row.wanted) for row in before] == [("south.example", "2024/17", 1)]
    assert [row.wanted for row in after] == [2]


async def test_nobody_is_notified_of_a_record_that_never_was(sis: Sis) -> None:
    posted = await sis.call("POST", "north.example/notifications", json={"entity": "iias", "id": "7"})
    assert (posted.status, posted.json["error"]["code"]) == (404, "unknown-record")


async def test_a_refresh_is_asked_for_one_item_or_for_the_partners_whole_index(sis: Sis) -> None:
    one = {"entity": "iias", "partner": "south.example", "id": "S/1"}
    posted = await sis.call("POST", "north.example/refreshes", json=one)
    assert (posted.status, posted.json) == (202, one)
    everything = {"entity": "iias", "partner": "south.example"}
    assert (await sis.call("POST", "north.example/refreshes", json=everything)).status == 202
    assert sis.refreshes == [
        ("north.example", "iias", "south.example", "S/1"),
        ("north.example", "iias", "south.example", None),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"entity": "iias"}, 400),
        ({"entity": "iias", "partner": "south.example", "ids": []}, 400),
        ({"entity": "iias", "partner": "south example"}, 400),
        ({"entity": "iias", "partner": "south.example", "id": "x" * 65}, 400),
        ({"entity": "iias", "partner": "south.example", "id": 7}, 400),
        ([], 400),
        ({"entity": "cakes", "partner": "south.example"}, 404),
    ],
)
async def test_a_refresh_that_does_not_say_what_is_refused(sis: Sis, body: object, status: int) -> None:
    posted = await sis.call("POST", "north.example/refreshes", json=body)
    assert posted.status == status
    assert sis.refreshes == []


async def test_what_partners_have_no_index_of_is_fetched_by_its_id_alone(sis: Sis) -> None:
    units = {"entity": "organizational-units", "partner": "south.example"}
    posted = await sis.call("POST", "north.example/refreshes", json=units)
    assert (posted.status, posted.json["error"]["code"]) == (400, "id-required")
    assert posted.json["error"]["details"] == {"entities": ["factsheet", "iias"]}
    assert (await sis.call("POST", "north.example/refreshes", json={**units, "id": "law"})).status == 202
    assert sis.refreshes == [("north.example", "organizational-units", "south.example", "law")]


async def test_the_covered_heis_are_listed_with_what_can_be_put_there(sis: Sis) -> None:
    heis = (await sis.get("/api/v1/heis")).json["items"]
    assert [hei["hei_id"] for hei in heis] == ["north.example", "west.example"]
    assert heis[0]["names"] == {"en": "University of the North"}
    assert heis[0]["public_url"] == "https://ewp.north.example/north.example"
    assert {"iias", "institutions", "organizational-units"} <= set(heis[0]["entities"])
