"""What a proposal would change of what was approved, in words."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given as whatever
from hypothesis import settings
from lxml import etree
from support.components import added, agreement, component, dropped, proposal, version

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_diff import (
    NO_LONGER_ADDED,
    TAKEN_UP_AGAIN,
    FieldChange,
    LearningAgreementDiff,
    differences,
)

from .stays import Json, agreements
from .stays import read as of_ours

EXAMPLE = "ewp-reference/examples/ewp-specs-api-omobility-las-examples-get-response-example.xml"
FIRST = version([component("Logic"), component("Data", los_code="D-1")])


def found(**versions: object) -> LearningAgreementDiff:
    result = differences(agreement(**versions))
    assert result is not None
    return result


def outcomes(result: LearningAgreementDiff) -> list[tuple[str, str, str | None]]:
    return [(each.title, each.outcome, each.reason) for each in result.components]


def test_without_a_proposal_there_is_nothing_to_compare() -> None:
    assert differences(agreement(first_version=FIRST)) is None


def test_of_a_first_version_everything_is_added() -> None:
    result = found(changes_proposal=proposal([component("Logic")]))
    assert result.first
    assert outcomes(result) == [("Logic", "added", None)]


def test_what_is_dropped_and_added_has_its_reason_in_words() -> None:
    changes = [dropped("Logic", reason_text="Mondays"), added("Music", reason_code=None, reason_text="Wish")]
    result = found(first_version=FIRST, changes_proposal=proposal(changes))
    assert outcomes(result) == [
        ("Logic", "dropped", "Timetable conflict: Mondays"),
        ("Data", "same", None),
        ("Music", "added", "Wish"),
    ]
    assert result.components[0].words == "Table A: Logic: dropped (Timetable conflict: Mondays)"
    assert not result.first
    assert result.changed


def test_a_course_dropped_and_added_otherwise_is_a_changed_one_with_both_values() -> None:
    changes = [
        dropped("Data", los_code="D-1", reason_code="language-mismatch"),
        added("Data", los_code="D-1", credit=[{"scheme": "ects", "value": "7.50"}], term_id=None),
    ]
    result = found(first_version=FIRST, changes_proposal=proposal(changes))
    [changed] = [each for each in result.components if each.outcome == "changed"]
    assert changed.changes == (
        FieldChange("term_id", "Term", "1 of 2", None),
        FieldChange("credit", "Credits", "6 ECTS", "7.5 ECTS"),
    )
    assert changed.how == "Term: 1 of 2 → nothing; Credits: 6 ECTS → 7.5 ECTS"
    assert changed.reason == (
        "Component is in another language than the course catalogue had said; Substituting a deleted component"
    )


def test_the_notation_of_numbers_is_no_difference() -> None:
    changes = [dropped("Logic"), added("Logic ", credit=[{"scheme": "ECTS", "value": "06.0"}])]
    result = found(first_version=FIRST, changes_proposal=proposal(changes))
    assert {each.outcome for each in result.components} == {"same"}
    assert not result.changed


def test_changes_approved_before_and_not_repeated_are_differences() -> None:
    result = found(
        first_version=FIRST,
        approved_changes=version([dropped("Logic"), added("Music")]),
        changes_proposal=proposal([]),
    )
    assert outcomes(result) == [
        ("Data", "same", None),
        ("Music", "dropped", NO_LONGER_ADDED),
        ("Logic", "added", TAKEN_UP_AGAIN),
    ]


def test_credits_are_summed_by_table_and_scheme() -> None:
    other = [{"scheme": "SWS", "value": "2"}, {"scheme": "ects", "value": "4.5"}]
    result = found(
        first_version={**FIRST, "components_recognized": [component("Home")]},
        changes_proposal=proposal([dropped("Logic"), added("Music", credit=other)]),
    )
    assert [(each.about, each.scheme, each.before, each.after) for each in result.credits] == [
        ("Table A", "ECTS", "12", "10.5"),
        ("Table A", "SWS", "0", "2"),
        ("Table B", "ECTS", "6", "6"),
    ]


def test_credits_are_summed_exactly() -> None:
    long = "1" * 60
    result = found(
        changes_proposal=proposal([component(title, credit=[{"scheme": "ects", "value": long}]) for title in "AB"])
    )
    assert result.credits[0].after == "2" * 60


def test_what_is_dropped_in_vain_is_noted() -> None:
    result = found(first_version=FIRST, changes_proposal=proposal([dropped("Astrology")]))
    assert [note.split(".")[0] for note in result.notes] == [
        "Table A: the proposal drops Astrology, which the first version does not have"
    ]


def test_the_published_example_in_words(shared: Path) -> None:
    (element,) = etree.parse(str(shared / EXAMPLE)).getroot().iterchildren("{*}la")
    result = differences(LearningAgreement.from_tree(element))
    assert result is not None
    assert outcomes(result)[:3] == [
        (
            "Introductory calculus",
            "dropped",
            "Component is in another language than the course catalogue had said",
        ),
        ("Algebra", "dropped", NO_LONGER_ADDED),
        ("Elementary Set Theory", "added", "Substituting a deleted component"),
    ]
    assert result.student == (FieldChange("family_name", "Family name", "Sidorov", "Karamazov"),)


@settings(max_examples=40, deadline=None)
@whatever(agreements)
def test_every_difference_is_json(given: Json) -> None:
    record = of_ours(given)
    result = differences(record)
    assert (result is None) == (record.changes_proposal is None)
    if result is not None:
        assert json.loads(json.dumps(result.to_json()))["omobility_id"] == record.omobility_id
