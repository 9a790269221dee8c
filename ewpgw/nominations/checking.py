"""Nominations held against the agreement they name, as the store knows it: what a coordinator should know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model.iia import Iia
from ewpgw.model.omobility_checks import TAKING, Places, Terms, agreement_problems, places
from ewpgw.store import agreements, nominations, received_nominations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.model.omobility import KnownOmobility
    from ewpgw.model.problems import Problem
    from ewpgw.store.engine import Readable


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


async def received(source: Readable, hei_id: str, partner: str, record: KnownOmobility) -> Checked:
    """The same of a nomination of a partner's, beside all others that the partner sends, as they stand.

    The agreement is ours where the nomination names it, else the one that is mapped to what it names, else the
    partner's copy of it.
    """
    nomination = record.nomination
    our_id, their_id = nomination.receiving_hei.iia_id, nomination.sending_hei.iia_id
    iia = (await _our_agreements(source, hei_id, {our_id})).get(our_id) if our_id is not None else None
    known = our_id if iia is not None else None
    if iia is None and their_id is not None:
        copied = await agreements.their_records(source, hei_id, {their_id})
        if (found := copied.get((partner, their_id))) is not None:
            iia = Iia.model_validate_json(found.document)
    taking = await received_nominations.places_taken(
        source, hei_id, partner, sending_iia_id=their_id, receiving_iia_id=our_id, besides=record.omobility_id
    )
    room = places(record, iia, taking) if iia is not None else None
    return Checked(known, tuple(agreement_problems(record, iia, taking)), room)


def _checked(
    one: KnownOmobility, iia_id: str | None, iias: Mapping[str, Iia], taken: Mapping[str, Counter[Terms]]
) -> Checked:
    iia, itself = iias.get(iia_id or ""), Terms.of(one.nomination)
    others = Counter(taken.get(iia_id or "", {}))
    others[itself] -= one.standing in TAKING
    room = places(one, iia, others) if iia is not None else None
    return Checked(iia_id if iia is not None else None, tuple(agreement_problems(one, iia, others)), room)


async def _our_agreements(source: Readable, hei_id: str, ids: set[str]) -> dict[str, Iia]:
    found = await agreements.our_records(source, hei_id, ids)
    return {iia_id: Iia.model_validate_json(one.document) for iia_id, one in found.items() if one.document is not None}
