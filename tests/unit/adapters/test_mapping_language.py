"""What the mapping language makes of a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from ewpgw.adapters.mapping import RecordMapping, load_file

Map = Callable[..., dict[str, Any]]


class Source(BaseModel, extra="forbid"):
    table: str = "t"


def _mapping(path: Path, text: str) -> RecordMapping:
    path.write_text(text, "utf-8")
    return load_file(path, Source, hei_id="north.example").record


@pytest.fixture
def unit(tmp_path: Path) -> Map:
    """Applies a mapping of a unit, of which only some lines are given, to a row; answers what is beside the rest."""

    def apply(lines: str, row: dict[str, object], *, top: str = "") -> dict[str, Any]:
        indented = "".join(f"  {line}\n" for line in lines.splitlines())
        text = f"entity: organizational-units\nsource: {{}}\nkey: id\n{top}\nrecord:\n"
        for name, given in {"ounit_id": "=U", "ounit_code": "=C", "name": "=N"}.items():
            text += f"  {name}: {given}\n" if f"{name}:" not in lines.split() else ""
        made = _mapping(tmp_path / "units.yaml", text + indented).apply(row)
        return {key: value for key, value in made.items() if value not in ("U", "C", ["N"])}

    return apply


@pytest.mark.parametrize(
    ("expression", "row", "made"),
    [
        ("a", {"a": " x "}, "x"),
        ("a", {"a": "   "}, None),
        ("a", {"a": None}, None),
        ("a", {}, None),
        ("Short name", {"Short name": "x"}, "x"),
        ("No.", {"No.": "7"}, "7"),
        ("a.b", {"a": {"b": "x"}}, "x"),
        ("a.b", {"a.b": "x", "a": {"b": "y"}}, "x"),
        ("a.1.b", {"a": [{"b": "x"}, {"b": "y"}]}, "y"),
        ("a.5.b", {"a": [{"b": "x"}]}, None),
        ("a.b", {"a": "text"}, None),
        ("=fixed text", {}, "fixed text"),
        ('"{a}-{b}"', {"a": "1", "b": 2}, "1-2"),
        ('"{a}-{b}"', {"a": "1", "b": ""}, None),
        ('"{t?} {a} {m?} {b}"', {"a": "Aino", "b": "Virtanen"}, "Aino Virtanen"),
        ('"{t?} {a} {m?} {b}"', {"t": "Dr", "a": "Aino", "m": "K", "b": "Virtanen"}, "Dr Aino K Virtanen"),
        ('"{{{a}}}"', {"a": "1"}, "{1}"),
        ("$hei_id", {}, "north.example"),
        ("{from: [a, b, =c]}", {"b": "x"}, "x"),
        ("{from: [a, b, =c]}", {}, "c"),
        ("{from: a, default: d}", {"a": " "}, "d"),
        ("{from: a, values: {x: y}}", {"a": "x"}, "y"),
        ("{from: a, values: {5: five}}", {"a": 5}, "five"),
        ("{from: a, values: {x: null}}", {"a": "x"}, None),
        ("{from: a, values: {x: y}, unlisted: keep}", {"a": "z"}, "z"),
        ("{from: a, values: {x: y}, unlisted: leave-out}", {"a": "z"}, None),
        ("{from: a, values: {x: y}, unlisted: leave-out, default: d}", {"a": "z"}, "d"),
        ("{jmespath: \"list[?k=='b'].v | [0]\"}", {"list": [{"k": "a", "v": "1"}, {"k": "b", "v": "2"}]}, "2"),
        ("{from: a, date: DD.MM.YYYY}", {"a": "01.09.2026"}, "2026-09-01"),
        ("{from: a, date: [D.M.YYYY, YYYYMMDD]}", {"a": "1.9.2026"}, "2026-09-01"),
        ("{from: a, date: [D.M.YYYY, YYYYMMDD]}", {"a": "20260901"}, "2026-09-01"),
        ("{from: a, date: MM/DD/YY}", {"a": "09/01/26"}, "2026-09-01"),
        (
            "{from: a, date: 'DD.MM.YYYY hh:mm', zone: Europe/Helsinki}",
            {"a": "01.09.2026 10:30"},
            "2026-09-01T10:30:00+03:00",
        ),
        ("{from: a, decimal: ','}", {"a": "1 234,50"}, "1234.50"),
        ("{from: a, decimal: ','}", {"a": 2.5}, "2.5"),
        ("a", {"a": 7}, "7"),
        ("a", {"a": 7.0}, "7"),
        ("a", {"a": Decimal("7.10")}, "7.1"),
        ("a", {"a": 1e21}, "1000000000000000000000"),
        ("a", {"a": date(2026, 9, 1)}, "2026-09-01"),
        ("a", {"a": UUID(int=5)}, "00000000-0000-0000-0000-000000000005"),
    ],
)
def test_an_expression_makes_of_a_row(unit: Map, expression: str, row: dict[str, object], made: str | None) -> None:
    assert unit(f"abbreviation: {expression}", row).get("abbreviation") == made


def test_a_value_map_may_stand_at_the_top_or_in_a_file(unit: Map, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(b"\xef\xbb\xbffrom;to\nx;csv\ny;\n")
    (tmp_path / "codes.yaml").write_text("x: yaml\n", "utf-8")
    top = "values:\n  here: {x: top}\n  table: codes.csv\n  other: codes.yaml\n"
    for name, made in (("here", "top"), ("table", "csv"), ("other", "yaml")):
        assert unit(f"abbreviation: {{from: a, values: {name}}}", {"a": "x"}, top=top) == {"abbreviation": made}
    assert unit("abbreviation: {from: a, values: table}", {"a": "y"}, top=top) == {}


def test_a_group_of_which_the_source_has_nothing_is_left_out_with_its_constants(unit: Map) -> None:
    lines = "street_address: {street_name: street, country: =FI}\nmailing_address: {country: =FI}"
    assert unit(lines, {}) == {"mailing_address": {"country": "FI"}}
    assert unit(lines, {"street": "S"})["street_address"] == {"street_name": "S", "country": "FI"}


def test_a_default_keeps_no_group_alive(unit: Map) -> None:
    lines = "website_url: {value: web, lang: {from: lang, default: fi}}"
    assert unit(lines, {}) == {}
    assert unit(lines, {"web": "https://n.example/"}) == {
        "website_url": [{"value": "https://n.example/", "lang": "fi"}]
    }


def test_a_text_without_its_value_is_left_out_whatever_its_language(unit: Map) -> None:
    assert unit("website_url: {value: web, lang: lang}", {"lang": "fi"}) == {}


def test_a_list_may_be_written_without_the_dash_and_takes_what_is_not_empty(unit: Map) -> None:
    assert unit("contact: {contact_name: who}", {"who": "X"}) == {"contact": [{"contact_name": ["X"]}]}
    lines = "contact:\n  - {contact_name: a}\n  - {contact_name: b}\n  - {contact_name: c}"
    assert unit(lines, {"b": "X"}) == {"contact": [{"contact_name": ["X"]}]}


def test_a_list_comes_from_a_list_or_a_text_that_is_split(unit: Map) -> None:
    lines = "contact: {contact_name: =O, email: {from: mails, split: ','}}"
    for mails in ("a@x.example, b@x.example,,", ["a@x.example", "b@x.example", None, " "]):
        assert unit(lines, {"mails": mails})["contact"][0]["email"] == ["a@x.example", "b@x.example"]


def test_each_entry_of_a_list_makes_an_item_and_sees_its_own_names_the_whole_row_and_itself(unit: Map) -> None:
    lines = (
        "name: {each: names, where: {lang: [fi, en]}, item: {value: text, lang: lang}}\n"
        "website_url: {each: webs, split: ' ', item: {value: 'https://{$item}/{$row.path}'}}"
    )
    row = {
        "path": "p",
        "webs": "a b",
        "names": [{"text": "A", "lang": "fi"}, {"text": "B", "lang": "sv"}, None, {"text": "C", "lang": "en"}],
    }
    assert unit(lines, row) == {
        "name": [{"value": "A", "lang": "fi"}, {"value": "C", "lang": "en"}],
        "website_url": [{"value": "https://a/p"}, {"value": "https://b/p"}],
    }


def test_fixed_items_and_entries_of_lists_go_together_in_order(unit: Map) -> None:
    lines = (
        "contact:\n  - contact_name: =First\n  - each: people\n    item: {contact_name: $item}\n  - contact_name: last"
    )
    made = unit(lines, {"people": ["A", "B"], "last": "Z"})
    assert [each["contact_name"] for each in made["contact"]] == [["First"], ["A"], ["B"], ["Z"]]


def test_a_single_entry_is_a_list_of_one_and_jmespath_finds_others(unit: Map) -> None:
    lines = "contact: {each: {jmespath: 'people[?active]'}, item: {contact_name: n}}"
    assert unit(lines, {"people": [{"n": "A", "active": True}, {"n": "B", "active": False}]})["contact"] == [
        {"contact_name": ["A"]}
    ]
    assert unit("contact: {each: person, item: {contact_name: n}}", {"person": {"n": "A"}})["contact"] == [
        {"contact_name": ["A"]}
    ]


@pytest.mark.parametrize(
    ("where", "row", "holds"),
    [
        ("{k: a}", {"k": "a"}, True),
        ("{k: a}", {"k": "b"}, False),
        ("{k: a}", {}, False),
        ("{k: 1}", {"k": 1}, True),
        ("{k: [a, b]}", {"k": "b"}, True),
        ("{k: '*'}", {"k": "b"}, True),
        ("{k: '*'}", {"k": " "}, False),
        ("{k: null}", {"k": ""}, True),
        ("{k: null}", {"k": "a"}, False),
        ("{k: true}", {"k": True}, True),
        ("{k: a, l: b}", {"k": "a", "l": "b"}, True),
        ("{k: a, l: b}", {"k": "a", "l": "c"}, False),
    ],
)
def test_a_condition_holds_where_all_names_have_a_wanted_value(
    unit: Map, where: str, row: dict[str, object], holds: bool
) -> None:
    made = unit(f"abbreviation: {{where: {where}, item: =x}}", row)
    assert made == ({"abbreviation": "x"} if holds else {})


IIA = """
entity: iias
source: {}
key: id
zone: Europe/Helsinki
record:
  partner: [{hei_id: $hei_id, iia_id: id, signing_date: signed}, {hei_id: other}]
  in_effect: active
  cooperation_conditions:
    staff_training_mobility_spec: {each: conditions, item: {sending_hei_id: s, receiving_hei_id: r,
      receiving_first_academic_year_id: y, receiving_last_academic_year_id: y, mobilities_per_year: n}}
