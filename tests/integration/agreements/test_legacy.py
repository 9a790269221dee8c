"""Agreements approved under API version 6 are taken over with their approvals, and go on counting (both databases)."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree
from support.former import CONDITIONS_HASH, IIA_HASH, approval, document, partners
from support.sides import IIAS, NORTH, SOUTH, Side

from ewpgw.agreements import comparing
from ewpgw.agreements.comparing import Version
from ewpgw.agreements.legacy import ApprovedCopy, FormerAgreement
from ewpgw.agreements.service import MoveRefused
from ewpgw.model.iia_next_steps import next_step
from ewpgw.model.iia_states import State
from ewpgw.model.iia_v6 import bring_to_version_7
from ewpgw.model.iia_v6_hash import of_response
from ewpgw.preparing import Incoming
from ewpgw.records import Outcome
from ewpgw.store import agreements, approvals, snapshots
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.feed import FeedKind

OURS, THEIRS = document(), partners()
APPROVED = CONDITIONS_HASH.encode()
BOTH = FormerAgreement(ApprovedCopy(OURS, APPROVED), ApprovedCopy(THEIRS, APPROVED), by="A. Coordinator")
APPROVAL_V1 = approval("n-1")


def upgraded(*changes: tuple[str, str], people: str = "1") -> bytes:
    """South's copy as South itself brings it to version 7, with placeholders of its own."""
    (former,) = of_response(etree.fromstring(partners(*changes)))
    record = bring_to_version_7(former, {"061": "0613"}).record
    assert record is not None
    fragment = IIAS.newest.encode(record).fragment
    marked = b'<mobilities-per-year not-yet-defined="true">'
    assert fragment.count(marked + b"1") == 1
    return IIAS.newest.wrap([fragment.replace(marked + b"1", marked + people.encode())])


def hash_of_theirs(body: bytes = THEIRS) -> str:
    (former,) = of_response(etree.fromstring(body))
    return former.iia_hash


async def facts(north: Side) -> tuple[State, bool, bool]:
    found = (await north.known("n-1")).facts
    return await north.state("n-1"), found.given_counts, found.received_counts


async def refused(north: Side, former: FormerAgreement) -> tuple[str, str]:
    with pytest.raises(MoveRefused) as caught:
        await north.agreements.take_over(NORTH, former, source="test")
    return caught.value.refusal.code, caught.value.refusal.words


