"""Learning agreements (Outgoing Mobility Learning Agreements API 1), owned by the institution that sends the student.

A record is what one ``la`` of a get-response holds: who goes where and when, the first version that all three signed,
the list of changes to it that was approved last, and what is proposed now. Where an agreement stands, with its history
and the partner's comments, is kept beside the record: see ``ewpgw.model.learning_agreement_states``.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Self

from lxml import etree
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ewpgw.model.academic_term import AcademicYearId
from ewpgw.model.base import XmlRecord, maybe, one
from ewpgw.model.learning_agreement_parts import (
    NAMESPACE,
    PREFIXES,
    REASONS,
    Hei,
    MobilityType,
    Proposal,
    Student,
    StudentLanguageSkill,
    Version,
)
from ewpgw.model.lexical import Date, EqfLevel, HttpUrl, Identifier, Text, YearMonth

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVELOPE, ELEMENT = "omobility-las-get-response", "la"
_LOS = ("CR/", "CLS/", "MOD/", "DEP/")
_LOI = ("CRI/", "CLSI/", "MODI/", "DEPI/")


class LearningAgreement(XmlRecord, tag=ELEMENT, ns="", nsmap=PREFIXES):
    """A learning agreement: what a student is to study abroad, and what of that is recognized at home."""

    omobility_id: Identifier = one(
        "omobility-id",
        "Identifier",
        "The sending institution's identifier of the stay; the nomination for it has the same.",
    )
    sending_hei: Hei = one("sending-hei", "Sending institution", "The institution the student comes from.")
    receiving_hei: Hei = one("receiving-hei", "Receiving institution", "The institution the student goes to.")
    receiving_academic_year_id: AcademicYearId = one(
        "receiving-academic-year-id",
        "Academic year",
        "The year of the stay, as the receiving institution counts: 2026/2027, or 2026/2026 in the south.",
    )
    student: Student = one("student", "Student", "The student who goes.")
    start_date: Date | None = maybe(
        "start-date", "Start", "The day the stay is planned to start. Either this or start_year_month."
    )
    start_year_month: YearMonth | None = maybe(
        "start-year-month", "Month of the start", "The month the stay is planned to start, where the day is open."
    )
    end_date: Date | None = maybe(
        "end-date", "End", "The day the stay is planned to end. Either this or end_year_month."
    )
    end_year_month: YearMonth | None = maybe(
        "end-year-month", "Month of the end", "The month the stay is planned to end, where the day is open."
    )
    eqf_level_studied_at_departure: EqfLevel = one(
        "eqf-level-studied-at-departure",
        "Study level",
        "EQF level of the student's programme when the stay begins: 5 short cycle, 6 bachelor, 7 master, 8 doctorate.",
    )
    isced_f_code: Text = one(
        "isced-f-code",
        "Field of education",
        "ISCED-F code, always four digits, closest to the degree that the student is to get at home.",
    )
    isced_clarification: Text | None = maybe(
        "isced-clarification", "Field in words", "More about the field of education."
    )
    student_language_skill: StudentLanguageSkill = one(
        "student-language-skill",
        "Language",
        "The main language of the studies, and how well the student knows it or will know it by the start.",
    )
    first_version: Version | None = maybe(
        "first-version",
        "First version",
        "What all three signed before the stay. Leave it out: the gateway keeps what the partner approved. Only an "
        "agreement that was signed before the gateway had it is handed in with it.",
    )
    approved_changes: Version | None = maybe(
        "approved-changes",
        "Approved changes",
        "The list of changes to the first version that was approved last. Leave it out: the gateway keeps it.",
    )
    changes_proposal: Proposal | None = maybe(
        "changes-proposal",
        "Proposal",
        "What the receiving institution is asked to sign: the first version or, once there is one, a list of all "
        "changes to it.",
    )
    learning_outcomes_url: HttpUrl | None = maybe(
        "learning-outcomes-url",
        "Learning outcomes",
        "Page of the receiving institution's course catalogue that describes what is learned.",
    )
    provisions_url: HttpUrl | None = maybe(
        "provisions-url", "Provisions", "Page that says what happens where some component is not completed."
    )

    @model_validator(mode="after")
    def _day_or_month(self) -> Self:
        for end in ("start", "end"):
            if (getattr(self, f"{end}_date") is None) == (getattr(self, f"{end}_year_month") is None):
                raise PydanticCustomError(f"{end}", f"must have either {end}_date or {end}_year_month")
        return self

    @property
    def first_day(self) -> str:
        """The planned start: a day, or a month where the day is open."""
        return self.start_date or self.start_year_month or ""

    @property
    def last_day(self) -> str:
        """The planned end: a day, or a month where the day is open."""
        return self.end_date or self.end_year_month or ""

    @property
    def mobility_type(self) -> MobilityType:
        """The kind of stay: that of the first version or, before there is one, of what is proposed."""
        version = self.first_version or self.changes_proposal or self.approved_changes
        return MobilityType.SEMESTER if version is None else version.mobility_type

    @property
    def proposal_id(self) -> str | None:
        """The proposal as its owner names it, computed where it does not; None where nothing is proposed."""
        proposal = self.changes_proposal
        if proposal is None:
            return None
        return proposal.computed_id() if proposal.id is None else proposal.id

    @property
    def listed(self) -> bool:
        """Whether partners are shown it: something in it is signed by the student and the sending institution.

        Every version has both signatures. Source: ewp-specs-api-omobility-las 1, index.md, Summary.
        """
        return self.first_version is not None or self.changes_proposal is not None

    def versions(self) -> Iterator[tuple[str, Version]]:
        """The versions that are there, by their fields, the oldest first."""
        if self.first_version is not None:
            yield "first_version", self.first_version
        if self.approved_changes is not None:
            yield "approved_changes", self.approved_changes
        if self.changes_proposal is not None:
            yield "changes_proposal", self.changes_proposal

    def record_id(self) -> str:
        """The sending institution's identifier of the stay."""
        return self.omobility_id

    def partners(self, hei_id: str) -> frozenset[str]:
        """The receiving institution (ewp-specs-api-omobility-las 1, get.md, Permissions)."""
        return frozenset({self.receiving_hei.hei_id}) - {hei_id}

    def academic_years(self) -> frozenset[str]:
        """The year of the stay (ewp-specs-api-omobility-las 1, index.md, receiving_academic_year_id)."""
        return frozenset({self.receiving_academic_year_id})

    def completed(self) -> Self:
        """The agreement with its proposal's identifier."""
        if self.changes_proposal is None:
            return self
        return self.model_copy(update={"changes_proposal": self.changes_proposal.identified()})

    def encoded(self) -> bytes:
        """The agreement as an element; a proposal without an identifier gets its own."""
        proposal = self.changes_proposal
        if proposal is not None and proposal.id is None:
            return self.completed().encoded()
        return super().encoded()

    @classmethod
    def from_tree(cls, tree: etree._Element) -> Self:
        """The agreement in an element, codes aside that are not known yet.

        Raises pydantic.ValidationError; pydantic_xml.errors.ParsingError where the element is not the record's.
        """
        return super().from_tree(understood(tree))


