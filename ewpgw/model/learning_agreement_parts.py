"""What a learning agreement consists of: components in their tables, signatures, versions and proposals.

Sources: ewp-specs-api-omobility-las 1, get-response.xsd, and the learning agreement template of the European
Commission, whose tables the lists of components are.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict
from pydantic_xml import RootXmlModel, element
from pydantic_xml.element.element import SearchMode

from ewpgw.model.base import NS, XmlModel, attribute, many, maybe, one
from ewpgw.model.lexical import (
    AnyDecimal,
    CountryCode,
    Date,
    DateTime,
    Email,
    Gender,
    Identifier,
    Integer,
    Language,
    Lexical,
    Text,
)
from ewpgw.model.omobility_further import SkillLevel
from ewpgw.model.phone import PhoneNumber

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMESPACE = f"{NS}ewp-specs-api-omobility-las/blob/stable-v1/endpoints/get-response.xsd"
TERM_NAMESPACE = f"{NS}ewp-specs-types-academic-term/tree/stable-v2"
PREFIXES = {"trm": TERM_NAMESPACE, "": NAMESPACE}


class MobilityType(StrEnum):
    """The kinds of stay, as an index is asked for them (ewp-specs-api-omobility-las 1, index.md, mobility_type)."""

    SEMESTER = "semester"
    BLENDED = "blended"
    DOCTORAL = "doctoral"


class ComponentStatus(StrEnum):
    """What a change does to a component of the first version."""

    INSERTED = "inserted"
    DELETED = "deleted"


REASONS: Mapping[str, tuple[ComponentStatus, str]] = {
    "not-available": (
        ComponentStatus.DELETED,
        "Previously selected component is not available at the receiving institution",
    ),
    "language-mismatch": (
        ComponentStatus.DELETED,
        "Component is in another language than the course catalogue had said",
    ),
    "timetable-conflict": (ComponentStatus.DELETED, "Timetable conflict"),
    "substituting-deleted": (ComponentStatus.INSERTED, "Substituting a deleted component"),
    "extending-mobility": (ComponentStatus.INSERTED, "Extending the mobility period"),
    "adding-virtual-component": (ComponentStatus.INSERTED, "Adding a virtual component"),
}
"""The reason codes: which changes each is for, and what it says (get-response.xsd, reason-code)."""

Status = Annotated[str, Lexical("inserted or deleted", "inserted|deleted")]
ReasonCode = Annotated[str, Lexical(f"{', '.join([*REASONS][:-1])} or {[*REASONS][-1]}", "|".join(REASONS))]
LosId = Annotated[
    str,
    Lexical(
        "an identifier of the Courses API that starts with CR/, CLS/, MOD/ or DEP/", "(?:CR|CLS|MOD|DEP)/[!-~]{1,40}"
    ),
]
LoiId = Annotated[
    str,
    Lexical(
        "an identifier of the Courses API that starts with CRI/, CLSI/, MODI/ or DEPI/",
        "(?:CRI|CLSI|MODI|DEPI)/[!-~]{1,40}",
    ),
]


class LaElement(XmlModel, ns="", nsmap=PREFIXES):
    """A part of a learning agreement."""


class Person(LaElement):
    """A person at one of the two institutions who is in charge of the student."""

    given_names: Text = one("given-names", "Given names", "Given names of the person.")
    family_name: Text = one("family-name", "Family name", "Family name of the person.")
    email: Email = one("email", "E-mail address", "Where to write to the person.")
    phone_number: PhoneNumber | None = maybe("phone-number", "Phone number", "Where the person can be called.", ns="p")


class Hei(LaElement):
    """One of the two institutions. Which it is never changes."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    ounit_name: Text | None = maybe(
        "ounit-name",
        "Name of the unit",
        "The faculty or department in charge of the student. The sending one must say.",
    )
    ounit_id: Identifier | None = maybe(
        "ounit-id", "Unit", "The same unit, by the identifier that its institution publishes."
    )
    contact_person: Person = one("contact-person", "Contact person", "Whom to turn to about the student.")


class Student(LaElement):
    """The student. All of it is needed, but in a proposal only what has changed since the last approval."""

    given_names: Text | None = maybe("given-names", "Given names", "Given names of the student.")
    family_name: Text | None = maybe("family-name", "Family name", "Family name of the student.")
    global_id: Text | None = maybe(
        "global-id",
        "European Student Identifier",
        "The student's identifier in all of Europe: urn:schac:personalUniqueCode:int:esi:, then the domain of the "
        "institution or the country that gave it, a colon, and the code.",
    )
    birth_date: Date | None = maybe("birth-date", "Date of birth", "The day the student was born: 2004-05-31.")
    citizenship: CountryCode | None = maybe(
        "citizenship", "Citizenship", "Country that issued the student's identity card or passport: FI."
    )
    gender: Gender | None = maybe(
        "gender", "Gender", "By ISO/IEC 5218: 0 not known, 1 male, 2 female, 9 not applicable."
    )
    email: Email | None = maybe("email", "E-mail address", "Where to write to the student.")


