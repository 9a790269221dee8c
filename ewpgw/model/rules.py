"""What the rules of several entities share: contacts, addresses, languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ewpgw.model.problems import Problem, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.address import FlexibleAddress
    from ewpgw.model.base import HttpWithOptionalLang, StringWithOptionalLang
    from ewpgw.model.contact import Contact
    from ewpgw.model.phone import PhoneNumber

_CONTACT = "ewp-specs-types-contact 1, schema.xsd, Contact"
_EMAIL = "ewp-specs-architecture 1, common-types.xsd, Email"
_PHONE = "ewp-specs-types-phonenumber 1, schema.xsd, PhoneNumber"
_ADDRESS = "ewp-specs-types-address 1, schema.xsd, FlexibleAddress"
_LANGUAGE = "ewp-specs-architecture 1, common-types.xsd, StringWithOptionalLang"

_DOMAIN = re.compile(r"[!-9;-~]{1,255}")
_ONE_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")


def refusal(path: str, message: str, source: str) -> Problem:
    """A rule is broken: the record cannot be served."""
    return Problem(path, message, "refusal", source)


def warning(path: str, message: str, source: str) -> Problem:
    """The record can be served, but partners will have less use of it."""
    return Problem(path, message, "warning", source)


def is_domain(text: str | None) -> bool:
    """Whether a text may be the domain that identifies an institution.

    It has no colon: some records are named by a domain and, behind a colon, the partner's identifier of the thing.
    """
    return _DOMAIN.fullmatch(text or "") is not None


def contact_problems(path: str, contacts: Sequence[Contact]) -> Iterator[Problem]:
    """Warnings about the contacts in a list at ``path``."""
    for position, contact in enumerate(contacts):
        yield from one_contact_problems(dotted(path, position), contact)


def one_contact_problems(path: str, contact: Contact) -> Iterator[Problem]:
    """Warnings about the contact at ``path``."""
    if not contact.email:
        yield warning(
            dotted(path, "email"), "is missing: partners cannot write, nor recognise this contact elsewhere", _CONTACT
        )
    for position, address in enumerate(contact.email):
        if not _ONE_ADDRESS.fullmatch(address):
            yield warning(dotted(path, "email", position), "does not look like one e-mail address", _EMAIL)
    yield from _contact_name_problems(path, contact)
    for field, numbers in (("phone_number", contact.phone_number), ("fax_number", contact.fax_number)):
        for position, number in enumerate(numbers):
            yield from phone_problems(dotted(path, field, position), number)
    yield from address_problems(path, contact.street_address, contact.mailing_address)


def _contact_name_problems(path: str, contact: Contact) -> Iterator[Problem]:
    names = contact.contact_name
    for position, name in enumerate(names):
        if not name.value.strip():
            yield refusal(
                dotted(path, "contact_name", position), "is blank: it must say whom or what to turn to", _CONTACT
            )
    yield from name_problems(dotted(path, "contact_name"), names)
    english = [_language(name).partition("-")[0] == "en" for name in names]
    if any(english) and not english[0]:
        yield warning(dotted(path, "contact_name"), "should have the English name first", _CONTACT)
    given = {_language(name) for name in contact.person_given_names}
    family = {_language(name) for name in contact.person_family_name}
    if given and not family:
        yield warning(dotted(path, "person_family_name"), "is missing, and there are given names", _CONTACT)
    elif family - given:
        said = "are missing in a language or script that the family name is in"
        yield warning(dotted(path, "person_given_names"), said, _CONTACT)


def _language(name: StringWithOptionalLang) -> str:
    return (name.lang or "").strip().lower()


def address_problems(path: str, street: FlexibleAddress | None, mailing: FlexibleAddress | None) -> Iterator[Problem]:
    """Warnings about the two addresses of the thing at ``path`` (empty: the record itself)."""
    for field, address in (("street_address", street), ("mailing_address", mailing)):
        missing = [name for name in ("locality", "country") if address is not None and not getattr(address, name)]
        for name in missing:
            where = dotted(path, field, name) if path else dotted(field, name)
            yield warning(where, "is missing: many systems cannot use the address without it", _ADDRESS)


def name_problems(path: str, names: Sequence[StringWithOptionalLang], source: str = _LANGUAGE) -> Iterator[Problem]:
    """Warnings about names in several languages that do not say in which."""
    if len(names) > 1:
        for position, name in enumerate(names):
            if not name.lang:
                yield warning(dotted(path, position, "lang"), "is missing: nobody can tell the names apart", source)


def english_problems(
    path: str, texts: Sequence[StringWithOptionalLang | HttpWithOptionalLang], source: str
) -> Iterator[Problem]:
    """A warning where texts have languages and English is not one of them."""
    languages = [text.lang for text in texts if text.lang]
    if languages and not any(language.strip().lower().partition("-")[0] == "en" for language in languages):
        yield warning(path, "has no entry in English (lang en)", source)


def repeated(items: Sequence[str]) -> list[int]:
    """The positions of items that stood before already."""
    return [position for position, item in enumerate(items) if item in items[:position]]


def phone_problems(path: str, number: PhoneNumber) -> Iterator[Problem]:
    """A warning about a number that is not in international form."""
    if not number.e164:
        said = "is missing: other notations are not understood everywhere; write it as +35820123456"
        yield warning(dotted(path, "e164"), said, _PHONE)
