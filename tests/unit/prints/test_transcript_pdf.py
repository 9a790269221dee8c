"""Transcripts of records on paper, read back from the PDF file, and as the attachment that the gateway makes."""

from __future__ import annotations

import io
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader

from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.knowledge import NOTHING, Knowledge
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_examples import SMALLEST_PDF, transcript
from ewpgw.model.transcript_received import received
from ewpgw.preparing import Incoming, Prepared, prepare
from ewpgw.prints.fonts import STAND_IN
from ewpgw.prints.transcript import MOST_COURSES, TooManyCourses, transcript_pdf
from ewpgw.prints.transcript_attachment import lacks_pdf

NORTH, SOUTH = "north.example", "south.example"
TORS = ENTITIES["imobility-tors"]
MAKES = Knowledge(makes_pdf=True)


def document(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(transcript(NORTH, SOUTH)), "attachment": [], **changes}


def text(file: bytes) -> str:
    """The texts of all pages, with the blanks between words as one."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(file)).pages]
    return " ".join(" ".join(pages).split())


def printed(**changes: Any) -> str:
    return text(transcript_pdf(Transcript.model_validate(document(**changes))))


def prepared(known: Knowledge = MAKES, **changes: Any) -> Prepared:
    return prepare(TORS, NORTH, Incoming(None, document(**changes)), schemas(), "test", known)


def served(one: Prepared, version: int = 3) -> Transcript:
    """What partners get of a prepared record."""
    assert one.new is not None, one.problems
    return received(etree.fromstring(one.new.encodings[version])).record


def test_the_paper_has_what_the_record_says() -> None:
    said = printed()
    for part in (
        "Transcript of records",
        "João Miguel",
        "Silva",
        "17 March 2004",
        "Porto, PT",
        "I-4711",
        "University of the North / Pohjoisen yliopisto",
        "SF POHJOLA01",
        "south.example",
        "S-2026-88",
        "2026/2027",
        "1 September 2026 to 31 January 2027",
        "15 February 2027, 12:00 (UTC+02:00)",
        "CS-201 Software Engineering / Ohjelmistotuotanto Autumn 2026 passed 48 5 4",
        "\N{EN DASH} Laboratory passed 24",
        "MA-110 Statistics Autumn 2026 failed 0 0",
        "ECTS credits of all courses that are passed 5",
        "0613 Software and applications development and analysis",
        "English (en)",
        "9 workload-points; 65.0 % of the students have a lower grade",
        "Whole numbers; 5 is the best, 0 is a fail.",
        "0: 3, 1: 4, 2: 9, 3: 14, 4: 10, 5: 6",
        "All students of the course in this term.",
        "0: 14.5 %, 1: 15.5 %, 2: 22.0 %, 3: 26.0 %, 4: 14.0 %, 5: 8.0 %",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("courses", "total"),
    [
        ([("5", "passed"), ("2.5", "passed"), ("10", "failed"), ("4", "in-progress")], "7.5"),
        ([("5", None), (None, "passed")], "5"),
        ([], "0"),
    ],
)
def test_credits_are_summed_of_what_is_passed(courses: list[tuple[str | None, str | None]], total: str) -> None:
    given = [{"title": ["A"], "ects": ects, "status": status} for ects, status in courses]
    assert f"of all courses that are passed {total} " in printed(course=given)


def test_the_credits_of_parts_count_where_the_whole_has_none() -> None:
    parts = [{"title": ["B"], "ects": 3, "status": "passed"}, {"title": ["C"], "ects": 4, "status": "failed"}]
    assert "that are passed 3 " in printed(course=[{"title": ["A"], "part": parts}])
    assert "that are passed 6 " in printed(course=[{"title": ["A"], "ects": 6, "part": parts}])


def test_the_same_record_gives_the_same_bytes_in_any_thread() -> None:
    record = Transcript.model_validate(document())
    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(transcript_pdf, [record] * 3))) == 1


def test_texts_are_no_markup_and_characters_that_the_typeface_lacks_are_named() -> None:
    said = printed(course=[{"title": ['<b>A</b> & <img src="/etc/passwd"/> 中'], "code": "<para>"}])
    assert f'<b>A</b> & <img src="/etc/passwd"/> {STAND_IN}' in said
    assert "U+4E2D" in said


def test_a_text_without_end_and_lists_without_end_make_a_paper_of_some_pages() -> None:
    course = document()["course"][0]
    course["title"] = ["long " * 200_000]
    course["result_distribution"]["category"] = [{"label": str(n), "count": n} for n in range(20_000)]
    file = transcript_pdf(Transcript.model_validate(document(course=[course])))
    assert len(PdfReader(io.BytesIO(file)).pages) <= 4


_texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=30).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(title=_texts, grade=_texts, name=_texts)
def test_a_paper_is_made_whatever_the_texts(title: str, grade: str, name: str) -> None:
    given = document(course=[{"title": [title], "grade": grade, "code": name}], grading_scheme=[{"id": grade}])
    given["student"]["family_name"] = name
    assert transcript_pdf(Transcript.model_validate(given)).startswith(b"%PDF-")


@pytest.mark.parametrize("version", [3, 2])
def test_a_transcript_that_comes_without_a_pdf_is_served_with_one_and_kept_without(version: int) -> None:
    one = prepared()
    assert one.new is not None
    (attached,) = served(one, version).attachment
    assert (attached.type, attached.media_type) == ("Transcript of Records", "application/pdf")
    assert "CS-201 Software Engineering" in text(b64decode(attached.content or ""))
    assert Transcript.model_validate_json(one.new.document).attachment == []
    again = prepared().new
    assert again is not None
    assert again.encodings == one.new.encodings, "the same record is the same document"


@pytest.mark.parametrize(
    ("attachment", "lacks"),
    [
        ([], True),
        ([{"type": "Learning Agreement", "content": SMALLEST_PDF}], True),
        ([{"type": "Transcript of Records", "content": SMALLEST_PDF}], False),
        ([{"content": SMALLEST_PDF}], False),
    ],
)
def test_none_is_made_beside_one_that_was_given(attachment: list[dict[str, str]], lacks: bool) -> None:
    assert lacks_pdf(Transcript.model_validate(document(attachment=attachment))) is lacks
    assert len(served(prepared(attachment=attachment)).attachment) == len(attachment) + lacks


def test_none_is_made_for_a_whole_elmo_nor_where_the_settings_say_so() -> None:
    assert not lacks_pdf(Transcript(omobility_id="s1", elmo="<elmo/>"))
    assert served(prepared(NOTHING)).attachment == []


def test_what_is_too_long_for_a_paper_is_served_without_and_warned_of() -> None:
    course = document()["course"][1]
    many = [{**course, "los_id": f"CR/{n}", "loi_id": f"CRI/{n}"} for n in range(MOST_COURSES + 1)]
    with pytest.raises(TooManyCourses) as told:
        transcript_pdf(Transcript.model_validate(document(course=many)))
    assert told.value.number == MOST_COURSES + 1
    for one in (prepared(course=many), prepared(Knowledge(makes_pdf=True, largest_attachment=1000))):
        assert served(one).attachment == []
        assert ("attachment", "warning") in {(problem.path, problem.severity) for problem in one.problems}
