"""Walking the settings' models: which field a location names, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr

from ewpgw.config.values import PublicUrl

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ewpgw.config.faults import Location


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may hold.

    Attributes:
        plain: the type without ``None`` and annotations; for a list, the type of its items
        optional: whether null is allowed
        is_list: whether it is a list
    """

    plain: object
    optional: bool
    is_list: bool

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a section, or of a list's items."""
        return self.plain if isinstance(self.plain, type) and issubclass(self.plain, BaseModel) else None

    @property
    def is_text(self) -> bool:
        """Whether the file has it as a text, whatever it becomes later."""
        return self.plain in (str, SecretStr, PublicUrl, Path, datetime) or get_origin(self.plain) is Literal

    @property
    def words(self) -> str:
        """The type in an operator's words."""
        names: dict[object, str] = {
            int: "whole number",
            bool: "true or false",
            Path: "path",
            datetime: "time",
            PublicUrl: "URL",
            SecretStr: "URL",
        }
        if get_origin(self.plain) is Literal:
            word = " or ".join(f"`{choice}`" for choice in get_args(self.plain))
        else:
            word = "mapping" if self.model else names.get(self.plain, "text")
        if self.is_list:
            word = f"list of {word}s"
        return f"{word} or null" if self.optional else word


def kind_of(annotation: object) -> Kind:
    """The kind of a field's annotation."""
    plain, optional = _without_none(annotation)
    if get_origin(plain) is tuple:
        return Kind(_without_none(get_args(plain)[0])[0], optional, True)
    return Kind(plain, optional, False)


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        inner = [choice for choice in get_args(annotation) if choice is not NoneType]
        return _without_none(inner[0])[0], True
    return annotation, False


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A section's fields by the key that the file has."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def field_at(root: type[BaseModel], location: Location) -> FieldInfo | None:
    """The field that a location names, or whose list item it names; None where there is none."""
    model: type[BaseModel] | None = root
    field: FieldInfo | None = None
    for step in location:
        if isinstance(step, int):
            continue
        field = keys(model).get(step) if model else None
        if field is None:
            return None
        model = kind_of(field.annotation).model
    return field


def model_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The section that a location names; the root itself for the empty location."""
    if not location:
        return root
    field = field_at(root, location)
    return kind_of(field.annotation).model if field else None


def bounds(field: FieldInfo) -> tuple[int, int] | None:
    """The least and greatest number that a field may hold."""
    least = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    greatest = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    return (least, greatest) if isinstance(least, int) and isinstance(greatest, int) else None


def nearest_key(root: type[BaseModel], section: Location, unknown: str) -> str:
    """Advice about an unknown key: the nearest known one, or the known ones of its section."""
    model = model_at(root, section)
    known = list(keys(model)) if model else []
    for name, field in keys(root).items():
        inner = kind_of(field.annotation)
        if section != (name,) and inner.model and not inner.is_list and unknown in keys(inner.model):
            return f"did you mean '{name}.{unknown}'?"
    if near := get_close_matches(unknown.lower().replace("-", "_"), known, n=1, cutoff=0.6):
        return f"did you mean {near[0]!r}?"
    return f"the keys here are {', '.join(known)}"
