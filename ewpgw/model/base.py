"""What every canonical record is built from: models that are JSON and XML at once, and texts with a language.

A field is named as the protocol names the element or attribute, in snake_case. JSON is read strictly (an unknown field
is refused, see ``ewpgw.model.entities``); XML is read tolerantly: elements that are unknown, or stand where the schema
does not have them, are passed over. Text is never trimmed or normalised on the way.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

from lxml import etree
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema
from pydantic_xml import BaseXmlModel, attr, element
from pydantic_xml.element.element import SearchMode

from ewpgw.model.lexical import HttpUrl, Language, Text
from ewpgw.model.writing import to_xml

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

NS = "https://github.com/erasmus-without-paper/"
PREFIXES = {
    "a": f"{NS}ewp-specs-types-address/tree/stable-v1",
    "c": f"{NS}ewp-specs-types-contact/tree/stable-v1",
    "p": f"{NS}ewp-specs-types-phonenumber/tree/stable-v1",
    "xml": "http://www.w3.org/XML/1998/namespace",
}

WRITTEN = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
"""Parses what was written here. Its texts may be as long as whoever gave them wrote them."""


def one(tag: str, title: str, about: str, *, ns: str | None = None) -> Any:
    """A field for an element that must be there exactly once."""
    return element(tag=tag, ns=ns, title=title, description=about)


def maybe(tag: str, title: str, about: str, *, ns: str | None = None) -> Any:
    """A field for an element that may be left out."""
    return element(tag=tag, ns=ns, title=title, description=about, default=None)


def many(
    tag: str, title: str, about: str, *, ns: str | None = None, at_least: int = 0, at_most: int | None = None
) -> Any:
    """A field for a repeatable element. Without a lower bound it may be left out."""
    if at_least:
        return element(tag=tag, ns=ns, title=title, description=about, min_length=at_least, max_length=at_most)
    return element(tag=tag, ns=ns, title=title, description=about, max_length=at_most, default_factory=list)


def content(title: str, about: str) -> Any:
    """A field for the text of the element itself."""
    return Field(title=title, description=about)


def attribute(name: str, title: str, about: str, *, ns: str | None = None) -> Any:
    """A field for an attribute that may be left out."""
    return attr(name=name, ns=ns, title=title, description=about, default=None)


def required_attribute(name: str, title: str, about: str) -> Any:
    """A field for an attribute that must be there."""
    return attr(name=name, title=title, description=about)


class XmlModel(BaseXmlModel, search_mode=SearchMode.ORDERED, nsmap=PREFIXES):
    """A value whose fields each have a declared place in XML. Immutable; its errors never repeat input values."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"additionalProperties": False},
        model_title_generator=lambda model: re.sub("(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize(),
    )


class XmlText(XmlModel):
    """An element that holds a text and attributes. In JSON the bare text will do where no attribute is needed."""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: object) -> object:
        return given if isinstance(given, dict | XmlModel) else {"value": given}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler(schema)
        value = handler.resolve_ref_schema(whole).get("properties", {}).get("value", {})
        bare = {key: rule for key, rule in value.items() if key not in ("title", "description")}
        return {"anyOf": [bare, whole]}


class StringWithOptionalLang(XmlText):
    """A text and the language it is in."""

    value: Text = content("Text", "The text itself.")
    lang: Language | None = attribute("lang", "Language", "Language of the text: en, fi, ru-Latn.", ns="xml")


class HttpWithOptionalLang(XmlText):
    """The address of a page and the language of the page."""

    value: HttpUrl = content("Address", "The address, starting with http:// or https://.")
    lang: Language | None = attribute(
        "lang", "Language", "Language of the page. Leave out where the page itself asks the browser.", ns="xml"
    )


class XmlRecord(XmlModel):
    """A whole record: what one repeated element of a get-response holds."""

    @abstractmethod
    def record_id(self) -> str:
        """The identifier by which the record's API asks for it. Raises ValueError where the record has none."""

    def partners(self, hei_id: str) -> frozenset[str] | None:
        """The HEIs that may see the record of ``hei_id``, its owner aside; None: all of the network."""
        return None

    def academic_years(self) -> frozenset[str]:
        """The receiving academic years in which the record is valid, where its API's index filters by them."""
        return frozenset()

    def code(self) -> str | None:
        """The record's natural key, where its API can be asked by it (EWP architecture, "Identifiers")."""
        return None

    def counterpart(self) -> str | None:
        """The partner's identifier of the same thing, where each side has a copy of its own and the record gives it."""
        return None

    def files(self) -> dict[str, str]:
        """The ids of files of ours that the record refers to, by the JSON path where it does (File API 1)."""
        return {}

    def completed(self) -> Self:
        """The record with all that the gateway itself works out."""
        return self

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready data, without the fields that are absent."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def json_text(self) -> str:
        """The same as text: compact, and always the same for the same record."""
        return self.model_dump_json(exclude_defaults=True)

    def encoded(self) -> bytes:
        """The record as a stand-alone element in UTF-8, without XML declaration; always the same bytes.

        It declares the namespaces it uses, and no others.
        """
        return to_xml(self)

    def to_tree(self) -> etree._Element:
        """The record as an element."""
        return etree.fromstring(self.encoded(), WRITTEN)

    @classmethod
    def from_tree(cls, tree: etree._Element) -> Self:
        """The record in an element, which stays as it is.

        Raises pydantic.ValidationError; pydantic_xml.errors.ParsingError where the element is not the record's.
        """
        # pydantic-xml's annotations know the elements of the standard library only.
        either_library: Any = _without_comments(tree)
        return cls.from_xml_tree(either_library, empty_as_string=True)


def _without_comments(tree: etree._Element) -> etree._Element:
    """The element with its texts in one piece: comments and processing instructions cut them for the reader."""
    if next(tree.iter(etree.Comment, etree.PI), None) is None:
        return tree
    copy = deepcopy(tree)
    etree.strip_tags(copy, etree.Comment, etree.PI)
    return copy
