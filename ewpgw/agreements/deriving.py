"""What the gateway itself adds to our copies of agreements, whoever gave them: the partner's identifier, and in-effect.

A copy has to name the partner's as soon as that is known, and no longer once it is gone (ewp-specs-api-iias 7,
get-response.xsd, ``iia-id``); few student information systems keep that identifier. So it is kept here, and put into
every version of our copy before it is stored; when it changes, the stored copy is written anew and the partner told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ewpgw.agreements.agreeing import keep_replaced
from ewpgw.agreements.completing import as_judged, has_former_values, judged, with_derived, with_problems
from ewpgw.agreements.known import partner_of
from ewpgw.model.iia_states import MappingState, Move, State, refusal
from ewpgw.model.problems import Problem
from ewpgw.store import agreements, approvals, former_copies, snapshots
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.dialects import serialise
from ewpgw.store.effects import Effects
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.settling import Settling
    from ewpgw.model.new_record import NewRecord
    from ewpgw.preparing import Prepared
    from ewpgw.store.agreements import NamedCopy, Standing
    from ewpgw.store.record_writes import PutResult

_ID = "partner.1.iia_id"
_SCHEMA = "ewp-specs-api-iias 7, get-response.xsd"
_IDS = f"{_SCHEMA}, iia-id"
_RULES = "ewp-specs-api-iias 7, README, Important rules"


async def enter(tx: AsyncConnection, hei_id: str) -> None:
    """One transaction at a time changes the agreements of a HEI; the facts one reads are then the facts it acts on."""
    await serialise(tx, f"agreements of {hei_id}")


@dataclass(slots=True)
class Derived:
    """A batch on its way into the store, with what is known of its agreements.

    ``agreed`` has the hashes of what both approved last, of those that hold values of older versions of the API;
    ``unsettled`` are the agreements of which a change may alter where they stand, ``new`` the standings that become
    others by being written.
    """

    batch: list[Prepared]
    standings: dict[str, Standing]
    effects: Effects = field(default_factory=Effects)
    agreed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    new: list[Standing] = field(default_factory=list)


@dataclass(slots=True)
class _Candidates:
    """The copies that may be of the agreements of a batch: by agreement those that name it, then that which it names.

    ``taken`` says which agreement a copy is mapped to, by partner and identifier.
    """

    by_agreement: dict[str, tuple[NamedCopy, ...]]
    taken: dict[tuple[str, str], str]


class Deriving:
    """Completes records of agreements on their way into the store; Records calls it for every source."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling

    async def before(self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime) -> Derived:
        """Complete the accepted records of a batch, before it is written; some may be refused for where they stand.

        A few queries for the whole batch; a record of which nothing is known is passed through as it is.
        """
        await enter(tx, hei_id)
        news = [one.new for one in batch if one.new is not None]
        done = Derived(list(batch), dict(await agreements.get_many(tx, hei_id, [new.id for new in news])))
        former = [new.id for new in news if new.id in done.standings and has_former_values(new.document)]
        done.agreed = await snapshots.last_hashes(tx, hei_id, former)
        candidates = await _candidates(tx, hei_id, [new for new in news if not _is_mapped(done.standings.get(new.id))])
        for place, one in enumerate(done.batch):
            if one.new is None:
                continue
            if one.new.id in done.standings or one.new.id in candidates.by_agreement:
                done.batch[place], standing = _complete(one, one.new, done, candidates, now)
                if standing is not None:
                    done.new.append(standing)
            else:
                done.batch[place] = as_judged(one)
        await _keep_replaced(tx, hei_id, done, now)
        return done

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: Derived, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """Keep new mappings, and find out where the changed agreements stand now, after the batch was written.

        ``results`` lacks the records whose identifiers were retired.
        """
        new = [standing for standing in done.new if standing.our_id in results]
        await agreements.put_many(tx, hei_id, new)
        for standing in new:
            if standing.how == "their copy":
                self._settling.tell(done.effects, FeedKind.AGREEMENT_MAPPED, standing)
        for our_id in sorted(done.unsettled):
            result = results.get(our_id)
            if result is not None and (result.changed or done.standings[our_id].mapped_at == now):
                await self._settling.settle(tx, hei_id, our_id, now, done.effects)
        return done.effects

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """Why an agreement cannot be deleted, in words; None where it can."""
        await enter(tx, hei_id)
        known = (await self._settling.load(tx, hei_id, [our_id])).get(our_id)
        if known is None or known.facts.ours is None:
            return None
        refused = refusal(Move.DELETE, known.facts)
        return refused.words if refused is not None else None

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """Take back what was said of an agreement that is deleted: our approval of the partner's copy, the mapping."""
        effects = Effects()
        standing = await agreements.get(tx, hei_id, our_id)
        if standing is not None:
            await self._settling.withdraw(tx, hei_id, standing, effects)
            await agreements.remove(tx, hei_id, our_id)
            await approvals.remove(tx, ApprovalKey(hei_id, False, standing.partner, our_id))
        await snapshots.remove_draft(tx, hei_id, our_id)
        await former_copies.remove_all(tx, hei_id, our_id)
        return effects


async def _keep_replaced(tx: AsyncConnection, hei_id: str, done: Derived, now: datetime) -> None:
    """Keep the versions that the batch replaces of agreements that are mapped."""
    new = {
        one.new.id: one.new for one in done.batch if one.new is not None and _is_mapped(done.standings.get(one.new.id))
    }
    for our_id, stored in (await agreements.our_records(tx, hei_id, new)).items():
        if stored.document is not None:
            await keep_replaced(tx, hei_id, our_id, stored.document, new[our_id].document, now)


