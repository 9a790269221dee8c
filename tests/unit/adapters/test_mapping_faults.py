"""What is wrong with a mapping file, or with a row: told with file, line, place, reason and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from ewpgw.adapters.contract import Item, Unreadable
from ewpgw.adapters.explaining import explained
from ewpgw.adapters.mapping import BadMapping, Unmappable, load_file, load_folder, reading
from ewpgw.documents import schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.preparing import prepare, without_content

UNIT = """\
entity: organizational-units
source: {table: t}
key: id
record:
  ounit_id: id
  ounit_code: code
  name: name
"""


IIA = """\
entity: iias
source: {table: t}
key: no
record:
  partner:
    - {hei_id: $hei_id, iia_id: no, iia_code: no}
    - hei_id: partner
  in_effect: =false
  cooperation_conditions:
    student_traineeship_mobility_spec:
      each: rows
      item:
        sending_hei_id: $hei_id
        receiving_hei_id: $row.partner
        receiving_first_academic_year_id: =2026/2027
        mobilities_per_year: =5
        blended: =false
        receiving_last_academic_year_id: last
"""


class Source(BaseModel, extra="forbid"):
    table: str = Field(description="The table.")


def _faults(folder: Path, text: str) -> list[str]:
    path = folder / "units.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadMapping) as caught:
        load_file(path, Source, hei_id="north.example")
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def _with(line: str) -> str:
    return UNIT + line + "\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (UNIT.replace("organizational-units", "units"), "line 1: entity: is not an entity; known are institutions, .*"),
        (UNIT.replace("{table: t}", "{tabel: t}"), r"line 2: source.tabel: is not a known key; did you mean 'table'\?"),
        (
            UNIT.replace("key: id", "keys: id"),
            "line 3: keys: is not a known key; the keys here are entity, source, key, .*",
        ),
        (UNIT.replace("key: id", "key: =id"), "line 3: key: is not a name of the source; name the column .*"),
        (UNIT.replace("  ounit_code: code\n", ""), "line 4: record: lacks ounit_code, .*; add it: Code of the unit .*"),
        (UNIT.partition("record:")[0], "record: is required but missing; add it"),
        (_with("  nam: x"), r"line 8: record.nam: is not a field of the record here; did you mean name\?"),
        (_with("  abbreviation: [a]"), "line 8: record.abbreviation: is a list, but .*; write it without the dash"),
        (_with("  abbreviation:"), "line 8: record.abbreviation: is empty; say where the value comes from, .*"),
        (_with("  contact: x"), "line 8: record.contact: is a single value, .*; write fields such as contact_name, .*"),
        (_with("  abbreviation: '{a'"), "line 8: .*: has a brace without its counterpart; write {name}, .*"),
        (_with("  abbreviation: $rwo.a"), "line 8: .*: \\$rwo.a is not known; known are \\$hei_id, \\$item .*"),
        (_with("  abbreviation: {default: a}"), "line 8: .*: does not say where the value comes from; write one of .*"),
        (_with("  abbreviation: {from: a, valeus: b}"), r".*valeus: is not a word of .*; did you mean values\?"),
        (_with("  abbreviation: {from: a, values: m}"), ".*values: names the value map m, which is missing; add it .*"),
        (_with("  abbreviation: {from: a, unlisted: keep}"), ".*unlisted: is about a value map, but there is none; .*"),
        (
            _with("  abbreviation: {from: a, split: ','}"),
            ".*split: makes a list, but the record has one value here; .*",
        ),
        (_with("  abbreviation: {from: a, date: DD.MM}"), ".*date: has no year; write a pattern such as .*"),
        (_with("  abbreviation: {from: a, zone: Helsinki}"), ".*zone: is not a time zone; write one such as .*"),
        (_with("  abbreviation: {jmespath: 'a['}"), ".*jmespath: is not JMESPath: .*; see https://jmespath.org/.*"),
        (_with("  abbreviation: {jmespath: 'lower(a)'}"), r".*jmespath: calls lower\(\), which JMESPath does not .*"),
        (_with("  abbreviation: {each: a, item: b}"), ".*: uses 'each', but the record has one here; leave 'each' out"),
        (_with("  contact: {each: a}"), "line 8: record.contact: lacks 'item'; write below 'item' what is made"),
        (_with("  contact: {each: a, item: {contact_name: b}, where: c}"), ".*where: is not a condition; write .*"),
        ("zone: Mars/Base\n" + UNIT, "line 1: zone: is not a time zone; .*"),
        (
            "values: {m: no.csv}\n" + UNIT,
            r"line 1: values.m: .*no.csv cannot be read \(No such file or directory\); .*",
        ),
        ("", "is empty; begin with 'entity:', .*"),
        ("- a\n", "is not a mapping of sections; begin with 'entity:', .*"),
        (
            _with(f"  abbreviation: {{jmespath: '{'(' * 5000}a{')' * 5000}'}}"),
            r"line 8: record.abbreviation.jmespath: is nested too deeply; make it simpler",
        ),
        ("a: [\n", "line 2: is not YAML, column 1: .*"),
        (UNIT + "record: {}\n", r"line 8: record: is given twice \(first in line 4\); keep one of the two"),
    ],
)
def test_a_fault_of_a_mapping_file_is_told_with_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, fault: str
) -> None:
    found = _faults(tmp_path, text)
    assert any(re.fullmatch(rf"units.yaml(, |: ){fault}", each) for each in found), found


def test_all_faults_of_all_files_are_told_at_once_and_no_echoes_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_with("  nam: x\n  abbreviation: {from: a, values: m}"), "utf-8")
    (tmp_path / "b.yaml").write_text("values: {m: []}\n" + _with("  abbreviation: {from: a, values: m}"), "utf-8")
    with pytest.raises(BadMapping) as caught:
        load_folder(tmp_path, Source, hei_id="north.example")
    assert [(fault.file.name, fault.line, fault.where) for fault in caught.value.faults] == [
        ("a.yaml", 8, "record.nam"),
        ("a.yaml", 9, "record.abbreviation.values"),
        ("b.yaml", 1, "values.m"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\nx,y\n", "does not begin with the columns from and to"),
        (b"from,to\nx\n", "line 2: has 1 cells, not 2"),
        (b"from,to\nx,1\nx,2\n", r"line 3: is given twice \(first in line 2\)"),
        (b"from,to\n\xff,1\n", "is not UTF-8"),
        (b'from,to\n"x,1\n', "is not CSV"),
    ],
)
def test_a_value_map_of_a_file_is_checked(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "m.csv").write_bytes(content)
    assert re.search(words, "\n".join(_faults(tmp_path, "values: {m: m.csv}\n" + UNIT)))


def test_a_value_map_that_is_a_list_is_told_what_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("- a\n", "utf-8")
    (fault, *_) = _faults(tmp_path, "values: {m: m.yaml}\n" + UNIT)
    assert re.search("m.yaml: is not a mapping of sections; write a line 'value: what it means' for each value", fault)


def test_a_folder_without_mapping_files_and_none_at_all_are_faults(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadMapping):
            load_folder(folder, Source, hei_id="north.example")


def test_what_a_rule_says_of_a_mapped_record_comes_with_the_value_its_place_and_the_line_that_made_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "iias.yaml"
    path.write_text(IIA, "utf-8")
    mapping = load_file(path, Source, hei_id="north.example")
    row = {"no": "17", "partner": "south.example", "rows": [{"last": "2028/2029"}, {"last": "s3cret"}]}
    item = reading(mapping, row, place="export.csv, line 3")
    assert isinstance(item, Item)
    prepared = prepare(ENTITIES["iias"], "north.example", item.incoming, schemas.default(), "folder")
    (before,) = [problem for problem in prepared.problems if problem.severity == "refusal"]
    (problem,) = [problem for problem in explained(item, prepared).problems if problem.severity == "refusal"]
    assert problem.path == "cooperation_conditions.student_traineeship_mobility_spec.1.receiving_last_academic_year_id"
    assert problem.message == f"{before.message} (iias.yaml, line 18), in export.csv, line 3; the value is s3cret"
    assert "s3cret" not in without_content(problem)
    # what two lines may have made is told with the line of what both are in
    assert mapping.record.place_of("partner.1.hei_id") == "iias.yaml, line 5"
    assert mapping.record.place_of("partner.0.iia_id") == "iias.yaml, line 6"
    assert mapping.record.place_of("") == ""


def test_every_value_that_does_not_fit_is_told_with_field_line_and_reason_and_logs_do_not_get_the_value(
    tmp_path: Path,
) -> None:
    path = tmp_path / "units.yaml"
    lines = (
        "  abbreviation: {from: a, values: {x: y}}\n"
        "  contact:\n"
        "    each: people\n"
        "    item:\n"
        "      contact_name: n\n"
        "      person_gender: {from: g, values: {m: 1}}\n"
        "      email: {from: mail, date: DD.MM.YYYY}\n"
    )
    path.write_text(UNIT + lines, "utf-8")
    mapping = load_file(path, Source, hei_id="north.example")
    row = {
        "id": "1",
        "code": ["list"],
        "name": "N",
        "a": "secret-a",
        "people": [{"n": "A", "g": "m"}, {"n": "B", "g": "secret-g"}, "secret-p"],
    }
    with pytest.raises(Unmappable) as caught:
        mapping.record.apply(row)
    told = [(problem.path, problem.message) for problem in caught.value.problems]
    assert told[:3] == [
        ("ounit_code", told[0][1]),
        ("abbreviation", "is not listed in the value map; add it there (units.yaml, line 8); the value is secret-a"),
        (
            "contact.1.person_gender",
            "is not listed in the value map; add it there (units.yaml, line 13); the value is secret-g",
        ),
    ]
    assert told[3][0].startswith("contact.2")
    unreadable = reading(mapping, row, place="units.csv, line 3")
    assert isinstance(unreadable, Unreadable)
    assert unreadable.key == "organizational-units/1"
    problems = (unreadable.problem, *unreadable.more)
    assert len(problems) == len(told)
    logged = [without_content(problem) for problem in problems]
    assert not any("secret" in each for each in logged)
    assert logged[1] == (
        "abbreviation: is not listed in the value map; add it there (units.yaml, line 8), in units.csv, line 3"
    )


@pytest.mark.parametrize(
    ("expression", "value", "words"),
    [
        ("{from: v, date: DD.MM.YYYY}", "31.02.2026", "is not a date written as DD.MM.YYYY"),
        ("{from: v, date: DD.MM.YYYY}", "2026-09-01", "is not a date written as DD.MM.YYYY"),
        ("{from: v, decimal: ','}", "1.5", "is not a number with ',' as its decimal mark"),
        ("{from: v, decimal: ','}", "many", "is not a number with ',' as its decimal mark"),
        ("v", float("nan"), "is not a number that can be written down"),
        ("v", {"a": 1}, "is a list or has fields of its own"),
        ("v", b"x", "is neither text, number, date nor true or false"),
        ("{jmespath: 'length(v)'}", 5, r"the JMESPath function length\(\) takes"),
        ("{from: v, values: {x: [1, 2]}}", "x", "stands for several values in the value map"),
    ],
)
def test_a_value_that_cannot_be_taken_is_refused_with_the_reason(
    tmp_path: Path, expression: str, value: object, words: str
) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(_with(f"  abbreviation: {expression}"), "utf-8")
    mapping = load_file(path, Source, hei_id="north.example").record
    with pytest.raises(Unmappable) as caught:
        mapping.apply({"id": "1", "v": value})
    [problem] = caught.value.problems
    assert problem.path == "abbreviation"
    assert re.match(words, problem.message)


def test_a_row_is_named_by_its_key_and_its_version_by_content_and_mapping(tmp_path: Path) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(UNIT, "utf-8")
    mapping = load_file(path, Source, hei_id="north.example")
    row = {"id": "a#1\n", "code": "c", "name": "n"}
    one = reading(mapping, row)
    assert isinstance(one, Item)
    assert one.key == "organizational-units/a%231"
    assert reading(mapping, row, within="units.csv").key == "units.csv#a%231"
    assert reading(mapping, dict(reversed(row.items()))) == one
    other = reading(mapping, {**row, "code": "d"})
    assert isinstance(other, Item)
    assert other.digest != one.digest
    fixed = [reading(mapping, {**row, "code": code}, digest="v1") for code in "cd"]
    assert len({each.digest for each in fixed if isinstance(each, Item)}) == 1
    path.write_text(UNIT + "# changed\n", "utf-8")
    again = reading(load_file(path, Source, hei_id="north.example"), row)
    assert isinstance(again, Item)
    assert again.digest != one.digest


def test_a_row_without_a_key_is_unreadable_under_its_place(tmp_path: Path) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(UNIT, "utf-8")
    mapping = load_file(path, Source, hei_id="north.example")
    for row in ({}, {"id": " "}, {"id": ["x"]}):
        found = reading(mapping, row, place="line 4")
        assert isinstance(found, Unreadable)
        assert "line 4" in found.key
        assert "has nothing in id" in found.problem.message
