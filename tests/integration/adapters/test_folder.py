"""What the folder adapter reads of a real folder, and when it looks again."""

from __future__ import annotations

import asyncio
import os
import re
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.adapters import folder as folder_module
from ewpgw.adapters.contract import (
    AdapterProblem,
    Complete,
    Item,
    NotYet,
    Partial,
    Reading,
    SourceIncomplete,
    Unreadable,
)
from ewpgw.adapters.folder_files import MAX_BYTES
from ewpgw.adapters.watching import Watch
from ewpgw.model.entities import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.folder_gateway import Source

    from ewpgw.adapters.folder import FolderAdapter

    Until = Callable[[Callable[[], object]], Awaitable[None]]


async def _read(adapter: FolderAdapter) -> list[Reading]:
    async with aclosing(adapter.snapshot()) as readings:
        return [reading async for reading in readings]


async def _keys(adapter: FolderAdapter) -> list[str]:
    return [reading.key for reading in await _read(adapter) if isinstance(reading, Item)]


async def _reason(source: Source, key: str) -> str:
    """Why one file cannot be read."""
    found = [reading for reading in await _read(source.adapter()) if isinstance(reading, Unreadable)]
    assert [reading.key for reading in found] == [key]
    return found[0].problem.message


async def test_items_come_by_entity_in_the_order_of_their_names_and_each_entity_ends_with_complete(
    source: Source,
) -> None:
    for key in ("organizational-units/1.json", "iias/b.json", "iias/a.json"):
        source.write(key, {})
    readings = await _read(source.adapter())
    assert not any(isinstance(each, Partial) for each in readings)
    assert [
        each.entity if isinstance(each, Complete) else each.key
        for each in readings
        if not isinstance(each, NotYet | Partial)
    ] == [
        "organizational-units/1.json",
        "organizational-units",
        "iias/a.json",
        "iias/b.json",
        "iias",
    ]


async def test_a_json_file_is_an_item_with_its_document_and_a_digest_of_its_content(source: Source) -> None:
    source.write("iias/a.json", b"\xef\xbb\xbf" + '{"name": "Jyväskylä"}'.encode())
    item, _ = await _read(source.adapter())
    assert isinstance(item, Item)
    assert (item.incoming.id, item.incoming.document) == (None, {"name": "Jyväskylä"})
    assert item.incoming.raw == '{"name": "Jyväskylä"}'
    os.utime(source.path / "iias/a.json", (1, 1))
    assert (await _read(source.adapter()))[0] == item
    source.write("iias/a.json", {"name": "Turku"})
    other = (await _read(source.adapter()))[0]
    assert isinstance(other, Item)
    assert other.digest != item.digest


async def test_an_xml_file_is_an_item_for_each_of_its_elements(source: Source) -> None:
    entity = ENTITIES["iias"]
    one = f'<iia xmlns="{entity.newest.namespace}"/>'.encode()
    source.write("iias/0.xml", one)
    source.write("iias/1.xml", entity.newest.wrap([one]))
    source.write("iias/2.xml", entity.newest.wrap([one, one, one]))
    source.write("iias/3.xml", entity.newest.wrap([]))
    assert await _keys(source.adapter()) == ["iias/0.xml", "iias/1.xml", "iias/2.xml", "iias/2.xml#2", "iias/2.xml#3"]


async def test_hidden_and_temporary_files_and_the_inbox_are_passed_over(source: Source) -> None:
    for name in (".a.json", ".a.json.swp", "a.json~", "a.json.tmp", "A.JSON.TMP", "~$a.xlsx", ".~lock.a.xlsx#"):
        source.write(f"iias/{name}", {})
    source.write("inbox/iias/south.example/1.json", {})
    source.write(".Trash/x", "")
    assert await _read(source.adapter()) == [Complete("iias")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.docx", "", "is none of .json, .xml, .csv, .xlsx"),
        ("a", "{}", "is none of .json, .xml, .csv, .xlsx"),
        ("a.json", "{", "is not JSON: .* \\(line 1, column 2\\)"),
        ("a.json", "", "is not JSON"),
        ("a.json", b"\xff\xfe{", "is not UTF-8 \\(byte 1\\)"),
        ("a.json", '{"x": NaN}', "is not JSON: NaN"),
        ("a.json", '{"x": 1, "y": {"z": 1, "z": 2}}', "a key is given twice"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", '{"x": ' + "9" * 5000 + "}", "is not a record"),
        ("a.json", b" " * (MAX_BYTES + 1), "is larger than the 5 MiB"),
        ("a.xml", "<iia", "is not usable XML"),
        ("a.xml", '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>', "DOCTYPE"),
    ],
)
async def test_a_file_that_cannot_be_read_is_reported_with_the_reason(
    source: Source, name: str, content: bytes | str, words: str
) -> None:
    source.write(f"iias/{name}", content)
    assert re.search(words, await _reason(source, f"iias/{name}"))


