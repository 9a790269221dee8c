"""Writing a record as XML text: what pydantic-xml and lxml would write, in a twentieth of their time.

A model's fields are gone through once and become functions that append text; those serve every record of the model.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_xml.serializers.factories.homogeneous import ElementSerializer as ListSerializer
from pydantic_xml.serializers.factories.model import ModelProxySerializer, ModelSerializer, RootModelSerializer
from pydantic_xml.serializers.factories.primitive import AttributeSerializer, ElementSerializer, TextSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_xml import BaseXmlModel, RootXmlModel
    from pydantic_xml.serializers.serializer import Serializer

    _Write = Callable[[list[str], Any], None]
    """Appends the text of a value; that of a model's fields, by their names."""

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_IN_TEXT = re.compile("[&<>\r]")
_IN_ATTRIBUTE = re.compile('[&<>"\r\n\t]')
_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}


def to_xml(record: BaseXmlModel, **instead: object) -> bytes:
    """The record as a stand-alone element in UTF-8 that declares the namespaces it uses, and no others.

    Always the same bytes for the same record; absent values are left out. ``instead`` are other values of its fields.
    Raises TypeError where a field is of a kind that no record has so far.
    """
    parts: list[str] = []
    start, declarations, write = _of_record(type(record))
    write(parts, {**record.__dict__, **instead})
    text = "".join(parts)
    used = "".join(declaration for mark, declaration in declarations if mark in text)
    return f"{start}{used}{text[len(start) :]}".encode()


@cache
def _of_record(model: type[BaseXmlModel]) -> tuple[str, tuple[tuple[str, str], ...], _Write]:
    """The start of the record's tag, the declarations with what shows that they are used, and the writing function.

    A mark such as ``<c:`` stands in no text, since ``<`` is escaped there.
    """
    serializer = _serializer(model)
    declared = {uri: prefix for prefix, uri in (model.__xml_nsmap__ or {}).items() if uri != _XML}
    prefixes = {uri: f"{prefix}:" if prefix else "" for uri, prefix in declared.items()}
    name = _name(serializer.element_name, prefixes)
    marks = [(f"<{prefix}:", f' xmlns:{prefix}="{uri}"') for uri, prefix in declared.items() if prefix]
    marks += [("<", f' xmlns="{uri}"') for uri, prefix in declared.items() if not prefix]
    return f"<{name}", tuple(marks), _element(name, serializer, prefixes)


def _serializer(model: type[BaseXmlModel]) -> ModelSerializer:
    found = model.__xml_serializer__
    if not isinstance(found, ModelSerializer):
        raise TypeError(f"{model.__name__} has fields of types not yet defined")
    return found


def _element(name: str, serializer: ModelSerializer, prefixes: Mapping[str, str]) -> _Write:
    """Writes a model as the element ``name``: its attributes, its text, its children."""
    attributes: list[tuple[str, str]] = []
    texts: list[str] = []
    children: list[tuple[str, _Write]] = []
    for field, inner in serializer.fields_serializers.items():
        if isinstance(inner, AttributeSerializer):
            attributes.append((field, f' {_name(inner.attr_name, prefixes)}="'))
        elif type(inner) is TextSerializer:
            texts.append(field)
        else:
            children.append((field, _child(inner, prefixes)))
    start, empty, end = f"<{name}", "/>", f"</{name}>"

    def write(parts: list[str], values: Mapping[str, object]) -> None:
        parts.append(start)
        for field, begins in attributes:
            if (value := values[field]) is not None:
                parts.append(f'{begins}{_escaped(_IN_ATTRIBUTE, value)}"')
        parts.append(">")
        opened = len(parts)
        for field in texts:
            if (value := values[field]) is not None:
                parts.append(_escaped(_IN_TEXT, value))
        for field, child in children:
            if (value := values[field]) is not None:
                child(parts, value)
        if len(parts) > opened:
            parts.append(end)
        else:
            parts[-1] = empty

    return write


def _child(serializer: Serializer, prefixes: Mapping[str, str]) -> _Write:
    """Writes the value of one field as the element, or the elements, that it stands for."""
    if isinstance(serializer, ListSerializer):
        each = _child(serializer._inner_serializer, prefixes)

        def write_all(parts: list[str], values: list[object]) -> None:
            for value in values:
                each(parts, value)

        return write_all
    if isinstance(serializer, ModelProxySerializer):
        if isinstance(serializer.model_serializer, RootModelSerializer):
            return _list(_name(serializer.element_name, prefixes), serializer.model_serializer, prefixes)
        write = _element(_name(serializer.element_name, prefixes), _serializer(serializer.model), prefixes)

        def write_model(parts: list[str], value: BaseXmlModel) -> None:
            write(parts, value.__dict__)

        return write_model
    if isinstance(serializer, ElementSerializer):
        name = _name(serializer._element_name, prefixes)
        start, end = f"<{name}>", f"</{name}>"

        def write_text(parts: list[str], value: object) -> None:
            if type(value) is not str or (not value.isalnum() and _IN_TEXT.search(value)):
                value = _escaped(_IN_TEXT, value)
            parts.append(f"{start}{value}{end}")

        return write_text
    raise TypeError(f"there is no way yet to write {type(serializer).__name__}")


def _list(name: str, serializer: RootModelSerializer, prefixes: Mapping[str, str]) -> _Write:
    """Writes a model that is nothing but a list as the element ``name`` around its items."""
    each = _child(serializer._root_serializer, prefixes)

    def write(parts: list[str], value: RootXmlModel[list[object]]) -> None:
        parts.append(f"<{name}>" if value.root else f"<{name}/>")
        if value.root:
            each(parts, value.root)
            parts.append(f"</{name}>")

    return write


def _name(name: str, prefixes: Mapping[str, str]) -> str:
    """A qualified name (``{namespace}name``, or a bare one) with its prefix."""
    uri, _, local = name.rpartition("}")
    if not uri:
        return local
    return f"xml:{local}" if uri[1:] == _XML else f"{prefixes[uri[1:]]}{local}"


def _escaped(special: re.Pattern[str], value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise TypeError(f"the values of records are texts and flags, not {type(value).__name__}")
    return special.sub(_escape, value) if special.search(value) else value


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]
