"""The files that stand for partners' copies."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ewpgw.adapters import inbox
from ewpgw.adapters.contract import AdapterProblem, CopyDelivery
from ewpgw.adapters.folder import FolderAdapter, FolderSettings

if TYPE_CHECKING:
    from pathlib import Path

IDENTIFIERS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)

CURRENT = CopyDelivery(
    hei_id="north.example",
    entity="iias",
    partner="south.example",
    id="../../S/1",
    state="current",
    revision=1,
    body=b"<iias-get-response/>",
    document={"iia_id": "S/1", "name": "Jyväskylä"},
    problems=(),
    at=datetime(2026, 9, 1, 12, tzinfo=UTC),
)
GONE = replace(CURRENT, state="gone", revision=2, body=None, document=None)
REASONS = ({"path": "in_effect", "message": "is required"},)
INVALID = replace(CURRENT, state="invalid", revision=3, body=b"<broken/>", document=None, problems=REASONS)


async def test_an_inbox_behind_a_folder_that_may_not_be_entered_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_dir(_path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    adapter = FolderAdapter("north.example", FolderSettings.model_validate({"path": tmp_path}))
    monkeypatch.setattr(type(tmp_path), "is_dir", is_dir)
    with pytest.raises(AdapterProblem, match="inbox cannot be written: Permission denied"):
        await adapter.deliver(CURRENT)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@given(IDENTIFIERS)
def test_a_file_name_holds_only_safe_characters_fits_and_gives_the_identifier_back(identifier: str) -> None:
    name = inbox.file_name(identifier)
    assert unquote(name) == identifier
    assert not name.startswith(".")
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%")
    assert len(f"{name}.invalid.json") < 256


@given(IDENTIFIERS, IDENTIFIERS)
def test_no_two_identifiers_share_a_file(one: str, other: str) -> None:
    def names(identifier: str) -> set[str]:
        name = inbox.file_name(identifier)
        return {f"{name}{end}" for end in (".xml", ".json", ".gone.json", ".invalid.xml", ".invalid.json")}

    assert one == other or not names(one) & names(other)


@pytest.mark.parametrize("state", ["gone", "invalid"])
def test_an_identifier_that_ends_like_a_state_of_another_has_files_of_its_own(state: str) -> None:
    assert inbox.file_name(f"a.{state}") == f"a%2E{state}"
    assert inbox.file_name(f"a.{state}.b") == f"a.{state}.b"


def test_a_copy_is_written_as_received_and_decoded(tmp_path: Path) -> None:
    inbox.write(tmp_path, CURRENT)
    folder = tmp_path / "iias" / "south.example"
    assert _files(tmp_path) == {
        "iias/south.example/%2E.%2F..%2FS%2F1.xml",
        "iias/south.example/%2E.%2F..%2FS%2F1.json",
    }
    assert (folder / "%2E.%2F..%2FS%2F1.xml").read_bytes() == CURRENT.body
    text = (folder / "%2E.%2F..%2FS%2F1.json").read_text("utf-8")
    assert text == '{\n  "iia_id": "S/1",\n  "name": "Jyväskylä"\n}\n'


def test_each_state_leaves_its_files_and_an_invalid_copy_does_not_touch_the_last_good_one(tmp_path: Path) -> None:
    name = "iias/south.example/%2E.%2F..%2FS%2F1"
    good, invalid = {f"{name}.xml", f"{name}.json"}, {f"{name}.invalid.xml", f"{name}.invalid.json"}
    gone = {f"{name}.gone.json"}
    steps = [
        (INVALID, invalid),
        (GONE, gone),
        (CURRENT, good),
        (INVALID, good | invalid),
        (CURRENT, good),
        (INVALID, good | invalid),
        (GONE, gone),
        (INVALID, invalid),
    ]
    for delivery, expected in steps:
        for _ in range(2):  # the same delivery comes again after a crash
            inbox.write(tmp_path, delivery)
            assert _files(tmp_path) == expected


def test_an_invalid_copy_comes_with_the_reasons_and_as_received(tmp_path: Path) -> None:
    inbox.write(tmp_path, INVALID)
    folder = tmp_path / "iias" / "south.example"
    assert (folder / "%2E.%2F..%2FS%2F1.invalid.xml").read_bytes() == b"<broken/>"
    notice = json.loads((folder / "%2E.%2F..%2FS%2F1.invalid.json").read_bytes())
    assert (notice["state"], notice["problems"]) == ("invalid", list(REASONS))


def test_a_gone_copy_says_whose_it_was_and_when_it_went(tmp_path: Path) -> None:
    inbox.write(tmp_path, GONE)
    (file,) = (tmp_path / "iias" / "south.example").iterdir()
    assert json.loads(file.read_bytes()) == {
        "entity": "iias",
        "partner": "south.example",
        "id": "../../S/1",
        "state": "gone",
        "at": "2026-09-01T12:00:00+00:00",
    }


def test_a_write_that_fails_leaves_the_old_copy_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.write(tmp_path, CURRENT)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        inbox.write(tmp_path, replace(CURRENT, body=b"<new/>"))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
