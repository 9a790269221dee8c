"""Finding adapters by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from ewpgw.adapters import loading
from ewpgw.adapters.contract import Adapter
from ewpgw.adapters.folder import FolderAdapter, FolderSettings

if TYPE_CHECKING:
    from pathlib import Path


class Unfinished(Adapter):
    """Lacks everything."""

    settings_model = FolderSettings


NOT_AN_ADAPTER = dict


def _install(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    installed = [EntryPoint(name, value, loading.GROUP) for name, value in points]

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "ewpgw.adapters"
        return [point for point in installed if name in (None, point.name)]

    monkeypatch.setattr(loading, "entry_points", entry_points)


def test_the_folder_adapter_is_installed_with_the_package() -> None:
    assert loading.load("folder") is FolderAdapter
    assert "folder" in loading.kinds()


def test_an_adapter_that_is_not_installed_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(loading.UnknownAdapter, match=r"'folders'.*installed are: .*folder") as caught:
        loading.load("folders")
    assert caught.value.kind == "folders"


def test_two_packages_that_offer_one_name_are_refused_since_the_choice_would_be_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _install(monkeypatch, ("x", "ewpgw.adapters.folder:FolderAdapter"), ("x", "elsewhere:Other"))
    with pytest.raises(loading.UnknownAdapter, match=r"more than once \(elsewhere:Other, ewpgw"):
        loading.load("x")


def test_one_package_seen_twice_on_the_path_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, *[("folder", "ewpgw.adapters.folder:FolderAdapter")] * 2)
    assert loading.load("folder") is FolderAdapter


def test_an_adapter_under_another_name_than_its_own_is_refused_since_it_would_forget_what_it_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _install(monkeypatch, ("files", "ewpgw.adapters.folder:FolderAdapter"))
    with pytest.raises(loading.UnknownAdapter, match="calls itself 'folder'"):
        loading.load("files")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no.such.module:Adapter", "cannot be imported: No module named 'no'"),
        ("ewpgw.adapters.folder:Missing", "cannot be imported"),
        ("{module}:NOT_AN_ADAPTER", "is not a subclass of"),
        ("{module}:Unfinished", "lacks changes, check, deliver, snapshot"),
    ],
)
def test_an_entry_point_without_a_usable_adapter_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    point = EntryPoint("x", value, loading.GROUP)
    if "{module}" in value:
        monkeypatch.setattr(EntryPoint, "load", lambda _: globals()[value.partition(":")[2]])
    _install(monkeypatch, (point.name, point.value))
    with pytest.raises(loading.UnknownAdapter, match=words):
        loading.load("x")


def test_an_adapter_is_made_with_paths_that_start_from_the_configuration_files_folder(tmp_path: Path) -> None:
    adapter = loading.create("north.example", "folder", {"path": "records"}, tmp_path)
    assert isinstance(adapter, FolderAdapter)
    assert adapter.hei_id == "north.example"
    assert adapter.folder == tmp_path / "records"


def test_options_that_the_adapter_does_not_know_are_refused_by_key_and_without_their_values(tmp_path: Path) -> None:
    with pytest.raises(loading.BadOptions) as caught:
        loading.create("north.example", "folder", {"settle_seconds": "hunter2", "pasword": "hunter2"}, tmp_path)
    assert {key for key, _ in caught.value.faults} == {"path", "settle_seconds", "pasword"}
    assert "hunter2" not in str(caught.value)
