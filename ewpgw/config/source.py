"""Reading the YAML file: its data, and the line of every key.

Only the data types of YAML 1.2's core schema are known: ``true``/``false``, whole numbers, decimals, ``null`` and text.
So ``no`` is a language, not a falsehood, a date is the text that the settings then read, and a PIC keeps its zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from ewpgw.config.faults import Finding, Location

if TYPE_CHECKING:
    from pathlib import Path

_TAG = "tag:yaml.org,2002:"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$")),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")),
    ("int", re.compile(r"^-?(?:0|[1-9][0-9]*)$")),
    ("float", re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")),
)
_QUOTED_WORDS = re.compile(r"'[^'<]{2,}'")


class _Loader(yaml.SafeLoader):
    """A loader that resolves plain scalars as this module's docstring says."""


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in _PATTERNS:
    _Loader.add_implicit_resolver(_TAG + _kind, _pattern, None)


@dataclass(frozen=True, slots=True)
class Source:
    """The file's mapping, the line (from 1) of each location in it, and what is wrong with its form."""

    data: dict[str, object]
    lines: dict[Location, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def line(self, location: Location) -> int | None:
        """The line of a location, or of the nearest enclosing one that the file has."""
        while location:
            if location in self.lines:
                return self.lines[location]
            location = location[:-1]
        return None


class UnreadableSource(Exception):
    """The file has no data at all to go on with."""

    def __init__(self, problem: str, remedy: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.line = problem, remedy, line


def plain_scalar(text: str) -> object:
    """The value of an unquoted YAML scalar: ``None``, a bool, an int, a float or the text itself."""
    kind = next((kind for kind, pattern in _PATTERNS if pattern.match(text)), "str")
    return _scalar_value(kind, text)


_OF_CONFIGURATION = ("start from config/ewpgw.example.yaml", "start with sections such as 'network:' and 'heis:'")


def read(path: Path, begin: str | None = None) -> Source:
    """Read a configuration file, or another of which ``begin`` says what it begins with.

    Raises:
        UnreadableSource: it cannot be read, is not YAML, or is not a mapping
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UnreadableSource("there is no such file", "name the configuration file with --config") from None
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"byte {error.start} is not UTF-8", "save the file as UTF-8") from None
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise UnreadableSource(
            f"cannot be read ({reason})", "make it a file that the service's user can read"
        ) from None
    return parse(text, begin)


def parse(text: str, begin: str | None = None) -> Source:
    """The data of a YAML text; ``begin``: see ``read``.

    Raises:
        UnreadableSource: not YAML, or not a mapping
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # PyYAML quotes names from the file, and a mistyped password can look like one
        problem = _QUOTED_WORDS.sub("…", error.problem or error.context or "syntax error")
        column = f", column {mark.column + 1}" if mark else ""
        raise UnreadableSource(
            f"is not YAML{column}: {problem}",
            "correct the line (indent with spaces, quote texts that hold ': ' or begin with a sign)",
            mark.line + 1 if mark else None,
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableSource(f"is not YAML: {error.reason}", "remove the character", line) from None
    except RecursionError:
        raise UnreadableSource("is nested too deeply", "compare it with the example configuration") from None
    of_empty, of_other = (begin, begin) if begin is not None else _OF_CONFIGURATION
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"):
        raise UnreadableSource("is empty", of_empty)
    if not isinstance(node, yaml.MappingNode):
        raise UnreadableSource("is not a mapping of sections", of_other)
    builder = _Builder()
    return Source(builder.mapping(node, ()), builder.lines, tuple(builder.findings))


class _Builder:
    """Turns nodes into data, noting lines and faults of form."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.findings: list[Finding] = []
        self._open: list[yaml.Node] = []

    def mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._find(location, line, "has a key that is not a word", "write keys as plain words")
                continue
            key = str(key_node.value)
            below = (*location, key)
            if key in data:
                self._find(below, line, f"is given twice (first in line {self.lines[below]})", "keep one of the two")
                continue
            self.lines[below] = line
            data[key] = self._value(value_node, below)
        return data

    def _value(self, node: yaml.Node, location: Location) -> object:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            kind = node.tag.removeprefix(_TAG)
            pattern = dict(_PATTERNS).get(kind)
            if kind != "str" and not (pattern and pattern.match(node.value)):
                self._find(location, line, "has a YAML tag", "write the value without a tag")
                return None
            return _scalar_value(kind, node.value)
        if node in self._open:
            self._find(location, line, "is an alias of what encloses it", "write the value out")
            return None
        self._open.append(node)
        try:
            return self.mapping(node, location) if isinstance(node, yaml.MappingNode) else self._list(node, location)
        finally:
            self._open.pop()

    def _list(self, node: yaml.Node, location: Location) -> list[object]:
        items: list[object] = []
        for index, item in enumerate(node.value):
            below = (*location, index)
            self.lines[below] = item.start_mark.line + 1
            items.append(self._value(item, below))
        return items

    def _find(self, location: Location, line: int, problem: str, remedy: str) -> None:
        self.findings.append(Finding(location, problem, remedy, line))


def _scalar_value(kind: str, text: str) -> object:
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            # int() itself refuses thousands of digits; no setting has more than a few
            return int(text) if len(text) < 20 else text
        case "float":
            return float(text)
    return text
