"""Nominations as version 2 of the Outgoing Mobilities API has them, and the way to version 3 and back.

Version 2 keeps the receiving institution's decision out of the nomination: it is in that institution's answer of the
Incoming Mobilities API 1 (``imobility_v1``). So a rejected nomination is still a ``nomination`` here, and a partner's
status is known only together with our own decision (``decided``).
Sources: ewp-specs-api-omobilities 2 (get-response.xsd; README, "Workflows of changes in nomination and departure
statuses"), and the release notes of its version 3.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ewpgw.model import omobility, omobility_further
from ewpgw.model.academic_term import AcademicYearId
from ewpgw.model.academic_years import AcademicTermId
from ewpgw.model.address import FlexibleAddress
from ewpgw.model.base import StringWithOptionalLang, XmlModel, XmlRecord, many, maybe, one
from ewpgw.model.lexical import CountryCode, Date, Email, EqfLevel, Gender, Identifier, Lexical, Text
from ewpgw.model.omobility import ActivityAttributes, AnyActivityType, KnownOmobility, Status
from ewpgw.model.omobility_further import FurtherDetails, LanguageSkill, PhotoUrl, V2Element
from ewpgw.model.phone import PhoneNumber
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ewpgw.model.problems import Problem

NAMESPACE = omobility_further.NAMESPACE
ENVELOPE = "omobilities-get-response"

_SOURCE = "ewp-specs-api-omobilities 2, get-response.xsd"
_SOURCE_3 = "ewp-specs-api-omobilities 3, get-response.xsd"
_NOTES_3 = "ewp-specs-api-omobilities 3, release notes of 3.0.0"
_WORKFLOWS = 'ewp-specs-api-omobilities 2, README, "Workflows of changes in nomination and departure statuses"'

StatusV2 = Annotated[str, Lexical("nomination, live, recognized or cancelled", "nomination|live|recognized|cancelled")]


class HeiV2(V2Element):
    """An institution of a nomination."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution.")
    ounit_id: Identifier | None = maybe("ounit-id", "Unit", "Its unit, by the identifier it publishes.")
    iia_id: Identifier | None = maybe("iia-id", "Agreement", "Its identifier of the agreement.")


class NonStandardPeriodV2(V2Element):
    """Says that the stay lies in no single term; whatever it holds counts as nothing."""


class StudentV2(V2Element):
    """The student."""

    given_names: list[StringWithOptionalLang] = many("given-names", "Given names", "Given names.", at_least=1)
    family_name: list[StringWithOptionalLang] = many("family-name", "Family name", "Family name.", at_least=1)
    global_id: Text = one("global-id", "European Student Identifier", "The student's identifier in all of Europe.")
    birth_date: Date | None = maybe("birth-date", "Date of birth", "The day the student was born.")
    citizenship: CountryCode | None = maybe("citizenship", "Citizenship", "Country that issues the passport.")
    gender: Gender | None = maybe("gender", "Gender", "By ISO/IEC 5218.")
    email: Email | None = maybe("email", "E-mail address", "Where to write to the student.")
    photo_url: list[PhotoUrl] = many(*omobility_further.PHOTOS)
    street_address: FlexibleAddress | None = maybe(*omobility_further.STREET, ns="a")
    mailing_address: FlexibleAddress | None = maybe(*omobility_further.MAILING, ns="a")
    phone_number: list[PhoneNumber] = many(*omobility_further.PHONES, ns="p")


