"""A folder brought into the store, over and over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import structlog
from support.scripted_adapter import ScriptedAdapter

from ewpgw.adapters.contract import AdapterProblem, Complete, Item, SourceIncomplete
from ewpgw.adapters.importing import Importer
from ewpgw.documents import schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.records import Incoming
from ewpgw.store import feed, records, sources
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.folder_gateway import Gateway, Source

    Agreement = Callable[..., dict[str, object]]

NORTH = "north.example"
BROKEN = '{"partner": '


async def test_files_are_imported_and_a_second_look_changes_nothing(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    source.write("iias/b.json", agreement("2"))
    assert await gateway.importer.take() is None
    assert await gateway.served() == ["1", "2"]
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "1"))
    assert stored is not None
    assert (stored.revision, stored.source) == (1, "folder:iias/a.json")
    assert await gateway.restarted().importer.take() is None
    assert await records.get(gateway.store, RecordKey(NORTH, "iias", "1")) == stored


async def test_a_changed_file_changes_its_record(gateway: Gateway, source: Source, agreement: Agreement) -> None:
    source.write("iias/a.json", agreement("1", people=5))
    await gateway.importer.take()
    source.write("iias/a.json", agreement("1", people=6))
    await gateway.importer.take()
    assert await gateway.people("1") == 6


async def test_a_vanished_file_is_a_deletion(gateway: Gateway, source: Source, agreement: Agreement) -> None:
    source.write("iias/a.json", agreement("1"))
    file = source.write("iias/b.json", agreement("2"))
    await gateway.importer.take()
    file.unlink()
    await gateway.importer.take()
    assert await gateway.served() == ["1"]
    source.write("iias/b.json", agreement("2"))
    await gateway.importer.take()
    assert await gateway.served() == ["1"]
    assert "never used again" in (await gateway.refused())["2"]


async def test_a_file_that_vanished_while_the_gateway_was_down_is_a_deletion(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    file.unlink()
    await gateway.restarted().importer.take()
    assert await gateway.served() == []


@pytest.mark.parametrize("new_name", ["iias/0.json", "iias/z.json"])
async def test_a_renamed_file_keeps_its_record(
    gateway: Gateway, source: Source, agreement: Agreement, new_name: str
) -> None:
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    file.rename(source.path / new_name)
    await gateway.importer.take()
    assert await gateway.served() == ["1"]
    (source.path / new_name).unlink()
    await gateway.importer.take()
    assert await gateway.served() == []


async def test_a_file_renamed_and_broken_at_once_keeps_its_record(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    file.unlink()
    source.write("iias/b.json", {**agreement("1"), "in_efect": True})
    for again in (gateway, gateway, gateway.restarted()):
        await again.importer.take()
        assert await gateway.served() == ["1"]
        assert list(await gateway.refused()) == ["1"]


async def test_a_file_whose_id_changed_deletes_the_old_record_and_creates_a_new_one(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.write("iias/a.json", agreement("2"))
    await gateway.importer.take()
    assert await gateway.served() == ["2"]


async def test_two_files_that_swap_their_ids_lose_neither_record(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    source.write("iias/b.json", agreement("2"))
    await gateway.importer.take()
    source.write("iias/a.json", agreement("2", people=7))
    source.write("iias/b.json", agreement("1", people=8))
    await gateway.importer.take()
    assert await gateway.served() == ["1", "2"]
    assert (await gateway.people("2"), await gateway.people("1")) == (7, 8)


async def test_an_id_changed_just_before_a_crash_still_deletes_the_old_record_afterwards(
    gateway: Gateway, source: Source, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.write("iias/a.json", agreement("2"))

    async def crash(*_: object, **__: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(gateway.records, "delete", crash)
        with pytest.raises(SystemExit):
            await gateway.importer.take()
    assert await gateway.served() == ["1", "2"]
    await gateway.restarted().importer.take()
    assert await gateway.served() == ["2"]


async def test_a_record_is_stored_together_with_what_is_remembered_of_its_file(
    gateway: Gateway, source: Source, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise SystemExit

    source.write("iias/a.json", agreement("1"))
    with monkeypatch.context() as patched:
        patched.setattr(sources, "put_items", crash)
        with pytest.raises(SystemExit):
            await gateway.importer.take()
    assert await gateway.served() == []
    await gateway.restarted().importer.take()
    assert await gateway.served() == ["1"]


async def test_a_broken_file_does_not_touch_its_record_and_the_good_version_settles_it(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.write("iias/a.json", BROKEN)
    for again in (gateway, gateway.restarted()):
        await again.importer.take()
        assert await gateway.served() == ["1"]
        assert "is not JSON" in (await gateway.refused())["1"]
    source.write("iias/a.json", agreement("1"))  # the very content that was imported
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["1"], {})
    source.write("iias/a.json", BROKEN)  # in the very same way
    await gateway.importer.take()
    assert list(await gateway.refused()) == ["1"]


async def test_a_broken_file_still_counts_for_its_id_when_another_file_with_that_id_goes(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.write("iias/a.json", BROKEN)
    other = source.write("iias/b.json", agreement("1", people=2))
    await gateway.importer.take()
    other.unlink()
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.people("1")) == (["1"], 2)


async def test_a_refused_version_of_another_id_keeps_the_record_that_the_file_had(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.write("iias/a.json", {**agreement("2"), "in_efect": True})
    for again in (gateway, gateway.restarted()):
        await again.importer.take()
        assert await gateway.served() == ["1"]
    source.write("iias/a.json", agreement("2"))
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["2"], {})


async def test_a_broken_file_that_vanishes_takes_its_refusal_and_its_record_along(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    source.write("iias/b.json", agreement("2"))
    source.write("iias/c.json", BROKEN)
    await gateway.importer.take()
    assert list(await gateway.refused()) == ["folder:iias/c.json"]
    source.write("iias/b.json", BROKEN)
    await gateway.importer.take()
    for name in ("b", "c"):
        (source.path / f"iias/{name}.json").unlink()
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["1"], {})


async def test_of_two_files_with_one_id_the_first_by_name_counts_and_the_second_names_it(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/b.json", agreement("1", people=2))
    await gateway.importer.take()
    source.write("iias/c.json", agreement("1", people=3))
    await gateway.importer.take()
    assert await gateway.people("1") == 2
    said = "has the id 1, as iias/b.json has; give one of the two another id, or remove it"
    assert await gateway.refused() == {"folder:iias/c.json": said}
    source.write("iias/a.json", agreement("1", people=1))
    await gateway.importer.take()
    assert await gateway.people("1") == 1
    assert set(await gateway.refused()) == {"folder:iias/b.json", "folder:iias/c.json"}


async def test_when_the_first_of_two_files_with_one_id_goes_the_second_takes_its_place(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    first = source.write("iias/a.json", agreement("1", people=1))
    source.write("iias/b.json", agreement("1", people=2))
    await gateway.importer.take()
    first.unlink()
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.people("1"), await gateway.refused()) == (["1"], 2, {})


async def test_a_broken_file_does_not_keep_a_good_one_of_the_same_id_away(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", {**agreement("1"), "in_efect": True})
    source.write("iias/b.json", agreement("1", people=2))
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.people("1")) == (["1"], 2)


async def test_a_missing_folder_deletes_nothing(gateway: Gateway, source: Source, agreement: Agreement) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    source.path.rename(source.path.with_name("unmounted"))
    for again in (gateway, gateway.restarted()):
        with pytest.raises(SourceIncomplete, match="cannot be listed"):
            await again.importer.take()
    source.path.mkdir()  # the bare mount point
    for again in (gateway, gateway.restarted()):
        assert "does not offer iias (1 before)" in (await again.importer.take() or "")
    assert await gateway.served() == ["1"]


async def test_an_empty_folder_of_an_entity_deletes_all_of_it(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    file.unlink()
    assert await gateway.importer.take() is None
    assert await gateway.served() == []


async def test_one_entity_that_is_missing_does_not_stop_the_others(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    hei = {"hei_id": NORTH, "name": [{"value": "University of the North", "lang": "en"}]}
    source.write("institutions/north.json", hei)
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    (source.path / "institutions").rename(source.path / ".institutions")
    file.unlink()
    assert "institutions (1 before)" in (await gateway.importer.take() or "")
    assert await gateway.served() == []
    assert await records.index(gateway.store, NORTH, "institutions", []) == [NORTH]


async def test_a_folder_that_is_swapped_while_it_is_read_deletes_nothing(
    gateway: Gateway, source: Source, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        source.write(f"iias/{number}.json", agreement(str(number)))
    await gateway.importer.take()
    real = os.open

    def unmounted(path: str, flags: int, *more: int) -> int:
        if str(path).endswith("/1.json"):
            source.path.rename(source.path.with_name("away"))
            source.path.mkdir()
        return real(path, flags, *more)

    monkeypatch.setattr("ewpgw.adapters.folder_files.os.open", unmounted)
    with pytest.raises(SourceIncomplete, match="was replaced"):
        await gateway.importer.take()
    assert await gateway.served() == ["0", "1", "2"]


async def test_a_file_still_being_written_is_neither_taken_nor_missed(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1", people=5))
    await gateway.importer.take()
    patient = Importer(NORTH, source.adapter(settle_seconds=3600), gateway.store, gateway.records)
    source.write("iias/a.json", BROKEN)
    await patient.take()
    assert (await gateway.served(), await gateway.people("1"), await gateway.refused()) == (["1"], 5, {})


async def test_a_record_that_the_sis_api_has_changed_since_does_not_go_with_its_file(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    file = source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    await gateway.records.put(NORTH, "iias", Incoming(id="1", document=agreement("1", people=9)), source="sis")
    file.unlink()
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.people("1")) == (["1"], 9)


async def _published(gateway: Gateway, *ids: str) -> bytes:
    entity = ENTITIES["iias"]
    keys = [RecordKey(NORTH, "iias", id_) for id_ in ids]
    fragments = [await records.fragment(gateway.store, key, entity.newest.version) for key in keys]
    return entity.newest.wrap([fragment for fragment in fragments if fragment is not None])


async def test_a_response_with_several_records_is_imported_record_by_record(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    for id_ in ("1", "2", "3"):
        source.write(f"iias/{id_}.json", agreement(id_))
    await gateway.importer.take()
    whole, less = await _published(gateway, "1", "2", "3"), await _published(gateway, "1", "3")
    source.write("iias/all.xml", whole)
    for id_ in ("1", "2", "3"):
        (source.path / f"iias/{id_}.json").unlink()
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["1", "2", "3"], {})
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "2"))
    assert stored is not None
    assert (stored.revision, stored.source) == (1, "folder:iias/all.xml#2")
    source.write("iias/all.xml", whole[:-10])
    for again in (gateway, gateway.restarted()):
        await again.importer.take()
        assert await gateway.served() == ["1", "2", "3"]
    source.write("iias/all.xml", less)
    await gateway.importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["1", "3"], {})


async def test_refusals_are_logged_once_for_each_version_and_without_the_content(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    secret = agreement("1")
    secret["in_effect"] = "Jane Roe"
    source.write("iias/a.json", secret)
    source.write("iias/b.json", '{"Jane Roe": }')
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await gateway.importer.take()
        assert [(log["event"], log["item"]) for log in logs] == [
            ("adapter.refused", "iias/a.json"),
            ("adapter.refused", "iias/b.json"),
        ]
        assert "in_effect" in str(logs[0]["reasons"])
        assert "line 1, column 14" in str(logs[1]["reasons"])
        assert "Jane" not in str(logs)
        source.write("iias/a.json", {**secret, "pdf_file": "x"})
        await gateway.importer.take()
        assert len(logs) == 3
    assert len(await feed.read(gateway.store, NORTH)) == 3


async def test_what_only_the_schema_refuses_is_logged_by_its_place_alone(
    gateway: Gateway, source: Source, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = schemas.Fault("iias-get-response/iia/partner", 1, "'Jane Roe' is not a number")
    monkeypatch.setattr(schemas.Schemas, "faults", lambda *_: [fault])
    source.write("iias/a.json", agreement("1"))
    with structlog.testing.capture_logs() as logs:
        await gateway.importer.take()
    assert logs[0]["reasons"] == ["iias-get-response/iia/partner: breaks the schema"]


async def test_a_file_refused_under_older_rules_is_tried_again_after_a_restart(
    gateway: Gateway, source: Source, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write("iias/a.json", agreement("1"))
    with monkeypatch.context() as older:
        older.setattr(schemas.Schemas, "faults", lambda *_: [schemas.Fault("", 1, "was forbidden once")])
        await gateway.importer.take()
    await gateway.importer.take()
    assert await gateway.served() == []
    await gateway.restarted().importer.take()
    assert (await gateway.served(), await gateway.refused()) == (["1"], {})


async def test_an_adapter_that_yields_a_key_twice_is_stopped(gateway: Gateway, agreement: Agreement) -> None:
    item = Item("k", "iias", Incoming(id=None, document=agreement("1")), "d")
    odd = Importer(NORTH, ScriptedAdapter(item, item), gateway.store, gateway.records)
    with pytest.raises(AdapterProblem, match="the key k twice"):
        await odd.take()


async def test_an_item_of_an_unknown_entity_is_reported_and_the_rest_imported(
    gateway: Gateway, agreement: Agreement
) -> None:
    readings = (
        Item("x", "iia", Incoming(id=None, document=agreement("1")), "d"),
        Complete("iia"),
        Item("y", "iias", Incoming(id=None, document=agreement("2")), "d"),
        Complete("iias"),
    )
    odd = Importer(NORTH, ScriptedAdapter(*readings), gateway.store, gateway.records)
    with structlog.testing.capture_logs() as logs:
        assert await odd.take() is None
    assert [log["item"] for log in logs] == ["x"]
    assert await gateway.served() == ["2"]
