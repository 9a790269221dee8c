"""Complete examples of learning agreements, for people who write or map such records for the first time.

The student is that of the nomination in ``ewpgw.model.omobility_examples``. Left out is what the gateway works out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

    Json = dict[str, JsonValue]

RARE: dict[str, JsonValue] = {
    "id": "9f2c6a3e0b7d4c1f8a5e2d9b6c3f0a7e4d1b8c5f2a9e6d3b0c7f4a1e8d5b2c9f",
    "start_date": "2026-09-01",
    "end_date": "2027-01-31",
    "virtual_components": [{"title": "Online course"}],
    "blended_mobility_components": [{"title": "Field week"}],
    "short_term_doctoral_components": [{"title": "Measurements"}],
    "receiving_hei_signature": {"signer_name": "João Silva", "timestamp": "2026-05-20T09:00:00+01:00"},
}
"""Example values of the fields that the complete example leaves out, by name."""

_AUTUMN: Json = {"term_number": 1, "total_terms": 2}


def semester(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """The first version for a term at ``partner``, as it is proposed by ``hei_id``."""
    return {**_stay(hei_id, partner), "changes_proposal": {**_first_tables(), **_proposed(hei_id, "2026-05-11")}}


def changed(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """The same during the stay: agreed on, changed once, and now to be changed again."""
    return {
        **_stay(hei_id, partner),
        "first_version": {**_first_tables(), **_signed(hei_id, partner, "2026-05-11")},
        "approved_changes": {
            "components_studied": [_deleted_logic(), _databases()],
            **_signed(hei_id, partner, "2026-09-14"),
        },
        "changes_proposal": {
            "components_studied": [_deleted_logic(), _databases(), _project()],
            "components_recognized": [_recognized_project()],
            "virtual_components": [_virtual(status="inserted", reason_code="adding-virtual-component")],
            **_proposed(hei_id, "2026-10-02"),
            "student": {
                "given_names": "Elina Maria",
                "family_name": "Mäkelä-Niemi",
                "global_id": f"urn:schac:personalUniqueCode:int:esi:{hei_id}:301246",
                "birth_date": "2004-05-13",
            },
        },
    }


def blended(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """A short stay that is combined with studies from afar."""
    components: list[JsonValue] = [
        {"los_code": "SUS-110", "title": "Sustainable cities: field week", "credit": [_ects(2)]},
        {
            "title": "Sustainable cities: preparation online",
            "credit": [_ects(1)],
            "short_description": "Four evenings of lectures and group work with students of three universities.",
        },
    ]
    return {
        **_stay(hei_id, partner, "2027-03-01", "2027-03-12"),
        "omobility_id": "2026-302",
        "changes_proposal": {"blended_mobility_components": components, **_proposed(hei_id, "2026-11-20")},
    }


def doctoral(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """A short stay of a doctoral student."""
    components: list[JsonValue] = [
        {"title": "Measurements at the observatory"},
        {
            "title": "Reading group on data reduction",
            "recognition_conditions": "A report of ten pages, accepted by the supervisor at home.",
            "short_description": "Weekly meetings online, two weeks before and two weeks after the stay.",
        },
    ]
    return {
        **_stay(hei_id, partner, "2027-04-05", "2027-04-23"),
        "omobility_id": "2026-303",
        "eqf_level_studied_at_departure": 8,
        "changes_proposal": {"short_term_doctoral_components": components, **_proposed(hei_id, "2027-01-15")},
    }


def _stay(hei_id: str, partner: str, start: str = "2026-09", end: str = "2027-01") -> Json:
    """Who goes where and when: from a month to a month, or from a day to a day."""
    kind = "year_month" if len(start) == len("2026-09") else "date"
    return {
        "omobility_id": "2026-301",
        "sending_hei": {
            "hei_id": hei_id,
            "ounit_name": "Faculty of Science",
            "ounit_id": "unit-17",
            "contact_person": {
                "given_names": "Aino",
                "family_name": "Korhonen",
                "email": f"aino.korhonen@{hei_id}",
                "phone_number": {"e164": "+358401234567", "ext": "1", "other_format": "040 123 4567, then 1"},
            },
        },
        "receiving_hei": {
            "hei_id": partner,
            "ounit_name": "Department of Computer Science",
            "ounit_id": "F-CS",
            "contact_person": {"given_names": "João", "family_name": "Silva", "email": f"joao.silva@{partner}"},
        },
        "receiving_academic_year_id": "2026/2027",
        "student": {
            "given_names": "Elina",
            "family_name": "Mäkelä",
            "global_id": f"urn:schac:personalUniqueCode:int:esi:{hei_id}:301245",
            "birth_date": "2004-05-31",
            "citizenship": "FI",
            "gender": 2,
            "email": f"elina.makela@students.{hei_id}",
        },
        f"start_{kind}": start,
        f"end_{kind}": end,
        "eqf_level_studied_at_departure": 6,
        "isced_f_code": "0613",
        "isced_clarification": "Software engineering",
        "student_language_skill": {"language": "en", "cefr_level": "B2"},
        "learning_outcomes_url": f"https://courses.{partner}/2026",
        "provisions_url": f"https://www.{hei_id}/exchange/provisions",
    }


def _first_tables() -> Json:
    return {
        "components_studied": [
            {"los_code": "CS-301", "title": "Logic for computer scientists", "term_id": _AUTUMN, "credit": [_ects(6)]},
            {
                "los_id": "CR/2b1f-322",
                "los_code": "CS-322",
                "title": "Big data processing",
                "loi_id": "CRI/2b1f-322-2026",
                "term_id": _AUTUMN,
                "credit": [_ects(7.5)],
            },
        ],
        "components_recognized": [
            {"los_code": "TKT-220", "title": "Mathematical logic", "term_id": _AUTUMN, "credit": [_ects(5)]},
            {
                "los_code": "TKT-350",
                "title": "Data engineering",
                "term_id": _AUTUMN,
                "credit": [_ects(8)],
                "recognition_conditions": "The course work is shown to the examiner at home.",
            },
        ],
    }


def _deleted_logic() -> Json:
    return {
        "status": "deleted",
        "reason_code": "timetable-conflict",
        "los_code": "CS-301",
        "title": "Logic for computer scientists",
        "term_id": _AUTUMN,
        "credit": [_ects(6)],
    }


def _databases() -> Json:
    return {
        "status": "inserted",
        "reason_code": "substituting-deleted",
        "los_code": "CS-340",
        "title": "Advanced databases",
        "term_id": _AUTUMN,
        "credit": [_ects(6)],
    }


def _project() -> Json:
    return {
        "status": "inserted",
        "reason_text": "The project was announced after the start of the term",
        "title": "Software project with a company",
        "term_id": _AUTUMN,
        "credit": [_ects(5)],
    }


def _recognized_project() -> Json:
    return {
        "status": "inserted",
        "reason_text": "Recognized for the new project",
        "los_code": "TKT-410",
        "title": "Software project",
        "term_id": _AUTUMN,
        "credit": [_ects(5)],
    }


def _virtual(**change: str) -> Json:
    return {
        **change,
        "title": "Requirements across borders",
        "credit": [_ects(1)],
        "short_description": "An online course of six meetings with students of four universities.",
    }


def _ects(value: float) -> JsonValue:
    return {"scheme": "ects", "value": value}


def _proposed(hei_id: str, day: str) -> Json:
    """The signatures under which ``hei_id`` proposes something."""
    return {
        "student_signature": {"timestamp": f"{day}T10:15:00+03:00", "signer_app": "Student portal"},
        "sending_hei_signature": {
            "signer_name": "Aino Korhonen",
            "signer_position": "Mobility coordinator",
            "signer_email": f"aino.korhonen@{hei_id}",
            "timestamp": f"{day}T14:03:20+03:00",
            "signer_app": "SIS",
        },
    }


def _signed(hei_id: str, partner: str, day: str) -> Json:
    """All three signatures."""
    return {**_proposed(hei_id, day), "receiving_hei_signature": signature(partner, f"{day}T16:40:00+01:00")}


def signature(partner: str, timestamp: str) -> dict[str, JsonValue]:
    """The signature of the receiving institution."""
    return {
        "signer_name": "João Silva",
        "signer_position": "Departmental coordinator",
        "signer_email": f"joao.silva@{partner}",
        "timestamp": timestamp,
        "signer_app": "Mobility office",
    }
