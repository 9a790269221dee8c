"""An agreement, an institution and a unit as a SIS would send them; the published schemas as judges."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from .checking import OTHER, OWNER, Json, condition


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
