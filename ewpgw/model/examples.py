"""A complete example of each record, for people who write or map records for the first time.

Left out of the examples are fields that only agreements from before version 7, or terminated ones, have; what the
gateway works out itself; and files, which have to be uploaded before a record may name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model import learning_agreement_examples, omobility_examples, transcript_examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

JsonObject = dict[str, "JsonValue"]

HEI, PARTNER = "north.example", "south.example"
"""Whose records the examples are unless told otherwise, and with whom the agreement is."""

RARE: dict[str, JsonValue] = {
    "pdf_file": "agreement-2026-17",
    "terminated_as_a_whole": True,
    "not_yet_defined": True,
    "v6_value": "061",
    "iia_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    **omobility_examples.RARE,
    **learning_agreement_examples.RARE,
    **transcript_examples.RARE,
}
"""Example values of the fields that the complete examples leave out, by name."""


def example(entity: str, hei_id: str = HEI, partner: str = PARTNER) -> JsonObject:
    """A record of this entity with every field filled in, fit to be served. Raises KeyError for an unknown entity.

    - ``hei_id``: the institution whose record it is; ``partner``: the other institution of an agreement
    """
    return _EXAMPLES[entity](hei_id, partner)


def _address(*lines: str, recipient: str) -> JsonObject:
    return {
        "recipient_name": [recipient],
        "address_line": [*lines],
        "postal_code": "90100",
        "locality": "Pohjola",
        "region": "Northern Region",
        "country": "FI",
    }


def _street() -> JsonObject:
    return {
        "building_number": "12",
        "building_name": "Main Building",
        "street_name": "University Street",
        "unit": "Room 214",
        "floor": "2",
        "post_office_box": "77",
        "delivery_point_code": ["DOCK-1"],
        "postal_code": "90100",
        "locality": "Pohjola",
        "country": "FI",
    }


def _office(hei_id: str, name: str, mailbox: str) -> JsonObject:
    return {
        "contact_name": [{"value": name, "lang": "en"}],
        "phone_number": [{"e164": "+358201234567", "ext": "12"}],
        "email": [f"{mailbox}@{hei_id}"],
    }


def _person(hei_id: str) -> JsonObject:
    return {
        "contact_name": [{"value": "Aino Virtanen, head of international relations", "lang": "en"}],
        "person_given_names": ["Aino Maria"],
        "person_family_name": ["Virtanen"],
        "person_gender": 2,
        "phone_number": [{"e164": "+358201234567", "ext": "15", "other_format": "(020) 123 4567, then 15"}],
        "fax_number": [{"e164": "+358201234568"}],
        "email": [f"aino.virtanen@{hei_id}"],
        "street_address": _street(),
        "mailing_address": _address("International Office", "PO Box 77", recipient="Aino Virtanen"),
        "role_description": [{"value": "Signs agreements for the university.", "lang": "en"}],
    }


def _institution(hei_id: str, _partner: str) -> JsonObject:
    return {
        "hei_id": hei_id,
        "other_id": [{"value": "SF POHJOLA01", "type": "erasmus"}, {"value": "999999999", "type": "pic"}],
        "name": [{"value": "University of the North", "lang": "en"}, {"value": "Pohjolan yliopisto", "lang": "fi"}],
        "abbreviation": "UNorth",
        "street_address": _street(),
        "mailing_address": _address("PO Box 77", recipient="University of the North"),
        "website_url": [{"value": f"https://www.{hei_id}/en", "lang": "en"}],
        "logo_url": f"https://www.{hei_id}/logo.svg",
        "mobility_factsheet_url": [{"value": f"https://www.{hei_id}/en/factsheet.pdf", "lang": "en"}],
        "course_catalogue_url": [{"value": f"https://courses.{hei_id}/en", "lang": "en"}],
        "contact": [_office(hei_id, "International Office", "international"), _person(hei_id)],
        "root_ounit_id": "unit-0",
        "ounit_id": ["unit-0", "unit-17"],
    }


def _unit(hei_id: str, _partner: str) -> JsonObject:
    return {
        "ounit_id": "unit-17",
        "ounit_code": "CS",
        "name": [
            {"value": "Department of Computer Science", "lang": "en"},
            {"value": "Tietojenkäsittelytieteen laitos", "lang": "fi"},
        ],
        "abbreviation": "DCS",
        "parent_ounit_id": "unit-0",
        "street_address": _street(),
        "mailing_address": _address("PO Box 78", recipient="Department of Computer Science"),
        "website_url": [{"value": f"https://cs.{hei_id}/en", "lang": "en"}],
        "logo_url": f"https://cs.{hei_id}/logo.svg",
        "mobility_factsheet_url": [{"value": f"https://cs.{hei_id}/en/incoming.pdf", "lang": "en"}],
        "contact": [_office(hei_id, "Student services of Computer Science", "students.cs"), _person(hei_id)],
    }


def _condition(sending: str, receiving: str, people: int) -> JsonObject:
    return {
        "sending_hei_id": sending,
        "receiving_hei_id": receiving,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": people,
        "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
        "subject_area": [{"isced_f_code": "0613", "isced_clarification": "Software engineering"}],
    }


def _agreement(hei_id: str, partner: str) -> JsonObject:
    sent: JsonObject = {
        **_condition(hei_id, partner, 5),
        "sending_ounit_id": "unit-17",
        "sending_contact": [_office(hei_id, "Exchange coordinator", "exchange.cs")],
        "receiving_ounit_id": "F-CS",
        "receiving_contact": [_office(partner, "Incoming students", "incoming")],
        "recommended_language_skill": [
            {
                "language": "en",
                "cefr_level": "B2",
                "subject_area": {"isced_f_code": "0613", "isced_clarification": "Software engineering"},
            }
        ],
        "other_info_terms": "Applications by 15 April.",
    }
    students: JsonObject = {"total_months_per_year": 50, "blended": False, "eqf_level": [6, 7]}
    staff: JsonObject = {"total_days_per_year": 10}
    return {
        "partner": [
            {
                "hei_id": hei_id,
                "ounit_id": "unit-17",
                "iia_id": "2026-17",
                "iia_code": "N/2026/17",
                "signing_contact": _person(hei_id),
                "signing_date": "2026-02-27",
                "contact": [_office(hei_id, "International Office", "international")],
            },
            {"hei_id": partner, "iia_id": "S-0042", "iia_code": "S/42"},
        ],
        "in_effect": True,
        "cooperation_conditions": {
            "student_studies_mobility_spec": [
                {**sent, **students},
                {**_condition(partner, hei_id, 4), "total_months_per_year": 40, "blended": True},
            ],
            "student_traineeship_mobility_spec": [{**sent, **students, "total_months_per_year": 12.5}],
            "staff_teacher_mobility_spec": [{**sent, **staff}],
            "staff_training_mobility_spec": [{**sent, **staff, "mobilities_per_year": 2}],
        },
    }


def _help(hei_id: str, mailbox: str, page: str) -> JsonObject:
    return {
        "email": f"{mailbox}@{hei_id}",
        "phone_number": {"e164": "+358201234567", "ext": "20", "other_format": "(020) 123 4567, then 20"},
        "website_url": [{"value": f"https://www.{hei_id}/en/{page}", "lang": "en"}],
    }


def _factsheet(hei_id: str, _partner: str) -> JsonObject:
    return {
        "hei_id": hei_id,
        "calendar": {
            "student_nominations": {"autumn_term": "--04-15", "spring_term": "--10-15"},
            "student_applications": {"autumn_term": "--04-30", "spring_term": "--10-31"},
        },
        "application_info": _help(hei_id, "incoming", "apply"),
        "additional_requirement": [
            {
                "name": "Motivation letter",
                "details": "One page in English.",
                "information_website": [{"value": f"https://www.{hei_id}/en/letter", "lang": "en"}],
            }
        ],
        "decision_weeks_limit": 4,
        "tor_weeks_limit": 5,
        "accessibility": [
            {
                "type": "service",
                "name": "Sign language interpreters",
                "description": "At lectures and examinations, to be booked a month before.",
                "information": _help(hei_id, "accessibility", "accessibility"),
            }
        ],
        "housing_info": _help(hei_id, "housing", "housing"),
        "visa_info": _help(hei_id, "visa", "visa"),
        "insurance_info": _help(hei_id, "insurance", "insurance"),
        "additional_info": [{"type": "Tutors", "info": _help(hei_id, "tutors", "tutors")}],
    }


def _course(hei_id: str, _partner: str) -> JsonObject:
    return {
        "los_id": "CR/5f0c7a52",
        "los_code": "CS-310",
        "ounit_id": "unit-17",
        "title": [{"value": "Software Engineering", "lang": "en"}, {"value": "Ohjelmistotuotanto", "lang": "fi"}],
        "type": "Course",
        "subject_area": "11.3",
        "isced_code": "0613",
        "eqf_level_provided": 6,
        "url": [{"value": f"https://courses.{hei_id}/en/cs-310", "lang": "en"}],
        "description": [{"value": "Requirements, design and testing, with a project in groups.", "lang": "en"}],
        "specifies": {
            "learning_opportunity_instance": [
                {
                    "loi_id": "CRI/5f0c7a52-2026a",
                    "start": "2026-09-01",
                    "end": "2026-12-18",
                    "academic_term": {
                        "academic_year_id": "2026/2027",
                        "ewp_id": "2026/2027-1/2",
                        "display_name": [{"value": "Autumn 2026", "lang": "en"}],
                        "start_date": "2026-08-01",
                        "end_date": "2026-12-31",
                    },
                    "grading_scheme": {
                        "label": ["0-5"],
                        "description": [{"value": "5 is the best grade, 0 is failed.", "lang": "en"}],
                    },
                    "result_distribution": {
                        "category": [
                            {"label": "0", "count": 4},
                            {"label": "1-2", "count": 17},
                            {"label": "3-4", "count": 41},
                            {"label": "5", "count": 12},
                        ],
                        "description": [{"value": "All students of the autumn term.", "lang": "en"}],
                    },
                    "credit": [{"scheme": "ects", "level": "Bachelor", "value": 5}],
                    "language_of_instruction": "en",
                    "engagement_hours": 52.5,
                }
            ]
        },
        "contains": {"los_id": ["CLS/5f0c7a52-lab"]},
    }


_EXAMPLES: dict[str, Callable[[str, str], JsonObject]] = {
    "institutions": _institution,
    "organizational-units": _unit,
    "iias": _agreement,
    "factsheet": _factsheet,
    "courses": _course,
    "omobilities": omobility_examples.nomination,
    "imobilities": omobility_examples.arrival,
    "omobility-las": learning_agreement_examples.changed,
    "imobility-tors": transcript_examples.transcript,
}
