"""Records as an institution's system would hand them in."""

from __future__ import annotations

from typing import Any


def iia(
    iia_id: str,
    *,
    owner: str = "north.example",
    partner: str = "south.example",
    people: int = 3,
    first: str = "2026/2027",
    last: str = "2028/2029",
    partner_iia_id: str | None = None,
) -> dict[str, Any]:
    """An agreement of ``owner`` with ``partner``: students both ways, a teacher one way."""

    def students(sending: str, receiving: str) -> dict[str, Any]:
        return {
            "sending_hei_id": sending,
            "receiving_hei_id": receiving,
            "receiving_first_academic_year_id": first,
            "receiving_last_academic_year_id": last,
            "mobilities_per_year": {"value": str(people)},
            "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
            "subject_area": [{"isced_f_code": {"value": "0613"}}],
            "total_months_per_year": str(people * 10),
            "blended": False,
            "eqf_level": ["6"],
        }

    second: dict[str, Any] = {"hei_id": partner}
    if partner_iia_id is not None:
        second["iia_id"] = partner_iia_id
    return {
        "partner": [{"hei_id": owner, "iia_id": iia_id, "iia_code": f"CODE/{iia_id}"}, second],
        "in_effect": False,
        "cooperation_conditions": {
            "student_studies_mobility_spec": [students(owner, partner), students(partner, owner)],
            "staff_teacher_mobility_spec": [
                {
                    "sending_hei_id": owner,
                    "receiving_hei_id": partner,
                    "receiving_first_academic_year_id": first,
                    "receiving_last_academic_year_id": last,
                    "mobilities_per_year": {"value": "1"},
                    "recommended_language_skill": [{"language": "en", "cefr_level": "C1"}],
                    "total_days_per_year": "5",
                }
            ],
        },
    }


def ounit(ounit_id: str, code: str) -> dict[str, Any]:
    """An organizational unit."""
    return {"ounit_id": ounit_id, "ounit_code": code, "name": [{"value": f"Unit {code}", "lang": "en"}]}


def institution(hei_id: str) -> dict[str, Any]:
    """An institution with more than its settings say."""
    return {
        "hei_id": hei_id,
        "name": [{"value": "The full name", "lang": "en"}],
        "abbreviation": "TFN",
        "website_url": [{"value": f"https://www.{hei_id}/"}],
    }
