"""The JSON Schema of mapping files, so that editors complete and check them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from ewpgw.adapters.mapping import words
from ewpgw.adapters.mapping.shape import Shape, fields
from ewpgw.model.entities import ENTITIES
from ewpgw.model.shape import about, parts, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from ewpgw.model.base import XmlModel

    Schema = dict[str, object]

_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_TOP = {
    "entity": "Which records the file is about.",
    "source": "Where the rows come from.",
    "key": "The column or path that names a row, always the same for the same record; or a text with names in braces.",
    "zone": "The time zone of dates and times, where a field does not name another: Europe/Helsinki.",
    "values": "Value maps by name: each the map itself, or the name of a YAML or CSV file beside this one.",
    "record": "The record's fields, each with where its value comes from.",
}


def json_schema(source_model: type[BaseModel]) -> Schema:
    """The JSON Schema (2020-12) of the mapping files of an adapter.

    ``source_model``: the adapter's model of ``source``
    """
    source = source_model.model_json_schema(ref_template="#/$defs/source-{model}")
    definitions = {f"source-{name}": schema for name, schema in source.pop("$defs", {}).items()}
    definitions |= {"constant": _SCALAR, "value-map": _value_map(), "expression": _expression(), "list": _list()}
    definitions["where"] = _where()
    for entity in ENTITIES.values():
        for model in parts(entity.model):
            definitions[_definition(model)] = _group(model)
            definitions.update(_shapes(model))
    properties: Schema = {
        "entity": {"enum": list(ENTITIES)},
        "source": source,
        "key": {"type": "string"},
        "zone": {"type": "string"},
        "values": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, _ref("value-map")]}},
        "record": {"type": "object"},
    }
    for name, described in properties.items():
        assert isinstance(described, dict)
        described["description"] = _TOP[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mapping file",
        "type": "object",
        "additionalProperties": False,
        "required": ["entity", "source", "key", "record"],
        "properties": properties,
        "allOf": [
            {
                "if": {"properties": {"entity": {"const": entity.name}}, "required": ["entity"]},
                "then": {"properties": {"record": _ref(_definition(entity.model))}},
            }
            for entity in ENTITIES.values()
        ],
        "$defs": definitions,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


@cache
def _alike() -> frozenset[str]:
    """The names that several models have."""
    models = {model for entity in ENTITIES.values() for model in parts(entity.model)}
    names = Counter(model.__name__ for model in models)
    return frozenset(name for name, times in names.items() if times > 1)


def _definition(model: type[XmlModel]) -> str:
    """What a model is called among the definitions: by its name, and its module where others have that name."""
    name = model.__name__
    return f"{model.__module__.rpartition('.')[2]}-{name}" if name in _alike() else name


def _value_map() -> Schema:
    value: Schema = {"anyOf": [_ref("constant"), {"type": "array", "items": _ref("constant")}]}
    return {"type": "object", "additionalProperties": value, "minProperties": 1}


def _expression() -> Schema:
    """The long form of where a value comes from."""
    text: Schema = {"type": "string", "minLength": 1}
    several: Schema = {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]}
    kinds: Schema = {
        "from": several,
        "jmespath": text,
        "split": text,
        "values": {"anyOf": [text, _ref("value-map")]},
        "unlisted": {"enum": list(words.UNLISTED)},
        "decimal": text,
        "date": several,
        "zone": text,
        "default": _SCALAR,
    }
    properties = {name: {"allOf": [kinds[name]], "description": said} for name, said in words.LEAF.items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "oneOf": [{"required": ["from"]}, {"required": ["jmespath"]}],
    }


def _list() -> Schema:
    """What ``each`` may name."""
    reshaping: Schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["jmespath"],
        "properties": {"jmespath": {"type": "string", "description": words.LEAF["jmespath"]}},
    }
    return {"anyOf": [{"type": "string"}, reshaping], "description": words.GROUP["each"]}


def _group(model: type[XmlModel]) -> Schema:
    known = fields(model)
    return {
        "title": title(model),
        "description": about(model),
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, shape in known.items() if shape.required],
        "properties": {name: {"description": shape.about} | _ref(_name(shape)) for name, shape in known.items()},
    }


def _shapes(model: type[XmlModel]) -> Iterator[tuple[str, Schema]]:
    """What the fields of a group may be, each sort of field once."""
    for shape in fields(model).values():
        one: list[Schema] = []
        if shape.bare:
            one += [{"type": ["string", "number", "boolean"]}, _ref("expression")]
        if shape.model is not None:
            one.append(_ref(_definition(shape.model)))
        one.append(_chosen(one))
        if shape.many:
            entry: list[Schema] = [*one, _repeated(one[:-1])]
            yield _name(shape), {"anyOf": [*entry, {"type": "array", "items": {"anyOf": entry}}]}
        else:
            yield _name(shape), {"anyOf": one}


def _name(shape: Shape) -> str:
    """What a sort of field is called among the definitions."""
    what = _definition(shape.model) if shape.model is not None else "value"
    return f"{'many' if shape.many else 'one'}-{what}"


def _where() -> Schema:
    values: Schema = {"anyOf": [_ref("constant"), {"type": "array", "items": _ref("constant")}]}
    return {"type": "object", "additionalProperties": values, "description": words.GROUP["where"]}


def _chosen(one: list[Schema]) -> Schema:
    """``item`` on a condition."""
    properties: Schema = {"where": _ref("where"), "item": {"anyOf": list(one)}}
    return {"type": "object", "additionalProperties": False, "required": ["where", "item"], "properties": properties}


def _repeated(one: list[Schema]) -> Schema:
    """``item`` for each entry of a list."""
    properties: Schema = {
        "each": _ref("list"),
        "split": {"type": "string", "description": words.GROUP["split"]},
        "where": _ref("where"),
        "item": {"anyOf": list(one), "description": words.GROUP["item"]},
    }
    return {"type": "object", "additionalProperties": False, "required": ["each", "item"], "properties": properties}
