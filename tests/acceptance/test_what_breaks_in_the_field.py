"""What operators of the live network report again and again: impossible on our side, visible where a partner does it.

One test for each of the faults that concern agreements, under the number and the words by which they are known here:

1. the copies differ and nobody sees where
2. identifiers are not exchanged, so that agreements are duplicated
3. one agreement is split into many
4. required data is missing and leaves the house
5. an approval is sent of what is not approved
6. errors come without an error-response, as HTML, or inside a 200
7. a notification is answered with an error because the fetch after it failed
8. no notification is sent after a partner's act changed something
9. a doubled act, or a lost answer, makes a failure of a success

Each shows both sides: North is a gateway, South a system that a test makes behave, or misbehave. Numbers 8 and 9 are
reported of the update endpoints of nominations and learning agreements; what they mean for agreements is here, the rest
comes with those APIs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from support.coordinators import Coordinator
from support.documents import iia, twin
from support.outgoing import NORTH, SOUTH
from support.partners import Says, error
from support.processes import until
from support.scripted import Field, approving, field, served

REFUSED_RECORD = 422


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with field(tmp_path_factory.mktemp("field")) as found:
        yield found


def with_people(document: dict[str, Any], people: int) -> dict[str, Any]:
    """The agreement with another number of students in its first condition."""
    changed = deepcopy(document)
    changed["cooperation_conditions"]["student_studies_mobility_spec"][0]["mobilities_per_year"]["value"] = str(people)
    return changed


def mapped(between: Field, ours: str, theirs: str) -> dict[str, Any]:
    """An agreement of which each copy names the other; North's as it was put."""
    document = iia(ours)
    between.north.put(ours, document)
    between.shows(twin(document, theirs))
    between.north.reaches(ours, "proposed", mapping="mapped", their_id=theirs, copies_equal=True)
    return document


def test_1_copies_that_differ_show_where_and_are_not_approved_until_they_are_equal(between: Field) -> None:
    north = between.north
    document = mapped(between, "one", "one-s")
    between.shows(with_people(twin(document, "one-s"), 8))
    found = north.reaches("one", "counter-changed", copies_equal=False)
    assert found["next"] == "Either side: make the copies equal; the comparison names each difference."

    # we see where, field by field, and what it means
    comparison = north.comparison("one")
    (difference,) = [each for each in comparison["differences"] if each["prevents_approval"]]
    assert (difference["field"], difference["a"], difference["b"]) == ("mobilities_per_year", "3", "8")
    assert f"{NORTH} says 3, {SOUTH} says 8" in difference["words"]
    assert [each["outcome"] for each in comparison["conditions"]].count("same") == 2
    assert "3" in comparison["hash_parting"]["a"]
    assert "8" in comparison["hash_parting"]["b"]

    # and cannot approve what differs
    code, words = north.refused(north.asks_to_approve("one"))
    assert (code, "the comparison names each difference" in words) == ("copies-differ", True)
    assert between.call("/iias-approval/v2", ("iia_id", "one-s")).texts("iia-hash") == []

    # a partner that approves all the same does not bring it into effect, and the difference stays in sight
    between.approves("one", found["our_hash"])
    found = north.reaches("one", "approved-by-partner", copies_equal=False)
    assert found["next"] == "Either side: make the copies equal; the comparison names each difference."
    assert north.refused(north.asks_to_approve("one"))[0] == "copies-differ"


