"""An agreement in full: what the first version and a list of changes to it amount to."""

from __future__ import annotations

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from support.components import added, agreement, component, dropped, proposal, read, version

from ewpgw.model.learning_agreement_after import as_approved, as_proposed
from ewpgw.model.learning_agreement_pairing import paired

from .stays import Json, agreements
from .stays import read as of_ours

LOGIC, DATA, FUNCTIONS = "Advanced Logics", "Big Data", "Functional Programming"
FIRST = version([component(LOGIC), component(DATA), component(FUNCTIONS)])


def titles(full: object, table: str = "components_studied") -> list[str]:
    tables = getattr(full, "tables", {})
    return [each.title for each in tables[table].components] if table in tables else []


def test_a_first_version_is_the_whole_agreement() -> None:
    record = agreement(first_version=FIRST)
    assert titles(as_approved(record)) == [LOGIC, DATA, FUNCTIONS]
    assert as_proposed(record) is None


def test_a_proposed_first_version_would_be_the_whole_agreement() -> None:
    record = agreement(changes_proposal=proposal([component(LOGIC)]))
    assert as_approved(record) is None
    assert titles(as_proposed(record)) == [LOGIC]


def test_changes_are_applied_to_each_table() -> None:
    changes = proposal(
        [dropped(FUNCTIONS), added("Databases")], virtual_components=[added("Use cases", short_description="Online")]
    )
    record = agreement(first_version=FIRST, changes_proposal=changes)
    assert titles(as_approved(record)) == [LOGIC, DATA, FUNCTIONS]
    after = as_proposed(record)
    assert titles(after) == [LOGIC, DATA, "Databases"]
    assert titles(after, "virtual_components") == ["Use cases"]


def test_a_proposal_takes_the_place_of_the_changes_approved_before() -> None:
    """Steps 6 and 8 of the published example scenario: what was added goes by not being listed again."""
    use_cases: Json = {"virtual_components": [added("Use cases", short_description="Online")]}
    record = agreement(
        first_version=FIRST,
        approved_changes=version([dropped(FUNCTIONS), added("Databases")], **use_cases),
        changes_proposal=proposal(
            [dropped(LOGIC), added("Distributed Systems"), dropped(FUNCTIONS), added("Expert Systems")], **use_cases
        ),
    )
    assert titles(as_approved(record)) == [LOGIC, DATA, "Databases"]
    after = as_proposed(record)
    assert titles(after) == [DATA, "Distributed Systems", "Expert Systems"]
    assert titles(after, "virtual_components") == ["Use cases"]


def test_a_deletion_that_is_not_repeated_is_taken_back() -> None:
    record = agreement(
        first_version=FIRST, approved_changes=version([dropped(FUNCTIONS)]), changes_proposal=proposal([])
    )
    assert titles(as_approved(record)) == [LOGIC, DATA]
    assert titles(as_proposed(record)) == [LOGIC, DATA, FUNCTIONS]


def test_components_of_the_full_agreement_say_nothing_of_changes() -> None:
    record = agreement(first_version=FIRST, changes_proposal=proposal([added("Databases", reason_text="Better")]))
    after = as_proposed(record)
    assert after is not None
    last = after.tables["components_studied"].standing[-1]
    assert (last.component.status, last.component.reason_code, last.component.reason_text) == (None, None, None)
    assert last.by is not None
    assert last.by.reason_text == "Better"


def test_a_course_listed_twice_is_dropped_once() -> None:
    first = version([component(LOGIC), component(LOGIC)])
    record = agreement(first_version=first, changes_proposal=proposal([dropped(LOGIC)]))
    assert titles(as_proposed(record)) == [LOGIC]


def test_of_two_alike_the_one_of_the_named_term_is_dropped() -> None:
    second_term = {"term_id": {"term_number": "2", "total_terms": "2"}}
    first = version([component("Project"), component("Project", **second_term)])
    record = agreement(first_version=first, changes_proposal=proposal([dropped("Project", credit=None, **second_term)]))
    after = as_proposed(record)
    assert after is not None
    [left] = after.tables["components_studied"].components
    assert left.term_id is not None
    assert left.term_id.term_number == "1"


def test_what_is_dropped_in_vain_is_named_and_changes_nothing() -> None:
    record = agreement(first_version=FIRST, changes_proposal=proposal([dropped("Astrology")]))
    after = as_proposed(record)
    assert titles(after) == [LOGIC, DATA, FUNCTIONS]
    assert after is not None
    assert [each.title for each in after.tables["components_studied"].unknown] == ["Astrology"]


def test_the_student_has_the_data_that_the_proposal_changes() -> None:
    record = agreement(
        first_version=FIRST, changes_proposal={**proposal([]), "student": {"family_name": "Παπαδοπούλου"}}
    )
    before, after = as_approved(record), as_proposed(record)
    assert before is not None
    assert after is not None
    assert (before.student.family_name, after.student.family_name) == ("Οικονόμου", "Παπαδοπούλου")
    assert after.student.given_names == before.student.given_names


def test_the_full_agreement_is_json_like_that_of_a_record() -> None:
    after = as_proposed(agreement(first_version=FIRST, changes_proposal=proposal([dropped(LOGIC), added("Music")])))
    assert after is not None
    said = after.to_json()
    assert said["components_studied"] == [component(DATA), component(FUNCTIONS), component("Music")]
    assert said["student"]["given_names"] == "Ελένη"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (component("Calculus"), component(" CALCULUS "), True),
        (component("Calculus"), component("Calculus II"), False),
        (component("Calculus", los_code="M-1"), component("Analysis", los_code="m-1"), True),
        (component("Calculus", los_code="M-1"), component("Calculus", los_code="M-2"), False),
        (component("Calculus", los_code="M-1"), component("Calculus"), True),
        (component("Calculus", los_id="CR/1"), component("Analysis", los_id="CR/1", los_code="x"), True),
        (component("Calculus", los_id="CR/1"), component("Calculus", los_id="CR/2"), False),
        (
            component("Calculus", los_id="CR/1", loi_id="CRI/1"),
            component("Analysis", los_id="CR/2", loi_id="CRI/1"),
            True,
        ),
        (component("Calculus", los_id="CR/1", loi_id="CRI/1"), component("A", los_id="CR/1", loi_id="CRI/2"), True),
    ],
)
def test_components_are_the_same_course_by_identifier_code_and_title(
    one: dict[str, object], other: dict[str, object], same: bool
) -> None:
    assert paired([read(one)], [read(other)]) == ({0: 0} if same else {})


def test_the_instance_of_a_course_counts_more_than_the_order() -> None:
    held = [read(component("Calculus", los_id="CR/1", loi_id=f"CRI/{number}")) for number in (1, 2)]
    assert paired(held, held[::-1]) == {0: 1, 1: 0}


@settings(max_examples=40, deadline=None)
@whatever(agreements)
def test_nothing_is_lost_or_made_up(given: Json) -> None:
    record = of_ours(given)
    after = as_proposed(record)
    if after is None or record.first_version is None or record.changes_proposal is None:
        return
    for name, full in after.tables.items():
        first = [each for each in record.first_version.tables().get(name, ()) if each.status != "deleted"]
        changes = list(record.changes_proposal.tables().get(name, ()))
        inserted = [each for each in changes if each.status != "deleted"]
        assert len(full.standing) == len(first) + len(inserted) - len(full.gone)
        assert len(full.gone) + len(full.unknown) == len(changes) - len(inserted)
