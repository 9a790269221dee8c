"""Answers to proposals on their way to the sending institution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from ewpgw.documents.schemas import Schemas
from ewpgw.model.learning_agreement_parts import NAMESPACE as LA
from ewpgw.model.learning_agreement_update import (
    ENVELOPE,
    NAMESPACE,
    ApproveProposal,
    CommentProposal,
    Update,
    encode,
    read,
)
from ewpgw.model.problems import DecodeProblem

from .stays import SIGNATURE
from .test_round_trips import meaning

APPROVAL = Update.of("uni.example", ApproveProposal(omobility_id="1", changes_proposal_id="a & b", signature=SIGNATURE))
COMMENT = Update.of(
    "uni.example",
    CommentProposal(
        omobility_id="1", changes_proposal_id="p", comment=" no <course>\r\nof that name ", signature=SIGNATURE
    ),
)
EXAMPLES = "ewp-reference/examples/ewp-specs-api-omobility-las-examples-update-request-examples-{}-proposal-v1.xml"


@pytest.mark.parametrize("update", [APPROVAL, COMMENT])
def test_an_answer_obeys_the_schemas_and_is_read_again(
    update: Update, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    document = encode(update)
    assert_published_schema_accepts(document)
    root = etree.fromstring(document)
    assert Schemas().faults(root) == []
    assert read(root) == update
    assert update.record_id() == "1"


@pytest.mark.parametrize("kind", ["approve", "comment"])
def test_the_published_requests_keep_their_content(kind: str, shared: Path) -> None:
    root = etree.parse(str(shared / EXAMPLES.format(kind))).getroot()
    update = read(root)
    assert update.sending_hei_id == "uw.edu.pl"
    assert isinstance(update.answer, ApproveProposal if kind == "approve" else CommentProposal)
    encoded = etree.fromstring(encode(update))
    assert meaning(encoded) == without_locations(meaning(root))


def without_locations(found: tuple[object, ...]) -> tuple[object, ...]:
    tag, _, text, children = found
    return tag, {}, text, children


def test_no_answer_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no answer"):
        Update(sending_hei_id="uni.example").record_id()


SIGNED = '<signature><timestamp xmlns="{}">2026-05-20T09:00:00Z</timestamp>{}</signature>'.format(LA, "{}")
APPROVES = (
    "<approve-proposal-v1><omobility-id>1</omobility-id><changes-proposal-id>p</changes-proposal-id>"
    f"{SIGNED.format('')}</approve-proposal-v1>"
)
COMMENTS = APPROVES.replace("approve", "comment").replace("<signature>", "<comment>No.</comment><signature>")
SENDER = "<sending-hei-id>uni.example</sending-hei-id>"


def request(inside: str, name: str = ENVELOPE) -> etree._Element:
    return etree.fromstring(f'<{name} xmlns="{NAMESPACE}">{inside}</{name}>')


def test_elements_that_are_not_known_are_passed_over() -> None:
    inside = (
        APPROVES.replace("<omobility-id>", '<mood level="3">good</mood><omobility-id>')
        .replace(">p<", "> p<!-- and -->q <")
        .replace("</signature>", f'<ink xmlns="{LA}">blue</ink></signature><at>now</at>')
    )
    update = read(request(f"<sent-by>me</sent-by>{SENDER}<x/>{inside}<more/>"))
    assert update.answer.changes_proposal_id == " pq "
    assert update.answer.signature.timestamp == "2026-05-20T09:00:00Z"
    assert update.comment_proposal is None


def test_a_comment_is_read() -> None:
    update = read(request(SENDER + COMMENTS))
    assert isinstance(update.answer, CommentProposal)
    assert update.answer.comment == "No."


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("", ENVELOPE),
        (SENDER, ENVELOPE),
        (APPROVES, ENVELOPE),
        (SENDER + APPROVES, "omobility-las-update"),
        (SENDER + APPROVES * 2, ENVELOPE),
        (SENDER + APPROVES + COMMENTS, ENVELOPE),
        (SENDER.replace("uni", "uni ") + APPROVES, ENVELOPE),
        (SENDER + APPROVES.replace("changes-proposal-id", "proposal-id"), ENVELOPE),
        (SENDER + APPROVES.replace(">1<", ">1 2<"), ENVELOPE),
        (SENDER + APPROVES.replace("2026-05-20T", "2026-05-32T"), ENVELOPE),
        (SENDER + APPROVES.replace("signature", "seal"), ENVELOPE),
        (SENDER + COMMENTS.replace("<comment>No.</comment>", ""), ENVELOPE),
        (SENDER + APPROVES.replace("-v1", "-v2"), ENVELOPE),
        (SENDER + "<sending-hei-id>other.example</sending-hei-id>" + APPROVES, ENVELOPE),
        (SENDER + APPROVES.replace("<changes", "<omobility-id>2</omobility-id><changes"), ENVELOPE),
        (SENDER + APPROVES.replace("<signature>", f"{SIGNED.format('')}<signature>"), ENVELOPE),
    ],
)
def test_anything_else_is_refused_with_the_reason(inside: str, name: str) -> None:
    with pytest.raises(DecodeProblem) as caught:
        read(request(inside, name))
    assert caught.value.problems


def test_the_parts_of_another_namespace_are_not_taken_for_those_of_ours() -> None:
    foreign = etree.fromstring(f'<{ENVELOPE} xmlns="urn:other">{SENDER}{APPROVES}</{ENVELOPE}>')
    with pytest.raises(DecodeProblem, match="not the element"):
        read(foreign)