def test_2_identifiers_are_exchanged_by_the_gateway_and_no_agreement_is_duplicated(between: Field) -> None:
    north = between.north
    # our side: as soon as the partner's copy names ours, ours names it, though no system holds its identifier
    document = mapped(between, "two", "two-s")
    assert between.served("two").texts("iia-id") == ["two", "two-s"]
    assert north.put("two", document) == "unchanged"
    assert between.served("two").texts("iia-id") == ["two", "two-s"]
    for _ in range(3):
        between.notify("two-s")
    refresh = until(lambda: _done(north.work("refresh", "iias", "two-s")), "the copy was fetched again")
    assert refresh["wanted"] == 4
    assert north.told("two").count("agreement-mapped") == 1
    listed = north.sis.get(f"/api/v1/heis/{NORTH}/agreements?limit=1000")["items"]
    assert [each["iia_id"] for each in listed if each["their_id"] == "two-s"] == ["two"]

    # a partner that does not name ours: a person is told, sees what is likely and why, and says so
    other = iia("two-b", first="2030/2031", last="2031/2032", people=5)
    north.put("two-b", other)
    between.shows(twin(other, "two-t", names_it=False))
    north.hears("two-t", "copy-to-map")
    likely = north.sis.get(north.path("two-b", "/mapping-proposals"))["items"][0]
    assert (likely["iia_id"], likely["score"]) == ("two-t", 1)
    assert likely["reasons"]
    confirmed = north.sis.request("POST", north.path("two-b", "/mapping"), {"partner_iia_id": "two-t"})
    assert confirmed.status == 200, confirmed
    assert between.served("two-b").texts("iia-id") == ["two-b", "two-t"]
    found = north.standing("two-b")
    assert found["next"] == "The partner: name our two-b in its copy, so that both know they are of one agreement."
    assert north.refused(north.asks_to_approve("two-b"))[0] == "partner-has-not-mapped"

    # a partner that makes a second copy of the same agreement: the first stays, and a person is told
    between.shows(twin(other, "two-u"))
    north.hears("two-b", "agreement-conflict")
    assert north.standing("two-b")["their_id"] == "two-t"
    unmapped = north.sis.get(f"/api/v1/heis/{NORTH}/unmapped-copies?partner={SOUTH}")["items"]
    assert {"partner": SOUTH, "iia_id": "two-u", "iia_code": "CODE/two-u", "our_id": "two-b"} in unmapped


def _done(row: Any) -> Any:
    return row if row is not None and row["state"] == "done" else None


def _has_fetched(side: Coordinator, their_id: str) -> None:
    until(lambda: side.copy(their_id), f"{their_id} has been fetched")


def _split(document: dict[str, Any], *kinds: str) -> dict[str, Any]:
    """The agreement with these kinds of condition only."""
    conditions = document["cooperation_conditions"]
    return {**document, "cooperation_conditions": {kind: conditions[kind] for kind in kinds}}


def _renamed(document: dict[str, Any], iia_id: str) -> dict[str, Any]:
    """The agreement under another identifier of its owner."""
    owner, other = document["partner"]
    return {**document, "partner": [{**owner, "iia_id": iia_id}, other]}


def test_3_one_agreement_stays_one_and_a_split_one_is_recognised(between: Field) -> None:
    north = between.north
    document = iia("three", first="2040/2041", last="2041/2042", people=7)
    north.put("three", document)
    whole = between.served("three")
    assert len(list(whole.root)) == 1
    assert len(whole.texts("sending-hei-id")) == 3

    parts = {"three-s": "student_studies_mobility_spec", "three-t": "staff_teacher_mobility_spec"}
    for their_id, kind in parts.items():
        between.shows(_split(twin(document, their_id, names_it=False), kind))
        _has_fetched(north, their_id)
    proposals = north.sis.get(north.path("three", "/mapping-proposals"))
    assert proposals["split"] == ["three-s", "three-t"]
    assert max(each["score"] for each in proposals["items"]) < 1

    between.shows(_split(twin(document, "three-s"), parts["three-s"]))
    north.reaches("three", "counter-changed", their_id="three-s", copies_equal=False)
    missing = [each for each in north.comparison("three")["conditions"] if each["outcome"] != "same"]
    assert [each["outcome"] for each in missing] == ["only in a"]
    assert any("staff_teacher_mobility_spec" in path for path in missing[0]["paths_a"])
    *_, note = north.comparison("three")["notes"]
    assert note.startswith(f"Every condition of {SOUTH} has its like at {NORTH}.")
    assert "one agreement was split into several: they have to become one again" in note
    assert north.refused(north.asks_to_approve("three"))[0] == "copies-differ"

    # the other way round: a partner that puts into one what North has as two
    other = iia("three-b", first="2042/2043", last="2043/2044", people=6)
    for our_id, kind in (("three-b", parts["three-s"]), ("three-c", parts["three-t"])):
        north.put(our_id, _split(_renamed(other, our_id), kind))
    between.shows(twin(other, "three-u"))
    north.reaches("three-b", "counter-changed", their_id="three-u", copies_equal=False)
    *_, note = north.comparison("three-b")["notes"]
    assert note.startswith(f"Every condition of {NORTH} has its like at {SOUTH}.")
    assert "one agreement was split into several" in note


