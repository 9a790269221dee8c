"""Reading the mapping files of a folder, each with all its faults."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from ewpgw.adapters.mapping import paths
from ewpgw.adapters.mapping.compiling import Compiler
from ewpgw.adapters.mapping.faults import BadMapping, MappingFault, Notes, Unmappable
from ewpgw.adapters.mapping.leaves import Leaves
from ewpgw.adapters.mapping.nodes import Node, Run
from ewpgw.adapters.mapping.valuemaps import ValueMap, named
from ewpgw.config import explain
from ewpgw.config.source import Source, UnreadableSource, read
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem, dotted
from ewpgw.preparing import BY_MAPPING, VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pydantic import JsonValue

    from ewpgw.adapters.mapping.nodes import Taker
    from ewpgw.adapters.mapping.paths import Get
    from ewpgw.config.faults import Location
    from ewpgw.model.entity import EntityType

S = TypeVar("S", bound=BaseModel)

KEYS = ("entity", "source", "key", "zone", "values", "record")
_REQUIRED = ("entity", "source", "key", "record")
_LANGUAGE = "1"
"""Changes when the language makes something else of the same row, so that all is imported anew."""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """The compiled ``record`` of a mapping file.

    ``named``: the names it reads of a row, each with the line of the file that names it first; a name with dots as it
    is written. ``of_entries``: the same of what it reads of the entries of lists, by the names of the lists they are
    in, the outermost first; None stands for a list that an expression makes. ``takers``: what takes entries of a list
    of the row, by the name of the list.
    """

    named: Mapping[str, int | None]
    _node: Node
    _file: Path
    _lines: Mapping[str, set[int | None]] = field(default_factory=dict)
    of_entries: Mapping[tuple[str | None, ...], Mapping[str, int | None]] = field(default_factory=dict)
    takers: Mapping[str, Sequence[Taker]] = field(default_factory=dict)

    def apply(self, row: Mapping[str, object]) -> dict[str, JsonValue]:
        """The record of a row, as JSON would have it. Raises Unmappable with everything that is wrong."""
        run = Run(row, self._file.name, [])
        made = self._node.make(row, run)
        if run.problems:
            raise Unmappable(run.problems)
        return made if isinstance(made, dict) else {}

    def place_of(self, path: str) -> str:
        """Where in the file a field of the record is made, or else what it is in; empty where that cannot be told.

        ``path``: as a problem has it, such as ``partner.1.iia_id``.
        """
        steps = ["*" if step.isdecimal() else step for step in path.split(".")]
        for end in range(len(steps), 0, -1):
            match tuple(self._lines.get(".".join(steps[:end]), ())):
                case (int(line),):
                    return f"{self._file.name}, line {line}"
        return ""

    def passed_over(self, row: Mapping[str, object], name: str) -> tuple[Problem, ...]:
        """A warning where entries of a list in a row go into no part of its record although they say something."""
        takers, entries, run = self.takers.get(name, ()), row.get(name), Run(row, self._file.name, [])
        if not isinstance(entries, list):
            return ()
        asked = tuple(dict.fromkeys(each for taker in takers for each in taker.names))
        left = [entry for entry in entries if not any(taker.holds(entry, run) for taker in takers)]
        values = dict.fromkeys(f"{each} {entry[each]}" for entry in left for each in asked if entry.get(each))
        if not values:
            return ()
        said = f"{len(left)} of {len(entries)} {name} are left out: no 'where' in {self._file.name} takes them"
        return (Problem("", f"{said}{VALUE}{', '.join(values)}", "warning", BY_MAPPING),)

    def missing(self, columns: Collection[str], within: tuple[str, ...] = ()) -> tuple[MappingFault, ...]:
        """A fault for each name that none of the source's columns has; for sources whose rows all have the same.

        ``within``: the names of the lists whose entries have these columns, the outermost first; none for the rows.
        """
        named = self.of_entries.get(within, {}) if within else self.named
        roots = {*columns, *(column.partition(".")[0] for column in columns)}
        of = f"the list {'.'.join(within)}" if within else "the source"
        return tuple(
            MappingFault(
                self._file,
                named[name],
                name,
                f"is not among the columns of {of}; it has {', '.join(sorted(columns))}",
            )
            for name in sorted(named)
            if name not in roots and name.partition(".")[0] not in roots
        )


@dataclass(frozen=True, slots=True)
class MappingFile(Generic[S]):
    """A mapping file: how one entity's records are made of a source's rows.

    - ``source``: what the adapter has to know to get the rows; ``key``: the name of what names a row, for good
    - ``fingerprint``: changes with the content of the file and of the value maps that it takes from other files
    - ``line``: the line of a place in the file, such as ``("source", "select")``, where it is known
    """

    entity: str
    path: Path
    source: S
    key: str
    record: RecordMapping
    fingerprint: str
    key_of: Get
    line: Callable[[Location], int | None] = lambda _location: None


def load_folder(folder: Path, source_model: type[S], *, hei_id: str) -> tuple[MappingFile[S], ...]:
    """All mapping files (``*.yaml``, ``*.yml``) of a folder, in the order of ENTITIES, then of their names.

    - ``source_model``: the adapter's model of ``source``
    - ``hei_id``: what ``$hei_id`` stands for

    Raises BadMapping.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    except OSError as error:
        said = f"cannot be listed ({error.strerror}); name the folder of the mapping files"
        raise BadMapping((MappingFault(folder, None, "", said),)) from None
    if not found:
        raise BadMapping((MappingFault(folder, None, "", "has no mapping file; put one there, such as iias.yaml"),))
    files: list[MappingFile[S]] = []
    faults: list[MappingFault] = []
    for path in found:
        try:
            files.append(load_file(path, source_model, hei_id=hei_id))
        except BadMapping as bad:
            faults += bad.faults
    if faults:
        raise BadMapping(tuple(faults))
    return tuple(sorted(files, key=lambda file: list(ENTITIES).index(file.entity)))


