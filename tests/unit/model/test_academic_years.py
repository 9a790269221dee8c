"""Terms, and the same time in the calendar of a partner."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.academic_years import (
    NORTH,
    SOUTH,
    AcademicTerm,
    Calendar,
    matching_term,
    overlap,
    receiving_year,
    usual_calendar,
    year_id,
)

moderate = settings(max_examples=50, deadline=None)
calendars = st.builds(Calendar, st.booleans(), st.one_of(st.none(), st.integers(1, 12)))


@st.composite
def terms(draw: st.DrawFn, calendar: Calendar) -> AcademicTerm:
    total = draw(st.integers(1, 9))
    return AcademicTerm(calendar.year(draw(st.integers(1990, 2090))), draw(st.integers(1, total)), total)


@pytest.mark.parametrize("text", ["2026/2027-1/1", "2026/2027-2/2", "2026/2026-4/4", "2026/2027-9/9"])
def test_a_term_is_read_and_written(text: str) -> None:
    assert str(AcademicTerm.read(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026/2027-3/2", "no term 3"),
        ("2026/2028-1/2", "follow each other"),
        ("2026/2027", "no academic term"),
        ("2026/2027-0/2", "no academic term"),
        ("2026/2027-1/2\n", "no academic term"),
    ],
)
def test_a_term_there_cannot_be_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AcademicTerm.read(text)


@pytest.mark.parametrize(
    ("term", "sending", "receiving", "year"),
    [
        ("2026/2027-1/2", NORTH, NORTH, "2026/2027"),
        ("2026/2027-2/2", NORTH, NORTH, "2026/2027"),
        ("2026/2027-1/2", NORTH, SOUTH, "2026/2026"),
        ("2026/2027-2/2", NORTH, SOUTH, "2027/2027"),
        ("2026/2027-1/1", NORTH, SOUTH, "2027/2027"),
        ("2026/2027-1/1", NORTH, Calendar(southern=True, year_of_stay="start"), "2026/2026"),
        ("2026/2026-1/2", SOUTH, NORTH, "2025/2026"),
        ("2026/2026-2/2", SOUTH, NORTH, "2026/2027"),
        ("2026/2026-1/1", SOUTH, NORTH, "2025/2026"),
        ("2026/2026-2/2", SOUTH, SOUTH, "2026/2026"),
        ("2026/2027-2/2", NORTH, Calendar(southern=True, first_month=3), "2027/2027"),
        ("2026/2027-1/2", NORTH, Calendar(southern=True, first_month=3), "2026/2026"),
    ],
)
def test_a_stay_is_counted_to_the_year_of_the_receiver_that_most_of_it_lies_in(
    term: str, sending: Calendar, receiving: Calendar, year: str
) -> None:
    assert year_id(receiving_year(AcademicTerm.read(term), sending, receiving)) == year


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("2022/2023-1/2", "2022/2022-2/2"),  # the example of the specification
        ("2022/2023-2/2", "2023/2023-1/2"),
        ("2022/2023-1/3", "2022/2022-3/3"),
    ],
)
def test_terms_of_north_and_south_match_both_ways(here: str, there: str) -> None:
    assert str(matching_term(AcademicTerm.read(here), NORTH, SOUTH)) == there
    assert str(matching_term(AcademicTerm.read(there), SOUTH, NORTH)) == here


@moderate
@given(st.data(), calendars)
def test_a_term_matches_itself_in_its_own_calendar(data: st.DataObject, calendar: Calendar) -> None:
    term = data.draw(terms(calendar))
    assert matching_term(term, calendar, calendar) == term
    assert receiving_year(term, calendar, calendar) == term.year


@moderate
@given(st.data(), calendars, calendars)
def test_the_year_and_the_term_of_the_receiver_share_time_with_the_stay(
    data: st.DataObject, here: Calendar, there: Calendar
) -> None:
    term = data.draw(terms(here))
    year = receiving_year(term, here, there)
    assert overlap(term, here, year, there)
    assert year.southern == there.southern
    match = matching_term(term, here, there)
    assert match.total == term.total
    assert overlap(match, there, term.year, here)


def test_terms_of_years_apart_share_no_time() -> None:
    term = AcademicTerm.read("2026/2027-1/2")
    assert overlap(term, NORTH, AcademicYear(2027, 2027), SOUTH)
    assert not overlap(term, NORTH, AcademicYear(2028, 2028), SOUTH)
    assert not overlap(term, NORTH, AcademicYear(2027, 2028), NORTH)


def test_a_year_shows_its_calendar() -> None:
    assert usual_calendar(AcademicYear(2026, 2026)) is SOUTH
    assert usual_calendar(AcademicYear(2026, 2027)) is NORTH


@pytest.mark.parametrize("month", [0, 13])
def test_a_month_there_is_not_is_refused(month: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 12"):
        Calendar(first_month=month)