def test_4_required_data_that_is_missing_does_not_leave_the_house(between: Field) -> None:
    north = between.north
    faulty = iia("four")
    students = faulty["cooperation_conditions"]["student_studies_mobility_spec"]
    students[0]["recommended_language_skill"] = []
    students[1]["subject_area"] = [{"isced_f_code": {"value": "061"}}]
    refused = north.sis.put(NORTH, "iias", "four", faulty)
    assert refused.status == REFUSED_RECORD
    paths = {each["path"].rpartition("mobility_spec.")[2] for each in refused.json["problems"]}
    assert "0.recommended_language_skill" in paths
    assert any(path.startswith("1.subject_area") for path in paths)
    assert between.served("four").texts("iia-id") == []
    assert north.work("delivery", "iia-cnr", "four") is None
    # who signs is a person: the network only recommends the name, so that is a warning
    signed = iia("four")
    signed["partner"][0]["signing_contact"] = {"contact_name": [{"value": "The office"}], "email": ["a@north.example"]}
    taken = north.sis.put(NORTH, "iias", "four", signed)
    assert taken.status == 201
    assert "partner.0.signing_contact.person_family_name" in [each["path"] for each in taken.json["warnings"]]

    # a partner's copy without them is kept beside the last good one, and its faults are named
    document = mapped(between, "four-b", "four-s")
    good = served(twin(document, "four-s"))
    between.south.copies["four-s"] = Says(good.replace(b"<isced-f-code>0613<", b"<isced-f-code>061<"))
    between.notify("four-s")
    north.hears("four-s", "copy-invalid")
    copy = north.copy("four-s")
    assert (copy["state"], copy["document"] is not None) == ("invalid", True)
    assert any("isced-f-code" in each["path"] for each in copy["invalid"]["problems"])
    assert north.standing("four-b")["next"] == "The partner: mend its copy, whose newest version is not valid."
    assert north.refused(north.asks_to_approve("four-b"))[0] == "copy-invalid"


def test_5_only_what_was_approved_is_said_to_be_approved(between: Field) -> None:
    north = between.north
    document = mapped(between, "five", "five-s")

    def said() -> list[str]:
        return between.call("/iias-approval/v2", ("iia_id", "five-s")).texts("iia-hash")

    assert said() == []
    seen = north.standing("five")["their_hash"]
    north.approves("five")
    assert said() == [seen]
    # the approval is of that version for ever: of a later one nothing is said
    between.shows(with_people(twin(document, "five-s"), 9))
    later = north.reaches("five", "counter-changed", approved_by_us=False)["their_hash"]
    assert said() == [seen] != [later]

    # a partner that approves another version than ours: it does not count, and the agreement shows which it was
    between.approves("five", "0" * 64)
    until(lambda: north.standing("five")["their_approval"] == "0" * 64, "the partner's answer is known")
    found = north.standing("five")
    assert (found["state"], found["approved_by_partner"]) == ("counter-changed", False)
    # one that answers with what was not asked about: nothing is believed, and the reason is shown
    between.south.fake.script("iias-approval/v2", Says(approving({"another": found["our_hash"]})))
    assert between.call("/iia-approval-cnr/v2", ("iia_id", "five")).status == 200
    row = until(lambda: _failed(north.work("refresh", "iias-approval", "five")), "the answer is refused")
    assert row["last_error"] == "the answer approves an agreement that was not asked about"
    north.hears("five", "refresh-failed")
    between.south.answers_about_approvals()
    assert north.standing("five")["approved_by_partner"] is False


def _failed(row: Any) -> Any:
    return row if row is not None and row["state"] == "failed" else None


