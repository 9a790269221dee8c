"""Which instances of a course a partner gets that asks for a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ewpgw.documents.schemas import default
from ewpgw.model.course import Course
from ewpgw.model.course_instances import narrowed
from ewpgw.model.entities import ENTITIES
from ewpgw.model.examples import example

from .checking import accepted
from .strategies import courses

SHAPE = ENTITIES["courses"].newest


def held(*spans: tuple[str, str]) -> bytes:
    """A course that was held from a day to another, several times."""
    instances = [{"loi_id": f"CRI/{number}", "start": start, "end": end} for number, (start, end) in enumerate(spans)]
    document: Any = {**example("courses"), "specifies": {"learning_opportunity_instance": instances}}
    return SHAPE.encode(accepted("courses", document)).fragment


def decoded(fragment: bytes) -> Course:
    record = SHAPE.decode(etree.fromstring(fragment))
    assert isinstance(record, Course)
    return record


def left(fragment: bytes, before: str | None = None, after: str | None = None) -> list[str]:
    """The numbers of the instances that are left."""
    bounds = [None if each is None else date.fromisoformat(each) for each in (before, after)]
    found = decoded(narrowed(fragment, before=bounds[0], after=bounds[1]))
    return [one.loi_id.removeprefix("CRI/") for one in found.instances]


AUTUMN, SPRING, YEAR = ("2026-09-01", "2026-12-18"), ("2027-01-11", "2027-05-28"), ("2026-09-01", "2027-05-28")


def test_without_bounds_a_course_is_served_as_it_was_stored() -> None:
    fragment = held(AUTUMN, SPRING)
    assert narrowed(fragment, before=None, after=None) is fragment


def test_before_a_day_means_ended_before_it() -> None:
    fragment = held(AUTUMN, SPRING, YEAR)
    assert left(fragment, before="2027-01-01") == ["0"]
    assert left(fragment, before="2026-12-18") == []
    assert left(fragment, before="2026-12-19") == ["0"]


def test_after_a_day_means_started_after_it() -> None:
    fragment = held(AUTUMN, SPRING, YEAR)
    assert left(fragment, after="2026-12-31") == ["1"]
    assert left(fragment, after="2026-09-01") == ["1"]
    assert left(fragment, after="2026-08-31") == ["0", "1", "2"]


def test_both_bounds_hold_together() -> None:
    assert left(held(AUTUMN, SPRING, YEAR), before="2027-01-01", after="2026-01-01") == ["0"]


def test_days_are_read_in_every_notation_of_the_schema() -> None:
    fragment = held((" 2026-09-01+03:00 ", "2026-12-18Z"), ("-0044-03-15", "12026-01-01"))
    assert left(fragment, before="2027-01-01") == ["0"]
    assert left(fragment, after="2026-08-31") == ["0"]
    assert left(fragment, before="9999-12-31") == ["0"]


def test_a_course_that_was_not_held_says_nothing_of_instances() -> None:
    fragment = narrowed(held(AUTUMN), before=date(2000, 1, 1), after=None)
    assert b"specifies" not in fragment
    assert decoded(fragment).title == decoded(held(AUTUMN)).title


days = st.none() | st.dates()


@settings(max_examples=50, deadline=None)
@given(courses, days, days)
def test_exactly_the_instances_within_the_bounds_are_left(data: Any, before: date | None, after: date | None) -> None:
    record = accepted("courses", data)
    assert isinstance(record, Course)
    fragment = narrowed(SHAPE.encode(record).fragment, before=before, after=after)
    assert default().faults(etree.fromstring(SHAPE.wrap([fragment]))) == []
    kept = [
        one.loi_id
        for one in record.instances
        if (before is None or date.fromisoformat(one.end) < before)
        and (after is None or date.fromisoformat(one.start) > after)
    ]
    found = decoded(fragment)
    assert [one.loi_id for one in found.instances] == kept
    assert found.model_copy(update={"specifies": None}) == record.model_copy(update={"specifies": None})


@settings(max_examples=30, deadline=None)
@given(courses, st.dates(min_value=date(1, 1, 2)))
def test_no_instance_is_both_before_a_day_and_after_the_day_before(data: Any, day: date) -> None:
    fragment = SHAPE.encode(accepted("courses", data)).fragment
    assert decoded(narrowed(fragment, before=day, after=day - timedelta(days=1))).instances == []
