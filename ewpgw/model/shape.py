"""What a record consists of, read off its model: each field's type in words, its meaning, what it holds."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Union, get_args, get_origin

from annotated_types import MaxLen, MinLen
from pydantic import RootModel

from ewpgw.model.base import XmlModel, XmlText
from ewpgw.model.lexical import Lexical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field of a model.

    - ``words``: what a single value must be, in words: "a date such as 2026-09-01"; for an object what it holds
    - ``model``: the model of an object, None for a single value
    - ``repeated``: whether the field is a list; then with ``at_least`` and ``at_most`` items, None: any number
    - ``plain``: for an object that may be written as a bare value, what that is in words; None otherwise
    """

    name: str
    title: str
    about: str
    words: str
    model: type[XmlModel] | None
    required: bool
    repeated: bool
    at_least: int
    at_most: int | None
    plain: str | None


def fields(model: type[XmlModel]) -> tuple[FieldShape, ...]:
    """The fields of a model, in the order of its document."""
    return tuple(_field(name, info) for name, info in model.model_fields.items())


def title(model: type[XmlModel]) -> str:
    """The name of a model in words: "Recommended language skill"."""
    generate = model.model_config.get("model_title_generator")
    return generate(model) if generate is not None else model.__name__


def about(model: type[XmlModel]) -> str:
    """What a model is, in words."""
    return " ".join((inspect.getdoc(model) or "").split())


def parts(model: type[XmlModel]) -> list[type[XmlModel]]:
    """The model and all models inside it, each once, in the order in which a reader of the record meets them."""
    found: dict[type[XmlModel], None] = {}

    def visit(part: type[XmlModel]) -> None:
        if part not in found:
            found[part] = None
            for field in fields(part):
                if field.model is not None:
                    visit(field.model)

    visit(model)
    return list(found)


def values(model: type[XmlModel], document: object) -> dict[tuple[type[XmlModel], str], object]:
    """The first value that each field of a model, and of those inside it, has in a record given as JSON."""
    found: dict[tuple[type[XmlModel], str], object] = {}
    _collect(model, document, found)
    return found


def _collect(model: type[XmlModel], document: object, found: dict[tuple[type[XmlModel], str], object]) -> None:
    given = document if isinstance(document, dict) else {"value": document}
    for field in fields(model):
        if field.name in given:
            value = given[field.name]
            found.setdefault((model, field.name), value)
            if field.model is not None:
                for item in value if isinstance(value, list) else [value]:
                    _collect(field.model, item, found)


def _field(name: str, info: FieldInfo) -> FieldShape:
    metadata: list[object] = list(info.metadata)
    annotation, repeated = _single(info.annotation, metadata)
    model = annotation if isinstance(annotation, type) and issubclass(annotation, XmlModel) else None
    at_least = next((item.min_length for item in info.metadata if isinstance(item, MinLen)), 0)
    return FieldShape(
        name=name,
        title=info.title or name,
        about=info.description or "",
        words=about(model) if model is not None else _words(annotation, metadata),
        model=model,
        required=info.is_required(),
        repeated=repeated,
        at_least=at_least,
        at_most=next((item.max_length for item in info.metadata if isinstance(item, MaxLen)), None),
        plain=_plain(model),
    )


def _single(annotation: object, metadata: list[object]) -> tuple[object, bool]:
    """The type of one value, and whether the field is a list of such; what annotates it is added to ``metadata``."""
    repeated = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif origin in (Union, UnionType):
            annotation = next(choice for choice in get_args(annotation) if choice is not NoneType)
        elif origin is list:
            repeated, annotation = True, get_args(annotation)[0]
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            annotation = annotation.model_fields["root"].annotation
        else:
            return annotation, repeated


def _words(annotation: object, metadata: Iterable[object]) -> str:
    said = next((item.words for item in metadata if isinstance(item, Lexical)), None)
    return said or ("true or false" if annotation is bool else "text")


def _plain(model: type[XmlModel] | None) -> str | None:
    if model is None or not issubclass(model, XmlText):
        return None
    info = model.model_fields["value"]
    needs_more = any(field.is_required() for name, field in model.model_fields.items() if name != "value")
    metadata: list[object] = list(info.metadata)
    annotation, _ = _single(info.annotation, metadata)
    return None if needs_more else _words(annotation, metadata)
