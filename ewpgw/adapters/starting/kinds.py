"""What the starter of each kind of adapter consists of, and writing it down."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from ewpgw.adapters.loading import UnknownAdapter, load
from ewpgw.adapters.mapping import json_schema
from ewpgw.adapters.starting import package, texts
from ewpgw.adapters.starting.mapping_files import KIND, Starter, key_of, mapping_file, starter
from ewpgw.config.values import HeiId
from ewpgw.model.entities import ENTITIES
from ewpgw.model.examples import example

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ewpgw.model.entity import EntityType

    Files = Mapping[str, str]
    """The text of each file by its path below the folder."""


JOINED_KEY = "record_key"
"""The column of a sql starter that tells identifiers of different partners from each other."""


class CannotStart(Exception):
    """A starter that cannot be made, or not there. The text says why, and what to do."""


def files_of(kind: str, hei_id: str, folder: Path) -> Files:
    """The files of a kind's starter.

    ``folder``: where they are to stand; the piece of configuration names it. Raises CannotStart.
    """
    if kind not in KINDS:
        raise CannotStart(
            f"there is nothing to begin with for adapters of kind {kind}; there is for {', '.join(KINDS)}"
        )
    try:
        TypeAdapter(HeiId).validate_python(hei_id)
    except ValidationError as error:
        raise CannotStart(f"--hei: {error.errors()[0]['msg']}") from None
    return KINDS[kind](hei_id, folder.absolute())


def write(folder: Path, files: Files) -> list[Path]:
    """Write the files into a new or empty folder; the paths of what was written. Raises CannotStart."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CannotStart(f"{folder} is there already and not an empty folder; name another with --folder")
        written = []
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(exist_ok=True)
                continue
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            written.append(path)
    except OSError as error:
        raise CannotStart(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return written


def _folder(hei_id: str, folder: Path) -> Files:
    examples = {
        f"examples/{name}/example.json": json.dumps(example(name, hei_id), indent=2, ensure_ascii=False) + "\n"
        for name in ENTITIES
    }
    return {
        "README.md": texts.readme("folder", hei_id, texts.FOLDER),
        "adapter.yaml": texts.configuration(texts.FOLDER_YAML, hei_id, folder),
        "records/": "",
        **examples,
    }


def _csv(hei_id: str, folder: Path) -> Files:
    mappings, examples = {}, {}
    for entity in ENTITIES.values():
        made = starter(entity)
        source = texts.CSV_ROWS_SOURCE.format(name=made.name) if made.name is not None else texts.CSV_SOURCE
        mappings[f"mappings/{entity.name}.yaml"] = mapping_file(entity, made, source.rstrip("\n").splitlines())
        examples[f"examples/{entity.name}/example.csv"] = _table(entity, made, hei_id)
    return {
        "README.md": texts.readme("csv", hei_id, texts.CSV),
        "adapter.yaml": texts.configuration(texts.CSV_YAML, hei_id, folder),
        "mapping.schema.json": _schema("folder"),
        "records/": "",
        **mappings,
        **examples,
    }


def _sql(hei_id: str, folder: Path) -> Files:
    mappings = {}
    for entity in ENTITIES.values():
        made = starter(entity)
        table, key = f"ewp_{entity.name.replace('-', '_')}", key_of(entity)
        joined = JOINED_KEY if entity.foreign_ids else None
        columns = _some(key, made.columns)
        if joined is not None:
            columns = f"CONCAT(sending_hei_id, ':', {key}) AS {joined}, {columns}"
        source = texts.SQL_SOURCE.format(columns=columns, table=table)
        if made.name is not None:
            source += texts.SQL_LIST.format(
                name=made.name, columns=_some(key, [KIND, *made.listed]), table=f"{table}_{made.name}", key=key
            )
        lines = source.rstrip("\n").splitlines()
        mappings[f"mappings/{entity.name}.yaml"] = mapping_file(entity, made, lines, joined)
    return {
        "README.md": texts.readme("sql", hei_id, texts.SQL),
        "adapter.yaml": texts.configuration(texts.SQL_YAML, hei_id, folder),
        "mapping.schema.json": _schema("sql"),
        **mappings,
    }


def _rest(hei_id: str, folder: Path) -> Files:
    mappings = {}
    for entity in ENTITIES.values():
        made = starter(entity)
        source = texts.REST_SOURCE.format(url=entity.name)
        if made.name is not None:
            source += texts.REST_LIST.format(name=made.name)
        mappings[f"mappings/{entity.name}.yaml"] = mapping_file(entity, made, source.rstrip("\n").splitlines())
    return {
        "README.md": texts.readme("rest", hei_id, texts.REST),
        "adapter.yaml": texts.configuration(texts.REST_YAML, hei_id, folder),
        "mapping.schema.json": _schema("rest"),
        **mappings,
    }


def _python(hei_id: str, folder: Path) -> Files:
    try:
        return package.files(hei_id, folder)
    except package.BadName as bad:
        raise CannotStart(str(bad)) from None


KINDS: Mapping[str, Callable[[str, Path], Files]] = {
    "folder": _folder,
    "csv": _csv,
    "sql": _sql,
    "rest": _rest,
    "python": _python,
}


def _schema(kind: str) -> str:
    try:
        source_model = load(kind).source_model
    except UnknownAdapter as unknown:
        raise CannotStart(str(unknown)) from None
    assert source_model is not None
    return json.dumps(json_schema(source_model), indent=2, ensure_ascii=False) + "\n"


def _some(key: str, columns: Mapping[str, object] | list[str]) -> str:
    return ", ".join(dict.fromkeys([key, *columns]))


def _table(entity: EntityType, made: Starter, hei_id: str) -> str:
    """A CSV file of the columns that the starter's required fields read, with the values of the complete example."""
    record = example(entity.name, hei_id)
    key = key_of(entity)
    row = {key: _at(record, entity.id_path)}
    row |= {name: _at(record, path) for name, path in made.columns.items()}
    listed = [
        {KIND: kind, **{name: _at(record, (*path, place, *below)) for name, below in made.listed.items()}}
        for kind, path in made.kinds.items()
        for place in range(_length(record, path))
    ]
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    rows = [{**row, **more} for more in listed] or [row]
    table.writerow(rows[0])
    table.writerows(each.values() for each in rows)
    return written.getvalue()


def _length(record: object, path: tuple[str | int, ...]) -> int:
    found = _found(record, path)
    return len(found) if isinstance(found, list) else 0


def _at(record: object, path: tuple[str | int, ...]) -> str:
    """The value at a place of an example, as a cell; empty where the example has none there."""
    found = _found(record, path)
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)


def _found(record: object, path: tuple[str | int, ...]) -> object:
    here = record
    for step in path:
        if isinstance(here, dict):
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    return here
