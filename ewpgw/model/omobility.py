"""Nominations of students (Outgoing Mobilities API 3), owned by the institution that sends the student.

There are two shapes. ``Omobility`` is a nomination as version 3 demands it, and as ours have to be. ``KnownOmobility``
is what may be known of a partner's: version 2 has neither all that version 3 demands, nor its field of education of the
agreement.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from lxml import etree
from pydantic import (
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_xml import BaseXmlModel

from ewpgw.model import omobility_further, omobility_index
from ewpgw.model.academic_term import AcademicYearId
from ewpgw.model.academic_years import AcademicTermId
from ewpgw.model.base import NS, WRITTEN, StringWithOptionalLang, XmlModel, XmlRecord, attribute, many, maybe, one
from ewpgw.model.iia import IscedCode
from ewpgw.model.lexical import CountryCode, Date, Email, EqfLevel, Flag, Gender, Identifier, Lexical, Text
from ewpgw.model.omobility_further import FurtherDetails
from ewpgw.model.writing import to_xml

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

NAMESPACE = f"{NS}ewp-specs-api-omobilities/blob/stable-v3/endpoints/get-response.xsd"


class Status(StrEnum):
    """Where a nomination stands (ewp-specs-api-omobilities 3, get-response.xsd, MobilityStatus)."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


ActivityType = Annotated[str, Lexical("student-studies", "student-studies")]
AnyActivityType = Annotated[
    str, Lexical("student-studies or student-traineeships", "student-studies|student-traineeships")
]
ActivityAttributes = Annotated[
    str,
    Lexical("long-term, short-term-blended or short-term-doctoral", "long-term|short-term-blended|short-term-doctoral"),
]
MobilityStatus = Annotated[
    str, Lexical("pending, approved, rejected or cancelled", "pending|approved|rejected|cancelled")
]

_FLAG: TypeAdapter[bool] = TypeAdapter(Flag)
_BIRTH_DATE = ("birth-date", "Date of birth", "The day the student was born: 2004-05-31.")
_NATIONALITY = ("nationality", "Nationality", "Country as two capital letters (ISO 3166-1 alpha-2): FI.")
_GENDER = ("gender", "Gender", "By ISO/IEC 5218: 0 not known, 1 male, 2 female, 9 not applicable.")
_EMAIL = ("email", "E-mail address", "Where to write to the student.")
_ACTIVITY_TYPE = ("activity-type", "Activity", "What the student goes for: always student-studies.")
_AGREEMENT_ISCED = (
    "agreement-isced-f-code",
    "Field of education of the agreement",
    "ISCED-F code, always four digits, of the cooperation condition under which the student is nominated.",
)
_EQF_LEVEL = (
    "eqf-level-studied-at-departure",
    "Study level",
    "EQF level of the student's programme when the stay begins: 5 short cycle, 6 bachelor, 7 master, 8 doctorate.",
)
_NOMINEE_ISCED = (
    "nominee-isced-f-code",
    "Field of education of the student",
    "ISCED-F code, always four digits, closest to the programme that the student is enrolled in at home.",
)


class OmobilityElement(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """A part of a nomination."""


class KnownStudent(OmobilityElement):
    """The student, as far as the partner tells."""

    given_names: list[StringWithOptionalLang] = many(
        "given-names", "Given names", "Given names of the student, once for each language or script.", at_least=1
    )
    family_name: list[StringWithOptionalLang] = many(
        "family-name", "Family name", "Family name of the student, once for each language or script.", at_least=1
    )
    global_id: Text = one(
        "global-id",
        "European Student Identifier",
        "The student's identifier in all of Europe: urn:schac:personalUniqueCode:int:esi:, then the domain of the "
        "institution or the country that gave it, a colon, and the code.",
    )
    birth_date: Date | None = maybe(*_BIRTH_DATE)
    nationality: CountryCode | None = maybe(*_NATIONALITY)
    gender: Gender | None = maybe(*_GENDER)
    email: Email | None = maybe(*_EMAIL)


class Student(KnownStudent):
    """The student who is nominated. The data may change, and that leaves the partner's decision as it is; who it is
    may not: another student is another nomination."""

    birth_date: Date = one(*_BIRTH_DATE)
    nationality: CountryCode = one(*_NATIONALITY)
    gender: Gender = one(*_GENDER)
    email: Email = one(*_EMAIL)


class SendingHei(OmobilityElement):
    """The institution the student comes from. Which it is never changes."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    ounit_id: Identifier | None = maybe(
        "ounit-id", "Unit", "The unit in charge of the student, by the identifier its institution publishes."
    )
    iia_id: Identifier | None = maybe(
        "iia-id",
        "Agreement",
        "The institution's own identifier of the agreement under which the student is nominated. Needed wherever both "
        "partners have approved such an agreement in the network.",
    )


class ReceivingHei(OmobilityElement):
    """The institution the student goes to. Which it is never changes."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    ounit_id: Identifier | None = maybe(
        "ounit-id", "Unit", "The unit that receives the student, by the identifier the receiving institution publishes."
    )
    iia_id: Identifier | None = maybe(
        "iia-id",
        "Agreement",
        "The receiving institution's identifier of the same agreement. Needed wherever the sending one's is given.",
    )


