"""Learning agreements that tests put together from the components they are about."""

from __future__ import annotations

from typing import Any

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_parts import Component

Json = dict[str, Any]


def component(title: str, **fields: Any) -> Json:
    """A course of six ECTS in the first of two terms; None takes a field away."""
    whole = {
        "title": title,
        "term_id": {"term_number": "1", "total_terms": "2"},
        "credit": [{"scheme": "ects", "value": "6"}],
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


def added(title: str, **fields: Any) -> Json:
    return component(title, **{"status": "inserted", "reason_code": "substituting-deleted", **fields})


def dropped(title: str, **fields: Any) -> Json:
    return component(title, **{"status": "deleted", "reason_code": "timetable-conflict", **fields})


def read(one: Json) -> Component:
    return Component.model_validate(one)


def version(studied: list[Json] | None = None, *, signed: bool = True, **tables: Any) -> Json:
    """A version with Table A and others by their fields; without the partner's signature unless ``signed``."""
    whole: Json = {
        **({} if studied is None else {"components_studied": studied}),
        **tables,
        "student_signature": {"timestamp": "2026-04-01T10:00:00+02:00", "signer_app": "Campus"},
        "sending_hei_signature": _signature("Maija Meikäläinen", "Coordinator", "2026-04-02T09:30:00+02:00"),
    }
    if signed:
        whole["receiving_hei_signature"] = _signature("Zoë Şahin", "Dean's office", "2026-04-03T16:45:00+01:00")
    return whole


def _signature(name: str, position: str, timestamp: str) -> Json:
    email = f"{name.split(maxsplit=1)[0].encode('ascii', 'ignore').decode().lower()}@uni.example"
    return {"signer_name": name, "signer_position": position, "signer_email": email, "timestamp": timestamp}


def proposal(studied: list[Json] | None = None, **tables: Any) -> Json:
    """A version that the partner has not signed."""
    return {"id": "proposal-1", **version(studied, signed=False, **tables)}


def agreement_json(**versions: Any) -> Json:
    """An agreement as JSON, with its versions and whatever else is given."""
    whole: Json = {
        "omobility_id": "m-1",
        "sending_hei": _hei("north.example", "Meri Niemi"),
        "receiving_hei": _hei("south.example", "José Muñoz"),
        "receiving_academic_year_id": "2026/2027",
        "student": {
            "given_names": "Ελένη",
            "family_name": "Οικονόμου",
            "global_id": "urn:schac:personalUniqueCode:int:esi:north.example:1",
            "birth_date": "2004-05-31",
            "citizenship": "GR",
            "gender": "2",
            "email": "eleni@north.example",
        },
        "start_year_month": "2026-09",
        "end_date": "2027-01-31",
        "eqf_level_studied_at_departure": "6",
        "isced_f_code": "0613",
        "student_language_skill": {"language": "en", "cefr_level": "B2"},
        **versions,
    }
    return {name: value for name, value in whole.items() if value is not None}


def agreement(**versions: Any) -> LearningAgreement:
    return LearningAgreement.model_validate(agreement_json(**versions), extra="forbid")


def _hei(hei_id: str, person: str) -> Json:
    given, family = person.split()
    contact = {"given_names": given, "family_name": family, "email": f"{given.lower()[:3]}@{hei_id}"}
    return {"hei_id": hei_id, "ounit_name": f"Faculty of {hei_id}", "contact_person": contact}
