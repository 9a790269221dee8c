"""What a nomination says to partners with version 2 of the Outgoing Mobilities API, and no longer in version 3.

The shapes are those of version 2 (ewp-specs-api-omobilities 2, get-response.xsd), and so is their namespace.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ewpgw.model.address import FlexibleAddress
from ewpgw.model.base import NS, XmlModel, XmlText, attribute, content, many, maybe, one
from ewpgw.model.lexical import (
    CountryCode,
    Date,
    EqfLevel,
    Flag,
    HttpsUrl,
    HttpUrl,
    Language,
    Lexical,
    Text,
)
from ewpgw.model.phone import PhoneNumber

NAMESPACE = f"{NS}ewp-specs-api-omobilities/blob/stable-v2/endpoints/get-response.xsd"

SkillLevel = Annotated[
    str, Lexical("a CEFR level (A1, A2, B1, B2, C1 or C2), or NS for a native speaker", "[ABC][12]|NS")
]
SizeInPixels = Annotated[str, Lexical("a width and a height in pixels, such as 350x450", "[0-9]+x[0-9]+")]

LANGUAGE_SKILLS = (
    "nominee-language-skill",
    "Languages",
    "The languages the student knew at the time of the nomination; not changed later.",
)
REQUIREMENTS = (
    "additional-requirement",
    "Additional requirements",
    "What the partner's factsheet asks incoming students for, as a file or as an address.",
)
PLANNED_ARRIVAL = ("planned-arrival-date", "Planned arrival", "The day the student is to arrive.")
PLANNED_DEPARTURE = ("planned-departure-date", "Planned departure", "The day the student is to leave.")
EQF_AT_NOMINATION = (
    "eqf-level-studied-at-nomination",
    "Study level at nomination",
    "EQF level of the student's programme at the time of the nomination; not changed later.",
)
PHOTOS = ("photo-url", "Photos", "https addresses of photos of the student, one fit for a student card first.")
STREET = ("street-address", "Street address", "Where the student lives.")
MAILING = ("mailing-address", "Mailing address", "Where mail for the student goes.")
PHONES = ("phone-number", "Phone numbers", "Where the student can be called, the best number first.")


class V2Element(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """A part of a nomination as version 2 has it."""


class PhotoUrl(XmlText, V2Element):
    """The address of a photo, and what it shows."""

    value: HttpsUrl = content("Address", "The address, starting with https://; open without any login.")
    size_px: SizeInPixels | None = attribute("size-px", "Size", "Width and height in pixels: 350x450.")
    public: Flag | None = attribute(
        "public", "Public", "true only where the student allowed that everybody may see the photo."
    )
    photo_date: Date | None = attribute("date", "Date", "The day the photo was taken or uploaded.")


class LanguageSkill(V2Element):
    """A language the student knows."""

    language: Language = one("language", "Language", "Code of the language: en, fi, pt-BR.")
    cefr_level: SkillLevel | None = maybe(
        "cefr-level", "Level", "How well, from A1 to C2; NS where it is the student's native language."
    )


class AdditionalRequirement(V2Element):
    """One thing the partner's factsheet asks for, and where it is. Either a file or an address is given."""

    name: Text = one("name", "Name", "Name of the requirement, exactly as in the partner's factsheet.")
    file: Text | None = maybe("file", "File", "Identifier of a file that the partner can fetch through the File API.")
    url: HttpUrl | None = maybe("url", "Address", "Address of what is asked for, starting with http:// or https://.")

    @model_validator(mode="after")
    def _file_or_url(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise PydanticCustomError("file_or_url", "must have either file or url")
        return self


class FurtherDetails(V2Element):
    """What only partners with version 2 of the API are told. All of it may be left out."""

    planned_arrival_date: Date | None = maybe(*PLANNED_ARRIVAL)
    planned_departure_date: Date | None = maybe(*PLANNED_DEPARTURE)
    eqf_level_studied_at_nomination: EqfLevel | None = maybe(*EQF_AT_NOMINATION)
    nominee_language_skill: list[LanguageSkill] = many(*LANGUAGE_SKILLS)
    additional_requirement: list[AdditionalRequirement] = many(*REQUIREMENTS)
    citizenship: CountryCode | None = maybe(
        "citizenship",
        "Citizenship",
        "Country that issues the student's passport or identity card, where it is another than the nationality.",
    )
    photo_url: list[PhotoUrl] = many(*PHOTOS)
    street_address: FlexibleAddress | None = maybe(*STREET, ns="a")
    mailing_address: FlexibleAddress | None = maybe(*MAILING, ns="a")
    phone_number: list[PhoneNumber] = many(*PHONES, ns="p")
    recognized: Flag | None = maybe(
        "recognized",
        "Recognized",
        "true once the student is back and all that was achieved has been recognized.",
    )