class OmobilityV2(XmlRecord, tag="student-mobility", ns="", nsmap={"": NAMESPACE}):
    """A nomination in the form of version 2."""

    omobility_id: Identifier = one("omobility-id", "Identifier", "The sending institution's identifier.")
    sending_hei: HeiV2 = one("sending-hei", "Sending institution", "The institution the student comes from.")
    receiving_hei: HeiV2 = one("receiving-hei", "Receiving institution", "The institution the student goes to.")
    sending_academic_term_ewp_id: AcademicTermId | None = maybe(
        "sending-academic-term-ewp-id", "Term", "The term of the sending institution that holds the stay."
    )
    non_standard_mobility_period: NonStandardPeriodV2 | None = maybe(
        "non-standard-mobility-period", "No single term", "There where the stay lies in no single term."
    )
    receiving_academic_year_id: AcademicYearId = one(
        "receiving-academic-year-id", "Academic year", "Academic year of the stay, as the receiving institution counts."
    )
    student: StudentV2 = one("student", "Student", "The student who is nominated.")
    status: StatusV2 = one("status", "Status", "nomination, live, recognized or cancelled.")
    activity_type: AnyActivityType = one("activity-type", "Activity", "student-studies or student-traineeships.")
    activity_attributes: ActivityAttributes = one("activity-attributes", "Kind of stay", "How long, and of what sort.")
    planned_arrival_date: Date | None = maybe(*omobility_further.PLANNED_ARRIVAL)
    planned_departure_date: Date | None = maybe(*omobility_further.PLANNED_DEPARTURE)
    eqf_level_studied_at_nomination: EqfLevel | None = maybe(*omobility_further.EQF_AT_NOMINATION)
    eqf_level_studied_at_departure: EqfLevel | None = maybe(
        "eqf-level-studied-at-departure", "Study level", "EQF level when the stay begins."
    )
    nominee_isced_f_code: Text | None = maybe("nominee-isced-f-code", "Field of education", "ISCED-F code.")
    nominee_language_skill: list[LanguageSkill] = many(*omobility_further.LANGUAGE_SKILLS)
    additional_requirement: list[omobility_further.AdditionalRequirement] = many(*omobility_further.REQUIREMENTS)

    @model_validator(mode="after")
    def _term_or_not(self) -> Self:
        if (self.sending_academic_term_ewp_id is None) == (self.non_standard_mobility_period is None):
            raise PydanticCustomError(
                "term_or_not", "must have either sending_academic_term_ewp_id or non_standard_mobility_period"
            )
        return self

    def record_id(self) -> str:
        """The identifier the sending institution gave the nomination."""
        return self.omobility_id


@dataclass(frozen=True, slots=True)
class AsV2:
    """A nomination for partners with version 2, and warnings about what that version cannot say."""

    record: OmobilityV2
    problems: tuple[Problem, ...]


TO_V2: Mapping[Status, str] = MappingProxyType(
    {
        Status.PENDING: "nomination",
        Status.APPROVED: "live",
        Status.REJECTED: "nomination",
        Status.CANCELLED: "cancelled",
    }
)
"""Version 3 calls ``pending`` what was ``nomination``, and ``approved`` what was ``live`` (release notes of 3.0.0). A
rejection is not told by the sending institution at all, but by the receiving one (README of version 2, scenario 1)."""

FROM_V2: Mapping[str, Status] = MappingProxyType(
    {
        "nomination": Status.PENDING,
        "live": Status.APPROVED,
        "recognized": Status.APPROVED,
        "cancelled": Status.CANCELLED,
    }
)
"""The other way; a stay that has been recognized was approved once."""


def decided(status: str, decision: Status) -> Status:
    """Where a nomination of version 2 stands.

    ``status`` is what the sending institution says, ``decision`` what the receiving one did (pending, approved or
    rejected). The latter counts while the former has not gone on (README of version 2, scenarios 1 to 3).
    """
    return decision if status == "nomination" else FROM_V2[status]


def to_v2(record: KnownOmobility) -> AsV2:
    """The nomination in the form of version 2."""
    nomination, student, further = record.nomination, record.student, record.further or FurtherDetails()
    status = TO_V2[record.standing]
    if status == "live" and further.recognized:
        status = "recognized"
    told = OmobilityV2(
        omobility_id=record.omobility_id,
        sending_hei=_hei(nomination.sending_hei),
        receiving_hei=_hei(nomination.receiving_hei),
        sending_academic_term_ewp_id=nomination.sending_academic_term_ewp_id,
        non_standard_mobility_period=None if nomination.non_standard_mobility_period is None else NonStandardPeriodV2(),
        receiving_academic_year_id=nomination.receiving_academic_year_id,
        student=StudentV2(
            given_names=student.given_names,
            family_name=student.family_name,
            global_id=student.global_id,
            birth_date=student.birth_date,
            citizenship=further.citizenship or student.nationality,
            gender=student.gender,
            email=student.email,
            photo_url=further.photo_url,
            street_address=further.street_address,
            mailing_address=further.mailing_address,
            phone_number=further.phone_number,
        ),
        status=status,
        activity_type=nomination.activity_type,
        activity_attributes=nomination.activity_attributes,
        planned_arrival_date=further.planned_arrival_date,
        planned_departure_date=further.planned_departure_date,
        eqf_level_studied_at_nomination=further.eqf_level_studied_at_nomination,
        eqf_level_studied_at_departure=nomination.eqf_level_studied_at_departure,
        nominee_isced_f_code=nomination.nominee_isced_f_code,
        nominee_language_skill=further.nominee_language_skill,
        additional_requirement=further.additional_requirement,
    )
    return AsV2(told, tuple(_unsaid_in_2(record)))


