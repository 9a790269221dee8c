"""Answers to learning agreements on their way into the institution's system, by each kind of adapter."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.learning import ENTITY, NORTH, RETITLED, SOUTH, Learner, carry
from support.rest_service import Says, rest_service

from ewpgw.adapters import loading
from ewpgw.adapters.deciding import decision_of
from ewpgw.store import feed

if TYPE_CHECKING:
    from ewpgw.adapters.contract import Adapter, Decision

Sides = tuple[Learner, Learner]
Told = tuple[str, str | None, str | None, str | None, str | None]

ANSWERED: list[Told] = [
    ("learning-agreement-delivered", None, "n1", None, None),
    ("learning-agreement-commented", None, "n1", None, "Logic is not held in autumn."),
    ("learning-agreement-delivered", None, "n1", None, None),
    ("learning-agreement-approved", None, "n1", None, None),
]
"""What North's system hears: what it was about, by whose identifier, and which words."""
MADE: list[Told] = [
    ("decision-made", "n1", None, "commented", "Logic is not held in autumn."),
    ("decision-made", "n1", None, "approved", None),
]
"""What South's system hears."""


async def decided(side: Learner) -> list[Decision]:
    """What is on its way to an institution's system."""
    found = [await decision_of(side.store, entry) for entry in await feed.read(side.store, side.hei_id)]
    return [one for one in found if one is not None]


async def happens(sides: Sides) -> list[Decision]:
    """A first version is commented on, another one signed. What the systems of both hear, as soon as there is news."""
    north, south = sides
    told: dict[tuple[str, int], Decision] = {}

    async def hear() -> None:
        await carry(sides)
        for one in [one for side in sides for one in await decided(side)]:
            told.setdefault((one.hei_id, one.number), one)

    await north.put("n1")
    await hear()
    await south.comment("n1", "Logic is not held in autumn.")
    await hear()
    await north.put("n1", **RETITLED)
    await hear()
    await south.approve("n1")
    await hear()
    return list(told.values())


def said(one: Decision) -> Told:
    return one.what, one.id, one.our_id, one.verdict, one.comment


async def test_both_systems_hear_of_every_answer_with_its_words(sides: Sides) -> None:
    told = await happens(sides)
    assert [said(one) for one in told if one.hei_id == NORTH] == ANSWERED
    assert [said(one) for one in told if one.hei_id == SOUTH] == MADE
    assert {(one.hei_id, one.entity, one.partner) for one in told} == {(NORTH, ENTITY, SOUTH), (SOUTH, ENTITY, NORTH)}


async def test_a_system_that_listens_late_hears_the_words_of_the_comment_all_the_same(sides: Sides) -> None:
    await happens(sides)
    assert [said(one) for one in await decided(sides[0])] == ANSWERED


async def test_an_earlier_answer_of_ours_is_not_taken_for_the_later_one(sides: Sides) -> None:
    await happens(sides)
    assert [said(one) for one in await decided(sides[1])] == [("decision-made", "n1", None, None, None), MADE[1]]


async def test_an_answer_is_about_our_agreement_though_the_partner_has_one_of_the_same_identifier(
    sides: Sides,
) -> None:
    north, south = sides
    await happens(sides)
    await south.put("n1")
    await carry(sides)
    assert [said(one) for one in await decided(north)] == ANSWERED
    await north.comment("n1", "Come in spring.")
    await carry(sides)
    assert said((await decided(north))[-1]) == ("decision-made", "n1", None, "commented", "Come in spring.")
    assert said((await decided(south))[-1]) == ("learning-agreement-commented", None, "n1", None, "Come in spring.")


@asynccontextmanager
async def listening(kind: str, folder: Path) -> AsyncIterator[tuple[Adapter, Any]]:
    """An adapter of North's, and how what it handed over is read: number, what, id, our id, verdict, comment."""
    if kind == "rest":
        async with rest_service(lambda _: Says(status=204)) as service:
            secret = folder / "secret"
            secret.write_text(f"whsec_{base64.b64encode(bytes(32)).decode()}", "utf-8")
            webhook = {"url": service.url, "secrets": [{"file": str(secret)}]}
            options: dict[str, Any] = {"base_url": "http://localhost:1", "mappings": str(folder), "webhook": webhook}
            names = ("number", "decision", "id", "our_id", "verdict", "comment")
            yield (
                loading.create(NORTH, "rest", options, folder),
                lambda: [tuple(asked.json[name] for name in names) for asked in service.asked],
            )
    elif kind == "sql":
        url = f"sqlite:///{folder / 'sis.db'}"
        options = {"url": url, "mappings": str(folder), "outward": {"url": url, "tables": "ewp_"}}
        (folder / "sis.db").touch()
        adapter: Any = loading.create(NORTH, "sql", options, folder)
        await adapter.create_tables()

        def rows() -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(folder / "sis.db")) as database:
                columns = "number, what, id, our_id, verdict, comment"
                return database.execute(f"SELECT {columns} FROM ewp_decisions ORDER BY number").fetchall()

        yield adapter, rows
    else:

        def files() -> list[tuple[Any, ...]]:
            found = [json.loads(file.read_bytes()) for file in sorted((folder / "inbox/decisions").iterdir())]
            return [
                tuple(one[name] for name in ("number", "what", "id", "our_id", "verdict", "comment")) for one in found
            ]

        yield loading.create(NORTH, "folder", {"path": str(folder)}, folder), files


@pytest.mark.parametrize("kind", ["folder", "sql", "rest"])
async def test_every_kind_of_adapter_hands_over_what_was_answered(kind: str, sides: Sides, tmp_path: Path) -> None:
    await happens(sides)
    told = await decided(sides[0])
    async with listening(kind, tmp_path) as (adapter, handed_over):
        for one in told:
            await adapter.decided(one)
        await adapter.close()
        assert handed_over() == [(one.number, *said(one)) for one in told]
    assert [said(one) for one in told] == ANSWERED
