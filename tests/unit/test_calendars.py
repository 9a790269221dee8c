"""Academic years and terms between the hemispheres, as the settings have them."""

from __future__ import annotations

from typing import Any

import pytest

from ewpgw.model.academic_years import NORTH as NORTHERN
from ewpgw.model.academic_years import SOUTH as SOUTHERN
from ewpgw.model.omobility import KnownOmobility
from ewpgw.model.omobility_examples import nomination
from ewpgw.nominations.calendars import Calendars

NORTH, SOUTH = "north.example", "south.example"
CALENDARS = Calendars({NORTH: NORTHERN}, {(NORTH, SOUTH): SOUTHERN})


def given(**changes: Any) -> dict[str, Any]:
    """A nomination from North to South with its academic year left out."""
    document: dict[str, Any] = dict(nomination(NORTH, SOUTH))
    del document["nomination"]["receiving_academic_year_id"]
    document["nomination"] |= changes
    return document


@pytest.mark.parametrize(
    ("term", "year"), [("2026/2027-1/2", "2026/2026"), ("2026/2027-2/2", "2027/2027"), ("2026/2027-1/1", "2027/2027")]
)
def test_the_partners_year_follows_from_our_term(term: str, year: str) -> None:
    filled: Any = CALENDARS.filled(NORTH, given(sending_academic_term_ewp_id=term))
    assert filled["nomination"]["receiving_academic_year_id"] == year
    assert CALENDARS.filled(NORTH, filled) == filled


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        {},
        {"nomination": None},
        {"nomination": {"receiving_hei": 3}},
        {"nomination": {"receiving_hei": {"hei_id": SOUTH}, "sending_academic_term_ewp_id": ["2026/2027-1/2"]}},
        given(receiving_academic_year_id="2030/2031"),
        given(sending_academic_term_ewp_id="2026/2027-3/2"),
        given(receiving_hei={"hei_id": "west.example"}),
        given(receiving_hei={"hei_id": ["west.example"]}),
    ],
)
def test_what_has_a_year_or_does_not_allow_one_stays_as_it_is(document: object) -> None:
    assert CALENDARS.filled(NORTH, document) == document


def test_a_stay_is_named_as_both_institutions_name_it() -> None:
    document: dict[str, Any] = dict(nomination(NORTH, SOUTH))
    sent = KnownOmobility.model_validate(document)
    stay = CALENDARS.stay(NORTH, sent.nomination)
    assert (stay.sending_term, stay.receiving_term) == ("2026/2027-1/2", "2026/2026-2/2")
    there = Calendars({SOUTH: SOUTHERN}, {(SOUTH, NORTH): NORTHERN})
    assert there.stay(SOUTH, sent.nomination) == stay
    assert Calendars().stay(NORTH, sent.nomination).receiving_term is None
