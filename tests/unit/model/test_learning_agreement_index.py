"""Which learning agreements are listed and shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st

from ewpgw.model.learning_agreement_index import IndexFilter

from .stays import BLENDED, CHANGED, DOCTORAL, SEMESTER, agreement
from .strategies import OTHER, OWNER

NOW = datetime(2026, 5, 12, 10, tzinfo=UTC)
RECORDS = [agreement(kind) for kind in (SEMESTER, BLENDED, DOCTORAL, CHANGED)]
ESI = f"urn:schac:personalUniqueCode:int:esi:{OWNER}:301245"


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ({}, True),
        ({"sending_hei_id": "unknown.example"}, False),
        ({"receiving_hei_ids": frozenset({"unknown.example"})}, False),
        ({"receiving_hei_ids": frozenset({"unknown.example", OTHER})}, True),
        ({"receiving_hei_ids": frozenset()}, False),
        ({"receiving_academic_year_id": "2026/2027"}, True),
        ({"receiving_academic_year_id": "2026/2026"}, False),
        ({"global_id": ESI}, True),
        ({"global_id": ESI.upper()}, True),
        ({"global_id": ESI + "6"}, False),
        ({"mobility_type": "semester"}, True),
        ({"mobility_type": "blended"}, False),
        ({"mobility_type": "SEMESTER"}, False),
        ({"modified_since": NOW - timedelta(seconds=1)}, True),
        ({"modified_since": NOW}, True),
        ({"modified_since": NOW + timedelta(microseconds=1)}, False),
        ({"mobility_type": "semester", "receiving_academic_year_id": "2026/2026"}, False),
    ],
)
def test_each_filter_leaves_out_what_does_not_match(asked: dict[str, Any], listed: bool) -> None:
    assert IndexFilter(**{"sending_hei_id": OWNER, **asked}).matches(agreement(), NOW) == listed


@pytest.mark.parametrize("kind", [SEMESTER, BLENDED, DOCTORAL])
def test_agreements_are_found_by_the_kind_of_stay(kind: str) -> None:
    asked = IndexFilter(OWNER, mobility_type=kind)
    assert [record.mobility_type.value for record in RECORDS[:3] if asked.matches(record, NOW)] == [kind]


def test_what_nobody_has_signed_is_not_listed() -> None:
    ended = agreement(changes_proposal=None)
    assert not IndexFilter(OWNER).matches(ended, NOW)
    assert IndexFilter(OWNER).matches(agreement(CHANGED, changes_proposal=None), NOW)


def test_a_student_is_found_by_the_identifier_that_is_proposed_too() -> None:
    assert IndexFilter(OWNER, global_id=ESI[:-1] + "6").matches(agreement(CHANGED), NOW)
    assert IndexFilter(OWNER, global_id=ESI).matches(agreement(CHANGED), NOW)
    assert not IndexFilter(OWNER, global_id=ESI).matches(agreement(student__global_id=None), NOW)


_filters = {
    "receiving_hei_ids": st.sampled_from([None, frozenset({OTHER}), frozenset({"third.example"})]),
    "receiving_academic_year_id": st.sampled_from([None, "2026/2027", "2025/2026"]),
    "global_id": st.sampled_from([None, ESI, "1"]),
    "mobility_type": st.sampled_from([None, "semester", "blended", "doctoral", "other"]),
    "modified_since": st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
}


@settings(max_examples=50, deadline=None)
@whatever(st.fixed_dictionaries(_filters), st.sampled_from(RECORDS))
def test_filters_together_list_what_each_of_them_lists(asked: dict[str, Any], record: Any) -> None:
    alone = [IndexFilter(OWNER, **{name: value}).matches(record, NOW) for name, value in asked.items()]
    assert IndexFilter(OWNER, **asked).matches(record, NOW) == all(alone)
