"""Inter-institutional agreements (IIAs API 7): one side's copy of an agreement and its cooperation conditions."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Self

from ewpgw.model import iia_hash
from ewpgw.model.academic_term import AcademicYear, AcademicYearId
from ewpgw.model.base import NS, XmlModel, XmlRecord, XmlText, attribute, content, many, maybe, one
from ewpgw.model.contact import Contact
from ewpgw.model.iia_hash_text import text_of
from ewpgw.model.lexical import (
    CefrLevel,
    Date,
    EqfLevel,
    Flag,
    Identifier,
    Language,
    Lexical,
    PositiveDecimal,
    PositiveInteger,
    Sha256Hex,
    Text,
)
from ewpgw.model.writing import to_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = f"{NS}ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd"

IscedCode = Annotated[str, Lexical("a four-digit ISCED-F code such as 0314", "[0-9]{4}")]
FormerIscedCode = Annotated[str, Lexical("an ISCED-F code of one to three digits", "[0-9]{1,3}")]

_NOT_YET_DEFINED = (
    "Not yet defined",
    "true where an agreement approved under an older version lacks this value; never for new or changed agreements.",
)


class IiaElement(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """A part of an agreement."""


class Partner(IiaElement):
    """One of the two institutions of an agreement, as the owner of this copy knows it."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    ounit_id: Identifier | None = maybe(
        "ounit-id",
        "Unit",
        "The unit that is the actual partner, by the identifier its institution publishes.",
    )
    iia_id: Identifier | None = maybe(
        "iia-id",
        "Agreement identifier",
        "The institution's own identifier of the agreement, for computers; always there for the first partner. That of "
        "the other is given as soon as its copy is known to be of the same agreement, and no longer once that copy is "
        "deleted; where you leave it out, the gateway gives it when it knows it.",
    )
    iia_code: Text | None = maybe(
        "iia-code",
        "Agreement number",
        "The institution's number of the agreement, for people; always there for the first partner.",
    )
    signing_contact: Contact | None = maybe(
        "signing-contact", "Signer", "Who signs the agreement for the institution, where that is known.", ns=""
    )
    signing_date: Date | None = maybe(
        "signing-date", "Date of signature", "The day the institution first signed; later changes leave it as it is."
    )
    contact: list[Contact] = many(
        "contact", "Contacts", "Further contacts of the institution in matters of this agreement.", ns="c"
    )


class MobilitiesPerYear(XmlText, IiaElement):
    """How many people may go in each academic year."""

    value: PositiveInteger = content("People a year", "At most so many people go in each academic year.")
    not_yet_defined: Flag | None = attribute("not-yet-defined", *_NOT_YET_DEFINED)


class IscedFCode(XmlText, IiaElement):
    """A field of education by ISCED-F 2013."""

    value: IscedCode = content("ISCED-F code", "Code of the field of education, always four digits.")
    v6_value: FormerIscedCode | None = attribute(
        "v6-value",
        "Code in version 6",
        "The shorter code an agreement approved under version 6 had; gone as soon as the agreement is changed.",
    )


class SubjectArea(IiaElement):
    """A field of education, with a remark."""

    isced_f_code: IscedFCode = one(
        "isced-f-code", "ISCED-F code", "Code of the field of education, always four digits."
    )
    isced_clarification: Text | None = maybe(
        "isced-clarification",
        "Clarification",
        "What the code does not say. Not the official name of the field; empty where there is nothing to add.",
    )


class RecommendedLanguageSkill(IiaElement):
    """A language that those who go should know."""

    language: Language = one("language", "Language", "Code of the language: en, fi, pt-BR.")
    cefr_level: CefrLevel | None = maybe("cefr-level", "Level", "Lowest level that is recommended, from A1 to C2.")
    subject_area: SubjectArea | None = maybe(
        "subject-area",
        "Field of education",
        "The field for which this language is recommended, where it is not for all.",
    )
    not_yet_defined: Flag | None = attribute("not-yet-defined", *_NOT_YET_DEFINED)


_LANGUAGES = ("recommended-language-skill", "Languages", "Languages that those who go should know.")


