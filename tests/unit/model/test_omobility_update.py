"""Decisions on their way to the sending institution."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from ewpgw.documents.schemas import Schemas
from ewpgw.model.omobility_update import ENVELOPE, NAMESPACE, ApproveProposal, RejectProposal, encode, read
from ewpgw.model.problems import DecodeProblem

APPROVAL = ApproveProposal(omobility_id="1", proposal_id="a & b")
REJECTION = RejectProposal(omobility_id="1", proposal_id="p", comment=" no <place>\r\nleft ")


@pytest.mark.parametrize("update", [APPROVAL, REJECTION])
def test_a_decision_obeys_the_schemas_and_is_read_again(
    update: ApproveProposal | RejectProposal, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    document = encode(update)
    assert_published_schema_accepts(document)
    root = etree.fromstring(document)
    assert Schemas().faults(root) == []
    assert read(root) == update


def request(inside: str, name: str = ENVELOPE) -> etree._Element:
    return etree.fromstring(f'<{name} xmlns="{NAMESPACE}">{inside}</{name}>')


def test_elements_that_are_not_known_are_passed_over() -> None:
    inside = (
        "<sent-by>me</sent-by><approve-proposal-v1><mood>good</mood><omobility-id>1</omobility-id>"
        "<proposal-id>a <!-- and -->&amp; b</proposal-id><at>now</at></approve-proposal-v1>"
    )
    assert read(request(inside)) == APPROVAL


APPROVES = "<approve-proposal-v1><omobility-id>1</omobility-id><proposal-id>p</proposal-id></approve-proposal-v1>"


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("", ENVELOPE),
        (APPROVES, "omobilities-update"),
        (APPROVES * 2, ENVELOPE),
        (APPROVES.replace("proposal-id", "id"), ENVELOPE),
        (APPROVES.replace(">1<", ">1 2<"), ENVELOPE),
        (APPROVES.replace("approve", "reject"), ENVELOPE),
        (APPROVES.replace("<proposal-id>", "<omobility-id>2</omobility-id><proposal-id>"), ENVELOPE),
        (APPROVES.replace("<proposal-id>", "<proposal-id>o</proposal-id><proposal-id>"), ENVELOPE),
    ],
)
def test_anything_else_is_refused_with_the_reason(inside: str, name: str) -> None:
    with pytest.raises(DecodeProblem) as caught:
        read(request(inside, name))
    assert caught.value.problems