@dataclass(frozen=True, slots=True)
class _Presence(Lexical):
    """Annotates an element that holds nothing and says something by being there: true or false in JSON."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "boolean"}


class NonStandardMobilityPeriod(BaseXmlModel, ns="", nsmap={"": NAMESPACE}):
    """Says that the stay lies in no single term. In JSON it is simply true.

    Whatever such an element may hold one day counts as nothing (get-response.xsd, non-standard-mobility-period).
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @model_serializer
    def _as_true(self) -> bool:
        return True


class KnownNomination(OmobilityElement):
    """The nomination, as far as the partner tells."""

    proposal_id: Text | None = attribute(
        "proposal-id",
        "Proposal",
        "Tells one content of the nomination from another, so that a decision is about what was seen. The gateway "
        "computes it; a value given here is replaced.",
    )
    sending_hei: SendingHei = one("sending-hei", "Sending institution", "The institution the student comes from.")
    receiving_hei: ReceivingHei = one("receiving-hei", "Receiving institution", "The institution the student goes to.")
    sending_academic_term_ewp_id: AcademicTermId | None = maybe(
        "sending-academic-term-ewp-id",
        "Term",
        "The shortest term of the sending institution that holds the whole stay: 2026/2027-1/2 is the first of two "
        "terms of that year, 2026/2027-1/1 the whole year. Either this or non_standard_mobility_period is given.",
    )
    non_standard_mobility_period: Annotated[NonStandardMobilityPeriod, _Presence("true or false")] | None = maybe(
        "non-standard-mobility-period", "No single term", "true where the stay lies in no single term; else left out."
    )
    receiving_academic_year_id: AcademicYearId = one(
        "receiving-academic-year-id",
        "Academic year",
        "Academic year of the stay, counted as the receiving institution does: 2026/2027 in the north, 2026/2026 where "
        "the academic year is the calendar year.",
    )
    activity_type: AnyActivityType = one(*_ACTIVITY_TYPE)
    activity_attributes: ActivityAttributes = one(
        "activity-attributes",
        "Kind of stay",
        "long-term; short-term-blended, with a virtual part; or short-term-doctoral.",
    )
    agreement_isced_f_code: IscedCode | None = maybe(*_AGREEMENT_ISCED)
    eqf_level_studied_at_departure: EqfLevel | None = maybe(*_EQF_LEVEL)
    nominee_isced_f_code: Text | None = maybe(*_NOMINEE_ISCED)
    comment: Text | None = maybe(
        "comment",
        "Comment",
        "What the partner's staff should know beyond the rest, where needed. Students never see it.",
    )

    @field_validator("non_standard_mobility_period", mode="before")
    @classmethod
    def _there_or_not(cls, given: object) -> object:
        if given is None or isinstance(given, dict | BaseXmlModel):
            return given
        return {} if _FLAG.validate_python(given) else None

    @model_validator(mode="after")
    def _term_or_not(self) -> Self:
        if (self.sending_academic_term_ewp_id is None) == (self.non_standard_mobility_period is None):
            raise PydanticCustomError(
                "term_or_not", "must have either sending_academic_term_ewp_id or non_standard_mobility_period"
            )
        return self

    def computed_proposal_id(self) -> str:
        """The same for the same content, another for any other: SHA-256 of the content in one fixed notation.

        Numbers that the schema takes for equal are equal (06 is 6); texts are equal where each character is.
        Source: ewp-specs-api-omobilities 3, get-response.xsd, proposal-id.
        """
        said: dict[str, Any] = self.model_dump(mode="json", exclude={"proposal_id"}, exclude_none=True)
        if self.eqf_level_studied_at_departure is not None:
            said["eqf_level_studied_at_departure"] = int(self.eqf_level_studied_at_departure)
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Nomination(KnownNomination):
    """What the receiving institution decides on. Any change makes it a new proposal, to be decided anew."""

    activity_type: ActivityType = one(*_ACTIVITY_TYPE)
    agreement_isced_f_code: IscedCode = one(*_AGREEMENT_ISCED)
    eqf_level_studied_at_departure: EqfLevel = one(*_EQF_LEVEL)
    nominee_isced_f_code: IscedCode = one(*_NOMINEE_ISCED)


