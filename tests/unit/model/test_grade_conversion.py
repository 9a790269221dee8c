"""Grade conversion tables, and what a grade may be converted into."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.grade_conversion import Overlap, Scale, UnknownOrder, scale_of_distribution, scale_of_table, suggest
from ewpgw.model.grade_tables import GradeCount, GradeDistribution, distribution_for, percentages, table, tables
from ewpgw.model.transcript_parts import IscedTable

moderate = settings(max_examples=50, deadline=None)


def scale(name: str, **shares: int) -> Scale:
    """A scale with grades from the best to the worst."""
    grades = tuple(GradeCount(label.strip("_"), share) for label, share in shares.items())
    return scale_of_distribution(name, GradeDistribution("0613", grades))


def published(*rows: tuple[str, str]) -> IscedTable:
    return IscedTable.model_validate(
        {"isced_code": "0613", "grade_frequency": [{"label": label, "percentage": share} for label, share in rows]}
    )


NORTH = scale("North", _5=10, _4=25, _3=30, _2=25, _1=10)


def test_the_same_distribution_gives_the_same_place() -> None:
    south = scale("South", A=10, B=25, C=30, D=25, E=10)
    for theirs, ours in zip("54321", "ABCDE", strict=True):
        assert suggest(theirs, NORTH, south).grade == ours


def test_a_grade_within_the_range_of_one_other_becomes_that() -> None:
    found = suggest("5", NORTH, scale("South", good=50, fair=50))
    assert (found.grade, found.lowest, found.highest) == ("good", "good", "good")
    assert found.reasoning == (
        "With 5, students of North are better than 90 % and not better than 0 % of those who pass in this field. "
        "At South good covers all of that range."
    )


def test_a_grade_shared_by_several_becomes_the_middle_one_and_the_others_are_named() -> None:
    found = suggest("3", NORTH, scale("South", A=40, B=20, C=40))
    assert (found.grade, found.lowest, found.highest) == ("B", "C", "A")
    assert "shared by A (5 %), B (20 %), C (5 %); in its middle, at 50 %, is B." in found.reasoning


@pytest.mark.parametrize(("overlap", "label"), [("lowest", "C"), ("middle", "B"), ("highest", "A")])
def test_an_institution_decides_once_which_of_several_comparable_grades_counts(overlap: Overlap, label: str) -> None:
    south = scale("South", A=40, B=20, C=40)
    found = suggest("3", NORTH, south, overlap)
    assert (found.grade, found.lowest, found.highest) == (label, "C", "A")
    assert label in found.reasoning.rpartition(";")[2]
    assert suggest("5", NORTH, south, overlap).grade == "A", "where one covers the whole range there is no choice"


def test_fails_are_no_part_of_the_scale_and_are_not_converted() -> None:
    counts = (GradeCount("2", 50), GradeCount("1", 50), GradeCount("0", 900, passing=False))
    north = scale_of_distribution("North", GradeDistribution("0613", counts))
    south = scale("South", good=50, bad=50)
    assert suggest("1", north, south).grade == "bad"
    failed = suggest("0", north, south)
    assert failed.grade is None
    assert "fails are not converted" in failed.reasoning


@pytest.mark.parametrize(("given_grade", "field", "words"), [("9", "0613", "not in the table"), ("5", "0231", "same")])
def test_where_nothing_can_be_suggested_the_reason_is_given(given_grade: str, field: str, words: str) -> None:
    other = scale_of_distribution("South", GradeDistribution(field, (GradeCount("A", 1),)))
    found = suggest(given_grade, NORTH, other)
    assert (found.grade, found.scale) == (None, "South")
    assert words in found.reasoning


def test_a_table_of_letters_is_read_from_either_end_and_f_is_a_fail() -> None:
    worst_first = published(("F", "0.8"), ("E", "24.7"), ("D", "26.3"), ("C", "36.3"), ("B", "9.9"), ("A", "2.0"))
    rows = [(row.label, row.percentage) for row in worst_first.grade_frequency]
    best_first = published(*reversed(rows))
    assert scale_of_table("South", worst_first) == scale_of_table("South", best_first)
    found = scale_of_table("South", worst_first)
    assert [grade.label for grade in found.grades] == ["A", "B", "C", "D", "E"]
    assert sum(grade.share for grade in found.grades) == pytest.approx(Decimal(100))
    marked = published(("A+", "10"), ("A", "20"), ("A-", "30"), ("FX", "20"), ("F", "20"))
    assert [grade.label for grade in scale_of_table("South", marked).grades] == ["A+", "A", "A-"]


def test_numbers_do_not_say_which_is_the_best_unless_a_fail_or_a_person_does() -> None:
    numbers = published(("1.0", "20"), ("2.0", "40"), ("5.0", "40"))
    with pytest.raises(UnknownOrder, match="whoever knows the scale"):
        scale_of_table("South", numbers)
    by_fail = scale_of_table("South", numbers, failing=["5.0"])
    assert [grade.label for grade in by_fail.grades] == ["1.0", "2.0"]
    by_person = scale_of_table("South", numbers, best_first=False)
    assert [grade.label for grade in by_person.grades] == ["5.0", "2.0", "1.0"]


def test_a_field_without_counts_takes_those_of_the_wider_field() -> None:
    narrow = GradeDistribution("061", (GradeCount("5", 1),))
    everything = GradeDistribution("", (GradeCount("5", 2),))
    nothing = GradeDistribution("0613", (GradeCount("5", 0),))
    known = [narrow, everything, nothing]
    assert distribution_for("0613", known) is narrow
    assert distribution_for("0231", known) is everything
    assert distribution_for("0231", [narrow]) is None
    assert [made.isced_code for made in tables(["0613", "0613", " ", "0231"], [narrow])] == ["0613"]


def test_a_table_without_results_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no results"):
        table("0613", GradeDistribution("0613", (GradeCount("5", 0),)))


@moderate
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30).filter(any))
def test_percentages_add_up_to_100_and_are_not_a_tenth_off(counts: list[int]) -> None:
    shares = percentages(counts)
    assert sum(shares) == 100
    for count, share in zip(counts, shares, strict=True):
        assert abs(share - Decimal(count * 100) / sum(counts)) < Decimal("0.1")


@moderate
@given(*[st.lists(st.integers(1, 500), min_size=1, max_size=12)] * 2)
def test_a_better_grade_is_never_converted_into_a_worse_one(theirs: list[int], ours: list[int]) -> None:
    given_scale = scale("North", **{f"n{place:02}": count for place, count in enumerate(theirs)})
    wanted = scale("South", **{f"s{place:02}": count for place, count in enumerate(ours)})
    found = [suggest(grade.label, given_scale, wanted).grade for grade in given_scale.grades]
    assert None not in found
    assert found == sorted(found, key=str)
