"""Which nominations an index lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ewpgw.model.omobility_index import IndexFilter

from .mobilities import omobility
from .strategies import OTHER, OWNER

CHANGED = datetime(2026, 3, 1, 12, tzinfo=UTC)
ESI = "urn:schac:personalUniqueCode:int:esi:north.example:301245"


def listed(**wanted: Any) -> bool:
    return IndexFilter(**wanted).matches(omobility(), CHANGED)


def test_without_filters_everything_is_listed() -> None:
    assert listed()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"receiving_academic_year_id": "2026/2027"}, True),
        ({"receiving_academic_year_id": "2026/2026"}, False),
        ({"global_id": ESI}, True),
        ({"global_id": ESI.upper()}, True),
        ({"global_id": ESI + "0"}, False),
        ({"global_id": ""}, False),
        ({"activity_attributes": "long-term"}, True),
        ({"activity_attributes": "short-term-blended"}, False),
        ({"activity_attributes": "unheard-of"}, False),
        ({"modified_since": CHANGED}, True),
        ({"modified_since": CHANGED - timedelta(days=1)}, True),
        ({"modified_since": CHANGED + timedelta(microseconds=1)}, False),
        ({"sending_hei_id": OWNER}, True),
        ({"sending_hei_id": OTHER}, False),
        ({"receiving_hei_ids": frozenset({OTHER, "unknown.example"})}, True),
        ({"receiving_hei_ids": frozenset({"unknown.example"})}, False),
        ({"receiving_hei_ids": frozenset()}, False),
        ({"receiving_academic_year_id": "2026/2027", "activity_attributes": "short-term-doctoral"}, False),
        ({"receiving_academic_year_id": "2026/2027", "activity_attributes": "long-term", "global_id": ESI}, True),
    ],
)
def test_filters_are_anded_and_values_of_one_filter_are_ored(wanted: Any, expected: bool) -> None:
    assert listed(**wanted) == expected


def test_a_cancelled_nomination_is_listed_as_well() -> None:
    assert IndexFilter().matches(omobility(status="cancelled"), CHANGED)