AGREED_OF_STUDENT = ("given_names", "family_name", "global_id", "birth_date")
"""The fields of a student that change by a proposal; others just change (get-response.xsd, changes-proposal)."""


class StudentLanguageSkill(LaElement):
    """How well the student knows, or will know by the start, the main language of the studies."""

    language: Language = one("language", "Language", "Code of the language: en, fi, pt-BR.")
    cefr_level: SkillLevel = one(
        "cefr-level", "Level", "How well, from A1 to C2; NS where it is the student's native language."
    )


class TermId(LaElement):
    """A term: which one of how many in an academic year."""

    term_number: Integer = one("term-number", "Term", "Which term of the year: 1 is the first.", ns="trm")
    total_terms: Integer = one(
        "total-terms", "Terms of a year", "How many such terms a year has: 2 are semesters.", ns="trm"
    )


class Credit(LaElement):
    """How many credits there are for a component."""

    scheme: Text = one("scheme", "Scheme", "What credits they are: ects, in small letters, or another name.")
    value: AnyDecimal = one("value", "Credits", "How many.")


class Component(LaElement):
    """A course, or whatever else is studied or recognized as one thing."""

    status: Status | None = attribute(
        "status",
        "Change",
        "In a list of changes, whether the component is inserted or deleted; elsewhere it is left out.",
    )
    reason_code: ReasonCode | None = attribute(
        "reason-code", "Reason", "Why it is changed, where one of the codes of the template says it."
    )
    reason_text: Text | None = attribute("reason-text", "Reason in words", "Why it is changed, in English if possible.")
    los_id: LosId | None = maybe(
        "los-id", "Course", "The identifier that the institution's Courses API gives it. Not shown to people."
    )
    los_code: Text | None = maybe("los-code", "Code", "The code of the component that people know.")
    title: Text = one("title", "Title", "How the component is called, in English if possible.")
    loi_id: LoiId | None = maybe(
        "loi-id", "Course as held", "The identifier that the Courses API gives the course as held at that time."
    )
    term_id: TermId | None = maybe(
        "term-id",
        "Term",
        "The term at the institution where it is studied or, for what is recognized, at the sending one. May be left "
        "out for virtual, blended and doctoral components alone.",
    )
    credit: list[Credit] = many("credit", "Credits", "The credits for it; none where it is not valued in credits.")
    recognition_conditions: Text | None = maybe(
        "recognition-conditions",
        "Conditions of recognition",
        "What has to be met for the component to be recognized. Given only where it is not recognized automatically, "
        "and never for components studied.",
    )
    short_description: Text | None = maybe(
        "short-description",
        "Description",
        "What a virtual component is about: needed for each of them, and for one blended component at least.",
    )


