"""Complete examples of nominations and arrivals, for people who write or map such records for the first time.

The nomination names the agreement of ``ewpgw.model.examples``. Left out are files, and what the gateway works out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

RARE: dict[str, JsonValue] = {
    "proposal_id": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    "non_standard_mobility_period": True,
    "file": "letter-2026-301",
    "recognized": True,
}
"""Example values of the fields that the complete examples leave out, by name."""


def nomination(hei_id: str, partner: str) -> dict[str, JsonValue]:
    """A nomination of a student of ``hei_id`` for a term at ``partner``, fit to be served."""
    return {
        "omobility_id": "2026-301",
        "student": {
            "given_names": [{"value": "Elina", "lang": "fi"}],
            "family_name": [{"value": "Mäkelä", "lang": "fi"}],
            "global_id": f"urn:schac:personalUniqueCode:int:esi:{hei_id}:301245",
            "birth_date": "2004-05-31",
            "nationality": "FI",
            "gender": 2,
            "email": f"elina.makela@students.{hei_id}",
        },
        "nomination": {
            "sending_hei": {"hei_id": hei_id, "ounit_id": "unit-17", "iia_id": "2026-17"},
            "receiving_hei": {"hei_id": partner, "ounit_id": "F-CS", "iia_id": "S-0042"},
            "sending_academic_term_ewp_id": "2026/2027-1/2",
            "receiving_academic_year_id": "2026/2027",
            "activity_type": "student-studies",
            "activity_attributes": "long-term",
            "agreement_isced_f_code": "0613",
            "eqf_level_studied_at_departure": 6,
            "nominee_isced_f_code": "0613",
            "comment": "Professor Silva has agreed to one student more than the agreement says.",
        },
        "status": "pending",
        "further": {
            "planned_arrival_date": "2026-09-01",
            "planned_departure_date": "2027-01-31",
            "eqf_level_studied_at_nomination": 6,
            "nominee_language_skill": [{"language": "en", "cefr_level": "C1"}],
            "additional_requirement": [
                {"name": "Motivation letter", "url": f"https://students.{hei_id}/301245/letter.pdf"}
            ],
            "citizenship": "SE",
            "photo_url": [
                {
                    "value": f"https://students.{hei_id}/301245/photo.jpg",
                    "size_px": "350x450",
                    "public": False,
                    "photo_date": "2026-01-15",
                }
            ],
            "street_address": {
                "building_number": "12",
                "building_name": "Students' Village",
                "street_name": "University Street",
                "unit": "B 7",
                "floor": "2",
                "post_office_box": "301",
                "delivery_point_code": ["DOCK-1"],
                "postal_code": "90100",
                "locality": "Pohjola",
                "country": "FI",
            },
            "mailing_address": {
                "recipient_name": ["Elina Mäkelä"],
                "address_line": ["University Street 12 B 7"],
                "postal_code": "90100",
                "locality": "Pohjola",
                "region": "Northern Region",
                "country": "FI",
            },
            "phone_number": [{"e164": "+358401234567", "ext": "1", "other_format": "040 123 4567, then 1"}],
        },
    }


def arrival(_hei_id: str, partner: str) -> dict[str, JsonValue]:
    """What became of a student whom ``partner`` nominated, fit to be served."""
    return {
        "omobility_id": "S-2026-88",
        "actual_arrival_date": "2026-09-01",
        "actual_departure_date": "2027-01-31",
        "sending_hei_id": partner,
        "status": "approved",
        "comment": "Left two days early, with all examinations passed.",
    }