class Condition(IiaElement):
    """What the cooperation conditions of all kinds say: who sends how many people to whom, in which years."""

    sending_hei_id: Text = one(
        "sending-hei-id", "Sending HEI", "The partner whose people go abroad, by SCHAC identifier."
    )
    sending_ounit_id: Identifier | None = maybe(
        "sending-ounit-id", "Sending unit", "Unit those people come from, as the sending institution identifies it."
    )
    sending_contact: list[Contact] = many(
        "sending-contact",
        "Sending contacts",
        "Whom to turn to at the sending institution in matters of these mobilities.",
        ns="",
    )
    receiving_hei_id: Text = one("receiving-hei-id", "Receiving HEI", "The partner they go to, by SCHAC identifier.")
    receiving_ounit_id: Identifier | None = maybe(
        "receiving-ounit-id", "Receiving unit", "Unit they go to, as the receiving institution identifies it."
    )
    receiving_contact: list[Contact] = many(
        "receiving-contact",
        "Receiving contacts",
        "Whom to turn to at the receiving institution in matters of these mobilities.",
        ns="",
    )
    receiving_first_academic_year_id: AcademicYearId = one(
        "receiving-first-academic-year-id",
        "First academic year",
        "First academic year of the condition, counted as the receiving institution does: 2026/2027 in the north, "
        "2026/2026 where the academic year is the calendar year.",
    )
    receiving_last_academic_year_id: AcademicYearId = one(
        "receiving-last-academic-year-id",
        "Last academic year",
        "Last academic year of the condition, counted the same way.",
    )
    mobilities_per_year: MobilitiesPerYear = one(
        "mobilities-per-year", "People a year", "At most so many people go in each academic year."
    )
    recommended_language_skill: list[RecommendedLanguageSkill] = many(*_LANGUAGES)
    subject_area: list[SubjectArea] = many(
        "subject-area", "Fields of education", "The fields of education the mobilities are in."
    )
    other_info_terms: Text | None = maybe(
        "other-info-terms", "Other terms", "Anything else the partners agree on, in words."
    )


class StudentCondition(Condition):
    """What the conditions for students add."""

    total_months_per_year: PositiveDecimal | None = maybe(
        "total-months-per-year", "Months a year", "Months of mobility in an academic year, of all students together."
    )
    blended: Flag = one(
        "blended",
        "Blended mobility",
        "Whether students may go for a short stay combined with a virtual part; false in agreements from before "
        "there was such a choice.",
    )
    eqf_level: list[EqfLevel] = many(
        "eqf-level",
        "Study levels",
        "EQF levels of the students who may go: 5 short cycle, 6 bachelor, 7 master, 8 doctorate. None given: all may.",
    )


class StaffCondition(Condition):
    """What the conditions for staff add."""

    total_days_per_year: PositiveDecimal | None = maybe(
        "total-days-per-year", "Days a year", "Days of mobility in an academic year, of all staff together."
    )


class StudentStudiesMobilitySpec(StudentCondition):
    """Students go to study. At least one language has to be given."""

    recommended_language_skill: list[RecommendedLanguageSkill] = many(*_LANGUAGES, at_least=1)


class StudentTraineeshipMobilitySpec(StudentCondition):
    """Students go for a traineeship."""


class StaffTeacherMobilitySpec(StaffCondition):
    """Staff go to teach. At least one language has to be given."""

    recommended_language_skill: list[RecommendedLanguageSkill] = many(*_LANGUAGES, at_least=1)


class StaffTrainingMobilitySpec(StaffCondition):
    """Staff go to be trained."""


class CooperationConditions(IiaElement):
    """All that is agreed, in a stable order. A condition is about one direction; exchanges both ways take two."""

    terminated_as_a_whole: Flag | None = attribute(
        "terminated-as-a-whole",
        "Terminated",
        "true where both partners end the whole agreement before anybody went; otherwise left out.",
    )
    student_studies_mobility_spec: list[StudentStudiesMobilitySpec] = many(
        "student-studies-mobility-spec", "Students: studies", "Conditions for students who go to study."
    )
    student_traineeship_mobility_spec: list[StudentTraineeshipMobilitySpec] = many(
        "student-traineeship-mobility-spec",
        "Students: traineeships",
        "Conditions for students who go for a traineeship.",
    )
    staff_teacher_mobility_spec: list[StaffTeacherMobilitySpec] = many(
        "staff-teacher-mobility-spec", "Staff: teaching", "Conditions for staff who go to teach."
    )
    staff_training_mobility_spec: list[StaffTrainingMobilitySpec] = many(
        "staff-training-mobility-spec", "Staff: training", "Conditions for staff who go to be trained."
    )

    def kinds(self) -> dict[str, Sequence[Condition]]:
        """The conditions by the name of their field, in the order of the document."""
        return {
            "student_studies_mobility_spec": self.student_studies_mobility_spec,
            "student_traineeship_mobility_spec": self.student_traineeship_mobility_spec,
            "staff_teacher_mobility_spec": self.staff_teacher_mobility_spec,
            "staff_training_mobility_spec": self.staff_training_mobility_spec,
        }