async def test_what_both_approved_is_in_effect_at_once_and_nobody_is_notified(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    taken = await north.agreements.take_over(NORTH, BOTH, source="test")
    assert (taken.created, taken.standing.state, taken.standing.in_effect) == (True, State.MUTUALLY_APPROVED, True)
    assert any(problem.path.endswith("mobilities_per_year") for problem in taken.problems)
    assert await facts(north) == (State.MUTUALLY_APPROVED, True, True)
    assert next_step((await north.known("n-1")).facts) == "Nothing: it is in effect."
    ours = await north.document("n-1")
    assert (ours["iia_hash"], ours["in_effect"], ours["partner"][1]["iia_id"]) == (IIA_HASH, True, "s-9")
    assert await north.due() == []
    assert (FeedKind.MUTUALLY_APPROVED, "n-1") in await north.told()
    assert await agreements.approvals(north.store, NORTH) == agreements.Approvals(0, 0, 1)


async def test_the_partner_goes_on_hearing_of_our_approval_in_its_new_form(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    (given,) = await approvals.given_for(north.store, NORTH, [SOUTH], ["s-9"])
    assert given.iia_hash == hash_of_theirs()
    kept = await approvals.get(north.store, ApprovalKey(NORTH, True, SOUTH, "s-9"))
    assert kept is not None
    assert (kept.body, kept.by) == (THEIRS, "A. Coordinator")


async def test_both_copies_and_what_says_that_they_were_approved_are_kept(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    with_answer = replace(BOTH, ours=ApprovedCopy(OURS, APPROVAL_V1))
    await north.agreements.take_over(NORTH, with_answer, source="test")
    kept = await snapshots.last(north.store, NORTH, "n-1")
    assert kept is not None
    assert (kept.our_hash, kept.their_hash) == (IIA_HASH, hash_of_theirs())
    assert (kept.their_body, kept.received_body, kept.given_by) == (THEIRS, APPROVAL_V1, "A. Coordinator")
    assert json.loads(kept.our_document)["iia_hash"] == IIA_HASH


async def test_it_stays_approved_when_the_partner_upgrades_with_placeholders_of_its_own(
    sides: tuple[Side, Side],
) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    await north.receive("s-9", upgraded(people="7"))
    assert await facts(north) == (State.MUTUALLY_APPROVED, True, True)
    assert len(await approvals.given_for(north.store, NORTH, [SOUTH], ["s-9"])) == 1
    seen = (await north.known("n-1")).facts.theirs
    assert seen is not None
    assert not seen.approvable
    assert await north.approve("n-1") is True, "it is approved already, marks or not"
    assert len(await snapshots.list_all(north.store, NORTH, "n-1")) == 1
    kept = await snapshots.last(north.store, NORTH, "n-1")
    theirs = (await north.known("n-1")).theirs
    assert kept is not None
    assert theirs is not None
    then, now = Version(kept.their_document, kept.their_body), Version(theirs.document, theirs.body)
    found = comparing.compare(then, now)
    assert (found.parting, found.diff.prevents_approval) == (None, False)


async def test_what_has_placeholders_is_changed_and_terminated_with_real_values_alone(
    sides: tuple[Side, Side],
) -> None:
    """An agreement keeps the marks of older versions only while it is as it was approved (get-response.xsd)."""
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    await north.receive("s-9", upgraded())
    with pytest.raises(MoveRefused, match="old-values"):
        await north.agreements.terminate(NORTH, "n-1", source="test")
    record = await north.document("n-1")
    unchanged = {**record, "in_effect": False}
    assert (await put(north, unchanged)).result == "unchanged", "as it was approved it may be put at any time"
    for change in (ended, with_more_months):
        outcome = await put(north, change(record))
        assert (outcome.result, [problem.path for problem in outcome.problems if problem.severity == "refusal"]) == (
            "refused",
            ["cooperation_conditions"],
        )
    assert await north.state("n-1") is State.MUTUALLY_APPROVED
    assert (await put(north, ended(with_real_values(record)))).result == "changed"
    assert await north.state("n-1") is State.MODIFIED
    await north.agreements.revert(NORTH, "n-1", source="test")
    assert await north.state("n-1") is State.MUTUALLY_APPROVED


async def put(side: Side, record: dict[str, Any]) -> Outcome:
    return await side.records.put(side.hei_id, "iias", Incoming("n-1", record), source="test")


def ended(record: dict[str, Any]) -> dict[str, Any]:
    """The record, terminated."""
    return {**record, "cooperation_conditions": {**record["cooperation_conditions"], "terminated_as_a_whole": True}}


def with_more_months(record: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    changed["cooperation_conditions"]["student_studies_mobility_spec"][0]["total_months_per_year"] = "9"
    return changed


def with_real_values(record: dict[str, Any]) -> dict[str, Any]:
    """The record without any mark: the values are those that are meant."""
    text = json.dumps(record, separators=(",", ":")).replace(',"not_yet_defined":true', "")
    return dict(json.loads(re.sub(',"v6_value":"[0-9]+"', "", text)))


async def test_a_copy_that_changed_with_the_upgrade_is_not_approved(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    await north.receive("s-9", upgraded(("<eqf-level>6</eqf-level>", "<eqf-level>7</eqf-level>")))
    assert await facts(north) == (State.MODIFIED, False, True)
    assert (FeedKind.GIVEN_APPROVAL_LAPSED, "n-1") in await north.told()
    with pytest.raises(MoveRefused, match="old-values"):
        await north.approve("n-1")


async def test_the_partners_answer_in_version_7_of_the_same_approval_changes_nothing(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    for iia_hash, state in ((IIA_HASH, State.MUTUALLY_APPROVED), (None, State.MODIFIED)):
        async with north.store.transaction() as tx:
            now = north.clock()
            await north.agreements.approval_received(tx, NORTH, SOUTH, "n-1", iia_hash, b"<a/>", "x", now)
        assert await north.state("n-1") is state


async def test_a_document_that_is_not_what_was_approved_is_refused_in_words(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    changed = partners(("<eqf-level>6</eqf-level>", "<eqf-level>7</eqf-level>"))
    code, words = await refused(north, replace(BOTH, theirs=ApprovedCopy(changed, APPROVED)))
    assert code == "conditions-hash-differs"
    assert CONDITIONS_HASH in words
    assert "the partner's copy" in words
    code, _ = await refused(north, replace(BOTH, ours=ApprovedCopy(OURS, b"0" * 64)))
    assert code == "conditions-hash-differs"
    reformatted = etree.tostring(etree.fromstring(OURS, etree.XMLParser(remove_blank_text=True)))
    code, words = await refused(north, replace(BOTH, ours=ApprovedCopy(reformatted, APPROVED)))
    assert code == "conditions-hash-differs"
    assert "byte by byte" in words
    assert await agreements.get(north.store, NORTH, "n-1") is None
    assert await approvals.given_for(north.store, NORTH, [SOUTH], ["s-9"]) == []


@pytest.mark.parametrize(
    ("former", "code"),
    [
        (FormerAgreement(), "no-copy"),
        (replace(BOTH, ours=ApprovedCopy(b"<html>", APPROVED)), "malformed"),
        (replace(BOTH, ours=ApprovedCopy(upgraded(), APPROVED)), "malformed"),
        (replace(BOTH, ours=ApprovedCopy(OURS, b"approved!")), "malformed"),
        (replace(BOTH, ours=ApprovedCopy(OURS, APPROVAL_V1.replace(b"n-1", b"n-2"))), "not-approved"),
        (replace(BOTH, ours=ApprovedCopy(document(("<iia-id>s-9</iia-id>", "")), APPROVED)), "not-mapped"),
        (replace(BOTH, ours=ApprovedCopy(THEIRS, APPROVED)), "another-hei"),
        (replace(BOTH, theirs=ApprovedCopy(OURS, APPROVED)), "another-hei"),
        (replace(BOTH, theirs=ApprovedCopy(partners(("s-9", "s-8")), APPROVED)), "copies-of-two-agreements"),
        (replace(BOTH, ours=None), "no-record"),
    ],
)
async def test_each_reason_not_to_take_an_agreement_over_has_a_name(
    sides: tuple[Side, Side], former: FormerAgreement, code: str
) -> None:
    north, _ = sides
    assert (await refused(north, former))[0] == code


async def test_a_code_that_nobody_translated_is_refused_with_its_place(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    old = ("<isced-f-code>061<", "<isced-f-code>48<")
    (former,) = of_response(etree.fromstring(document(old)))
    approved = former.conditions_hash.encode()
    both = FormerAgreement(ApprovedCopy(document(old), approved), ApprovedCopy(partners(old), approved))
    with pytest.raises(MoveRefused) as caught:
        await north.agreements.take_over(NORTH, both, source="test")
    assert caught.value.refusal.code == "not-convertible"
    assert "subject_area" in {problem.path.split(".")[-1] for problem in caught.value.problems}
    await north.agreements.take_over(NORTH, replace(both, codes={"48": "0613"}), source="test")
    assert await north.state("n-1") is State.MUTUALLY_APPROVED


async def test_an_approval_of_one_side_counts_alone(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, replace(BOTH, theirs=None), source="test")
    assert await facts(north) == (State.APPROVED_BY_PARTNER, False, True)
    await north.agreements.take_over(NORTH, replace(BOTH, ours=None), source="test")
    await north.receive("s-9", upgraded())
    assert await facts(north) == (State.MUTUALLY_APPROVED, True, True)


async def test_taking_over_twice_is_taking_over_once(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    told = await north.told()
    again = await north.agreements.take_over(NORTH, BOTH, source="test")
    assert (again.created, again.problems) == (False, ())
    assert await north.told() == told
    assert len(await snapshots.list_all(north.store, NORTH, "n-1")) == 1


async def test_a_record_that_has_changed_since_stays_and_what_was_approved_can_be_gone_back_to(
    sides: tuple[Side, Side],
) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, BOTH, source="test")
    approved = await north.document("n-1")
    changed = with_real_values(approved)
    (studies,) = changed["cooperation_conditions"]["student_studies_mobility_spec"]
    studies["mobilities_per_year"] = {"value": "4"}
    assert (await put(north, changed)).result == "changed"
    await north.agreements.take_over(NORTH, BOTH, source="test")
    assert await facts(north) == (State.MODIFIED, True, False)
    await north.agreements.revert(NORTH, "n-1", source="test")
    assert await facts(north) == (State.MUTUALLY_APPROVED, True, True)
    assert (await north.document("n-1"))["iia_hash"] == approved["iia_hash"]


async def test_what_was_approved_since_is_not_overwritten(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    await north.agreements.take_over(NORTH, replace(BOTH, theirs=None), source="test")
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n-1", "e" * 64, b"<a/>", "x", north.clock())
    code, words = await refused(north, BOTH)
    assert (code, "the partner has approved" in words) == ("approved-since", True)


async def test_an_agreement_that_was_deleted_or_mapped_otherwise_is_not_taken_over(sides: tuple[Side, Side]) -> None:
    north, _ = sides
    assert (await north.put("n-1", their_id="s-7")).result == "created"
    assert (await refused(north, BOTH))[0] == "mapped-otherwise"
    await north.agreements.delete(NORTH, "n-1", source="test")
    assert (await refused(north, BOTH))[0] == "state-deleted"
    await north.put("n-2", their_id="s-9")
    other = document(("n-1", "n-3"))
    assert (await refused(north, FormerAgreement(ours=ApprovedCopy(other, APPROVED))))[0] == "mapped-to-another"