class KnownOmobility(
    XmlRecord, tag="student-mobility", ns="", nsmap={"": NAMESPACE, "v2": omobility_further.NAMESPACE}
):
    """A nomination, as far as the partner tells."""

    omobility_id: Identifier = one(
        "omobility-id",
        "Identifier",
        "The sending institution's identifier of the nomination. The learning agreement of the same stay has the same.",
    )
    student: KnownStudent = one("student", "Student", "The student who is nominated.")
    nomination: KnownNomination = one("nomination", "Nomination", "What the receiving institution decides on.")
    status: MobilityStatus | None = maybe(
        "status",
        "Status",
        "cancelled calls the stay off, pending takes that back. Otherwise leave it out: the gateway keeps what the "
        "partner decided (approved, rejected), and shows it here.",
    )
    further: FurtherDetails | None = maybe(
        "further", "Further details", "What only partners with version 2 of the API are told.", ns="v2"
    )

    @property
    def standing(self) -> Status:
        """The status; where none is given, the one that a nomination begins with."""
        return Status(self.status or Status.PENDING)

    @property
    def proposal_id(self) -> str:
        """The proposal as its owner names it; computed where it does not."""
        given = self.nomination.proposal_id
        return self.nomination.computed_proposal_id() if given is None else given

    def record_id(self) -> str:
        """The identifier the sending institution gave the nomination."""
        return self.omobility_id

    def partners(self, hei_id: str) -> frozenset[str]:
        """The receiving institution (ewp-specs-api-omobilities 2, get.md, Permissions)."""
        return frozenset({self.nomination.receiving_hei.hei_id}) - {hei_id}

    def academic_years(self) -> frozenset[str]:
        """The year of the stay (ewp-specs-api-omobilities 2, index.md: receiving_academic_year_id)."""
        return frozenset({self.nomination.receiving_academic_year_id})

    def code(self) -> str:
        """What the filters of the index look for (ewp-specs-api-omobilities 3: global_id, activity_attributes)."""
        return omobility_index.code(self)

    def files(self) -> dict[str, str]:
        """The files that the partner's factsheet asks for (ewp-specs-api-omobilities 2, get-response.xsd: file)."""
        given = self.further.additional_requirement if self.further is not None else []
        return {
            f"further.additional_requirement.{position}.file": requirement.file
            for position, requirement in enumerate(given)
            if requirement.file is not None
        }


class Omobility(KnownOmobility, tag="student-mobility", ns="", nsmap={"": NAMESPACE}):
    """A nomination: which student is to go where, when and to study what."""

    student: Student = one("student", "Student", "The student who is nominated.")
    nomination: Nomination = one("nomination", "Nomination", "What the receiving institution decides on.")

    def completed(self) -> Self:
        """The nomination with its proposal's identifier."""
        computed = self.nomination.computed_proposal_id()
        return self.model_copy(update={"nomination": self.nomination.model_copy(update={"proposal_id": computed})})

    def encoded(self) -> bytes:
        """The nomination as an element of version 3, which has no place for the further details."""
        whole = self if self.nomination.proposal_id is not None else self.completed()
        return to_xml(whole, status=self.standing.value, further=None)

    def to_tree(self) -> etree._Element:
        """The nomination as an element with its further details, as XML from a SIS may have them."""
        return etree.fromstring(to_xml(self), WRITTEN)