class Iia(XmlRecord, tag="iia", ns="", nsmap={"": NAMESPACE}):
    """One side's copy of an agreement between two institutions."""

    partner: list[Partner] = many(
        "partner",
        "Partners",
        "The two institutions: first the one that publishes this copy, with identifier and number, then the other.",
        at_least=2,
        at_most=2,
    )
    in_effect: Flag = one(
        "in-effect",
        "In effect",
        "Whether the agreement is, or has ever been, in effect; false for drafts and proposals. The gateway makes it "
        "true once both partners have approved.",
    )
    cooperation_conditions: CooperationConditions = one(
        "cooperation-conditions", "Cooperation conditions", "All that is agreed, one condition a kind and direction."
    )
    iia_hash: Sha256Hex | None = maybe(
        "iia-hash", "Hash", "Fingerprint of what is agreed. The gateway computes it; a value given here is replaced."
    )
    pdf_file: Text | None = maybe(
        "pdf-file", "PDF", "Identifier of a PDF of the agreement, which the partner can fetch through the File API."
    )

    def record_id(self) -> str:
        """The identifier the owner of the copy gave the agreement."""
        if self.partner[0].iia_id is None:
            raise ValueError("the first partner has no iia_id; an agreement is known by its owner's identifier")
        return self.partner[0].iia_id

    def academic_years(self) -> frozenset[str]:
        """The years in which a condition is valid (ewp-specs-api-iias 7, index: receiving_academic_year_id)."""
        years: set[str] = set()
        for condition in chain.from_iterable(self.cooperation_conditions.kinds().values()):
            years |= _years_between(
                condition.receiving_first_academic_year_id, condition.receiving_last_academic_year_id
            )
        return frozenset(years)

    def counterpart(self) -> str | None:
        """The partner's identifier of the agreement (ewp-specs-api-iias 7, get-response: iia-id)."""
        return self.partner[1].iia_id

    def files(self) -> dict[str, str]:
        """The PDF of the agreement (ewp-specs-api-iias 7, get-response: pdf-file)."""
        return {} if self.pdf_file is None else {"pdf_file": self.pdf_file}

    def partners(self, hei_id: str) -> frozenset[str]:
        """The other institution of the agreement."""
        return frozenset(partner.hei_id for partner in self.partner) - {hei_id}

    def completed(self) -> Self:
        """The agreement with the hash a receiver computes where it is the only one of its response."""
        computed, encoded = self._finished()
        completed = self.model_copy(update={"iia_hash": computed})
        global _just_completed  # noqa: PLW0603  (one assignment, so that threads can only miss each other's)
        _just_completed = completed.__dict__, encoded
        return completed

    def encoded(self) -> bytes:
        """The agreement as an element, its hash computed from that element."""
        content, encoded = _just_completed
        return encoded if content is self.__dict__ else self._finished()[1]

    def _finished(self) -> tuple[str, bytes]:
        """The hash, and the agreement as an element with it."""
        conditions = self.cooperation_conditions
        iia_ids = [partner.iia_id for partner in self.partner]
        computed = iia_hash.iia_hash(text_of(iia_ids, conditions.terminated_as_a_whole, conditions.kinds()))
        unfinished = to_xml(self, iia_hash="")
        return computed, unfinished.replace(_NO_HASH, b"<iia-hash>%s</iia-hash>" % computed.encode())


@lru_cache(maxsize=64)
def _years_between(first_id: str, last_id: str) -> frozenset[str]:
    """The identifiers of the years from the first to the last, counted as either of them is."""
    first, last = AcademicYear.read(first_id), AcademicYear.read(last_id)
    lengths = {first.last - first.first, last.last - last.first}
    years = range(first.first, last.first + 1)
    return frozenset(f"{year:04}/{year + length:04}" for length in lengths for year in years)


_NO_HASH = b"<iia-hash></iia-hash>"
_just_completed: tuple[dict[str, object] | None, bytes] = (None, b"")
"""The content of the agreement that was completed last, and what it was encoded to: it is encoded right afterwards."""
