"""Contacts: persons and offices (EWP type Contact 1)."""

from __future__ import annotations

from ewpgw.model.address import FlexibleAddress
from ewpgw.model.base import StringWithOptionalLang, XmlModel, many, maybe
from ewpgw.model.lexical import Email, Gender
from ewpgw.model.phone import PhoneNumber


class Contact(XmlModel, ns="c"):
    """A person or an office one can turn to."""

    contact_name: list[StringWithOptionalLang] = many(
        "contact-name",
        "Names",
        "How the contact is called, ready to be shown: a person, an office, a role. Once for each language or script.",
        at_least=1,
    )
    person_given_names: list[StringWithOptionalLang] = many(
        "person-given-names", "Given names", "Given names, where the contact is a person."
    )
    person_family_name: list[StringWithOptionalLang] = many(
        "person-family-name", "Family name", "Family name, where the contact is a person."
    )
    person_gender: Gender | None = maybe(
        "person-gender", "Gender", "By ISO/IEC 5218: 0 not known, 1 male, 2 female, 9 not applicable."
    )
    phone_number: list[PhoneNumber] = many("phone-number", "Phone numbers", "Where the contact can be called.", ns="p")
    fax_number: list[PhoneNumber] = many("fax-number", "Fax numbers", "Where the contact can be faxed.", ns="p")
    email: list[Email] = many(
        "email", "E-mail addresses", "Where to write. Partners also recognise a contact by its e-mail address."
    )
    street_address: FlexibleAddress | None = maybe(
        "street-address", "Street address", "Where the contact is found.", ns="a"
    )
    mailing_address: FlexibleAddress | None = maybe(
        "mailing-address", "Mailing address", "Where paper mail for the contact goes.", ns="a"
    )
    role_description: list[StringWithOptionalLang] = many(
        "role-description",
        "Role",
        "When to turn to this contact, in plain text that may have several lines. Once for each language.",
    )
