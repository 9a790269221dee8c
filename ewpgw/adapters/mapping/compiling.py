"""From the ``record`` of a mapping file to functions: done once for each file, so that a row costs little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw.adapters.mapping import paths, words
from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.leaves import nearest, split
from ewpgw.adapters.mapping.nodes import Node, Run, Taker, template
from ewpgw.adapters.mapping.scalars import as_text
from ewpgw.adapters.mapping.shape import Shape, fields
from ewpgw.model.base import XmlText

if TYPE_CHECKING:
    from collections.abc import Callable

    from ewpgw.adapters.mapping.leaves import Leaves
    from ewpgw.adapters.mapping.nodes import Path
    from ewpgw.adapters.mapping.paths import Getter
    from ewpgw.config.faults import Location
    from ewpgw.model.base import XmlModel

    Add = Callable[[object, Run, list[object]], None]
    """Adds to a list what one part of the mapping stands for."""


class Compiler:
    """Compiles the record of one mapping file, and notes every fault in it."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._notes = leaves.notes
        self._hei_id = leaves.hei_id

    def record(self, model: type[XmlModel], given: object, at: Location) -> Node:
        """A whole record: there is always one, with its constants and defaults, however little a row has."""
        return self.group(model, given, at, (), always=True)

    def group(self, model: type[XmlModel], given: object, at: Location, path: Path, *, always: bool = False) -> Node:
        """A group of fields."""
        known = fields(model)
        if not isinstance(given, Mapping):
            self._notes.add(at, "is not a group of fields", f"write fields below it, such as {_some(known)}")
            return self._leaves.nothing(at, path)
        parts: list[tuple[str, Node]] = []
        for name, part in given.items():
            here = (*at, name)
            if name not in known:
                self._notes.add(here, "is not a field of the record here", nearest(str(name), known))
            else:
                self._leaves.lines.setdefault(".".join((*path, name)), set()).add(self._notes.line(here))
                parts.append((name, self.part(known[name], part, here, (*path, name))))
        missing = [name for name, shape in known.items() if shape.required and name not in given]
        for name in missing:
            self._notes.add(at, f"lacks {name}, which a record must have", f"add it: {known[name].about}")
        return self._object(model, parts, at, path, always)

    def _object(
        self, model: type[XmlModel], parts: list[tuple[str, Node]], at: Location, path: Path, always: bool
    ) -> Node:
        """An object is empty where all its parts that read the source are; an element's text where its value is."""
        text = issubclass(model, XmlText)
        steps = tuple((name, part.make, part.reads and (not text or name == "value"), part) for name, part in parts)
        reads = any(step[2] for step in steps)
        constant = always or not reads

        def make(entry: object, run: Run) -> object:
            made: dict[str, object] = {}
            found = constant
            for name, make_part, counts, part in steps:
                try:
                    value = make_part(entry, run)
                except BadValue as bad:
                    run.fault(part, bad)
                    found = True
                    continue
                if value is None:
                    value = part.default
                    if value is None:
                        continue
                elif counts:
                    found = True
                made[name] = value
            return made if found and made else None

        return Node(make, reads, template(path), self._notes.line(at))

    def part(self, shape: Shape, given: object, at: Location, path: Path) -> Node:
        """A field, whatever it wants."""
        return self._list(shape, given, at, path) if shape.many else self._one(shape, given, at, path)

    def _one(self, shape: Shape, given: object, at: Location, path: Path) -> Node:
        if isinstance(given, list):
            self._notes.add(at, "is a list, but the record has one here", "write it without the dash")
            return self._leaves.nothing(at, path)
        if isinstance(given, Mapping) and given.keys() & words.GROUP.keys() - {"split"}:
            if "each" in given:
                self._notes.add(at, "uses 'each', but the record has one here", "leave 'each' out")
                return self._leaves.nothing(at, path)
            return self._conditional(shape, given, at, path)
        if shape.model is not None and isinstance(given, Mapping) and not _is_leaf(given):
            group = self.group(shape.model, given, at, path)
            may_be_empty = not any(field.required for field in fields(shape.model).values())
            return replace(group, default={}) if shape.required and may_be_empty else group
        if not shape.bare and shape.model is not None:
            some = _some(fields(shape.model))
            self._notes.add(at, "is a single value, but the record has fields here", f"write fields such as {some}")
            return self._leaves.nothing(at, path)
        return self._leaves.leaf(shape, given, at, path)

    def _conditional(self, shape: Shape, given: Mapping[str, object], at: Location, path: Path) -> Node:
        """``where`` with ``item``: a part that is there on a condition."""
        self._leaves.only(given, {"where", "item"}, at)
        inner = self._item(shape, given, at, path)
        holds = self._where(given.get("where", {}), (*at, "where"))

        def make(entry: object, run: Run) -> object:
            if not holds(entry, run):
                return None
            value = inner.make(entry, run)
            return inner.default if value is None else value

        return Node(make, True, inner.path, inner.line)

    def _item(self, shape: Shape, given: Mapping[str, object], at: Location, path: Path) -> Node:
        if "item" not in given:
            self._notes.add(at, "lacks 'item'", "write below 'item' what is made")
            return self._leaves.nothing(at, path)
        one = replace(shape, many=False)
        return self._one(one, given["item"], (*at, "item"), path)

    def _list(self, shape: Shape, given: object, at: Location, path: Path) -> Node:
        one = replace(shape, many=False)
        if isinstance(given, list):
            below = [(item, (*at, number)) for number, item in enumerate(given)]
        else:
            below = [(given, at)]
        depth = sum(step == "*" for step in path)
        here = (*path, "*")
        parts = [self._entries_of(one, item, where, here, depth) for item, where in below]
        reads = any(part[2] for part in parts)

        def make(entry: object, run: Run) -> object:
            made: list[object] = []
            found = not reads
            run.at[depth:] = [0]
            for add, part, counts in parts:
                run.at[depth] = len(made)
                before = len(made)
                try:
                    add(entry, run, made)
                except BadValue as bad:
                    run.at[depth + 1 :] = []
                    run.fault(part, bad)
                    found = True
                else:
                    found = found or (counts and len(made) > before)
            del run.at[depth:]
            return made if found and made else None

        return Node(make, reads, template(path), self._notes.line(at))

    def _entries_of(self, shape: Shape, given: object, at: Location, path: Path, depth: int) -> tuple[Add, Node, bool]:
        """What adds the entries that one part of a list stands for."""
        if isinstance(given, Mapping) and "each" in given:
            return self._each(shape, given, at, path, depth)
        node = self._one(shape, given, at, path)

        def add(entry: object, run: Run, made: list[object]) -> None:
            value = node.make(entry, run)
            if value is None:
                value = node.default
            if isinstance(value, list):
                made.extend(value)
            elif value is not None:
                made.append(value)

        return add, node, node.reads

    def _each(
        self, shape: Shape, given: Mapping[str, object], at: Location, path: Path, depth: int
    ) -> tuple[Add, Node, bool]:
        self._leaves.only(given, words.GROUP.keys(), at)
        source = self._list_source(given["each"], (*at, "each"))
        separator = self._leaves.text(given, "split", at)
        outermost = not self._leaves.within
        self._leaves.within.append(source.name)
        where = given.get("where", {})
        holds = self._where(where, (*at, "where"))
        if outermost:
            asked = tuple(map(str, where)) if source.name is not None and isinstance(where, Mapping) else ()
            taker = Taker(holds if source.name is not None else lambda _entry, _run: True, asked)
            for name in source.of_entry:
                self._leaves.takers.setdefault(name, []).append(taker)
        inner = self._item(shape, given, at, path)
        self._leaves.within.pop()

        def add(entry: object, run: Run, made: list[object]) -> None:
            entries = source.get(entry, run.row)
            if entries is None:
                return
            if isinstance(entries, str):
                entries = split(entries, separator) if separator is not None else [entries]
            elif not isinstance(entries, list | tuple):
                entries = [entries]
            for one in entries:
                run.at[depth] = len(made)
                if one is not None and holds(one, run):
                    value = inner.make(one, run)
                    if value is None:
                        value = inner.default
                    if isinstance(value, list):
                        made.extend(value)
                    elif value is not None:
                        made.append(value)

        return add, inner, True

    def _list_source(self, given: object, at: Location) -> Getter:
        if isinstance(given, Mapping) and set(given) == {"jmespath"}:
            return self._leaves.expression(given["jmespath"], (*at, "jmespath"), paths.reshaping)
        if isinstance(given, str):
            return self._leaves.expression(given, at, lambda text: paths.path(text, self._hei_id))
        self._notes.add(at, "is not the name of a list", "write a name of the row, or {jmespath: …}")
        return paths.constant(None)

    def _where(self, given: object, at: Location) -> Callable[[object, Run], bool]:
        if not isinstance(given, Mapping):
            self._notes.add(at, "is not a condition", "write a name and the value it must have, as in {kind: SMS}")
            return lambda _entry, _run: True
        tests: list[tuple[Getter, frozenset[str], bool]] = []
        for name, wanted in given.items():
            getter = self._leaves.expression(name, (*at, name), lambda text: paths.path(text, self._hei_id))
            choices = wanted if isinstance(wanted, list) else [wanted]
            if any(isinstance(choice, Mapping | list) for choice in choices):
                self._notes.add((*at, name), "is not a value to compare with", "write a value or a list of values")
                continue
            accepted = frozenset("" if choice is None else as_text(choice) for choice in choices)
            tests.append((getter, accepted, words.ANYTHING in accepted))

        def holds(entry: object, run: Run) -> bool:
            for getter, accepted, anything in tests:
                value = getter.get(entry, run.row)
                if value is None:
                    if "" not in accepted:
                        return False
                elif not anything and as_text(value) not in accepted:
                    return False
            return True

        return holds


def _is_leaf(given: Mapping[str, object]) -> bool:
    return bool(given.keys() & {"from", "jmespath"})


def _some(known: Mapping[str, object]) -> str:
    names = list(known)
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
