"""An agreement, an institution and a unit as a SIS would send them; the published schemas as judges."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ewpgw.model import iia_rules
from ewpgw.model.base import XmlRecord
from ewpgw.model.entities import ENTITIES
from ewpgw.model.entity import Checked
from ewpgw.model.iia import Iia

Json = dict[str, Any]
OWNER, OTHER = "north.example", "south.example"


@pytest.fixture
def iia_json() -> Json:
    """A proposal for one student a year each way, without a warning to it."""
    return {
        "partner": [
            {"hei_id": OWNER, "iia_id": "n-1", "iia_code": "N 2026/1"},
            {"hei_id": OTHER, "iia_id": "s-9", "iia_code": "S 2026/9"},
        ],
        "in_effect": False,
        "cooperation_conditions": {"student_studies_mobility_spec": [condition(OWNER, OTHER), condition(OTHER, OWNER)]},
    }


@pytest.fixture
def institution_json() -> Json:
    """An institution without a warning to it."""
    return {
        "hei_id": OWNER,
        "name": [{"value": "University of the North", "lang": "en"}, {"value": "Pohjoisen yliopisto", "lang": "fi"}],
        "mobility_factsheet_url": [{"value": "https://north.example/incoming", "lang": "en"}],
        "contact": [{"contact_name": ["International office"], "email": ["iro@north.example"]}],
        "root_ounit_id": "root",
        "ounit_id": ["root", "science"],
    }


@pytest.fixture
def unit_json() -> Json:
    """A unit without a warning to it."""
    return {
        "ounit_id": "science",
        "ounit_code": "SCI",
        "name": [{"value": "Science", "lang": "en"}],
        "parent_ounit_id": "root",
    }


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


@pytest.fixture(scope="session")
def tools(shared: Path) -> Iterator[Callable[[str], Any]]:
    """Imports a module of the shared tools by name."""
    folder = str(shared / "tools")
    sys.path.insert(0, folder)
    yield importlib.import_module
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def published(tools: Callable[[str], Any]) -> Any:
    """The published schemas, compiled."""
    return tools("reference_schemas").ReferenceSchemas()


@pytest.fixture(scope="session")
def assert_published_schema_accepts(published: Any) -> Callable[[bytes], None]:
    """Fails for a document that its published schema refuses."""

    def judge(document: bytes) -> None:
        root = etree.fromstring(document)
        schema = published.for_document(root)
        assert schema.validate(root), schema.error_log

    return judge