def load_file(path: Path, source_model: type[S], *, hei_id: str) -> MappingFile[S]:
    """One mapping file. Raises BadMapping."""
    try:
        source = read(path, "begin with 'entity:', 'source:', 'key:' and 'record:'; ewpgw adapter init makes one")
    except UnreadableSource as error:
        raise BadMapping((MappingFault(path, error.line, "", f"{error.problem}; {error.remedy}"),)) from None
    notes = Notes(path, source)
    notes.add_findings(source.findings)
    data = source.data
    for key in data:
        if key not in KEYS:
            notes.add((key,), "is not a known key", f"the keys here are {', '.join(KEYS)}")
    for key in _REQUIRED:
        if data.get(key) is None:
            notes.add((key,), "is required but missing", "add it")
    used = [path]
    maps = _maps(notes, data.get("values"), used)
    checked = _source(notes, data.get("source"), source_model)
    leaves = Leaves(notes, maps, hei_id)
    if "zone" in data:
        leaves.zone = leaves.read_zone(data["zone"], ("zone",))
    key_of = _key(notes, data.get("key"), hei_id)
    entity = data.get("entity")
    known = ", ".join(ENTITIES)
    if entity is not None and (not isinstance(entity, str) or entity not in ENTITIES):
        notes.add(("entity",), "is not an entity", f"known are {known}")
    node: Node | None = None
    if isinstance(entity, str) and entity in ENTITIES and data.get("record") is not None:
        node = Compiler(leaves).record(ENTITIES[entity].model, data["record"], ("record",))
    if notes.faults or node is None or checked is None or key_of is None:
        raise BadMapping(tuple(sorted(notes.faults, key=lambda fault: fault.line or 0)))
    named_at = {**dict.fromkeys(key_of.of_entry, notes.line(("key",))), **leaves.named}
    return MappingFile(
        str(entity),
        path,
        checked,
        str(data["key"]),
        RecordMapping(named_at, node, path, leaves.lines, leaves.of_entries, leaves.takers),
        _fingerprint(used, hei_id),
        key_of.get,
        source.line,
    )


def of_columns(entity: EntityType, columns: Sequence[str], source: S, path: Path) -> MappingFile[S]:
    """A mapping for a table whose columns are named by the paths of the record's fields (``partner.0.hei_id``).

    Raises BadMapping; ``where`` of a fault then is the column.
    """
    notes = Notes(path, Source({}))
    tree: dict[str, object] = {}
    for column in columns:
        _graft(notes, tree, column)
    key = dotted(*entity.id_path)
    if key not in columns:
        notes.faults.append(MappingFault(path, None, key, "is missing; it is to hold the record's identifier"))
    node = Compiler(Leaves(notes, {}, "")).record(entity.model, _lists(tree), ())
    if notes.faults:
        raise BadMapping(tuple(notes.faults))
    named = dict.fromkeys(columns, None)
    return MappingFile(
        entity.name, path, source, key, RecordMapping(named, node, path), _LANGUAGE, paths.path(key, "").get
    )


def _graft(notes: Notes, tree: dict[str, object], column: str) -> None:
    """Put a column into the tree that the names of all columns make."""
    here = tree
    *above, last = column.split(".")
    for step in above:
        below = here.setdefault(step, {})
        if not isinstance(below, dict):
            break
        here = below
    else:
        if last not in here:
            here[last] = column
            return
    said = "is there beside another that holds all of it or a part of it; keep one of the two"
    notes.faults.append(MappingFault(notes.file, None, column, said))


def _lists(tree: object) -> object:
    """The tree with its lists: groups whose names are all numbers."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(step.isdecimal() for step in tree):
        return [_lists(tree[step]) for step in sorted(tree, key=int)]
    return {step: _lists(below) for step, below in tree.items()}


def _maps(notes: Notes, given: object, used: list[Path]) -> dict[str, ValueMap]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        notes.add(("values",), "is not a list of value maps by name", "write a name, and below it the map or a file")
        return {}
    found = {name: named(notes, name, one, ("values", name), used) for name, one in given.items()}
    # a map with faults is known all the same: its users need not be told
    return {name: one or ValueMap(name, {}) for name, one in found.items()}


def _source(notes: Notes, given: object, model: type[S]) -> S | None:
    if given is None:
        return None
    try:
        return model.model_validate(given, context={"folder": notes.file.absolute().parent})
    except ValidationError as error:
        notes.add_findings(explain.findings(error, model, ("source",)))
        return None


def _key(notes: Notes, given: object, hei_id: str) -> paths.Getter | None:
    if given is None:
        return None
    try:
        if isinstance(given, str) and not given.startswith("="):
            return paths.expression(given, hei_id)
    except paths.BadExpression as bad:
        notes.add(("key",), bad.problem, bad.remedy)
        return None
    notes.add(("key",), "is not a name of the source", "name the column that tells one row from another, for good")
    return None


def _fingerprint(files: list[Path], hei_id: str) -> str:
    digest = hashlib.sha256(f"{_LANGUAGE} {hei_id}".encode())
    for file in files:
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
