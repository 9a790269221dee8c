"""Learning agreements on paper, read back from the PDF file."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from pypdf import PdfReader
from support.components import added, agreement, component, dropped, proposal, version

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.prints.fonts import STAND_IN
from ewpgw.prints.learning_agreement import NoSuchState, learning_agreement_pdf

NAMES = {"north.example": "Pohjoinen yliopisto", "south.example": "Universität Süd"}
MARK = "PROPOSAL, NOT APPROVED"
FIRST = version(
    [component("Set Theory", los_code="M-1"), component("Größe und Maß", credit=[{"scheme": "ects", "value": "4.5"}])],
    components_recognized=[
        component("Аналіз II"),
        component("Cebir", recognition_conditions="after a test & <b>talk</b>"),
    ],
    virtual_components=[component("Online lab", short_description="Experiments from home", term_id=None)],
)


def pages(
    record: LearningAgreement, state: Literal["approved", "proposed"] = "approved", names: dict[str, str] | None = None
) -> list[str]:
    """The texts of the pages, with the blanks between words as one."""
    file = learning_agreement_pdf(record, state=state, names=NAMES if names is None else names)
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(file)).pages]


def text(record: LearningAgreement, state: Literal["approved", "proposed"] = "approved") -> str:
    return " ".join(pages(record, state))


def test_the_paper_has_all_parts_of_the_first_version() -> None:
    said = text(agreement(first_version=FIRST, learning_outcomes_url="https://south.example/courses"))
    for part in (
        "Learning agreement",
        "Student mobility for studies",
        "Οικονόμου",
        "Ελένη",
        "31 May 2004",
        "urn:schac:personalUniqueCode",
        "bachelor or equivalent (EQF level 6)",
        "0613 Software and applications development and analysis",
        "Pohjoinen yliopisto (north.example)",
        "Universität Süd (south.example)",
        "José Muñoz",
        "September 2026 to 31 January 2027",
        "Before the mobility",
        "Table A. Study programme at the receiving institution",
        "M-1 Set Theory 1 of 2 6 ECTS",
        "Größe und Maß",
        "Total 10.5 ECTS",
        "https://south.example/courses",
        "Table B. Recognition at the sending institution",
        "Аналіз II 1 of 2 6 ECTS yes",
        "Table C. Virtual components",
        "Online lab Experiments from home 6 ECTS yes",
        "Virtual component yes",
        "English (en)",
        "B2",
        "Commitment",
    ):
        assert part in said
    assert "During the mobility" not in said
    assert MARK not in said


def test_three_signatures_with_names_positions_and_times_are_on_the_paper() -> None:
    said = text(agreement(first_version=FIRST))
    assert "Student Ελένη Οικονόμου eleni@north.example 1 April 2026, 10:00 (UTC+02:00)" in said
    assert "signed electronically with Campus" in said
    for part in ("Maija Meikäläinen, Coordinator", "2 April 2026, 09:30", "Zoë Şahin, Dean's office", "3 April 2026"):
        assert part in said
    assert "not signed yet" not in said


def test_a_proposed_first_version_is_no_agreement_yet_on_any_page() -> None:
    record = agreement(changes_proposal=proposal([component(f"Course {number}") for number in range(80)]))
    each = pages(record, "proposed")
    assert len(each) > 1
    assert all(MARK in page for page in each)
    assert "not signed yet" in each[-1]
    assert "Identifier of the proposal: proposal-1" in each[0]


def test_changes_stand_in_tables_of_their_own_and_then_in_the_whole() -> None:
    changes = version(
        [dropped("Set Theory", los_code="M-1"), added("Topology")],
        components_recognized=[added("Homology", reason_code=None, reason_text="one more")],
    )
    said = text(agreement(first_version=FIRST, approved_changes=changes))
    during = said.index("During the mobility: approved changes")
    whole = said.index("The programme with all changes")
    assert "M-1 Set Theory dropped Timetable conflict 1 of 2 6 ECTS" in said[during:whole]
    assert "Table A2." in said[during:whole]
    assert "Table B2." in said[during:whole]
    assert "Homology added one more" in said[during:whole]
    assert "Table C2." not in said
    assert "Topology 1 of 2 6 ECTS" in said[whole:]
    assert "Set Theory" not in said[whole:]
    assert said.count("Zoë Şahin") == 2


def test_proposed_changes_are_shown_with_what_they_would_lead_to() -> None:
    record = agreement(
        first_version=FIRST,
        approved_changes=version([added("Topology")]),
        changes_proposal={**proposal([added("Knots")]), "student": {"family_name": "Папандреу"}},
    )
    said = text(record, "proposed")
    assert "Changes to the student's data" in said
    assert "Family name Οικονόμου Папандреу" in said
    assert "Table A Topology dropped the proposal no longer adds it" in said
    whole = said.index("The programme with the proposed changes")
    assert "Knots" in said[whole:]
    assert "Topology" not in said[whole:]
    assert "not signed yet" in said
    approved = text(record)
    assert "Knots" not in approved
    assert "Папандреу" not in approved
    assert "A newer proposal waits" in approved


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("blended_mobility_components", "Blended mobility with short-term physical mobility"),
        ("short_term_doctoral_components", "Short-term doctoral mobility"),
    ],
)
def test_short_stays_have_one_table(table: str, kind: str) -> None:
    tables: dict[str, Any] = {table: [component("School", short_description="A week online")]}
    said = text(agreement(first_version=version(**tables)))
    assert kind in said
    assert "School A week online 1 of 2 6 ECTS yes" in said
    assert "Virtual component yes" in said
    assert not re.search("Table [ABC]", said)


def test_a_state_that_the_agreement_is_not_in_is_an_error_that_says_so() -> None:
    with pytest.raises(NoSuchState, match="nothing is proposed") as caught:
        learning_agreement_pdf(agreement(first_version=FIRST), state="proposed", names={})
    assert (caught.value.omobility_id, caught.value.state) == ("m-1", "proposed")
    with pytest.raises(NoSuchState, match="nothing of it is approved"):
        learning_agreement_pdf(agreement(changes_proposal=proposal([])), state="approved", names={})


def test_two_hundred_components_take_several_pages_with_heads_and_numbers() -> None:
    courses = [component(f"Course number {number:03}") for number in range(200)]
    each = pages(agreement(first_version=version(courses)))
    assert len(each) >= 5
    for number, page in enumerate(each, start=1):
        assert f"Page {number} of {len(each)}" in page
        if "Course number" in page:
            assert "Code Title Term Credits" in page
    assert all(f"Course number {number:03}" in " ".join(each) for number in range(200))


def test_texts_from_outside_are_nothing_but_texts() -> None:
    hostile = "<img src='file:///etc/hostname'/></para><b>&amp;%s{0}\\"
    record = agreement(
        first_version=version(
            [component(hostile, los_code="<"), component("<a href='http://example.org'>", term_id=None)]
        )
    )
    said = text(record)
    assert hostile in said
    assert "<a href='http://example.org'>" in said
    assert "after a test & <b>talk</b>" in text(agreement(first_version=FIRST))


def test_titles_of_any_length_are_printed_in_full() -> None:
    words = [f"word{number}" for number in range(3000)]
    said = text(agreement(first_version=version([component(" ".join(words)), component("x" * 3000), component("End")])))
    assert [word for word in words if word not in said] == []
    assert said.count("x") >= 3000


def test_a_tall_row_goes_to_the_next_page_uncut() -> None:
    described = [component(f"Lab {number}", short_description="Experiments. " * 40) for number in range(12)]
    each = pages(agreement(first_version=version([], virtual_components=described)))
    for number in range(12):
        [page] = [page for page in each if f"Lab {number} Experiments." in page]
        assert page.count("Code Title Description Term Credits") == 1


def test_no_page_is_empty_however_much_the_pages_before_it_hold() -> None:
    for number in range(38, 45):
        each = pages(agreement(first_version=version([component("A")] * number)))
        assert len(each[-1]) > 200, number


def test_characters_that_the_typeface_lacks_are_owned_up_to() -> None:
    said = text(agreement(first_version=version([component("ქ and 漢\u202e")])))
    assert f"{STAND_IN} and {STAND_IN} 1 of 2" in said
    assert "characters that the typeface of this paper lacks: U+10E5, U+6F22." in said
    assert "lacks" not in text(agreement(first_version=FIRST))


def test_accents_written_apart_are_joined() -> None:
    assert "Économie Łódź" in text(agreement(first_version=version([component("E\u0301conomie Łódz\u0301")])))


def test_the_same_record_gives_the_same_bytes() -> None:
    record = agreement(first_version=FIRST, changes_proposal=proposal([added("Knots")]))
    for state in ("approved", "proposed"):
        papers = {learning_agreement_pdf(record, state=state, names=NAMES) for _ in range(2)}
        assert len(papers) == 1


def test_papers_made_at_the_same_time_do_not_mix() -> None:
    records = [agreement(first_version=version([component(f"{letter} · Ж{letter}")] * 9)) for letter in "abcdefgh"]

    def printed(record: LearningAgreement) -> bytes:
        return learning_agreement_pdf(record, state="approved", names=NAMES)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(printed, records)) == [printed(record) for record in records]


def test_the_file_says_nothing_of_the_student_outside_its_pages() -> None:
    file = learning_agreement_pdf(agreement(first_version=FIRST), state="approved", names=NAMES)
    about = PdfReader(io.BytesIO(file)).metadata
    assert about is not None
    assert about.title == "Learning agreement"
    assert about.subject == "Student mobility for studies"
    assert about.author in ("", None)
    assert str(about["/CreationDate"]) == "D:20260403164500+01'00'"


def test_moments_beyond_the_calendar_are_printed_as_they_are() -> None:
    odd = version([component("Logic")])
    odd["student_signature"] = {"timestamp": "12026-05-31T24:00:00Z"}
    said = text(agreement(first_version=odd, end_date=None, end_year_month="12027-01"))
    assert "12026-05-31T24:00:00Z" in said.replace(" ", "")
    assert "September 2026 to 12027-01" in said


def test_an_institution_without_a_name_is_called_by_its_id() -> None:
    [first, *_] = pages(agreement(first_version=FIRST), names={})
    assert "Name north.example Faculty" in first
