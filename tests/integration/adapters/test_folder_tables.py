"""CSV files and workbooks in the folder: rows become records, and what is half there deletes nothing."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from support.folder_gateway import Gateway

from ewpgw.adapters import folder_tables
from ewpgw.adapters.check import EntityCount, dry_run
from ewpgw.adapters.contract import AdapterProblem, Complete, Item, NotYet, Partial, Reading, Unchanged, Unreadable
from ewpgw.adapters.folder import FolderAdapter, FolderSettings
from ewpgw.store import records

if TYPE_CHECKING:
    from support.folder_gateway import Source

NORTH = "north.example"
EXAMPLES = Path(__file__).parents[3] / "config" / "mappings"

COLUMNS = "ounit_id,ounit_code,name.0.value,name.0.lang,name.1.value,name.1.lang,contact.0.contact_name,contact.0.email"
UNITS = f"{COLUMNS}\nit,IT,School of IT,en,IT-yksikkö,fi,Office,it@north.example\nlaw,LAW,Law,en,,,,\n"


def _adapter(folder: Path, **options: object) -> FolderAdapter:
    return FolderAdapter(NORTH, FolderSettings.model_validate({"path": folder, "settle_seconds": 0, **options}))


async def _read(adapter: FolderAdapter) -> list[Reading]:
    return [reading async for reading in adapter.snapshot()]


async def _units(gateway: Gateway) -> list[str]:
    return [row.key.id for row in await records.list_page(gateway.store, NORTH, "organizational-units")]


async def test_a_row_is_a_record_with_columns_named_by_the_paths_of_fields(source: Source) -> None:
    source.write("organizational-units/units.csv", UNITS)
    first, second, end = await _read(source.adapter())
    assert isinstance(first, Item)
    assert first.key == "organizational-units/units.csv#it"
    assert first.incoming.document == {
        "ounit_id": "it",
        "ounit_code": "IT",
        "name": [{"value": "School of IT", "lang": "en"}, {"value": "IT-yksikkö", "lang": "fi"}],
        "contact": [{"contact_name": ["Office"], "email": ["it@north.example"]}],
    }
    assert isinstance(second, Item)
    assert second.incoming.document == {
        "ounit_id": "law",
        "ounit_code": "LAW",
        "name": [{"value": "Law", "lang": "en"}],
    }
    assert end == Complete("organizational-units")


async def test_an_agreement_fits_into_a_row(source: Source) -> None:
    spec = "cooperation_conditions.student_traineeship_mobility_spec.0"
    row = {
        "partner.0.hei_id": NORTH,
        "partner.0.iia_id": "7",
        "partner.0.iia_code": "N/7",
        "partner.1.hei_id": "south.example",
        "in_effect": "false",
        f"{spec}.sending_hei_id": NORTH,
        f"{spec}.receiving_hei_id": "south.example",
        f"{spec}.receiving_first_academic_year_id": "2026/2027",
        f"{spec}.receiving_last_academic_year_id": "2027/2028",
        f"{spec}.mobilities_per_year": "5",
        f"{spec}.total_months_per_year": "20",
        f"{spec}.blended": "0",
        f"{spec}.eqf_level.0": "6",
        f"{spec}.eqf_level.1": "",
    }
    source.write("iias/all.csv", ",".join(row) + "\n" + ",".join(row.values()) + "\n")
    report = await dry_run(source.adapter())
    assert [finding for finding in report.findings if finding.severity == "refusal"] == []
    assert report.counts["iias"].valid == 1


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("ounit_id,ounit_code,nam", r"is not a field of the record here; did you mean name\?; the value is nam"),
        ("ounit_id,ounit_code", "lacks name, which a record must have"),
        ("ounit_code,name", "is missing; it is to hold the record's identifier; the value is ounit_id"),
        ("ounit_id,ounit_code,name,name.0.value", "is there beside another that holds all of it or a part of it"),
        ("ounit_id;ounit_code;name", "has one column only"),
    ],
)
async def test_columns_that_make_no_record_are_told(source: Source, header: str, words: str) -> None:
    source.write("organizational-units/units.csv", header + "\n")
    [found, _] = await _read(source.adapter())
    assert isinstance(found, Unreadable)
    assert found.key == "organizational-units/units.csv"
    assert re.search(words, "\n".join(problem.message for problem in (found.problem, *found.more)))


async def test_several_files_are_one_batch_and_a_row_may_move_between_them(gateway: Gateway, source: Source) -> None:
    header, it, law, _ = UNITS.split("\n")
    source.write("organizational-units/1.csv", f"{header}\n{it}\n")
    source.write("organizational-units/2.csv", f"{header}\n{law}\n")
    source.write("organizational-units/3.json", {"ounit_id": "art", "ounit_code": "ART", "name": ["Art"]})
    await gateway.importer.take()
    assert await _units(gateway) == ["art", "it", "law"]
    source.write("organizational-units/1.csv", f"{header}\n")
    source.write("organizational-units/2.csv", f"{header}\n{law}\n{it}\n")
    await gateway.importer.take()
    assert await _units(gateway) == ["art", "it", "law"]
    source.write("organizational-units/2.csv", f"{header}\n{it}\n")
    await gateway.importer.take()
    assert await _units(gateway) == ["art", "it"]


async def test_a_table_that_cannot_be_read_deletes_none_of_its_records(gateway: Gateway, source: Source) -> None:
    source.write("organizational-units/units.csv", UNITS)
    await gateway.importer.take()
    for broken in ("", "ounit_id\n", UNITS.replace("it,IT", '"it,IT')):
        source.write("organizational-units/units.csv", broken)
        await gateway.importer.take()
        assert await _units(gateway) == ["it", "law"]
        assert list(await gateway.refused()) == ["folder:organizational-units/units.csv"]


async def test_bad_rows_are_told_with_their_line_and_the_good_ones_are_taken(gateway: Gateway, source: Source) -> None:
    source.write("organizational-units/units.csv", UNITS)
    await gateway.importer.take()
    header, it, _, _ = UNITS.split("\n")
    rows = [header, it.replace("School", "Faculty"), "short,row", it, ",NO,No key,en,,,,"]
    source.write("organizational-units/units.csv", "\n".join(rows))
    found = (await _read(source.adapter()))[-2]
    assert isinstance(found, Unreadable)
    assert [problem.message for problem in (found.problem, *found.more)] == [
        "line 3 has 2 cells, but the first line names 8 columns",
        "line 4 has the same ounit_id as line 2; the first counts",
        "line 5 has nothing in ounit_id, which is to name it; fill it in",
    ]
    await gateway.importer.take()
    # which record a bad row was about is not known, so the one that is missing stays
    assert await _units(gateway) == ["it", "law"]
    record = await records.get(gateway.store, records.RecordKey(NORTH, "organizational-units", "it"))
    assert record is not None
    assert "Faculty of IT" in (record.document or "")


async def test_mapping_files_make_records_of_any_columns(source: Source) -> None:
    adapter = _adapter(EXAMPLES / "rows" / "data", mappings=EXAMPLES / "rows")
    report = await dry_run(adapter)
    assert {entity: count.valid for entity, count in report.counts.items()} == {
        "iias": 2,
        "institutions": 1,
        "organizational-units": 2,
    }
    assert report.ok
    items = {each.key: each.incoming.document for each in await _read(adapter) if isinstance(each, Item)}
    agreement = items["iias/agreements-2026.csv#17"]
    assert isinstance(agreement, dict)
    conditions = agreement["cooperation_conditions"]
    assert [len(conditions[f"{kind}_mobility_spec"]) for kind in ("student_studies", "staff_teacher")] == [2, 1]
    assert conditions["staff_teacher_mobility_spec"][0]["total_days_per_year"] == "7.5"


async def test_a_workbook_with_a_mapping_file_makes_valid_agreements(source: Source) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Agreements"
    out_and_in = ["Students out", "Months out", "Language out", "Level out", "Students in", "Months in"]
    own = ["Number", "Coordinator", "Coordinator e-mail", "Signed", "Partner", "Partner's number"]
    sheet.append([*own, "Partner coordinator", "Partner e-mail", "In force", "First year", "Last year"])
    for number, name in enumerate([*out_and_in, "Levels", "ISCED", "Field"], start=12):
        sheet.cell(1, number, name)
    common = ["yes", "2026/2027", "2028/2029"]
    contacts = ["A", "a@north.example; b@north.example"]
    sheet.append(
        [1, *contacts, None, "south.example", "S1", None, None, *common, 2, 10, "es", "B1", 3, 15, "BA/MA", 613]
    )
    sheet.append(
        [2, *contacts, None, "south.example", "S2", None, None, *common, 2, 10, "es", "B1", *[None] * 2, "PhD", 421]
    )
    for row in (2, 3):
        sheet.cell(row, 19).number_format = "0000"
    file = io.BytesIO()
    book.save(file)
    source.write("iias/agreements.xlsx", file.getvalue())
    report = await dry_run(_adapter(source.path, mappings=EXAMPLES / "wide"))
    assert report.counts["iias"] == EntityCount(found=2, valid=2, warnings=report.counts["iias"].warnings), report
    found = await _read(_adapter(source.path, mappings=EXAMPLES / "wide"))
    documents: list[Any] = [each.incoming.document for each in found if isinstance(each, Item)]
    specs = [document["cooperation_conditions"]["student_studies_mobility_spec"] for document in documents]
    assert [[spec["sending_hei_id"] for spec in of_one] for of_one in specs] == [[NORTH, "south.example"], [NORTH]]
    assert specs[0][0]["subject_area"] == [{"isced_f_code": "0613"}]


MAPPING = (
    "entity: organizational-units\nsource: {files: 'u*.csv'}\nkey: nr\nrecord: {ounit_id: nr, ounit_code: c, name: n}\n"
)


async def test_a_change_of_a_mapping_file_is_noticed_and_imports_anew(source: Source, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "units.yaml").write_text(MAPPING, "utf-8")
    source.write("organizational-units/u.csv", "nr,c,n\n1,C,N\n")
    adapter = _adapter(source.path, mappings=mappings)
    [before, _] = await _read(adapter)
    assert adapter._fingerprint() == adapter._taken
    (mappings / "units.yaml").write_text(MAPPING.replace("name: n", "name: =Fixed"), "utf-8")
    assert adapter._fingerprint() != adapter._taken
    [after, _] = await _read(adapter)
    assert isinstance(before, Item)
    assert isinstance(after, Item)
    assert (before.key, after.key) == ("organizational-units/u.csv#1",) * 2
    assert before.digest != after.digest


async def test_a_bad_mapping_file_stops_the_reading_and_says_where(source: Source, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "units.yaml").write_text(MAPPING.replace("ounit_code", "ounit_cod"), "utf-8")
    adapter = _adapter(source.path, mappings=mappings)
    for attempt in (adapter.check(), _read(adapter)):
        with pytest.raises(AdapterProblem, match=r"units\.yaml, line 4: record\.ounit_cod: is not a field"):
            await attempt


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("other.csv", "nr,c,n\n", r"is for no mapping file; those are for u\*\.csv \(units\.yaml\)"),
        ("u.csv", "nr,c\n", r"lacks columns that units\.yaml names: n \(line 4\)"),
    ],
)
async def test_a_table_that_does_not_fit_the_mapping_is_told(
    source: Source, tmp_path: Path, name: str, content: str, words: str
) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "units.yaml").write_text(MAPPING, "utf-8")
    source.write(f"organizational-units/{name}", content)
    [found, _] = await _read(_adapter(source.path, mappings=mappings))
    assert isinstance(found, Unreadable)
    assert re.search(words, found.problem.message)


async def test_while_an_export_is_being_written_its_files_are_read_and_nothing_is_deleted(
    gateway: Gateway, source: Source
) -> None:
    header, it, law, _ = UNITS.split("\n")
    for number, row in enumerate((it, law)):
        source.write(f"organizational-units/{number}.csv", f"{header}\n{row}\n")
    await gateway.importer.take()
    (source.path / "organizational-units/1.csv").unlink()
    part = source.write("organizational-units/1.csv.part", "half")
    assert (await _read(source.adapter()))[-1] == Partial("organizational-units")
    assert await gateway.importer.take() is None
    assert await _units(gateway) == ["it", "law"]
    part.unlink()
    await gateway.importer.take()
    assert await _units(gateway) == ["it"]


async def test_a_file_with_a_lock_beside_it_is_not_read(source: Source) -> None:
    source.write("organizational-units/u.csv", UNITS)
    lock = source.write("organizational-units/u.csv.lock", "")
    adapter = source.adapter()
    assert await _read(adapter) == [
        NotYet("organizational-units/u.csv", "organizational-units"),
        Partial("organizational-units"),
    ]
    taken = adapter._taken
    lock.unlink()
    assert adapter._fingerprint() != taken
    assert len(await _read(adapter)) == 3


async def test_an_export_that_never_ends_is_told_after_an_hour(source: Source) -> None:
    part = source.write("organizational-units/u.csv.part", "")
    adapter = source.adapter()
    [found] = await _read(adapter)
    assert found == Partial("organizational-units")
    os.utime(part, (time.time() - 3700,) * 2)
    assert adapter._fingerprint() != adapter._taken
    [found] = await _read(adapter)
    assert isinstance(found, Partial)
    assert re.match("organizational-units/u.csv.part is there for more than an hour", found.problem or "")


async def test_a_file_that_has_just_changed_is_not_read_yet(source: Source) -> None:
    source.write("organizational-units/u.csv", UNITS)
    assert await _read(source.adapter(settle_seconds=3600)) == [
        NotYet("organizational-units/u.csv", "organizational-units"),
        Complete("organizational-units"),
    ]


async def test_rows_that_were_imported_are_not_mapped_again(source: Source) -> None:
    source.write("organizational-units/units.csv", UNITS)
    adapter = source.adapter()
    first, second, end = await _read(adapter)
    assert isinstance(first, Item)
    adapter.imported = lambda key, digest: (key, digest) == (first.key, first.digest)
    assert await _read(adapter) == [Unchanged(first.key, first.entity, first.digest), second, end]


async def test_a_table_larger_than_it_may_be_is_not_read(source: Source) -> None:
    source.write("organizational-units/u.csv", UNITS + "#" * 2**20)
    [found, _] = await _read(_adapter(source.path, max_table_mib=1))
    assert isinstance(found, Unreadable)
    assert "is larger than the 1 MiB" in found.problem.message


@pytest.mark.parametrize(
    "options", [{"delimiter": ",,"}, {"delimiter": '"'}, {"encoding": "utf-99"}, {"encoding": "hex"}]
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"is not one character|is not an encoding of texts"):
        _adapter(tmp_path, **options)


def test_tab_is_a_delimiter_with_a_name(tmp_path: Path) -> None:
    assert FolderSettings.model_validate({"path": tmp_path, "delimiter": "tab"}).delimiter == "\t"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
async def test_a_table_that_is_as_it_was_is_not_taken_apart_again(
    gateway: Gateway, source: Source, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"organizational-units/units{suffix}"
    other = source.write("organizational-units/other.json", {"ounit_id": "x", "ounit_code": "X", "name": ["X"]})

    def write(*codes: str) -> None:
        lines = ["ounit_id,ounit_code,name.0.value", *(f"{code},{code.upper()},Unit" for code in codes)]
        if suffix == ".csv":
            source.write(name, "\n".join(lines))
            return
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        for line in lines:
            sheet.append(line.split(","))
        content = io.BytesIO()
        book.save(content)
        source.write(name, content.getvalue())

    taken_apart: list[str] = []
    reads = folder_tables.Tables._read

    def counted(self: folder_tables.Tables, key: str, *rest: Any) -> object:
        taken_apart.append(key)
        return reads(self, key, *rest)

    monkeypatch.setattr(folder_tables.Tables, "_read", counted)
    write("it", "law", "")  # the last is reported, each time
    for _ in range(3):
        await gateway.importer.take()
        assert await _units(gateway) == ["it", "law", "x"]
        assert list(await gateway.refused()) == [f"folder:{name}"]
    assert taken_apart == [name]
    other.unlink()
    await gateway.importer.take()
    assert (await _units(gateway), taken_apart) == (["it", "law"], [name])
    write("it", "arts")
    await gateway.importer.take()
    assert (await _units(gateway), taken_apart) == (["arts", "it"], [name] * 2)


async def test_a_table_that_is_as_it_was_is_taken_apart_again_where_its_records_are_not_known(
    gateway: Gateway, source: Source
) -> None:
    source.write("organizational-units/units.csv", UNITS)
    adapter = source.adapter()
    first = await _read(adapter)
    again = await _read(adapter)  # nobody has imported anything
    assert [type(each) for each in again] == [type(each) for each in first] == [Item, Item, Complete]
