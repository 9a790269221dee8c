"""The shape of a record as mapping files see it: which fields there are, and what each wants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, get_args

from ewpgw.adapters.mapping.scalars import Kind
from ewpgw.model import lexical, shape
from ewpgw.model.base import XmlText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.model.base import XmlModel

_KINDS = {get_args(lexical.Date)[1].words: Kind.DATE, "true or false": Kind.FLAG}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field wants.

    - ``model``: the model of a group of fields; None for a single value
    - ``kind``: of the single value, or of the text of a group that may be given bare
    - ``many``: whether it is a list of these
    - ``required``: whether a record without it is refused
    - ``bare``: whether a single value will do, though there are fields
    - ``about``: what it means
    """

    model: type[XmlModel] | None
    kind: Kind
    many: bool
    required: bool
    bare: bool
    about: str


@cache
def fields(model: type[XmlModel]) -> Mapping[str, Shape]:
    """The fields of a group."""
    return {field.name: _shape(field) for field in shape.fields(model)}


def _shape(field: shape.FieldShape) -> Shape:
    if field.model is not None and issubclass(field.model, XmlText):
        kind = fields(field.model)["value"].kind
    else:
        kind = _KINDS.get(field.words, Kind.TEXT)
    bare = field.model is None or field.plain is not None
    return Shape(field.model, kind, field.repeated, field.required, bare, field.about)
