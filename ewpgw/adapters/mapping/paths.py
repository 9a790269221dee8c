"""Where a value comes from: names, paths, templates and JMESPath expressions, each compiled to a function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions

from ewpgw.adapters.mapping import words
from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.scalars import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = Mapping[str, object]
    Get = Callable[[object, Row], object]
    """From the entry at hand and the whole row to a value; None where there is none."""

_NAME_IN_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class BadExpression(ValueError):
    """An expression of a mapping file that cannot be read: what is wrong, and what would be right."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class Getter:
    """A compiled expression.

    - ``of_entry``: the top-level names it reads of the entry at hand; ``of_row``: those of the whole row
    - ``reads``: whether it reads the source at all, or is a constant
    - ``name``: the name, where it is nothing but a name of the entry
    """

    get: Get
    of_entry: frozenset[str] = frozenset()
    of_row: frozenset[str] = frozenset()
    reads: bool = True
    name: str | None = None


def constant(value: object) -> Getter:
    """The same value for every row."""
    return Getter(lambda _entry, _row: value, reads=False)


def expression(text: str, hei_id: str) -> Getter:
    """A constant (``=fi``), a template (``{first} {last}``), or a path. Raises BadExpression."""
    if text.startswith(words.CONSTANT):
        return constant(text.removeprefix(words.CONSTANT).strip() or None)
    if "{" in text or "}" in text:
        return _template(text, hei_id)
    return path(text, hei_id)


def path(text: str, hei_id: str) -> Getter:
    """A name of the source, with dots into what is nested. Raises BadExpression."""
    text = text.strip()
    if not text:
        raise BadExpression("is empty", "name a column or field of the source, or leave the key out")
    if text == words.HEI_ID:
        return constant(hei_id)
    if text == words.ITEM:
        return Getter(lambda entry, _row: _clean(entry))
    if text.startswith(words.ROW):
        name = text.removeprefix(words.ROW)
        inner = _lookup(name)
        return Getter(lambda _entry, row: inner(row), of_row=frozenset({name}))
    if text.startswith("$"):
        raise BadExpression(
            f"{text} is not known",
            f"known are {words.HEI_ID}, {words.ITEM} and {words.ROW}NAME; a constant begins with =",
        )
    if "." in text:
        outer = _lookup(text)
        return Getter(lambda entry, _row: outer(entry), of_entry=frozenset({text}))

    def get(entry: object, _row: Row) -> object:
        try:
            value = entry.get(text)  # type: ignore[attr-defined]  # what has no names is told below
        except AttributeError:
            raise BadValue(f"is a single value without a field {text}; name it as {words.ITEM}", entry) from None
        return (value.strip() or None) if type(value) is str else value

    return Getter(get, of_entry=frozenset({text}), name=text)


def _clean(value: object) -> object:
    return (value.strip() or None) if isinstance(value, str) else value


def _lookup(text: str) -> Callable[[object], object]:
    """A path with dots: a column of just this name counts, else step by step."""
    steps = text.split(".")

    def get(entry: object) -> object:
        if type(entry) is not dict and not isinstance(entry, Mapping):  # the first is most, and quick to tell
            raise BadValue(f"is a single value without a field {text}; name it as {words.ITEM}", entry)
        if text in entry:
            return _clean(entry[text])
        here: object = entry
        for step in steps:
            if isinstance(here, Mapping):
                here = here.get(step)
            elif isinstance(here, list | tuple) and step.isdecimal():
                here = here[int(step)] if int(step) < len(here) else None
            else:
                return None
        return _clean(here)

    return get


def _template(text: str, hei_id: str) -> Getter:
    """A text with names in braces. Empty where one of them is, unless that is marked by a question mark."""
    pieces: list[str | tuple[Getter, bool]] = []
    end = 0
    for found in _NAME_IN_BRACES.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        if found[0] in ("{{", "}}"):
            pieces.append(found[0][0])
        elif found[1] is None:
            raise BadExpression("has a brace without its counterpart", "write {name}, and {{ or }} for a brace itself")
        else:
            name = found[1].strip()
            pieces.append((path(name.removesuffix("?"), hei_id), name.endswith("?")))
    pieces.append(text[end:])
    names = [piece[0] for piece in pieces if not isinstance(piece, str)]

    def get(entry: object, row: Row) -> object:
        written = ""
        for piece in pieces:
            if isinstance(piece, str):
                written += piece
                continue
            value = piece[0].get(entry, row)
            if value is not None:
                written += as_text(value)
            elif piece[1]:
                written = written.rstrip()
            else:
                return None
        return written.strip() or None

    return Getter(
        get,
        frozenset().union(*(name.of_entry for name in names)),
        frozenset().union(*(name.of_row for name in names)),
        any(name.reads for name in names),
    )


def first_of(getters: list[Getter]) -> Getter:
    """The first of several that is not empty."""
    if len(getters) == 1:
        return getters[0]

    def get(entry: object, row: Row) -> object:
        for getter in getters:
            value = getter.get(entry, row)
            if value is not None:
                return value
        return None

    return Getter(
        get,
        frozenset().union(*(getter.of_entry for getter in getters)),
        frozenset().union(*(getter.of_row for getter in getters)),
        any(getter.reads for getter in getters),
    )


def reshaping(text: str) -> Getter:
    """A JMESPath expression over the entry at hand. Raises BadExpression."""
    try:
        compiled = jmespath.compile(text)
    except JMESPathError as error:
        said = str(error).splitlines()[0].rstrip(":")
        raise BadExpression(f"is not JMESPath: {said}", "see https://jmespath.org/tutorial.html") from None
    except RecursionError:
        raise BadExpression("is nested too deeply", "make it simpler") from None
    for function in _functions(compiled.parsed):
        if function not in Functions.FUNCTION_TABLE:
            known = ", ".join(sorted(Functions.FUNCTION_TABLE))
            raise BadExpression(f"calls {function}(), which JMESPath does not have", f"it has {known}")

    def get(entry: object, _row: Row) -> object:
        try:
            return _clean(compiled.search(entry))
        except JMESPathTypeError as error:
            wanted = " or ".join(error.expected_types)
            raise BadValue(
                f"the JMESPath function {error.function_name}() takes {wanted}", error.current_value
            ) from None
        except JMESPathError as error:
            raise BadValue(f"the JMESPath expression fails ({type(error).__name__})", "") from None

    return Getter(get, of_entry=frozenset(_roots(compiled.parsed)))


def _functions(node: Mapping[str, object]) -> Iterator[str]:
    if node["type"] == "function_expression":
        yield str(node["value"])
    for child in _children(node):
        yield from _functions(child)


def _roots(node: Mapping[str, object]) -> Iterator[str]:
    """The names that an expression reads of what it is applied to."""
    match node["type"]:
        case "field":
            yield str(node["value"])
        case "subexpression" | "pipe" | "projection" | "value_projection" | "filter_projection" | "index_expression":
            yield from _roots(_children(node)[0])
        case "expref":
            return
        case _:
            for child in _children(node):
                yield from _roots(child)


def _children(node: Mapping[str, object]) -> list[Mapping[str, object]]:
    children = node["children"]
    return [child for child in children if isinstance(child, Mapping)] if isinstance(children, list) else []
