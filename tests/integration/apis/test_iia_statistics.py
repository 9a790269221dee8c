"""IIAs API 7, stats: equal to a recount of everything by brute force, after moves at random (both databases)."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from support.callers import Caller
from support.nodes import RunningNode
from support.sides import NORTH, SOUTH, Moments, Side, carry

from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.model import iia_hash
from ewpgw.store import approvals, copies, records
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.copies import CopyKey, CopyState

STATS = "/iias/v7/stats"
FIGURES = (
    "iia-fetchable",
    "iia-local-unapproved-partner-approved",
    "iia-local-approved-partner-unapproved",
    "iia-both-approved",
)
NUMBERS = range(8)


async def told(node: RunningNode, caller: Caller) -> dict[str, int]:
    reply = await caller.get(node.url(STATS))
    assert reply.status == 200
    assert schemas().faults(reply.root) == []
    return {name: int(reply.texts(name)[0]) for name in FIGURES}


async def recount(side: Side) -> dict[str, int]:
    """One agreement after the other, from what is served, what was received, and the approvals that stand."""
    counted = dict.fromkeys(FIGURES, 0)
    for record in await records.list_page(side.store, side.hei_id, "iias", limit=1000):
        counted["iia-fetchable"] += 1
        (ours,) = iia_hash.of_response(parse(await side.served(record.key.id)))
        received = await approvals.get(side.store, ApprovalKey(side.hei_id, False, side.partner, record.key.id))
        by_partner = received is not None and received.iia_hash == ours.iia_hash
        by_us = await approved_by_us(side, ours.element.findtext("{*}partner[2]/{*}iia-id"))
        if by_partner or by_us:
            name = FIGURES[3] if by_partner and by_us else FIGURES[1] if by_partner else FIGURES[2]
            counted[name] += 1
    return counted


async def approved_by_us(side: Side, their_id: str | None) -> bool:
    """Whether our approval is of the copy that our own names, as that copy is now."""
    if their_id is None:
        return False
    copy = await copies.get(side.store, CopyKey(side.hei_id, "iias", side.partner, their_id))
    given = await approvals.get(side.store, ApprovalKey(side.hei_id, True, side.partner, their_id))
    if copy is None or copy.body is None or copy.state is CopyState.GONE or given is None:
        return False
    return next(iia_hash.of_response(parse(copy.body))).iia_hash == given.iia_hash


async def move(chance: random.Random, side: Side, letter: str, other: str) -> None:
    """Something that a person of one side does, where it is possible."""
    number = chance.choice(NUMBERS)
    iia_id = f"{letter}{number}"
    with suppress(MoveRefused, UnknownAgreement, KeyError, AssertionError):
        match chance.choice(["put", "put", "approve", "approve", "approve", "delete", "unmap"]):
            case "put":
                their_id = f"{other}{number}" if chance.random() < 0.7 else None
                await side.put(iia_id, people=chance.randint(1, 2), their_id=their_id)
            case "approve":
                await side.approve(iia_id)
            case "delete" if chance.random() < 0.4:
                await side.agreements.delete(side.hei_id, iia_id, source="test")
            case "unmap" if chance.random() < 0.4:
                await side.agreements.unmap(side.hei_id, iia_id)


@pytest.mark.parametrize("seed", [3, 14])
async def test_the_statistics_are_those_of_a_recount(node: RunningNode, south: Caller, seed: int) -> None:
    chance, clock = random.Random(seed), Moments()
    sides = (Side(NORTH, SOUTH, node.store, clock), Side(SOUTH, NORTH, node.store, clock))
    for number in NUMBERS:
        await sides[0].put(f"n{number}", their_id=f"s{number}")
        await sides[1].put(f"s{number}", their_id=f"n{number}")
    await carry(sides)
    seen: set[str] = set()
    for _ in range(12):
        for _ in range(6):
            await move(chance, *((sides[0], "n", "s") if chance.random() < 0.5 else (sides[1], "s", "n")))
        if chance.random() < 0.7:
            await carry(sides)
        figures = await told(node, south)
        assert figures == await recount(sides[0])
        seen |= {name for name, figure in figures.items() if figure}
    assert seen == set(FIGURES), "each figure was other than nought at some time"


async def test_the_stats_portal_is_let_in_like_every_member(node: RunningNode, south: Caller, west: Caller) -> None:
    """Servers must allow the Stats Portal, which is a member by its HEI id (ewp-specs-architecture, EWP Statistics)."""
    for caller in (south, west):
        assert await told(node, caller) == dict.fromkeys(FIGURES, 0)
