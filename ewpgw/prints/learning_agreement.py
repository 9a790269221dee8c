"""A learning agreement as a paper, laid out like the template of the European Commission for student mobility.

Its parts and tables follow the template ("Learning agreement, student mobility for studies"); the sentences are ours.
After the changes of "During the mobility" stands what the template does not have: the tables with all changes applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ewpgw.model import learning_agreement_diff as diff
from ewpgw.model.learning_agreement_after import FullAgreement, as_approved, as_proposed
from ewpgw.model.learning_agreement_parts import MobilityType
from ewpgw.model.learning_agreement_words import full_name
from ewpgw.prints import learning_agreement_fields as fields
from ewpgw.prints import learning_agreement_tables as tables
from ewpgw.prints import words
from ewpgw.prints.pages import About, Edges
from ewpgw.prints.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Student, Version

State = Literal["approved", "proposed"]

_KINDS = {
    MobilityType.SEMESTER: "Student mobility for studies",
    MobilityType.BLENDED: "Blended mobility with short-term physical mobility",
    MobilityType.DOCTORAL: "Short-term doctoral mobility",
}
_COMMITMENT = (
    "With their signatures the student, the sending and the receiving institution agree to what stands in the tables "
    "above: the receiving institution offers these components and reports the results, and the sending institution "
    "recognizes them as stated. Who finds that something has to be different tells the other two."
)
_CHANGES = (
    "Changes to the first version, all of them: where such a list was approved earlier, this one takes its place."
)


class NoSuchState(ValueError):
    """An agreement cannot be printed in a state that it is not in.

    ``omobility_id`` is the agreement's, ``state`` the one that was asked for.
    """

    def __init__(self, omobility_id: str, state: State) -> None:
        self.omobility_id, self.state = omobility_id, state
        missing = "nothing of it is approved so far" if state == "approved" else "nothing is proposed"
        other = "proposed" if state == "approved" else "approved"
        super().__init__(f"the agreement {omobility_id}: {missing}; ask for it as {other}")


def learning_agreement_pdf(record: LearningAgreement, *, state: State, names: Mapping[str, str]) -> bytes:
    """The agreement as a PDF file: as it was approved last, or as it would stand with its proposal.

    ``names`` are the names of institutions by HEI id; one that is missing is called by its id. The same arguments give
    the same bytes. A paper of a proposal says on every page that it is not approved. Raises NoSuchState where nothing
    was approved so far, or nothing is proposed.
    """
    full = as_approved(record) if state == "approved" else as_proposed(record)
    if full is None:
        raise NoSuchState(record.omobility_id, state)
    return _Paper(record, state, names, full).pdf()


@dataclass(frozen=True, slots=True)
class _Paper:
    record: LearningAgreement
    state: State
    names: Mapping[str, str]
    full: FullAgreement

    def pdf(self) -> bytes:
        sheet = Sheet()
        self._head(sheet)
        fields.parties(sheet, self.record, self.full.student, self.names, virtual=self._virtual)
        if self._first is not None:
            self._before(sheet, self._first)
        if self._changes is not None:
            self._during(sheet, self._changes)
        return sheet.pdf(self._edges(), About("Learning agreement", self._kind, words.latest(self._times())))

    @property
    def _first(self) -> Version | None:
        """What the part "Before the mobility" is about."""
        first = self.record.first_version
        return self.full.signed if first is None and self.record.approved_changes is None else first

    @property
    def _changes(self) -> Version | None:
        """What the part "During the mobility" is about."""
        return None if self.full.signed is self._first else self.full.signed

    @property
    def _kind(self) -> str:
        return _KINDS[self._mobility_type]

    @property
    def _mobility_type(self) -> MobilityType:
        return (self._first or self.full.signed).mobility_type

    @property
    def _virtual(self) -> bool:
        """The template's field "virtual component" (ewp-specs-api-omobility-las 1, get.md, "Virtual components")."""
        table = self.full.tables.get("virtual_components")
        if self._mobility_type is MobilityType.SEMESTER:
            return table is not None and bool(table.standing)
        return (self._first or self.full.signed).virtual

    def _head(self, sheet: Sheet) -> None:
        sheet.title("Learning agreement")
        sheet.say(self._kind, "part")
        if self.state == "proposed":
            sheet.say(
                "PROPOSAL. The receiving institution has not approved it; until it does, the version approved last "
                "remains in force, if there is one.",
                "warning",
            )
            sheet.say(f"Identifier of the proposal: {self.record.proposal_id}", "small")
        elif self.record.changes_proposal is not None:
            sheet.say("A newer proposal waits for an answer. This paper has what was approved before it.", "warning")

    def _before(self, sheet: Sheet, first: Version) -> None:
        sheet.section("Before the mobility")
        for name in tables.expected(self._mobility_type, first.tables()):
            tables.components(sheet, name, tables.TITLES[name], first.tables().get(name, ()))
            fields.beside(sheet, self.record, name)
        fields.language_competence(sheet, self.record)
        self._commitment(sheet, first)

    def _during(self, sheet: Sheet, changes: Version) -> None:
        proposed = self.state == "proposed"
        sheet.section(f"During the mobility: {'proposed changes' if proposed else 'approved changes'}")
        sheet.say(_CHANGES)
        if proposed:
            fields.changed_student(sheet, self.record.student, self.full.student)
        for name, table in changes.tables().items():
            if len(table):
                tables.changes(sheet, tables.CHANGES_TITLES[name], table)
        self._commitment(sheet, changes)
        differences = diff.differences(self.record)
        if proposed and self.record.approved_changes is not None and differences is not None:
            tables.compared(sheet, differences)
        sheet.section("The programme with the proposed changes" if proposed else "The programme with all changes")
        for name in tables.expected(self._mobility_type, self.full.tables):
            full = self.full.tables.get(name)
            tables.components(sheet, name, tables.TITLES[name], full.components if full is not None else ())

    def _commitment(self, sheet: Sheet, version: Version) -> None:
        sheet.part("Commitment")
        sheet.say(_COMMITMENT)
        fields.signatures(sheet, version, self._student_of(version))

    def _student_of(self, version: Version) -> Student:
        """The student by the name under which this version is printed."""
        return self.full.student if version is self.full.signed else self.record.student

    def _edges(self) -> Edges:
        return Edges(
            left=f"Learning agreement · {self._kind}",
            right=f"{full_name(self.full.student)} · {self.record.receiving_academic_year_id}",
            mark="PROPOSAL, NOT APPROVED" if self.state == "proposed" else None,
            bottom=f"Mobility {self.record.omobility_id}",
        )

    def _times(self) -> list[str]:
        """When the versions on the paper were signed."""
        printed = [version for version in (self._first, self._changes) if version is not None]
        return [each.timestamp for version in printed for _, each in fields.signed_by(version) if each is not None]