async def test_a_file_of_exactly_the_largest_size_is_read(source: Source) -> None:
    source.write("iias/a.json", b"{}" + b" " * (MAX_BYTES - 2))
    assert await _keys(source.adapter()) == ["iias/a.json"]


async def test_links_that_lead_out_of_the_folder_are_refused_and_those_inside_are_followed(
    source: Source,
) -> None:
    outside = source.path.parent / "secret.json"
    outside.write_text("{}")
    source.write("iias/a.json", {})
    (source.path / "iias/b.json").symlink_to("a.json")
    (source.path / "iias/c.json").symlink_to(outside)
    (source.path / "iias/d.json").symlink_to("gone.json")
    (source.path / "iias/e.json").symlink_to("e.json")
    (source.path / "organizational-units").symlink_to(source.path.parent)
    readings = await _read(source.adapter())
    refused = {each.key: each.problem.message for each in readings if isinstance(each, Unreadable)}
    assert {key for key, message in refused.items() if "leads out of the folder" in message} == {
        "iias/c.json",
        "organizational-units",
    }
    assert {key for key, message in refused.items() if "leads nowhere" in message} == {"iias/d.json", "iias/e.json"}
    assert await _keys(source.adapter()) == ["iias/a.json", "iias/b.json"]
    assert Complete("organizational-units") not in readings


async def test_pipes_and_folders_in_place_of_files_are_refused_without_waiting(source: Source) -> None:
    (source.path / "iias/b.json").mkdir(parents=True)
    os.mkfifo(source.path / "iias/a.json")
    async with asyncio.timeout(10):
        readings = await _read(source.adapter())
    found = [(each.key, each.problem.message) for each in readings if isinstance(each, Unreadable)]
    assert [key for key, _ in found] == ["iias/a.json", "iias/b.json"]
    assert all("is not a file" in message for _, message in found)


