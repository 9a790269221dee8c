"""Nominations held against the agreement they name, as the store knows it: what a coordinator should know."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.model.iia import Iia
from ewpgw.model.omobility import KnownNomination, KnownOmobility, ReceivingHei, SendingHei
from ewpgw.model.omobility_checks import TAKING, Places, Terms, agreement_problems, counted, places
from ewpgw.store import agreements, copies, nominations
from ewpgw.store.copies import CopyState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.model.problems import Problem
    from ewpgw.store.engine import Readable

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found about a nomination. ``iia_id`` is our identifier of the agreement; ``places`` is None where none
    of its conditions covers the nomination."""

    iia_id: str | None
    problems: tuple[Problem, ...]
    places: Places | None


async def sent_problems(
    source: Readable, hei_id: str, given: Mapping[int, KnownOmobility]
) -> dict[int, tuple[Problem, ...]]:
    """Warnings about nominations of ours, by whatever they are numbered by."""
    named = {one.nomination.sending_hei.iia_id for one in given.values()} - {None}
    found = await sent(source, hei_id, list(given.values())) if named else None
    # that no agreement is named is said of ours by the rules of the record
    return {
        number: found[one.omobility_id].problems
        for number, one in given.items()
        if found is not None and one.nomination.sending_hei.iia_id is not None
    }


async def sent(source: Readable, hei_id: str, given: Sequence[KnownOmobility]) -> dict[str, Checked]:
    """What is to be said of nominations of ours, by identifier. They count beside those that are stored."""
    ids = {iia_id for one in given if (iia_id := one.nomination.sending_hei.iia_id) is not None}
    iias = await _our_agreements(source, hei_id, ids)
    taken = await nominations.places_taken(source, hei_id, ids, [one.omobility_id for one in given])
    for one in given:
        if (iia_id := one.nomination.sending_hei.iia_id) is not None and one.standing in TAKING:
            taken[iia_id][Terms.of(one.nomination)] += 1
    return {one.omobility_id: _checked(one, one.nomination.sending_hei.iia_id, iias, taken) for one in given}


async def received(
    source: Readable, hei_id: str, partner: str, given: Sequence[KnownOmobility], others: Sequence[KnownOmobility]
) -> dict[str, Checked]:
    """The same of nominations of a partner's; ``others`` are all that it has sent, as they stand.

    The agreement is ours where the nomination names it, else the one that is mapped to what it names, else the
    partner's copy of it.
    """
    ours = {iia_id for one in given if (iia_id := one.nomination.receiving_hei.iia_id) is not None}
    theirs = {iia_id for one in given if (iia_id := one.nomination.sending_hei.iia_id) is not None}
    iias = await _our_agreements(source, hei_id, ours)
    copied = {
        iia_id: Iia.model_validate_json(found.document)
        for (owner, iia_id), found in (await agreements.their_records(source, hei_id, theirs)).items()
        if owner == partner
    }
    checked: dict[str, Checked] = {}
    for one in given:
        nomination = one.nomination
        our_id, their_id = nomination.receiving_hei.iia_id, nomination.sending_hei.iia_id
        iia = iias.get(our_id or "")
        if iia is None and their_id in copied:
            iia = copied[their_id]
        taking = counted(one, (other for other in others if _same_agreement(nomination, other.nomination)))
        problems = tuple(agreement_problems(one, iia, taking))
        room = places(one, iia, taking) if iia is not None else None
        checked[one.omobility_id] = Checked(our_id if our_id in iias else None, problems, room)
    return checked


async def copies_of(source: Readable, hei_id: str, partner: str) -> list[KnownOmobility]:
    """The nominations that a partner sends now, as it tells them."""
    found: list[KnownOmobility] = []
    after: tuple[str, str] | None = None
    while True:
        page = await copies.list_page(
            source,
            hei_id,
            nominations.ENTITY,
            partner=partner,
            states=(CopyState.CURRENT, CopyState.INVALID),
            after=after,
            limit=_MOST,
        )
        found += [lightly(copy.document) for copy in page if copy.document is not None]
        if len(page) < _MOST:
            return found
        after = (page[-1].key.partner, page[-1].key.id)


def lightly(document: str) -> KnownOmobility:
    """A stored nomination with what the agreement is about, and its status; the student is left out.

    Whatever is stored was checked, and reading it whole takes ten times as long.
    """
    read: dict[str, Any] = json.loads(document)
    said: dict[str, Any] = read["nomination"]
    heis = {
        "sending_hei": SendingHei.model_construct(**said["sending_hei"]),
        "receiving_hei": ReceivingHei.model_construct(**said["receiving_hei"]),
    }
    return KnownOmobility.model_construct(
        omobility_id=read["omobility_id"],
        status=read.get("status"),
        nomination=KnownNomination.model_construct(**{**said, **heis}),
    )


def _checked(
    one: KnownOmobility, iia_id: str | None, iias: Mapping[str, Iia], taken: Mapping[str, Counter[Terms]]
) -> Checked:
    iia, itself = iias.get(iia_id or ""), Terms.of(one.nomination)
    others = Counter(taken.get(iia_id or "", {}))
    others[itself] -= one.standing in TAKING
    room = places(one, iia, others) if iia is not None else None
    return Checked(iia_id if iia is not None else None, tuple(agreement_problems(one, iia, others)), room)


def _same_agreement(one: KnownNomination, other: KnownNomination) -> bool:
    pairs = (
        (one.sending_hei.iia_id, other.sending_hei.iia_id),
        (one.receiving_hei.iia_id, other.receiving_hei.iia_id),
    )
    return any(mine is not None and mine == its for mine, its in pairs)


async def _our_agreements(source: Readable, hei_id: str, ids: set[str]) -> dict[str, Iia]:
    found = await agreements.our_records(source, hei_id, ids)
    return {iia_id: Iia.model_validate_json(one.document) for iia_id, one in found.items() if one.document is not None}