def test_6_errors_are_error_responses_and_a_partners_other_ones_are_told_from_answers(between: Field) -> None:
    north = between.north
    # our side: whatever is wrong with a call, the answer is an error-response, signed
    for path, parameters, method, status in (
        ("/iias/v7/get", (), "POST", 400),
        ("/iias/v7/get", (("iia_id", "a"), ("iia_id", "b")), "POST", 400),
        ("/iia-cnr/v3", (("iia_id", "a"),), "GET", 405),
        ("/iias/v7/index", (("modified_since", "yesterday"),), "POST", 400),
        ("/iias/v6/get", (("iia_id", "a"),), "POST", 404),
    ):
        reply = between.call(path, *parameters, method=method)
        assert (reply.status, reply.header("Content-Type")) == (status, "application/xml; charset=utf-8")
        assert reply.developer_message

    # a partner's: HTML with an error status is tried again, and shown as what it was
    document = iia("six")
    north.put("six", document)
    page = Says(b"<!DOCTYPE html><html><body>Oops<br></body></html>", 502, signed=False, content_type="text/html")
    between.south.copies["six-s"] = page
    between.notify("six-s")
    row = until(lambda: _tried(north.work("refresh", "iias", "six-s")), "the page was seen")
    assert row["state"] == "due"
    assert row["last_error"] == "the partner answered with HTTP 502 without an error-response"
    # HTML, or an error, where 200 promises an agreement: neither is taken for one, and each is called by its name
    between.south.copies["six-s"] = page.but(status=200, signed=True)
    between.notify("six-s")
    (words,) = until(lambda: _problems(north.copy("six-s")), "the page is refused")
    assert words.startswith("the answer is no XML that can be read: ")
    between.south.copies["six-s"] = error(400, "wrong").but(status=200)
    between.notify("six-s")
    row = until(lambda: _failed(north.work("refresh", "iias", "six-s")), "the error is refused")
    assert row["last_error"] == "the partner answered with HTTP 200 and an error-response in it: wrong"
    north.hears("six-s", "refresh-failed")
    assert north.standing("six")["mapping"] == "open"
    # and the right answer is taken as soon as it comes
    between.shows(twin(document, "six-s"))
    north.reaches("six", "proposed", mapping="mapped", their_id="six-s")


def _tried(row: Any) -> Any:
    return row if row is not None and row["last_error"] else None


def _problems(copy: Any) -> list[str]:
    return [each["message"] for each in copy["invalid"]["problems"]] if copy and copy["invalid"] else []


def test_7_a_notification_is_answered_before_anything_is_fetched(between: Field) -> None:
    north = between.north
    # our side: 200, whatever becomes of the fetch, which is tried again by itself
    document = iia("seven")
    north.put("seven", document)
    between.south.copies["seven-s"] = error(500, "not now")
    between.notify("seven-s")
    row = until(lambda: _tried(north.work("refresh", "iias", "seven-s")), "the fetch has failed")
    assert (row["state"], row["last_error"]) == ("due", "the partner answered with HTTP 500: not now")
    between.south.serves(twin(document, "seven-s"))
    north.reaches("seven", "proposed", mapping="mapped", their_id="seven-s")
    # for a thing that nobody knows, too
    assert between.call("/iia-cnr/v3", ("iia_id", "of-nothing")).status == 200
    assert between.call("/iia-approval-cnr/v2", ("iia_id", "of-nothing")).status == 200

    # a partner's server error is tried again until the notification is taken
    north.put("seven-b", iia("seven-b"))
    until(lambda: _done(north.work("delivery", "iia-cnr", "seven-b")), "South is told")
    between.south.answers_notifications_of("seven-b", error(500, "the fetch failed"))
    north.put("seven-b", iia("seven-b", people=4))
    until(lambda: between.south.notified_of("seven-b") >= 3, "South is told a second time")
    until(lambda: _done(north.work("delivery", "iia-cnr", "seven-b")), "the notification is taken")
    # and its refusal, which no repetition would mend, is shown to a person
    between.south.answers_notifications_of("seven-b", error(400, "the fetch failed"))
    north.put("seven-b", iia("seven-b", people=6))
    row = until(lambda: _failed(north.work("delivery", "iia-cnr", "seven-b")), "the refusal is known")
    assert row["last_error"] == "the partner answered with HTTP 400: the fetch failed"
    north.hears("seven-b", "delivery-failed")


