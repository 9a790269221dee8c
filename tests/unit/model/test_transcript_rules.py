"""What a transcript of ours is refused or warned for."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from ewpgw.model import elmo_writing
from ewpgw.model.base import StringWithOptionalLang
from ewpgw.model.grade_tables import GradeCount, GradeDistribution
from ewpgw.model.transcript_completion import fields_of, with_distributions, with_files, with_issuer, with_tables
from ewpgw.model.transcript_parts import LARGEST_ATTACHMENT, TranscriptIssuer

from .strategies import OTHER, OWNER
from .transcripts import example, handed_in, said

COURSE = "course__0__"
FIELD = GradeDistribution(
    "061", (GradeCount("5", 10), GradeCount("4", 20), GradeCount("3", 10), GradeCount("0", 10, passing=False))
)


def test_the_example_has_nothing_wrong() -> None:
    assert said(example()) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sending_hei_id": None}, ("refusal", "sending_hei_id")),
        ({"sending_hei_id": OWNER}, ("refusal", "sending_hei_id")),
        ({"sending_hei_id": "a b"}, ("refusal", "sending_hei_id")),
        ({"sending_hei_id": "a:b"}, ("refusal", "sending_hei_id")),
        ({"sending_hei_id": 52 * "a.bc." + "example"}, ("refusal", "sending_hei_id")),
        ({"receiving_academic_year_id": None}, ("refusal", "receiving_academic_year_id")),
        ({"receiving_academic_year_id": "2026/2029"}, ("refusal", "receiving_academic_year_id")),
        ({"end_date": "2026-08-01"}, ("refusal", "end_date")),
        ({"issue_date": None}, ("refusal", "issue_date")),
        ({"student__global_id": None}, ("refusal", "student.global_id")),
        ({"student__global_id": "urn:schac:personalUniqueCode:int:esi:x"}, ("refusal", "student.global_id")),
        ({"student__global_id": "12345"}, ("warning", "student.global_id")),
        ({"student__birth_date": None}, ("refusal", "student.birth_date")),
        ({"student__family_name": " "}, ("warning", "student.family_name")),
        ({"issuer__hei_id": OTHER}, ("refusal", "issuer.hei_id")),
        ({"issuer__hei_id": None}, ("refusal", "issuer.hei_id")),
        ({f"{COURSE}los_id": "CS-201"}, ("refusal", "course.0.los_id")),
        ({f"{COURSE}loi_id": "CR/CS-201"}, ("refusal", "course.0.loi_id")),
        ({f"{COURSE}los_id": None}, ("warning", "course.0.los_id")),
        ({f"{COURSE}loi_id": None}, ("warning", "course.0.loi_id")),
        ({f"{COURSE}los_id": None, f"{COURSE}code": None}, ("refusal", "course.0.los_id")),
        ({f"{COURSE}los_id": None, f"{COURSE}code": "C" * 41}, ("refusal", "course.0.los_id")),
        ({f"{COURSE}loi_id": "CRI/MA-110-2026A"}, ("warning", "course.1.loi_id")),
        ({f"{COURSE}term": None}, ("refusal", "course.0.term")),
        ({f"{COURSE}grade": None}, ("refusal", "course.0.grade")),
        ({f"{COURSE}result_distribution": None}, ("refusal", "course.0.result_distribution")),
        ({"course__1__ects": None}, ("refusal", "course.1.ects")),
        ({f"{COURSE}ects": -1}, ("refusal", "course.0.ects")),
        ({f"{COURSE}part__0__ects": 5}, ("refusal", "course.0.part.0.ects")),
        ({f"{COURSE}status": "in-progress"}, ("warning", "course.0.status")),
        ({f"{COURSE}status": None}, ("warning", "course.0.status")),
        ({f"{COURSE}isced_code": None}, ("warning", "course.0.isced_code")),
        ({f"{COURSE}isced_code": "9876"}, ("warning", "course.0.isced_code")),
        ({f"{COURSE}grading_scheme": "A-F"}, ("warning", "course.0.grading_scheme")),
        ({f"{COURSE}end_date": "2026-08-01"}, ("refusal", "course.0.end_date")),
        ({"course": None}, ("warning", "course")),
        ({"grade_conversion_table": None}, ("warning", "grade_conversion_table")),
        (
            {"grade_conversion_table__0__grade_frequency": [{"label": "4", "percentage": 50}]},
            ("warning", "grade_conversion_table.0"),
        ),
        (
            {"grade_conversion_table__0__grade_frequency": [{"label": "4", "percentage": 101}]},
            ("refusal", "grade_conversion_table.0"),
        ),
        ({"grade_conversion_table__1__isced_code": "0613"}, ("refusal", "grade_conversion_table.1.isced_code")),
        ({"attachment__0__content": None}, ("refusal", "attachment.0.content")),
        ({"attachment__0__content": "§"}, ("refusal", "attachment.0.content")),
        ({"attachment__0__content": b64encode(b"<html>").decode()}, ("warning", "attachment.0.content")),
        ({"attachment__0__file": "f-1"}, ("refusal", "attachment.0.file")),
        ({"attachment__0__media_type": "text/html"}, ("warning", "attachment.0.media_type")),
        ({"attachment__0__media_type": 'a/b,"'}, ("refusal", "attachment.0.media_type")),
    ],
)
def test_each_fault_is_named_with_its_place(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in said(example(**changes))


def test_the_credits_of_a_module_s_courses_are_enough() -> None:
    inner = example().course[1].model_dump(mode="json", exclude_defaults=True)
    module = {"los_id": "MOD/1", "title": ["Module"], "type": "Module", "part": [inner]}
    found = said(example(course=[module]))
    assert not {path for severity, path in found if severity == "refusal"}


def test_an_attachment_has_a_bound() -> None:
    large = b64encode(b"%PDF-" + bytes(LARGEST_ATTACHMENT)).decode()
    record = example(attachment__0__content=large)
    assert ("refusal", "attachment.0.content") in said(record)
    assert ("refusal", "attachment.0.content") not in said(record, largest_attachment=LARGEST_ATTACHMENT + 5)


def test_a_whole_elmo_is_held_against_the_same_rules() -> None:
    tables = example().grade_conversion_table
    for version in (1, 2):
        text = elmo_writing.written(example(), version).text
        assert said(handed_in(text, grade_conversion_table=tables)) == set()
        assert ("refusal", "elmo.course.0.grade") in said(handed_in(text.replace("<resultLabel>4</resultLabel>", "")))
        assert ("refusal", "elmo.report.issuer") in said(handed_in(text.replace(f">{OWNER}<", ">west.example<")))
        assert ("refusal", "elmo") in said(handed_in(text), largest_elmo=100)
    assert ("refusal", "elmo") in said(handed_in("<elmo"))


def test_courses_beside_a_whole_elmo_are_refused() -> None:
    text = elmo_writing.written(example(), 2).text
    assert ("refusal", "course") in said(handed_in(text, course=example().course))


def test_tables_come_from_the_counts_of_the_institution_for_the_fields_of_the_transcript_alone() -> None:
    bare = example(grade_conversion_table=None)
    made = with_tables(bare, [FIELD]).grade_conversion_table
    assert [table.isced_code for table in made] == ["0613"]
    assert [(row.label, row.percentage) for row in made[0].grade_frequency] == [
        ("0", "20.0"),
        ("3", "20.0"),
        ("4", "40.0"),
        ("5", "20.0"),
    ]
    assert with_tables(example(), [FIELD]) == example()
    assert fields_of(handed_in(elmo_writing.written(bare, 2).text)) == {"0613", "0542"}


def test_a_missing_distribution_is_that_of_the_field_and_says_so() -> None:
    course = with_distributions(example(course__0__result_distribution=None), [FIELD]).course[0]
    assert course.result_distribution is not None
    assert next((one.label, one.count) for one in course.result_distribution.category) == ("0", "10")
    assert "not of this course alone" in course.result_distribution.description[0].value
    assert with_distributions(example(), [FIELD]) == example()


def test_uploaded_files_become_the_content_of_attachments() -> None:
    record = example(attachment__0__content=None, attachment__0__media_type=None, attachment__0__file="f-1")
    whole = with_files(record, {"f-1": ("application/pdf", b"%PDF-1.4 x")})
    assert whole.files() == {}
    assert said(whole) == set()
    assert with_files(record, {}) == record


def test_the_issuer_is_the_institution_unless_the_record_has_one() -> None:
    ours = TranscriptIssuer(
        hei_id=OWNER, title=[StringWithOptionalLang(value="North", lang="en")], url="https://a.example/"
    )
    assert with_issuer(example(issuer=None), ours).issuer == ours
    assert with_issuer(example(), ours) == example()
