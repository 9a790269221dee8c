"""Single values of a record: from what the mapping file says of one to a function that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ewpgw.adapters.mapping import paths, words
from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.nodes import Node, Run, template
from ewpgw.adapters.mapping.paths import BadExpression, Getter
from ewpgw.adapters.mapping.scalars import DatePattern, Kind, as_text, converter
from ewpgw.adapters.mapping.valuemaps import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ewpgw.adapters.mapping.faults import Notes
    from ewpgw.adapters.mapping.nodes import Path, Taker
    from ewpgw.adapters.mapping.shape import Shape
    from ewpgw.adapters.mapping.valuemaps import ValueMap
    from ewpgw.config.faults import Location


class Leaves:
    """Compiles single values, and notes what is wrong with them.

    - ``zone``: the time zone of fields that name none
    - ``within``: the lists of entries that the place at hand is in, the outermost first, by name where they have one:
      there, names are those of an entry
    - ``named``: what is read of the whole row, and the line that names it first
    - ``of_entries``: the same of what is read of a list's entries, by the names of the lists they are in
    - ``takers``: what takes entries of a list of the row, by the name of the list
    - ``lines``: the lines that make a field, by its path with ``*`` for positions in lists
    """

    def __init__(self, notes: Notes, maps: Mapping[str, ValueMap], hei_id: str) -> None:
        self.notes = notes
        self.hei_id = hei_id
        self.zone: ZoneInfo | None = None
        self.within: list[str | None] = []
        self.named: dict[str, int | None] = {}
        self.of_entries: dict[tuple[str | None, ...], dict[str, int | None]] = {}
        self.takers: dict[str, list[Taker]] = {}
        self.lines: dict[str, set[int | None]] = {}
        self._maps = maps

    def leaf(self, shape: Shape, given: object, at: Location, path: Path) -> Node:
        """A single value, or where the field is a list, several."""
        if isinstance(given, Mapping):
            return self._with_options(shape, given, at, path)
        if given is None:
            self.notes.add(at, "is empty", "say where the value comes from, or leave the key out")
            return self.nothing(at, path)
        if not isinstance(given, str):
            return self._finished(shape, paths.constant(given), at, path)
        getter = self.expression(given, at, lambda text: paths.expression(text, self.hei_id))
        return self._finished(shape, getter, at, path)

    def _with_options(self, shape: Shape, given: Mapping[str, object], at: Location, path: Path) -> Node:
        self.only(given, words.LEAF.keys(), at)
        if ("from" in given) == ("jmespath" in given):
            self.notes.add(at, "does not say where the value comes from", "write one of 'from' and 'jmespath'")
            return self.nothing(at, path)
        if "jmespath" in given:
            getter = self.expression(given["jmespath"], (*at, "jmespath"), paths.reshaping)
        else:
            several = given["from"] if isinstance(given["from"], list) else [given["from"]]
            read = [
                self.expression(one, (*at, "from"), lambda text: paths.expression(text, self.hei_id)) for one in several
            ]
            getter = paths.first_of(read or [paths.constant(None)])
        zone = self.read_zone(given["zone"], (*at, "zone")) if "zone" in given else self.zone
        convert = converter(
            shape.kind, zone, self._patterns(given.get("date"), (*at, "date")), self.text(given, "decimal", at)
        )
        value_map = self._value_map(given, at)
        node = self._finished(shape, getter, at, path, convert, value_map, self.text(given, "split", at))
        default = given.get("default")
        if isinstance(default, list | Mapping):
            self.notes.add((*at, "default"), "is not a single value", "write the value itself")
        elif default is not None:
            plain = default if isinstance(default, bool) else as_text(default)
            return Node(node.make, node.reads, node.path, node.line, plain)
        return node

    def _finished(
        self,
        shape: Shape,
        getter: Getter,
        at: Location,
        path: Path,
        convert: Callable[[object], str | bool] | None = None,
        value_map: ValueMap | None = None,
        separator: str | None = None,
    ) -> Node:
        get = getter.get
        finish = convert or converter(shape.kind, self.zone, (), None)
        plain = convert is None and value_map is None and shape.kind is Kind.TEXT
        in_list = path[-1:] == ("*",)

        def one(value: object) -> object:
            if value is None or value == "":
                return None
            if value_map is not None:
                value = value_map.of(value)
                if isinstance(value, list):
                    return [finish(each) for each in value]
            return None if value is None else finish(value)

        def make(entry: object, run: Run) -> object:
            value = get(entry, run.row)
            if value is None or (plain and type(value) is str and separator is None):
                return value
            if separator is not None and isinstance(value, str):
                value = split(value, separator)
            if in_list and isinstance(value, list | tuple):
                made: list[object] = []
                for each in value:
                    done = one(each.strip() if isinstance(each, str) else each)
                    if isinstance(done, list):
                        made.extend(done)
                    elif done is not None:
                        made.append(done)
                return made or None
            done = one(value)
            if isinstance(done, list) and not in_list:
                raise BadValue("stands for several values in the value map, but the record has one here", value)
            return done

        def plainly(entry: object, run: Run) -> object:
            # what most fields are: in one step
            try:
                value = entry.get(name)  # type: ignore[attr-defined]  # what has no names is told by get
            except AttributeError:
                return get(entry, run.row)
            if type(value) is str:
                return value.strip() or None
            return None if value is None else finish(value)

        name = getter.name
        if separator is not None and not in_list:
            self.notes.add((*at, "split"), "makes a list, but the record has one value here", "leave 'split' out")
        simple = plain and name is not None and separator is None and not in_list
        node = Node(plainly if simple else make, getter.reads, template(path), self.notes.line(at))
        if not getter.reads:
            return self._constant(node, at)
        return node

    def _constant(self, node: Node, at: Location) -> Node:
        try:
            value = node.make({}, Run({}, "", []))
        except BadValue as bad:
            self.notes.add(at, bad.reason, "correct the constant")
            return node
        return Node(lambda _entry, _run: value, False, node.path, node.line)

    def _value_map(self, given: Mapping[str, object], at: Location) -> ValueMap | None:
        wanted = given.get("values")
        unlisted = given.get("unlisted", words.UNLISTED[0])
        if unlisted not in words.UNLISTED:
            self.notes.add((*at, "unlisted"), "is not known", f"write {', '.join(words.UNLISTED)}")
            unlisted = words.UNLISTED[0]
        if wanted is None:
            if "unlisted" in given:
                self.notes.add((*at, "unlisted"), "is about a value map, but there is none", "add 'values'")
            return None
        if isinstance(wanted, str):
            if wanted not in self._maps:
                known = ", ".join(self._maps) or "none yet"
                remedy = f"add it to 'values' at the top of the file; there are: {known}"
                self.notes.add((*at, "values"), f"names the value map {wanted}, which is missing", remedy)
                return None
            return self._maps[wanted].with_unlisted(str(unlisted))
        return inline(self.notes, wanted, (*at, "values"), str(unlisted))

    def read_zone(self, given: object, at: Location) -> ZoneInfo | None:
        """A time zone by its name."""
        try:
            if isinstance(given, str):
                return ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            pass
        self.notes.add(at, "is not a time zone", "write one such as Europe/Helsinki or UTC")
        return None

    def _patterns(self, given: object, at: Location) -> Sequence[DatePattern]:
        texts = [] if given is None else given if isinstance(given, list) else [given]
        found = []
        for text in texts:
            try:
                found.append(DatePattern.of(text if isinstance(text, str) else ""))
            except ValueError as error:
                self.notes.add(at, str(error), "write a pattern such as DD.MM.YYYY or YYYY-MM-DD hh:mm:ss")
        return found

    def text(self, given: Mapping[str, object], key: str, at: Location) -> str | None:
        """A text among the words of an expression."""
        value = given.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self.notes.add((*at, key), "is not a text", "write it in quotes, as in ','")
        return None

    def expression(self, text: object, at: Location, read: Callable[[str], Getter]) -> Getter:
        """What a text of the file reads."""
        if not isinstance(text, str):
            self.notes.add(at, "is not a text", "write a name of the source, or a text with names in braces")
            return paths.constant(None)
        try:
            found = read(text)
        except BadExpression as bad:
            self.notes.add(at, bad.problem, bad.remedy)
            return paths.constant(None)
        entry = self.of_entries.setdefault(tuple(self.within), {}) if self.within else self.named
        for known, named in ((self.named, found.of_row), (entry, found.of_entry)):
            for name in named:
                known.setdefault(name, self.notes.line(at))
        return found

    def only(self, given: Mapping[str, object], known: Collection[str], at: Location) -> None:
        """Note the words that mean nothing here."""
        for key in given:
            if key not in known:
                self.notes.add((*at, key), "is not a word of the mapping language here", nearest(str(key), known))

    def nothing(self, at: Location, path: Path) -> Node:
        """In place of what has faults."""
        return Node(lambda _entry, _run: None, False, template(path), self.notes.line(at))


def split(text: str, separator: str) -> list[str]:
    """The values in a text; empty ones are left out."""
    return [part for piece in text.split(separator) if (part := piece.strip())]


def nearest(unknown: str, known: Collection[str]) -> str:
    """Advice about an unknown word: the nearest known one, or all of them."""
    near = get_close_matches(unknown.lower().replace("-", "_"), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known here are {', '.join(known)}"
