"""Postal and street addresses (EWP type FlexibleAddress 1)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ewpgw.model.base import XmlModel, many, maybe
from ewpgw.model.lexical import CountryCode, Text

_PARTS = (
    "building_number",
    "building_name",
    "street_name",
    "unit",
    "floor",
    "post_office_box",
    "delivery_point_code",
)


class FlexibleAddress(XmlModel, ns="a"):
    """An address: either as up to four ready-made lines, or in its parts; with postal code, town and country."""

    recipient_name: list[Text] = many(
        "recipientName", "Recipients", "Who is addressed, as it would stand on an envelope."
    )
    address_line: list[Text] = many(
        "addressLine",
        "Address lines",
        "Street, building, box and the like as ready-made lines, at most four; not together with the parts below.",
        at_most=4,
    )
    building_number: Text | None = maybe("buildingNumber", "Building number", "Number of the building in its street.")
    building_name: Text | None = maybe("buildingName", "Building name", "Name of the building, where it has one.")
    street_name: Text | None = maybe("streetName", "Street", "Name of the street.")
    unit: Text | None = maybe("unit", "Unit", "Apartment, suite or office.")
    floor: Text | None = maybe("floor", "Floor", "Floor of the building.")
    post_office_box: Text | None = maybe("postOfficeBox", "Post office box", "Number of the post office box.")
    delivery_point_code: list[Text] = many(
        "deliveryPointCode", "Delivery points", "Codes of a dock, a mail stop or another point of delivery."
    )
    postal_code: Text | None = maybe("postalCode", "Postal code", "The postal code, with its usual punctuation.")
    locality: Text | None = maybe("locality", "Town", "City, town or village. Give it wherever it is known.")
    region: Text | None = maybe("region", "Region", "State, province or another division, where addresses need it.")
    country: CountryCode | None = maybe(
        "country", "Country", "Country as two capital letters (ISO 3166-1 alpha-2). Give it wherever it is known."
    )

    @model_validator(mode="after")
    def _lines_or_parts(self) -> Self:
        given = [name for name in _PARTS if getattr(self, name)]
        if self.address_line and given:
            raise PydanticCustomError(
                "lines_and_parts",
                "has address_line as well as {parts}: give the lines or the parts, not both",
                {"parts": ", ".join(given)},
            )
        return self
