"""The mapping files in config/: what they make of rows is what a few plain lines of Python say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.adapters.folder_tables import FolderSource
from ewpgw.adapters.mapping import json_schema, load_folder
from ewpgw.adapters.mapping import words as language
from ewpgw.config.source import read
from ewpgw.model.entities import ENTITIES
from ewpgw.model.shape import parts

EXAMPLES = Path(__file__).parents[3] / "config" / "mappings"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
FILES = sorted(EXAMPLES.glob("*/*.yaml"))
ISCED = {"CS": "0613", "LAW": "0421", "BUS": "0410", "NUR": "0913"}
CYCLES = {"S": "5", "B": "6", "M": "7", "D": "8"}
KINDS = {"SMS": "student_studies_mobility_spec", "STA": "staff_teacher_mobility_spec"}

texts = st.one_of(st.none(), st.sampled_from(["", " ", "x", " a b ", "ä"]))
codes = st.lists(st.sampled_from(sorted(ISCED)), max_size=3).map(", ".join)
cycles = st.lists(st.sampled_from(sorted(CYCLES)), max_size=3).map(",".join)
conditions = st.fixed_dictionaries(
    {"kind": st.sampled_from(["SMS", "STA", "SMP", ""]), "fields": codes, "cycles": cycles},
    optional={
        "blended": st.sampled_from(["Y", "N", "", None]),
        "amount": st.sampled_from(["7,5", "10", "", None, 3]),
        **dict.fromkeys(("sender", "receiver", "first_year", "last_year", "people", "language", "level"), texts),
    },
)
rows = st.fixed_dictionaries(
    {"agreement_no": texts, "conditions": st.lists(conditions, max_size=4)},
    optional={
        "year": texts,
        "unit": texts,
        "status": st.sampled_from(["active", "draft", "expired", "", None]),
        "signed": st.sampled_from(["03.02.2026", "", None]),
        **dict.fromkeys(("signer_title", "signer_first", "signer_last", "signer_mail", "partner"), texts),
    },
)


def _clean(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    return (str(value).strip() if value is not None else "") or None


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _several(text: str, meanings: dict[str, str]) -> list[str]:
    return [meanings[code.strip()] for code in text.split(",") if code.strip()]


def _condition(row: dict[str, Any]) -> dict[str, Any]:
    amount = _clean(row, "amount")
    skill = _filled(language=_clean(row, "language"), cefr_level=_clean(row, "level"))
    students = row["kind"] == "SMS"
    areas = [{"isced_f_code": code} for code in _several(row["fields"], ISCED)]
    return _filled(
        sending_hei_id=_clean(row, "sender"),
        receiving_hei_id=_clean(row, "receiver"),
        receiving_first_academic_year_id=_clean(row, "first_year"),
        receiving_last_academic_year_id=_clean(row, "last_year"),
        mobilities_per_year=_clean(row, "people"),
        recommended_language_skill=[skill] if skill else None,
        subject_area=areas or None,
        **(
            {
                "total_months_per_year": amount and amount.replace(",", "."),
                "blended": {"Y": True, "N": False}.get(row.get("blended") or ""),
                "eqf_level": _several(row["cycles"], CYCLES) or None,
            }
            if students
            else {"total_days_per_year": amount and amount.replace(",", ".")}
        ),
    )


def _agreement(row: dict[str, Any]) -> dict[str, Any]:
    number, year = _clean(row, "agreement_no"), _clean(row, "year")
    first, last = _clean(row, "signer_first"), _clean(row, "signer_last")
    named = [part for part in (_clean(row, "signer_title"), first, last) if part]
    signer = _filled(
        contact_name=[" ".join(named)] if first and last else None,
        person_given_names=[first] if first else None,
        person_family_name=[last] if last else None,
        email=[mail] if (mail := _clean(row, "signer_mail")) else None,
    )
    ours = _filled(
        hei_id="north.example",
        ounit_id=_clean(row, "unit"),
        iia_id=number,
        iia_code=f"N/{year}/{number}" if year and number else None,
        signing_contact=signer or None,
        signing_date="2026-02-03" if row.get("signed") else None,
    )
    # what we say of ourselves has a constant in it, which alone keeps no partner
    theirs = _filled(hei_id=_clean(row, "partner"))
    partners = [ours if len(ours) > 1 else None, theirs or None]
    status = {"active": True, "expired": True, "draft": False}.get(row.get("status") or "")
    of_kinds: dict[str, list[Any]] = {}
    for condition in row["conditions"]:
        if condition["kind"] in KINDS:
            made = _condition(condition)
            if condition["kind"] == "SMS":
                nothing = not made
                made.setdefault("blended", False)
                if nothing:
                    continue
            if made:
                of_kinds.setdefault(KINDS[condition["kind"]], []).append(made)
    return _filled(partner=[one for one in partners if one] or None, in_effect=status, cooperation_conditions=of_kinds)


[IIAS] = [
    each for each in load_folder(EXAMPLES / "rows", FolderSource, hei_id="north.example") if each.entity == "iias"
]


@settings(max_examples=50, deadline=None)
@given(rows)
def test_what_the_mapping_makes_of_rows_is_what_plain_python_makes_of_them(row: dict[str, Any]) -> None:
    assert IIAS.record.apply(row) == _agreement(row)


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_json_schema_accepts_every_mapping_file_of_config(file: Path) -> None:
    validator = jsonschema_rs.Draft202012Validator(json_schema(FolderSource))
    assert [error.message for error in validator.iter_errors(read(file).data)] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("entity: iias", "entity: iia"),
        ("key: agreement_no", "kye: agreement_no"),
        ("files: ", "file: "),
        ("hei_id: partner", "hei_di: partner"),
        ("values: levels}", "value: levels}"),
        ("      each: conditions", "      eech: conditions"),
        ("in_effect: {from: status,", "in_effect: {form: status,"),
        ("blended: {from: blended, values: yes", "blended: {each: blended, values: yes"),
    ],
)
def test_the_json_schema_refuses_what_the_language_does_not_have(right: str, wrong: str) -> None:
    from ewpgw.config.source import parse

    text = (EXAMPLES / "rows" / "iias.yaml").read_text("utf-8")
    assert right in text
    validator = jsonschema_rs.Draft202012Validator(json_schema(FolderSource))
    assert not validator.is_valid(parse(text.replace(right, wrong)).data)


def test_the_json_schema_is_json_and_valid_itself() -> None:
    schema = json.loads(json.dumps(json_schema(FolderSource)))
    assert jsonschema_rs.meta.is_valid(schema)


def test_no_field_of_a_record_has_the_name_of_a_word_of_the_language() -> None:
    fields = {name for entity in ENTITIES.values() for model in parts(entity.model) for name in model.model_fields}
    assert fields & (language.LEAF.keys() | language.GROUP.keys()) == set()