"""


@pytest.mark.parametrize(
    ("given", "made"),
    [(True, True), (0, False), (1, True), ("true", True), ("FALSE", False), ("1", True), (Decimal(0), False)],
)
def test_true_and_false_are_understood_in_every_notation_of_databases(
    tmp_path: Path, given: object, made: bool
) -> None:
    assert _mapping(tmp_path / "i.yaml", IIA).apply({"active": given})["in_effect"] is made


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (date(2026, 9, 1), "2026-09-01"),
        (datetime(2026, 9, 1, 23, 30), "2026-09-01"),
        # half past eleven in the evening in London is already the next day in Helsinki
        (datetime(2026, 9, 1, 22, 30, tzinfo=UTC), "2026-09-02"),
        ("2026-09-01", "2026-09-01"),
    ],
)
def test_a_day_is_that_of_the_calendar_in_the_zone(tmp_path: Path, given: object, made: str) -> None:
    made_of_it: Any = _mapping(tmp_path / "i.yaml", IIA).apply({"id": "1", "signed": given})
    assert made_of_it["partner"][0]["signing_date"] == made


def test_a_required_group_that_may_be_empty_is_there_though_the_source_has_nothing_for_it(tmp_path: Path) -> None:
    assert _mapping(tmp_path / "i.yaml", IIA).apply({"id": "1"})["cooperation_conditions"] == {}


def test_a_mapping_knows_the_names_that_it_reads_of_a_row(tmp_path: Path) -> None:
    mapping = _mapping(tmp_path / "i.yaml", IIA)
    assert mapping.named.keys() == {"id", "signed", "other", "active", "conditions"}
    missing = mapping.missing(["id", "signed", "other", "active"])
    assert [(fault.where, fault.line) for fault in missing] == [("conditions", 10)]


def test_a_mapping_knows_the_names_that_it_reads_of_the_entries_of_a_list(tmp_path: Path) -> None:
    text = (
        "entity: organizational-units\nsource: {}\nkey: a\nrecord:\n  ounit_id: a\n  ounit_code: a\n  name: a\n"
        "  contact:\n    each: people\n    where: {role: head}\n    item:\n      contact_name: '{first} {$row.b}'\n"
        "      phone_number: {each: phones, item: {e164: number}}\n"
        "  website_url: {each: {jmespath: 'pages[]'}, item: {value: url}}\n"
    )
    mapping = _mapping(tmp_path / "u.yaml", text)
    assert mapping.named.keys() == {"a", "b", "people", "pages"}
    of_entries = {lists: dict(names) for lists, names in mapping.of_entries.items()}
    assert of_entries == {
        ("people",): {"role": 10, "first": 12, "phones": 13},
        ("people", "phones"): {"number": 13},
        (None,): {"url": 14},
    }


def test_jmespath_and_whole_rows_add_to_the_names_that_are_read(tmp_path: Path) -> None:
    text = (
        "entity: organizational-units\nsource: {}\nkey: '{a}-{b}'\nrecord:\n  ounit_id: c.d\n"
        "  ounit_code: {jmespath: \"join('-', e[?f].g) || h.i\"}\n"
        "  name: {each: j, item: {value: k, lang: $row.l}}\n"
    )
    assert _mapping(tmp_path / "u.yaml", text).named.keys() == {"a", "b", "c.d", "e", "h", "j", "l"}