class Components(RootXmlModel[list[Component]], ns="", nsmap=PREFIXES, search_mode=SearchMode.ORDERED):
    """A table of the agreement: in JSON a list of components. An empty one says that there are none."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    root: list[Component] = element(tag="component", default_factory=list)

    def __iter__(self) -> Iterator[Component]:  # type: ignore[override]
        return iter(self.root)

    def __len__(self) -> int:
        return len(self.root)

    def __getitem__(self, position: int) -> Component:
        return self.root[position]


class Signature(LaElement):
    """That somebody signed, and when. Of the student no more is said than that; the student is known."""

    signer_name: Text | None = maybe("signer-name", "Name", "Full name of who signed. Not for students.")
    signer_position: Text | None = maybe("signer-position", "Position", "The position of who signed. Not for students.")
    signer_email: Text | None = maybe(
        "signer-email", "E-mail address", "Where to write to who signed. Not for students."
    )
    timestamp: DateTime = one("timestamp", "Time", "When it was signed: 2026-05-31T10:15:00+02:00.")
    signer_app: Text | None = maybe("signer-app", "Program", "Name of the program with which it was signed.")


TABLES: Mapping[str, str] = {
    "components_studied": "Table A",
    "components_recognized": "Table B",
    "virtual_components": "Table C",
    "blended_mobility_components": "Blended mobility",
    "short_term_doctoral_components": "Short-term doctoral mobility",
}
"""The tables of a version, in their order, and how the template calls them."""


class Version(LaElement):
    """One version of the agreement: what is studied and recognized, and who signed that.

    The first version has its components as they are; a list of changes has what is inserted in that, or deleted.
    """

    components_studied: Components | None = maybe(
        "components-studied", "Components studied (Table A)", "What is studied at the receiving institution."
    )
    components_recognized: Components | None = maybe(
        "components-recognized",
        "Components recognized (Table B)",
        "What the sending institution recognizes for it.",
    )
    virtual_components: Components | None = maybe(
        "virtual-components", "Virtual components (Table C)", "What is studied at the receiving institution from afar."
    )
    blended_mobility_components: Components | None = maybe(
        "blended-mobility-components",
        "Components of a blended mobility",
        "What is studied in a short stay that is combined with studies from afar; in place of the other tables.",
    )
    short_term_doctoral_components: Components | None = maybe(
        "short-term-doctoral-components",
        "Components of a doctoral mobility",
        "What is done in a short stay of a doctoral student; in place of the other tables.",
    )
    student_signature: Signature = one("student-signature", "Signature of the student", "When the student signed.")
    sending_hei_signature: Signature = one(
        "sending-hei-signature", "Signature of the sending institution", "Who signed for the sending institution."
    )
    receiving_hei_signature: Signature | None = maybe(
        "receiving-hei-signature",
        "Signature of the receiving institution",
        "Who signed for the receiving institution. A proposal has none: it is signed by being approved.",
    )

    def tables(self) -> dict[str, Components]:
        """The tables that are there, by their fields."""
        given = ((name, getattr(self, name)) for name in TABLES)
        return {name: table for name, table in given if table is not None}

    def components(self) -> Iterator[tuple[str, int, Component]]:
        """All components, each with its table and its position there."""
        for name, table in self.tables().items():
            for position, component in enumerate(table):
                yield name, position, component

    @property
    def mobility_type(self) -> MobilityType:
        """The kind of stay, told by the tables."""
        if self.blended_mobility_components is not None:
            return MobilityType.BLENDED
        if self.short_term_doctoral_components is not None:
            return MobilityType.DOCTORAL
        return MobilityType.SEMESTER

    @property
    def virtual(self) -> bool:
        """Whether the template's field "virtual component" is ticked for these tables.

        A blended stay always has one. Source: ewp-specs-api-omobility-las 1, get.md, "Virtual components".
        """
        kind = self.mobility_type
        if kind is MobilityType.DOCTORAL:
            return any((one.short_description or "").strip() for one in self.short_term_doctoral_components or ())
        if kind is MobilityType.SEMESTER:
            return any(one.status != ComponentStatus.DELETED for one in self.virtual_components or ())
        return True

    def fingerprint(self) -> str:
        """SHA-256 of the tables and of the two signatures under which they were proposed.

        The same for the same, another for any other; numbers that the schema takes for equal are equal (5.0 is 5).
        """
        return _digest(self.model_dump(mode="json", include=_PROPOSED, exclude_none=True))


class Proposal(Version):
    """A version that the receiving institution is asked to sign: the first, or changes to the first.

    A list of changes is always one to the first version, so it repeats what was changed before and is to stay so.
    """

    id: Text | None = attribute(
        "id",
        "Proposal",
        "Tells one proposal from another, so that an answer is about what was seen. The gateway computes it; a value "
        "given here is replaced.",
    )
    student: Student | None = maybe(
        "student",
        "Changed data of the student",
        "Names, identifier and date of birth where they have changed since the last approval; nothing else.",
    )

    def computed_id(self) -> str:
        """What tells this proposal from others: it changes exactly with the content.

        Numbers that the schema takes for equal are equal (5.0 is 5); texts are equal where each character is.
        Source: ewp-specs-api-omobility-las 1, get-response.xsd, changes-proposal, id.
        """
        return _digest(self.model_dump(mode="json", exclude={"id"}, exclude_none=True))

    def identified(self) -> Proposal:
        """The proposal with its computed id."""
        return self.model_copy(update={"id": self.computed_id()})

    def signed(self, signature: Signature | None) -> Version:
        """The version that the proposal becomes where the receiving institution signs it."""
        fields = {name: getattr(self, name) for name in Version.model_fields}
        return Version(**{**fields, "receiving_hei_signature": signature})


_PROPOSED = {*TABLES, "student_signature", "sending_hei_signature"}
_NUMBERS = {"value", "term_number", "total_terms", "gender"}
_BLANKS_ASIDE = {"timestamp", "birth_date", "los_id", "loi_id"}


def proposal_of(version: Version) -> Proposal:
    """The proposal that a version was before the receiving institution signed it, as far as the version tells."""
    fields = {name: getattr(version, name) for name in Version.model_fields}
    return Proposal(**{**fields, "receiving_hei_signature": None}).identified()


def _comparable(said: Any, field: str = "") -> Any:
    if isinstance(said, dict):
        return {name: _comparable(value, name) for name, value in said.items()}
    if isinstance(said, list):
        return [_comparable(value, field) for value in said]
    if field in _NUMBERS:
        return f"{Decimal(said.strip()).normalize():f}" if Decimal(said.strip()) else "0"
    return said.strip() if field in _BLANKS_ASIDE else said


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_comparable(said), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
