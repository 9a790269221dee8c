"""What becomes of records of OWNER that a SIS hands in."""

from __future__ import annotations

from typing import Any

from ewpgw.model import iia_rules
from ewpgw.model.base import XmlRecord
from ewpgw.model.entities import ENTITIES
from ewpgw.model.entity import Checked
from ewpgw.model.iia import Iia

Json = dict[str, Any]
OWNER, OTHER = "north.example", "south.example"


def condition(sending: str, receiving: str, **changes: Any) -> Json:
    """A condition for one student a year."""
    return {
        "sending_hei_id": sending,
        "receiving_hei_id": receiving,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": 1,
        "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
        "subject_area": [{"isced_f_code": "0314"}],
        "total_months_per_year": 5,
        "blended": False,
        "eqf_level": [6, 7],
        **changes,
    }


def check(entity: str, data: object) -> Checked:
    """What becomes of a record of OWNER of which nothing is known but what it says."""
    checked = ENTITIES[entity].from_json(OWNER, data)
    if not isinstance(checked.record, Iia):
        return checked
    return Checked(checked.record, (*checked.problems, *iia_rules.problems_when_completed(checked.record)))


def accepted(entity: str, data: object) -> XmlRecord:
    """The record, which must not be refused."""
    checked = check(entity, data)
    assert not checked.refused, checked.problems
    assert checked.record is not None
    return checked.record


def accepted_iia(data: object) -> Iia:
    """The agreement, which must not be refused."""
    record = accepted("iias", data)
    assert isinstance(record, Iia)
    return record


def said(checked: Checked) -> set[tuple[str, str]]:
    """Severity and path of each problem."""
    return {(problem.severity, problem.path) for problem in checked.problems}
