"""The pages docs/records, the examples on them and the JSON Schemas say what the models are."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from ewpgw.documents import schemas
from ewpgw.model import shape
from ewpgw.model.entities import ENTITIES
from ewpgw.model.examples import HEI, RARE, example
from ewpgw.model.json_schema import DIALECT, json_schema
from ewpgw.model.reference import GUIDES, pages
from ewpgw.preparing import Incoming, prepare

from .strategies import iias, institutions, organizational_units

DOCS = Path(__file__).resolve().parents[3] / "docs" / "records"
REMAKE = "ewpgw records docs docs/records"
RECORDS = {"institutions": institutions, "organizational-units": organizational_units, "iias": iias}
VALIDATORS = {name: jsonschema_rs.validator_for(json_schema(entity)) for name, entity in ENTITIES.items()}


def test_the_committed_pages_are_the_generated_ones() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DOCS.iterdir()}
    assert committed == pages(), f"run: {REMAKE}"


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_field_is_on_a_page_with_its_meaning_and_an_example(entity: str) -> None:
    made = pages()
    text = made[f"{entity}.md"] + made["shared.md"]
    shown = shape.values(ENTITIES[entity].model, example(entity))
    for model in shape.parts(ENTITIES[entity].model):
        for field in shape.fields(model):
            assert field.about.endswith("."), (model, field.name)
            (row, *_) = [line for line in text.splitlines() if line.startswith(f"| `{field.name}` |")]
            assert field.words in text
            assert (model, field.name) in shown or field.name in RARE, f"{field.name} has no example"
            assert field.about in text, row


@pytest.mark.parametrize("entity", ENTITIES)
def test_there_is_an_introduction_to_every_record(entity: str) -> None:
    assert len(GUIDES[entity].about) > 100


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("hei_id", [HEI, "uni.example"])
def test_the_complete_example_passes_all_checks_without_a_warning(entity: str, hei_id: str) -> None:
    given = Incoming(id=None, document=example(entity, hei_id))
    prepared = prepare(ENTITIES[entity], hei_id, given, schemas.default(), "example")
    assert prepared.problems == ()
    assert prepared.new is not None


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_schema_names_its_dialect_and_accepts_its_example(entity: str) -> None:
    schema: Any = json_schema(ENTITIES[entity])
    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)
    for shown in schema["examples"]:
        jsonschema_rs.validate(schema, shown)


@pytest.mark.parametrize("entity", RECORDS)
def test_the_schema_accepts_the_records_that_the_gateway_accepts(entity: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(RECORDS[entity])
    def holds(data: dict[str, Any]) -> None:
        checked = ENTITIES[entity].from_json(HEI, data)
        assert checked.record is not None
        VALIDATORS[entity].validate(data)
        VALIDATORS[entity].validate(checked.record.to_json())

    holds()


def _changed(path: str, value: object, entity: str = "iias") -> dict[str, Any]:
    data = deepcopy(example(entity))
    here: Any = data
    *above, last = path.split(".")
    for step in above:
        here = here[int(step) if step.isdigit() else step]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return data


STUDIES = "cooperation_conditions.student_studies_mobility_spec.0"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{STUDIES}.mobilities_per_year", {"value": 3, "not_yet_defined": True}),
        (f"{STUDIES}.mobilities_per_year", " 007 "),
        (f"{STUDIES}.mobilities_per_year", 3.0),
        (f"{STUDIES}.total_months_per_year", "+.50"),
        (f"{STUDIES}.total_months_per_year", None),
        (f"{STUDIES}.eqf_level", ["6", 7]),
        (f"{STUDIES}.blended", "false"),
        (f"{STUDIES}.blended", 0),
        (f"{STUDIES}.subject_area", [{"isced_f_code": {"value": "0613", "v6_value": "061"}}]),
        (f"{STUDIES}.other_info_terms", ""),
        ("partner.0.signing_date", "2026-02-27Z"),
        ("partner.0.signing_contact.contact_name", ["Aino"]),
        ("partner.0.signing_contact.person_gender", "2"),
        ("partner.1.iia_id", None),
    ],
)
def test_the_schema_and_the_gateway_take_the_same_ways_to_write_a_value(path: str, value: object) -> None:
    data = _changed(path, value)
    assert ENTITIES["iias"].from_json(HEI, data).record is not None
    VALIDATORS["iias"].validate(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{STUDIES}.blended", ...),
        (f"{STUDIES}.blended", "maybe"),
        (f"{STUDIES}.blended", 2),
        (f"{STUDIES}.mobilities_per_year", 0),
        (f"{STUDIES}.mobilities_per_year", 1.5),
        (f"{STUDIES}.mobilities_per_year", "many"),
        (f"{STUDIES}.total_months_per_year", -1),
        (f"{STUDIES}.eqf_level", [9]),
        (f"{STUDIES}.eqf_level", 6),
        (f"{STUDIES}.recommended_language_skill", []),
        (f"{STUDIES}.subject_area", [{"isced_f_code": "061"}]),
        (f"{STUDIES}.subject_areas", []),
        (f"{STUDIES}.receiving_first_academic_year_id", "2026-2027"),
        ("partner", []),
        ("partner.0.iia_id", "with space"),
        ("partner.0.signing_contact.person_gender", 3),
        ("partner.0.signing_contact.email", ["nobody"]),
        ("in_effect", None),
    ],
)
def test_the_schema_and_the_gateway_refuse_the_same_shapes(path: str, value: object) -> None:
    data = _changed(path, value)
    assert ENTITIES["iias"].from_json(HEI, data).record is None
    assert not VALIDATORS["iias"].is_valid(data)


def test_the_examples_are_data_that_json_can_carry() -> None:
    for entity in ENTITIES:
        assert json.loads(json.dumps(example(entity))) == example(entity)
