"""Institutions: who a HEI is and where it is found (Institutions API 2)."""

from __future__ import annotations

from ewpgw.model.address import FlexibleAddress
from ewpgw.model.base import (
    NS,
    HttpWithOptionalLang,
    StringWithOptionalLang,
    XmlModel,
    XmlRecord,
    content,
    many,
    maybe,
    one,
    required_attribute,
)
from ewpgw.model.contact import Contact
from ewpgw.model.lexical import HttpsUrl, Identifier, Text

NAMESPACE = f"{NS}ewp-specs-api-institutions/tree/stable-v2"


class OtherHeiId(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """An identifier of a HEI in another scheme than SCHAC."""

    value: Text = content("Identifier", "The identifier, as its scheme writes it.")
    type: Text = required_attribute(
        "type", "Scheme", "Which scheme: erasmus, pic, erasmus-charter, previous-schac, or a name of your own."
    )


class Institution(XmlRecord, tag="hei", ns="", nsmap={"": NAMESPACE}):
    """What a HEI publishes about itself."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    other_id: list[OtherHeiId] = many(
        "other-id", "Other identifiers", "Identifiers in other schemes; best the same as in the registry's catalogue."
    )
    name: list[StringWithOptionalLang] = many(
        "name", "Names", "Name of the institution, once for each language.", at_least=1
    )
    abbreviation: Text | None = maybe(
        "abbreviation", "Abbreviation", "A short name that is well known and, within the country, unmistakable."
    )
    street_address: FlexibleAddress | None = maybe(
        "street-address", "Street address", "Where the institution, or its main campus, is found on a map.", ns="a"
    )
    mailing_address: FlexibleAddress | None = maybe(
        "mailing-address", "Mailing address", "Where paper mail for the institution goes.", ns="a"
    )
    website_url: list[HttpWithOptionalLang] = many(
        "website-url", "Websites", "Main website; several addresses where each language has its own."
    )
    logo_url: HttpsUrl | None = maybe(
        "logo-url", "Logo", "https address of the logo (about square; SVG, PNG or JPEG), open to every browser."
    )
    mobility_factsheet_url: list[HttpWithOptionalLang] = many(
        "mobility-factsheet-url",
        "Factsheets for incoming students",
        "Pages or PDF files with all that incoming students should know, open to every browser; one of them English.",
    )
    course_catalogue_url: list[HttpWithOptionalLang] = many(
        "course-catalogue-url", "Course catalogues", "Where the courses on offer are listed."
    )
    contact: list[Contact] = many(
        "contact", "Contacts", "Offices and persons, the most important for mobility first.", ns="c"
    )
    root_ounit_id: Identifier | None = maybe(
        "root-ounit-id",
        "Root unit",
        "Identifier of the organizational unit that stands for the whole institution, where the units form a tree.",
    )
    ounit_id: list[Identifier] = many(
        "ounit-id",
        "Organizational units",
        "Identifiers of the units that partners may look up, the root unit included.",
    )

    def record_id(self) -> str:
        """The institution's own SCHAC identifier."""
        return self.hei_id