def _unsaid_in_2(record: KnownOmobility) -> Iterator[Problem]:
    nomination, further = record.nomination, record.further
    if nomination.agreement_isced_f_code is not None:
        said = "is not told to partners with version 2 of the API, who have to find the condition of the agreement"
        yield warning("nomination.agreement_isced_f_code", said, _SOURCE)
    if nomination.comment is not None:
        said = "is not told to partners with version 2 of the API; write to them where it matters"
        yield warning("nomination.comment", said, _SOURCE)
    if record.standing is Status.REJECTED:
        said = "is shown to partners with version 2 of the API as nomination; they keep their rejection themselves"
        yield warning("status", said, _WORKFLOWS)
    nationality = record.student.nationality
    if further is not None and further.citizenship is not None and nationality not in (None, further.citizenship):
        said = "is not told to partners with version 2 of the API, who get the citizenship instead"
        yield warning("student.nationality", said, _NOTES_3)


def from_v2(told: OmobilityV2) -> KnownOmobility:
    """The nomination as far as version 2 tells it; see ``untold``. Raises nothing for what is valid there."""
    student = told.student
    given: dict[str, Any] = {
        "planned_arrival_date": told.planned_arrival_date,
        "planned_departure_date": told.planned_departure_date,
        "eqf_level_studied_at_nomination": told.eqf_level_studied_at_nomination,
        "nominee_language_skill": told.nominee_language_skill,
        "additional_requirement": told.additional_requirement,
        "photo_url": student.photo_url,
        "street_address": student.street_address,
        "mailing_address": student.mailing_address,
        "phone_number": student.phone_number,
        "recognized": True if told.status == "recognized" else None,
    }
    further = FurtherDetails(**given)
    return KnownOmobility(
        omobility_id=told.omobility_id,
        student=omobility.KnownStudent(
            given_names=student.given_names,
            family_name=student.family_name,
            global_id=student.global_id,
            birth_date=student.birth_date,
            nationality=student.citizenship,
            gender=student.gender,
            email=student.email,
        ),
        nomination=omobility.KnownNomination(
            sending_hei=omobility.SendingHei(**_fields(told.sending_hei)),
            receiving_hei=omobility.ReceivingHei(**_fields(told.receiving_hei)),
            sending_academic_term_ewp_id=told.sending_academic_term_ewp_id,
            non_standard_mobility_period=None
            if told.non_standard_mobility_period is None
            else omobility.NonStandardMobilityPeriod(),
            receiving_academic_year_id=told.receiving_academic_year_id,
            activity_type=told.activity_type,
            activity_attributes=told.activity_attributes,
            eqf_level_studied_at_departure=told.eqf_level_studied_at_departure,
            nominee_isced_f_code=told.nominee_isced_f_code,
        ),
        status=FROM_V2[told.status].value,
        further=None if further == FurtherDetails() else further,
    )


def untold(record: KnownOmobility) -> Iterator[Problem]:
    """What a coordinator would know of a nomination of version 3, by one that a partner told in version 2."""
    student, nomination = record.student, record.nomination
    absent = "is not told by the partner, whose version 2 of the API {}"
    yield warning("nomination.agreement_isced_f_code", absent.format("has no place for it"), _SOURCE_3)
    for path, value in (
        ("student.birth_date", student.birth_date),
        ("student.nationality", student.nationality),
        ("student.gender", student.gender),
        ("student.email", student.email),
        ("nomination.eqf_level_studied_at_departure", nomination.eqf_level_studied_at_departure),
        ("nomination.nominee_isced_f_code", nomination.nominee_isced_f_code),
    ):
        if value is None:
            yield warning(path, absent.format("does not demand it"), _SOURCE_3)
    code = nomination.nominee_isced_f_code
    if code is not None and not _four_digits(code):
        yield warning("nomination.nominee_isced_f_code", "is not a four-digit ISCED-F code", _SOURCE_3)
    if nomination.activity_type != "student-studies":
        said = f"is {nomination.activity_type}, which version 3 of the API no longer has"
        yield warning("nomination.activity_type", said, _SOURCE_3)


def _four_digits(code: str) -> bool:
    return len(code) == 4 and code.isascii() and code.isdigit()


def _hei(hei: XmlModel) -> HeiV2:
    return HeiV2(**_fields(hei))


def _fields(hei: XmlModel) -> dict[str, Any]:
    return dict(hei.__dict__)
