"""What a mapping file of the rest adapter says of its source: where items are, and how to get from page to page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema, field_validator, model_validator

from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.paths import BadExpression, reshaping
from ewpgw.adapters.rest.settings import Section
from ewpgw.config.values import Text, Whole, refusal


def _expression(text: str) -> str:
    try:
        reshaping(text)
    except BadExpression as bad:
        raise refusal(bad.problem, bad.remedy) from None
    return text


JmesPath = Annotated[str, AfterValidator(_expression), WithJsonSchema({"type": "string"})]


def search(expression: str, document: object) -> object:
    """What a checked JMESPath expression finds in a page; None where nothing, or where it cannot be applied."""
    try:
        return reshaping(expression).get(document, {})
    except BadValue:
        return None


class Paging(Section):
    """How one gets from a page to the next."""

    by: Literal["none", "link", "cursor", "page", "offset"] = Field(
        "none", description="none: there is one page. What the others need is told with the other keys."
    )
    next: JmesPath | None = Field(
        None, description="link: where a page has the next one's URL; without it, in its Link header."
    )
    cursor: JmesPath | None = Field(None, description="cursor: where a page has the cursor of the next one.")
    parameter: Text | None = Field(
        None, description="cursor, page, offset: the query parameter that takes the cursor, page number or offset."
    )
    first: Annotated[Whole, Field(ge=0, le=1)] | None = Field(
        None, description="page: the number of the first page, 1 unless said otherwise; offset: of the first item, 0."
    )
    total: JmesPath | None = Field(
        None, description="Where a page says how many items there are in all. Fewer are then never taken for all."
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        needed = {"cursor": {"cursor", "parameter"}, "page": {"parameter"}, "offset": {"parameter"}}.get(self.by, set())
        allowed = needed | {"link": {"next"}, "page": {"first"}, "offset": {"first"}}.get(self.by, set())
        given = {name for name in ("next", "cursor", "parameter", "first") if getattr(self, name) is not None}
        for name in sorted(needed - given):
            raise refusal(f"pages by {self.by} but does not say {name!r}", "add it")
        for name in sorted(given - allowed):
            raise refusal(f"pages by {self.by}, which has no use for {name!r}", "leave it out")
        return self

    @property
    def start(self) -> int:
        """The number of the first page, or of the first item."""
        return self.first if self.first is not None else int(self.by == "page")


class Modified(Section):
    """How to ask for what changed since a point in time."""

    parameter: Text = Field(description="The query parameter that takes the point in time.")
    format: Literal["iso", "epoch"] = Field(
        "iso", description="How it is written: 2026-09-01T10:00:00Z, or as seconds since 1970."
    )

    def write(self, moment: datetime) -> str:
        """A point in time as the parameter's value."""
        moment = moment.astimezone(UTC)
        if self.format == "epoch":
            return str(int(moment.timestamp()))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class RestSource(Section):
    """The ``source`` of a mapping file."""

    url: Text = Field(description="Where the entity's items are, from `base_url`, with a query where one is needed.")
    items: JmesPath = Field("@", description="Where a page has the list of its items.")
    paging: Paging = Field(Paging(), description="How one gets from page to page.")
    modified: Modified | None = Field(
        None, description="How to ask for changes alone. Without it everything is read each time."
    )

    @field_validator("url")
    @classmethod
    def _callable(cls, value: str) -> str:
        remedy = "write what follows base_url, as in 'agreements?status=active'"
        try:
            parts = urlsplit(value)
        except ValueError:
            raise refusal("is not a URL", remedy) from None
        if parts.scheme or parts.netloc:
            raise refusal("names a server, which is base_url's", remedy)
        if parts.fragment or not value.isascii() or any(char.isspace() for char in value):
            raise refusal("is not a URL that can be called", f"{remedy}, other characters percent-encoded")
        return value


def items_of(source: RestSource, document: JsonValue) -> list[dict[str, JsonValue]] | None:
    """The items of a page; None where there is no list of objects."""
    found = search(source.items, document)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return None
    return found
