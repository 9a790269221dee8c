"""Organizational units: faculties, departments and the like (Organizational Units API 2)."""

from __future__ import annotations

from ewpgw.model.address import FlexibleAddress
from ewpgw.model.base import NS, HttpWithOptionalLang, StringWithOptionalLang, XmlRecord, many, maybe, one
from ewpgw.model.contact import Contact
from ewpgw.model.lexical import HttpsUrl, Identifier, Text

NAMESPACE = f"{NS}ewp-specs-api-ounits/tree/stable-v2"


class OrganizationalUnit(XmlRecord, tag="ounit", ns="", nsmap={"": NAMESPACE}):
    """What a HEI publishes about one of its units."""

    ounit_id: Identifier = one(
        "ounit-id",
        "Unit",
        "Identifier of the unit between computers. It never changes and is never given to another unit.",
    )
    ounit_code: Text = one("ounit-code", "Unit code", "Code of the unit as people know it.")
    name: list[StringWithOptionalLang] = many(
        "name", "Names", "Name of the unit, once for each language, English among them.", at_least=1
    )
    abbreviation: Text | None = maybe(
        "abbreviation", "Abbreviation", "A short name that is, within the institution, unmistakable."
    )
    parent_ounit_id: Identifier | None = maybe(
        "parent-ounit-id", "Parent unit", "Identifier of the unit this one belongs to, where the units form a tree."
    )
    street_address: FlexibleAddress | None = maybe(
        "street-address",
        "Street address",
        "Where the unit is found on a map; left out where it has no main place.",
        ns="a",
    )
    mailing_address: FlexibleAddress | None = maybe(
        "mailing-address", "Mailing address", "Where paper mail for the unit goes.", ns="a"
    )
    website_url: list[HttpWithOptionalLang] = many("website-url", "Websites", "Website of the unit.")
    logo_url: HttpsUrl | None = maybe("logo-url", "Logo", "https address of the unit's logo, open to every browser.")
    mobility_factsheet_url: list[HttpWithOptionalLang] = many(
        "mobility-factsheet-url",
        "Factsheets for incoming students",
        "Pages or PDF files for incoming students of this unit, where they differ from the institution's.",
    )
    contact: list[Contact] = many("contact", "Contacts", "Offices and persons of the unit.", ns="c")

    def code(self) -> str:
        """The unit's code, for people."""
        return self.ounit_code

    def record_id(self) -> str:
        """The unit's identifier within its institution."""
        return self.ounit_id
