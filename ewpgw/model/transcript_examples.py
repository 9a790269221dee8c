"""A complete example of a transcript, for people who write or map one for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

SMALLEST_PDF = "JVBERi0xLjQKMSAwIG9iajw8L1BhZ2VzIDIgMCBSPj5lbmRvYmoKMiAwIG9iajw8L0tpZHNbXS9Db3VudCAwPj5lbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+Pgo="  # noqa: E501
"""A document without a page, in base64."""


RARE: dict[str, JsonValue] = {"elmo": "<elmo xmlns=…>…</elmo>"}
"""Example values of the fields that the complete example leaves out, by name."""


def transcript(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """The results of a student whom ``partner`` sent to ``hei_id``, fit to be served."""
    return {
        "omobility_id": "S-2026-88",
        "sending_hei_id": partner,
        "receiving_academic_year_id": "2026/2027",
        "ready_for_recognition": True,
        "version": 1,
        "start_date": "2026-09-01",
        "end_date": "2027-01-31",
        "issue_date": "2027-02-15T12:00:00+02:00",
        "student": {
            "given_names": "João Miguel",
            "family_name": "Silva",
            "alternative_name": {"value": "João Miguel Silva", "lang": "pt"},
            "global_id": f"urn:schac:personalUniqueCode:int:esi:{partner}:88123",
            "identifier": [{"value": "I-4711", "type": "localStudentNumber"}],
            "birth_date": "2004-03-17",
            "citizenship": "PT",
            "place_of_birth": "Porto",
            "country_of_birth": "PT",
            "birth_name": "João Miguel Costa",
            "gender": 1,
        },
        "issuer": {
            "hei_id": hei_id,
            "identifier": [{"value": "SF POHJOLA01", "type": "erasmus"}],
            "title": [
                {"value": "University of the North", "lang": "en"},
                {"value": "Pohjoisen yliopisto", "lang": "fi"},
            ],
            "url": f"https://www.{hei_id}/",
            "country": "FI",
        },
        "course": [_software(hei_id), _failed()],
        "grading_scheme": [
            {"id": "0-5", "description": [{"value": "Whole numbers; 5 is the best, 0 is a fail.", "lang": "en"}]}
        ],
        "grade_conversion_table": [
            _table("0613", ("8.0", "10.0", "17.0", "30.0", "22.0", "13.0")),
            _table("0542", ("14.5", "15.5", "22.0", "26.0", "14.0", "8.0")),
        ],
        "attachment": [
            {
                "title": [{"value": "Transcript of Records", "lang": "en"}],
                "type": "Transcript of Records",
                "description": [{"value": "Signed by the registrar.", "lang": "en"}],
                "media_type": "application/pdf",
                "language": "en",
                "content": SMALLEST_PDF,
            }
        ],
    }


def _software(hei_id: str) -> dict[str, JsonValue]:
    return {
        "los_id": "CR/CS-201",
        "code": "CS-201",
        "loi_id": "CRI/CS-201-2026A",
        "identifier": [{"value": "201", "type": "catalogue"}],
        "title": [{"value": "Software Engineering", "lang": "en"}, {"value": "Ohjelmistotuotanto", "lang": "fi"}],
        "type": "Course",
        "subject_area": "11.3",
        "isced_code": "0613",
        "url": f"https://www.{hei_id}/courses/CS-201",
        "description": [{"value": "How software is made by many people.", "lang": "en"}],
        "start_date": "2026-09-01",
        "end_date": "2026-12-18",
        "term": _autumn(),
        "status": "passed",
        "grading_scheme": "0-5",
        "grade": "4",
        "shortened_grading": {"percentage_lower": "65.0", "percentage_equal": "22.0", "percentage_higher": "13.0"},
        "result_distribution": _results(),
        "ects": 5,
        "credit": [{"scheme": "workload-points", "value": 9}],
        "level": [
            {"type": "EQF", "value": "6", "description": {"value": "European Qualifications Framework", "lang": "en"}}
        ],
        "language_of_instruction": "en",
        "hours": 48,
        "part": [
            {
                "los_id": "CLS/CS-201-L",
                "loi_id": "CLSI/CS-201-L-2026A",
                "title": [{"value": "Laboratory", "lang": "en"}],
                "type": "Class",
                "status": "passed",
                "hours": 24,
            }
        ],
    }


def _table(isced_code: str, percentages: tuple[str, ...]) -> dict[str, JsonValue]:
    return {
        "isced_code": isced_code,
        "grade_frequency": [
            {"label": str(grade), "percentage": percentage} for grade, percentage in enumerate(percentages)
        ],
    }


def _failed() -> dict[str, JsonValue]:
    return {
        "los_id": "CR/MA-110",
        "code": "MA-110",
        "loi_id": "CRI/MA-110-2026A",
        "title": [{"value": "Statistics", "lang": "en"}],
        "type": "Course",
        "isced_code": "0542",
        "term": _autumn(),
        "status": "failed",
        "grading_scheme": "0-5",
        "grade": "0",
        "result_distribution": _results(),
        "ects": 0,
        "level": [{"type": "EQF", "value": "6"}],
        "language_of_instruction": "en",
    }


def _autumn() -> dict[str, JsonValue]:
    return {
        "title": [{"value": "Autumn 2026", "lang": "en"}],
        "start_date": "2026-09-01",
        "end_date": "2026-12-31",
    }


def _results() -> dict[str, JsonValue]:
    counts = {"0": 3, "1": 4, "2": 9, "3": 14, "4": 10, "5": 6}
    return {
        "category": [{"label": label, "count": count} for label, count in counts.items()],
        "description": [{"value": "All students of the course in this term.", "lang": "en"}],
    }