def understood(tree: etree._Element) -> etree._Element:
    """The document or element without the reason codes and kinds of course that are not known here.

    Codes may be added without a new version, and count as not given for whoever does not know them; so they are taken
    away before a partner's document is validated (ewp-specs-api-omobility-las 1, get-response.xsd, reason-code;
    ewp-specs-api-courses 0, response.xsd, LosID and LoiID). What is given stays as it is.
    """
    if not any(True for _ in _unknown(tree)):
        return tree
    copy = deepcopy(tree)
    for component, attribute, child in list(_unknown(copy)):
        if attribute is not None:
            del component.attrib[attribute]
        if child is not None:
            component.remove(child)
    return copy


def _unknown(tree: etree._Element) -> Iterator[tuple[etree._Element, str | None, etree._Element | None]]:
    """The components with an attribute or a child that is not understood."""
    for component in tree.iter(f"{{{NAMESPACE}}}component"):
        code = component.get("reason-code")
        if code is not None and code not in REASONS:
            yield component, "reason-code", None
        for name, kinds in (("los-id", _LOS), ("loi-id", _LOI)):
            for child in component.iterchildren(f"{{{NAMESPACE}}}{name}"):
                kind, slash, _ = (child.text or "").partition("/")
                if slash and kind.isalpha() and f"{kind}/" not in kinds:
                    yield component, None, child