async def _candidates(tx: AsyncConnection, hei_id: str, loose: Sequence[NewRecord]) -> _Candidates:
    """The copies that may be of these agreements, which are not mapped."""
    found: dict[str, tuple[NamedCopy, ...]] = {}
    for copy in await agreements.copies_that_name(tx, hei_id, [new.id for new in loose]):
        if copy.our_id is not None:
            found[copy.our_id] = (*found.get(copy.our_id, ()), copy)
    given = {new.counterpart for new in loose if new.counterpart is not None}
    known = {(copy.partner, copy.id): copy for copy in await agreements.copies_of_ids(tx, hei_id, given)}
    for new in loose:
        if new.counterpart is not None:
            at = (_partner(new), new.counterpart)
            unseen = agreements.NamedCopy(*at, our_id=None, gone=False, seen=False)
            found[new.id] = (*found.get(new.id, ()), known.get(at, unseen))
    ids = {copy.id for copies in found.values() for copy in copies}
    return _Candidates(found, await agreements.taken(tx, hei_id, ids))


def _complete(
    one: Prepared, new: NewRecord, done: Derived, candidates: _Candidates, now: datetime
) -> tuple[Prepared, Standing | None]:
    """The record as it is to be stored, and its standing where that has just become another."""
    standing = done.standings.get(new.id)
    if standing is not None and (problem := _forbidden(new, standing)) is not None:
        return one.refused_for(problem), None
    changed, mapped, copy = standing is not None, None, None
    if standing is None:
        standing = agreements.fresh(new.id, _partner(new), now)
    elif standing.partner != _partner(new):
        mapped = standing = agreements.fresh(new.id, _partner(new), now)
    problems: tuple[Problem, ...] = ()
    if standing.mapping is MappingState.MAPPED:
        if new.counterpart not in (None, standing.their_id):
            said = f"is {new.counterpart}, but the agreement is mapped to {standing.their_id}, which is served"
            problems = (_warning(f"{said}; cut the mapping if it is wrong"),)
    else:
        copy, problems = _choice(new, standing, candidates)
        if copy is not None:
            how = "their copy" if copy.our_id == new.id else "our record"
            mapped = standing = replace(
                standing, mapping=MappingState.MAPPED, their_id=copy.id, how=how, mapped_at=now, changed_at=now
            )
    their_id = standing.their_id if standing.mapping is MappingState.MAPPED else None
    completed = with_derived(new, their_id, standing.in_effect)
    problems += (*judged(completed), *_kept_too_long(completed, standing, done.agreed.get(new.id)))
    seen = with_problems(replace(one, new=completed), problems)
    if seen.new is None:
        return seen, None
    if copy is not None:
        done.standings[new.id] = standing
        candidates.taken[copy.partner, copy.id] = new.id
    if changed or (copy is not None and copy.seen):
        done.unsettled.add(new.id)
    return seen, mapped


def _kept_too_long(completed: NewRecord, standing: Standing, agreed: tuple[str, str] | None) -> Iterator[Problem]:
    """A copy may keep values of older versions of the API while it is as it was approved, and no longer."""
    if agreed is None or not _is_mapped(standing) or json.loads(completed.document)["iia_hash"] == agreed[0]:
        return
    said = (
        "are changed, but hold values that are not yet defined (not_yet_defined) or of version 6 (v6_value), which "
        "only an unchanged agreement may keep, and nobody could approve them: give these values with the change"
    )
    yield Problem("cooperation_conditions", said, "refusal", f"{_SCHEMA}, not-yet-defined, v6-value")


def _choice(
    new: NewRecord, standing: Standing, candidates: _Candidates
) -> tuple[NamedCopy | None, tuple[Problem, ...]]:
    """The first copy that can be that of an agreement, and why the one that the record names cannot."""
    problems: tuple[Problem, ...] = ()
    for copy in candidates.by_agreement.get(new.id, ()):
        if copy.partner != standing.partner:
            continue
        other = candidates.taken.get((copy.partner, copy.id))
        if copy.gone:
            why = "the partner no longer serves that copy"
        elif standing.mapping is MappingState.CUT and copy.id == standing.their_id:
            why = "that mapping was cut"
        elif other is not None:
            why = f"that copy is mapped to our agreement {other}"
        elif copy.our_id not in (None, new.id):
            why = f"that copy names our agreement {copy.our_id}"
        else:
            return copy, problems
        if copy.id == new.counterpart:
            problems = (_warning(f"is {copy.id}, which is left out of what is served: {why}"),)
    return None, problems


def _is_mapped(standing: Standing | None) -> bool:
    return standing is not None and standing.mapping is MappingState.MAPPED


def _partner(new: NewRecord) -> str:
    return next(iter(new.partners)) if new.partners else partner_of(json.loads(new.document))


def _forbidden(new: NewRecord, standing: Standing) -> Problem | None:
    """Why a new version of an agreement cannot be served, for where the agreement stands."""
    if (standing.in_effect or _is_mapped(standing)) and standing.partner != _partner(new):
        said = f"is {_partner(new)}, but {standing.partner} has a copy of this agreement; make a new one"
        return Problem("partner.1.hei_id", said, "refusal", _RULES)
    ended = standing.state is State.TERMINATED
    if ended and json.loads(new.document)["cooperation_conditions"].get("terminated_as_a_whole") is not True:
        said = "is terminated, as both sides approved, and cannot be changed any more; make a new agreement"
        return Problem("", said, "refusal", _RULES)
    return None


def _warning(message: str) -> Problem:
    return Problem(_ID, message, "warning", _IDS)
