"""What is wrong with a record: problems with a JSON path, in words a person understands."""

from __future__ import annotations

import json
import re
import types
import typing
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, RootModel, ValidationError

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Severity = Literal["refusal", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or unwise, in a record.

    ``path`` is where: the JSON path, such as ``partner.0.iia_id``; empty for the record as a whole. ``message`` reads
    on from the path: "is required". A ``refusal`` keeps the record from being served; a ``warning`` is only shown.
    ``source`` names the rule: specification and section.
    """

    path: str
    message: str
    severity: Severity
    source: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class DecodeProblem(ValueError):
    """An element of a partner does not have the shape its API demands. Carries every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def dotted(*parts: str | int) -> str:
    """The JSON path of nested keys and indexes: ``dotted("partner", 0, "iia_id")`` is ``partner.0.iia_id``."""
    return ".".join(map(str, parts))


def as_json(problems: Iterable[Problem]) -> str:
    """Problems as JSON text: a list of objects with ``path``, ``message``, ``severity`` and ``source``."""
    return json.dumps([asdict(problem) for problem in problems], ensure_ascii=False)


def from_validation(error: ValidationError, model: type[BaseModel], source: str) -> Iterator[Problem]:
    """Each error pydantic found while it read a ``model``, as a refusal in plain words, without input values."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    for detail in details[:_MOST]:
        line, words = _without_line(detail["msg"])
        message = _in_words(detail["type"], words, detail["loc"], model)
        where = f" (line {line})" if line else ""
        yield Problem(dotted(*map(_shown, detail["loc"])), message + where, "refusal", source)
    if len(details) > _MOST:
        yield Problem("", f"has {len(details) - _MOST} more problems of this sort", "refusal", source)


_LINE = re.compile(r"^\[line (-?\d+)\]: ")
_MOST = 100  # a hostile document can break its schema a hundred thousand times
_LONGEST = 64
_SHOULD = re.compile(r"^\w+ should ")  # "string should match pattern …"
_COUNT = re.compile(r"at (least|most) (\d+) item")
_WORDS = {
    "missing": "is required",
    "list_type": "must be a list",
    "string_type": "must be text",
    "model_type": "must be an object with named fields",
    "model_attributes_type": "must be an object with named fields",
    "dict_type": "must be an object with named fields",
}


def _shown(step: str | int) -> str:
    """A key or index of a path. Keys are whatever was sent: endless, or with halves of characters no file can hold."""
    text = str(step)
    return text if text.isprintable() and len(text) <= _LONGEST else ascii(text)[1 : _LONGEST + 1] + "…"


def _without_line(message: str) -> tuple[int, str]:
    """The message without the line numbers pydantic-xml puts before it, and the innermost of those (0: none)."""
    line = 0
    while found := _LINE.match(message):
        line, message = max(0, int(found[1])), message[found.end() :]
    return line, message


def _in_words(kind: str, message: str, location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return _unknown_field(location, model)
    if count := _COUNT.search(message):
        return f"must have at {count[1]} {count[2]} item{'' if count[2] == '1' else 's'}"
    return _WORDS.get(kind) or _SHOULD.sub("must ", message[:1].lower() + message[1:])


def _unknown_field(location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    known = _fields_at(location[:-1], model)
    near = get_close_matches(str(location[-1])[:_LONGEST], known, n=1)
    if near:
        return f"is not a known field; did you mean {near[0]!r}?"
    return f"is not a known field; known here: {', '.join(known)}" if known else "is not a known field"


def _fields_at(location: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    here: type[BaseModel] | None = model
    for part in location:
        if here is not None and isinstance(part, str):
            field = here.model_fields.get(part)
            here = _model_in(field.annotation) if field is not None else None
    return list(here.model_fields) if here is not None else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model inside ``list[Model]``, ``Model | None``, ``Model`` or a model that is nothing but a list of them."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, RootModel):
            return _model_in(annotation.model_fields["root"].annotation)
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part))), None)