def test_8_whatever_changes_our_copy_is_told_also_where_the_partner_caused_it(between: Field) -> None:
    """The network's number 8 is an update by the partner; agreements change through what a partner serves and approves.

    The update endpoints come with the APIs of nominations and learning agreements.
    """
    north, south = between.north, between.south

    def told(times: int) -> None:
        until(lambda: south.notified_of("eight") >= times, f"South is told of our copy {times} times")

    document = iia("eight")
    north.put("eight", document)
    told(1)
    # the partner names our copy, so ours names the partner's
    between.shows(twin(document, "eight-s"))
    told(2)
    # the partner's approval completes ours, so our copy is in effect
    north.approves("eight")
    assert until(lambda: south.notified_of("eight-s", "iia-approval-cnr/v2"), "South is told of the approval") == 1
    between.approves("eight", north.standing("eight")["our_hash"])
    north.reaches("eight", "mutually-approved")
    told(3)
    assert between.served("eight").texts("in-effect") == ["true"]
    # the partner deletes its copy of what was never approved, so ours no longer names it
    mapped(between, "eight-b", "eight-t")
    until(lambda: _done(north.work("delivery", "iia-cnr", "eight-b")), "South is told of the mapping")
    before = south.notified_of("eight-b")
    del south.copies["eight-t"]
    between.notify("eight-t")
    north.reaches("eight-b", "proposed", mapping="vanished")
    until(lambda: south.notified_of("eight-b") > before, "South is told that the mapping has ended")
    assert between.served("eight-b").texts("iia-id") == ["eight-b"]

    # a partner that changes its copy and tells nobody: a pull, which is made every night, finds it out
    document = mapped(between, "eight-c", "eight-u")
    south.serves(with_people(twin(document, "eight-u"), 6))
    asked = north.sis.request("POST", f"/api/v1/heis/{NORTH}/refreshes", {"entity": "iias", "partner": SOUTH})
    assert asked.status == 202
    north.reaches("eight-c", "counter-changed", copies_equal=False)


def test_9_a_doubled_act_or_a_lost_answer_does_not_make_a_failure_of_a_success(between: Field) -> None:
    """The network's number 9 is a doubled update call; what a person does twice here is to approve.

    The update endpoints come with the APIs of nominations and learning agreements.
    """
    north, south = between.north, between.south
    mapped(between, "nine", "nine-s")
    seen = north.standing("nine")["their_hash"]
    with ThreadPoolExecutor(4) as clicks:
        replies = list(clicks.map(lambda _: north.asks_to_approve("nine", seen), range(4)))
    assert [reply.status for reply in replies] == [200] * 4
    assert len({reply.body for reply in replies}) == 1
    assert north.told("nine").count("approval-given") == 1
    # whoever has lost the answer asks again, also when the agreement has gone on meanwhile
    between.approves("nine", north.standing("nine")["our_hash"])
    north.reaches("nine", "mutually-approved")
    assert north.asks_to_approve("nine", seen).status == 200
    assert len(north.snapshots("nine")) == 1

    # a partner that sends one call twice: the copy of it is refused, and takes nothing back
    draft = between.draft("/iia-cnr/v3", ("iia_id", "nine-s"))
    first, second = between.send(draft), between.send(draft)
    assert (first.status, second.status) == (200, 400)
    assert "used before" in second.developer_message
    until(lambda: _done(north.work("refresh", "iias", "nine-s")), "the copy is fetched")
    assert north.standing("nine")["state"] == "mutually-approved"

    # a partner whose answer is lost is told once more, and that ends well
    south.answers_notifications_of("nine-b", Says(cut_after=-1))
    north.put("nine-b", iia("nine-b"))
    until(lambda: south.notified_of("nine-b") == 2, "South is told twice")
    row = until(lambda: _done(north.work("delivery", "iia-cnr", "nine-b")), "the notification is taken")
    assert (row["last_status"], row["last_error"]) == (200, None)
    assert "delivery-failed" not in north.told("nine-b")
