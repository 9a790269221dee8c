"""Records as an institution's system would hand them in."""

from __future__ import annotations

from copy import deepcopy
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


def course(los_id: str, code: str, *spans: tuple[str, str], title: str = "Calculus") -> dict[str, Any]:
    """A course that is held from a first to a last day, once for each span."""
    prefix, _, number = los_id.partition("/")
    instances = [
        {"loi_id": f"{prefix}I/{number}-{count}", "start": start, "end": end}
        for count, (start, end) in enumerate(spans)
    ]
    return {
        "los_id": los_id,
        "los_code": code,
        "title": [{"value": title, "lang": "en"}],
        **({"specifies": {"learning_opportunity_instance": instances}} if instances else {}),
    }


def institution(hei_id: str) -> dict[str, Any]:
    """An institution with more than its settings say."""
    return {
        "hei_id": hei_id,
        "name": [{"value": "The full name", "lang": "en"}],
        "abbreviation": "TFN",
        "website_url": [{"value": f"https://www.{hei_id}/"}],
    }


def factsheet(hei_id: str, *, weeks: int = 4) -> dict[str, Any]:
    """A factsheet."""
    terms = {"autumn_term": "--04-30", "spring_term": "--10-31"}
    page = {"value": f"https://www.{hei_id}/incoming", "lang": "en"}
    information = {"email": f"help@{hei_id}", "phone_number": {"e164": "+358401234567"}, "website_url": [page]}
    return {
        "hei_id": hei_id,
        "calendar": {"student_nominations": terms, "student_applications": terms},
        "decision_weeks_limit": weeks,
        "tor_weeks_limit": 5,
        **dict.fromkeys(("application_info", "housing_info", "visa_info", "insurance_info"), information),
    }


def twin(document: dict[str, Any], iia_id: str, *, names_it: bool = True) -> dict[str, Any]:
    """The other side's copy of an agreement: the same conditions, under an identifier of its own.

    ``names_it`` says whether it names the identifier of the first.
    """
    first, second = document["partner"]
    other = {"hei_id": first["hei_id"], **({"iia_id": first["iia_id"]} if names_it else {})}
    owner = {"hei_id": second["hei_id"], "iia_id": iia_id, "iia_code": f"CODE/{iia_id}"}
    return {**deepcopy(document), "partner": [owner, other]}
