"""Courses of a transcript held against the learning agreement."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.course_matching import AchievedCourse, By, PlannedComponent, achieved_courses, match

from .transcripts import example

moderate = settings(max_examples=50, deadline=None)


def planned(title: str, los_id: str | None = None, code: str | None = None) -> PlannedComponent:
    return PlannedComponent(title, los_id, code)


def achieved(title: str, los_id: str | None = None, code: str | None = None, status: str = "passed") -> AchievedCourse:
    return AchievedCourse(title, los_id, code, status)


def test_the_identifier_counts_before_the_code() -> None:
    plan = [planned("by code", code="X"), planned("by id", los_id="CR/1", code="X")]
    course = achieved("course", los_id="CR/1", code="X")
    found = match(plan, [course])
    assert [(one.component.title, one.by) for one in found.matched] == [("by id", By.LOS_ID)]
    assert [one.title for one in found.missing] == ["by code"]


def test_codes_are_compared_without_case_and_blanks_and_identifiers_exactly() -> None:
    found = match(
        [planned("code", code="cs 201"), planned("id", los_id="CR/a")],
        [achieved("code", code="CS201 "), achieved("id", los_id="CR/A")],
    )
    assert [one.component.title for one in found.matched] == ["code"]
    assert [one.title for one in found.unplanned] == ["id"]


def test_of_a_course_taken_twice_the_passed_one_answers() -> None:
    again = [achieved("first", code="X", status="failed"), achieved("second", code="X")]
    for order in (again, again[::-1]):
        found = match([planned("x", code="X")], order)
        assert found.matched[0].course.title == "second"
        assert [one.title for one in found.unplanned] == ["first"]


def test_what_has_neither_identifier_nor_code_matches_nothing() -> None:
    found = match([planned("a", code=" ")], [achieved("a", code="")])
    assert (len(found.missing), len(found.unplanned), found.matched) == (1, 1, ())


def test_the_classes_of_a_course_and_the_shell_of_a_module_answer_to_nothing() -> None:
    assert [course.code for course in achieved_courses(example())] == ["CS-201", "MA-110"]
    inner = example().course[1].model_dump(mode="json", exclude_defaults=True)
    module = {"los_id": "MOD/1", "title": ["Module"], "part": [inner]}
    assert [course.code for course in achieved_courses(example(course=[module]))] == ["MA-110"]


_ids = st.sampled_from([None, "CR/1", "CR/2"])
_codes = st.sampled_from([None, "A", "B", " a"])


@moderate
@given(
    st.lists(st.builds(planned, st.uuids().map(str), _ids, _codes), max_size=6),
    st.lists(st.builds(achieved, st.uuids().map(str), _ids, _codes), max_size=6),
)
def test_everything_is_in_exactly_one_place(plan: list[PlannedComponent], courses: list[AchievedCourse]) -> None:
    found = match(plan, courses)
    assert sorted([one.component.title for one in found.matched] + [one.title for one in found.missing]) == sorted(
        one.title for one in plan
    )
    assert sorted([one.course.title for one in found.matched] + [one.title for one in found.unplanned]) == sorted(
        one.title for one in courses
    )
