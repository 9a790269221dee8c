"""Transcripts for the tests of the model: bent examples, and strategies."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from ewpgw.model.transcript import ENVELOPE, Transcript
from ewpgw.model.transcript_examples import transcript
from ewpgw.model.transcript_rules import problems
from ewpgw.model.transcript_tor import NAMESPACES

from .strategies import OTHER, OWNER, dates, identifiers, languages, records, several, telling

Json = dict[str, Any]


def given(**changes: Any) -> Json:
    """The example as JSON. A change is named by its path: ``course__0__ects=5``; None takes the field away."""
    data: Json = deepcopy(transcript(OWNER, OTHER))
    for path, value in changes.items():
        *above, name = path.split("__")
        place: Any = data
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


def read(data: Json) -> Transcript:
    """A transcript of ours, from JSON."""
    return Transcript.model_validate(data, extra="forbid")


def example(**changes: Any) -> Transcript:
    """The bent example as a record."""
    return read(given(**changes))


def handed_in(elmo: str, **changes: Any) -> Transcript:
    """A record with a whole ELMO."""
    around = {
        "omobility_id": "S-2026-88",
        "sending_hei_id": OTHER,
        "receiving_academic_year_id": "2026/2027",
        "ready_for_recognition": True,
    }
    return read({**around, "elmo": elmo, **changes})


def said(record: Transcript, **limits: int) -> set[tuple[str, str]]:
    """Severity and path of each problem of a transcript of OWNER."""
    return {(problem.severity, problem.path) for problem in problems(OWNER, record, **limits)}


def response(fragment: bytes, version: int) -> bytes:
    """A get-response with one transcript."""
    name = ENVELOPE.encode()
    return b'<%s xmlns="%s">%s</%s>' % (name, NAMESPACES[version].encode(), fragment, name)


tokens = telling.map(lambda text: " ".join(text.split())).filter(bool)
titles = st.lists(records({"value": tokens}, {"lang": languages}), min_size=1, max_size=2)
_numbers = st.sampled_from(["0", "5", "2.5", "7.50", "100"])
_results = records(
    {
        "category": st.lists(
            records({"label": tokens, "count": st.integers(0, 300).map(str)}, {}), min_size=1, max_size=3
        )
    },
    {"description": titles},
)
_typed = several(records({"value": tokens, "type": st.sampled_from(["erasmus", "pic", "a b"])}, {}))
_fields: dict[str, st.SearchStrategy[Any]] = {
    "code": tokens,
    "identifier": _typed,
    "type": st.sampled_from(["Degree Programme", "Module", "Course", "Class"]),
    "isced_code": st.sampled_from(["0613", "061"]),
    "url": st.just("https://a.example/?b=1&c=2"),
    "description": titles,
    "start_date": dates,
    "end_date": dates,
    "term": records({"title": titles, "start_date": dates, "end_date": dates}, {}),
    "status": st.sampled_from(["passed", "failed", "in-progress"]),
    "grading_scheme": tokens,
    "grade": tokens,
    "result_distribution": _results,
    "ects": _numbers,
    "credit": several(records({"scheme": st.just("points")}, {"value": _numbers})),
    "level": several(records({"type": st.sampled_from(["EQF", "NQF"])}, {"value": tokens})),
    "language_of_instruction": languages,
    "hours": _numbers,
}
_codes = identifiers.map(lambda text: text[:40])
_needed = {"los_id": _codes.map("CR/{}".format), "loi_id": _codes.map("CRI/{}".format), "title": titles}
courses = records(_needed, {**_fields, "part": several(records(_needed, _fields))})
_students = records(
    {"given_names": tokens, "family_name": tokens, "birth_date": dates},
    {
        "alternative_name": records({"value": tokens}, {"lang": languages}),
        "global_id": st.just("urn:schac:personalUniqueCode:int:esi:fi:1"),
        "identifier": _typed,
        "citizenship": st.sampled_from(["FI", "GR", "XK"]),
        "place_of_birth": tokens,
        "country_of_birth": st.sampled_from(["FI", "XK"]),
        "birth_name": tokens,
        "gender": st.sampled_from(["0", "1", "2", "9"]),
    },
)
_attachments = records(
    {"content": st.sampled_from(["JVBERi0x", "AAAA"]), "media_type": st.sampled_from(["application/pdf", "a/b"])},
    {"title": titles, "type": st.just("Other"), "description": titles, "language": languages},
)
transcripts = records(
    {
        "omobility_id": identifiers,
        "receiving_academic_year_id": st.just("2026/2027"),
        "issue_date": st.just("2027-02-15T12:00:00+02:00"),
        "student": _students,
        "issuer": records({"hei_id": st.just(OWNER), "title": titles, "url": tokens}, {"identifier": _typed}),
    },
    {
        "course": several(courses),
        "grading_scheme": several(records({"id": tokens}, {"description": titles})),
        "grade_conversion_table": st.lists(
            records(
                {
                    "isced_code": tokens,
                    "grade_frequency": st.lists(
                        records({"label": tokens, "percentage": _numbers}, {}), min_size=1, max_size=3
                    ),
                },
                {},
            ),
            max_size=2,
        ),
        "attachment": several(_attachments),
    },
)
