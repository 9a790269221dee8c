"""Courses API 0.7 and Simple Course Replication API 1, as partners call them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.authority import key_of
from support.callers import Caller, Reply, calling
from support.documents import course
from support.nodes import RunningNode, running_node

from ewpgw.apis.discovery import build
from ewpgw.apis.running import IncompleteFamily, chosen
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.examples import example
from ewpgw.records import Incoming

COURSES, LIST = "/courses/v0", "/simple-course-replication/v1"
OURS = ("hei_id", "north.example")
AUTUMN, SPRING = ("2026-09-01", "2026-12-18"), ("2027-01-11", "2027-05-28")


async def put(node: RunningNode, *documents: Mapping[str, Any]) -> None:
    for document in documents:
        outcome = await node.records.put("north.example", "courses", Incoming(None, document=document), source="test")
        assert outcome.result in ("created", "changed"), outcome


async def test_courses_are_found_by_id_and_by_code(node: RunningNode, south: Caller, west: Caller) -> None:
    await put(node, course("CR/1", "MATH"), course("MOD/2", "PHYS"), course("CR/3", "CHEM"))
    for caller in (south, west):
        by_id = await caller.post(node.url(COURSES), OURS, ("los_id", "MOD/2"), ("los_id", "MC/9"), ("los_id", "?"))
        assert schemas().faults(by_id.root) == []
        assert by_id.texts("los-code") == ["PHYS"]
        assert by_id.texts("type") == ["Module"]
    by_code = await south.get(node.url(COURSES), OURS, ("los_code", "CHEM"), ("los_code", "math"), ("los_code", "MATH"))
    assert by_code.texts("los-id") == ["CR/1", "CR/3"]
    await node.records.delete("north.example", "courses", "CR/1", source="test")
    assert (await south.get(node.url(COURSES), OURS, ("los_code", "MATH"))).texts("los-id") == []


async def test_unknown_courses_are_an_empty_answer(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(COURSES), OURS, ("los_id", "CR/1"))
    assert (reply.status, len(reply.root)) == (200, 0)
    assert schemas().faults(reply.root) == []


async def test_everything_of_a_course_reaches_the_partner(node: RunningNode, south: Caller) -> None:
    await put(node, example("courses"))
    reply = await south.get(node.url(COURSES), OURS, ("los_code", "CS-310"))
    assert schemas().faults(reply.root) == []
    assert [element.get("count") for element in reply.root.iter("{*}category")] == ["4", "17", "41", "12"]
    assert reply.texts("ewp-id") == ["2026/2027-1/2"]


@pytest.mark.parametrize(
    ("asked", "instances"),
    [
        ({}, ["CRI/1-0", "CRI/1-1"]),
        ({"lois_before": "2027-01-01"}, ["CRI/1-0"]),
        ({"lois_before": "2026-12-18"}, []),
        ({"lois_after": "2026-12-31"}, ["CRI/1-1"]),
        ({"lois_after": "2026-08-31", "lois_before": "2027-01-01"}, ["CRI/1-0"]),
        ({"los_at_date": "2001-01-01"}, ["CRI/1-0", "CRI/1-1"]),
    ],
)
async def test_partners_ask_for_the_instances_of_a_time(
    one_node: RunningNode, one_south: Caller, asked: dict[str, str], instances: list[str]
) -> None:
    await put(one_node, course("CR/1", "MATH", AUTUMN, SPRING), course("CR/2", "PHYS"))
    ids = [("los_id", "CR/1"), ("los_id", "CR/2")]
    reply = await one_south.post(one_node.url(COURSES), OURS, *ids, *asked.items())
    assert schemas().faults(reply.root) == []
    assert reply.texts("los-id") == ["CR/1", "CR/2"], "the courses themselves are there all the same"
    assert reply.texts("loi-id") == instances


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([("los_id", "CR/1")], "hei_id is missing"),
        ([("hei_id", "west.example"), ("los_id", "CR/1")], "west.example is not served here"),
        ([("hei_id", "nowhere.example"), ("los_id", "CR/1")], "nowhere.example is not served here"),
        ([OURS], "none was given"),
        ([OURS, ("los_id", "CR/1"), ("los_code", "MATH")], "both were given"),
        ([OURS, ("los_id", "CR/1"), ("los_id", "CR/2"), ("los_id", "CR/3")], "<max-los-ids> allows 2"),
        ([OURS, ("los_code", "1"), ("los_code", "2")], "<max-los-codes> allows 1"),
        ([OURS, ("los_id", "CR/1"), ("lois_before", "20270101")], "lois_before"),
        ([OURS, ("los_id", "CR/1"), ("lois_after", "2027-02-29")], "no such day as 2027-02-29"),
        ([OURS, ("los_id", "CR/1"), ("los_at_date", "2027-01-01T00:00:00")], "los_at_date"),
        ([OURS, ("los_id", "CR/1"), ("lois_after", "2027-01-01"), ("lois_after", "2027-01-01")], "given 2 times"),
    ],
)
async def test_a_question_that_breaks_a_rule_is_400(
    one_node: RunningNode, one_south: Caller, parameters: list[tuple[str, str]], said: str
) -> None:
    reply = await one_south.post(one_node.url(COURSES), *parameters)
    assert reply.status == 400
    assert said in reply.developer_message


async def test_all_courses_are_listed_or_those_that_changed(node: RunningNode, south: Caller) -> None:
    await put(node, course("CR/1", "MATH"), course("DEP/2", "PHYS"), course("CR/3", "CHEM"))
    await node.records.delete("north.example", "courses", "CR/3", source="test")

    async def listed(*parameters: tuple[str, str]) -> list[str]:
        replies: list[Reply] = [await ask(node.url(LIST), OURS, *parameters) for ask in (south.get, south.post)]
        for reply in replies:
            assert schemas().faults(reply.root) == []
        assert replies[0].texts("los-id") == replies[1].texts("los-id")
        return replies[0].texts("los-id")

    assert await listed() == ["CR/1", "DEP/2"]
    assert await listed(("modified_since", "2001-01-01T00:00:00+02:00")) == ["CR/1", "DEP/2"]
    later = datetime.now(UTC) + timedelta(days=1)
    assert await listed(("modified_since", later.isoformat())) == []


@pytest.mark.parametrize(
    "parameters",
    [[], [("hei_id", "west.example")], [("hei_id", "nowhere.example")], [OURS, ("modified_since", "yesterday")]],
)
async def test_a_question_for_the_list_that_breaks_a_rule_is_400(
    one_node: RunningNode, one_south: Caller, parameters: list[tuple[str, str]]
) -> None:
    assert (await one_south.post(one_node.url(LIST), *parameters)).status == 400


async def test_nobody_outside_the_network_is_told(one_node: RunningNode) -> None:
    async with calling(key_of("stranger.example"), key_of("north.example").public) as stranger:
        assert (await stranger.get(one_node.url(LIST), OURS)).status == 403
        assert (await stranger.get(one_node.url(COURSES), OURS, ("los_id", "CR/1"))).status == 403


async def test_the_manifest_says_what_callers_must_know(one_node: RunningNode) -> None:
    root = etree.fromstring(build(one_node.node))
    found = {etree.QName(entry).localname: entry for entry in root.iter() if entry.get("version")}
    entries = [found["courses"], found["simple-course-replication"]]
    assert [schemas().faults(entry) for entry in entries] == [[], []]
    assert [entry.get("version") for entry in entries] == ["0.7.1", "1.0.0"]
    assert all("/blob/stable-v1/" in str(etree.QName(entry).namespace) for entry in entries)
    assert entries[0].findtext("{*}max-los-ids") == "2"
    assert entries[1].findtext("{*}allows-anonymous-access") == "false"
    assert entries[1].findtext("{*}supports-modified-since") == "true"
    listed = one_node.catalogue.entry("north.example", "courses", 0)
    assert listed is not None
    assert listed.urls[""] == one_node.url(COURSES)


def test_what_is_listed_must_be_served_too() -> None:
    with pytest.raises(IncompleteFamily, match=r"^courses must run too"):
        chosen(["simple-course-replication"])
    assert [api.name for api in chosen(["courses"])][-1] == "courses"


@pytest.fixture
async def one_node(tmp_path: Path) -> AsyncIterator[RunningNode]:
    """A node of few ids a request, where the kind of database does not matter."""
    limits = {"max-los-ids": 2, "max-los-codes": 1}
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path, limits=limits) as running:
        yield running


@pytest.fixture
async def one_south(one_node: RunningNode) -> AsyncIterator[Caller]:
    """Its partner."""
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        yield caller