async def test_a_file_without_the_right_to_read_it_is_reported(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ewpgw.adapters.folder_files.os.open", forbid)
    source.write("iias/a.json", {})
    assert await _reason(source, "iias/a.json") == "cannot be read: Permission denied; let the gateway's user read it"


async def test_folders_and_files_that_are_no_entity_are_reported_with_the_names_of_those_that_are(
    source: Source,
) -> None:
    source.write("iia/a.json", {})
    source.write("readme.txt", "")
    readings = await _read(source.adapter())
    unreadable = [each for each in readings if isinstance(each, Unreadable)]
    assert unreadable == readings
    assert [(each.key, each.entity) for each in unreadable] == [("iia", None), ("readme.txt", None)]
    assert all(
        "factsheet, iias, imobilities, imobility-tors, institutions" in each.problem.message for each in unreadable
    )


async def test_a_folder_that_is_not_there_fails_the_check_and_the_snapshot(source: Source) -> None:
    source.path.rmdir()
    with pytest.raises(AdapterProblem, match="cannot be listed: No such file"):
        await source.adapter().check()
    with pytest.raises(SourceIncomplete):
        await _read(source.adapter())


async def test_a_fresh_file_is_taken_once_it_has_not_changed_for_the_settle_time(source: Source) -> None:
    adapter = source.adapter(settle_seconds=0.2)
    file = source.write("iias/a.json", "{")
    assert await _read(adapter) == [NotYet("iias/a.json", "iias"), Complete("iias")]
    file.write_text("{}")
    async with aclosing(adapter.changes()) as changes:
        async for _ in changes:
            readings = await _read(adapter)
            assert not any(isinstance(reading, Unreadable) for reading in readings)
            if isinstance(readings[0], Item):
                break
    assert time.time() - file.stat().st_mtime >= 0.2


async def test_a_file_with_a_time_stamp_of_the_future_is_taken_once_it_has_settled(source: Source) -> None:
    adapter = source.adapter(settle_seconds=0.05)
    file = source.write("iias/a.json", {})
    os.utime(file, (time.time() + 9000,) * 2)
    assert isinstance((await _read(adapter))[0], NotYet)
    async with asyncio.timeout(30), aclosing(adapter.changes()) as changes:
        async for _ in changes:
            if await _keys(adapter) == ["iias/a.json"]:
                break


async def test_a_file_that_grows_while_it_is_read_is_left_for_later(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = source.write("iias/a.json", {})
    real = os.fdopen

    def grow(*arguments: Any, **named: Any) -> object:
        with file.open("a") as more:
            more.write(" ")
        return real(*arguments, **named)

    monkeypatch.setattr("ewpgw.adapters.folder_files.os.fdopen", grow)
    assert (await _read(source.adapter()))[0] == NotYet("iias/a.json", "iias")


async def test_changes_are_noticed_and_those_of_the_inbox_are_not(source: Source, until: Until) -> None:
    adapter = source.adapter()
    source.write("iias/a.json", {})
    await _read(adapter)
    noticed = 0

    async def follow() -> None:
        nonlocal noticed
        async with aclosing(adapter.changes()) as changes:
            async for _ in changes:
                await _read(adapter)
                noticed += 1

    task = asyncio.create_task(follow())
    try:
        source.write("inbox/iias/south.example/1.json", {})
        source.write("iias/.hidden", "")
        source.write("iias/b.json", {})
        await until(lambda: noticed)
        assert noticed == 1
        (source.path / "iias/b.json").unlink()
        await until(lambda: noticed == 2)
        source.write("organizational-units/1.json", {})
        await until(lambda: noticed >= 3)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_change_before_the_watch_began_is_noticed_at_once(source: Source) -> None:
    adapter = source.adapter()
    await _read(adapter)
    source.write("iias/a.json", {})
    async with asyncio.timeout(10), aclosing(adapter.changes()) as changes:
        await anext(changes)


async def test_changes_are_noticed_by_looking_where_the_kernel_gives_no_notice(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_watches(*_: object, **__: object) -> object:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("ewpgw.adapters.watching.awatch", no_watches)
    monkeypatch.setattr(folder_module, "_LOOK_SECONDS_WITHOUT_NOTICES", 0.02)
    monkeypatch.setattr(folder_module, "_LOOK_SECONDS", 3600.0)
    adapter = source.adapter()
    await _read(adapter)
    async with asyncio.timeout(10), aclosing(adapter.changes()) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        for _ in range(3):
            await asyncio.sleep(0)
        source.write("iias/a.json", {})
        await waiting


async def test_a_folder_that_goes_and_comes_back_is_noticed_and_watched_again(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "_LOOK_SECONDS_WITHOUT_NOTICES", 0.02)
    monkeypatch.setattr(folder_module, "_LOOK_SECONDS", 0.05)
    adapter = source.adapter()
    await _read(adapter)
    away = source.path.with_name("away")
    async with asyncio.timeout(20), aclosing(adapter.changes()) as changes:
        source.path.rename(away)
        await anext(changes)
        with pytest.raises(SourceIncomplete):
            await _read(adapter)
        source.path.mkdir()
        await anext(changes)
        assert await _read(adapter) == []
        monkeypatch.setattr(folder_module, "_LOOK_SECONDS", 3600.0)
        source.write("iias/a.json", {})
        await anext(changes)


async def test_a_stopped_watch_leaves_no_task_behind(source: Source) -> None:
    watch = Watch(source.path, lambda _: True)
    before = asyncio.all_tasks()
    await watch.wait(0.01, 0.01)
    assert asyncio.all_tasks() > before
    await watch.stop()
    assert asyncio.all_tasks() == before
