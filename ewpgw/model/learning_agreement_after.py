"""An agreement in full, as it was last approved and as it would stand after its proposal.

A list of changes, approved or proposed, always starts from the first version and is complete: a proposal takes the
place of the changes that were approved before it. What those added and the proposal does not repeat is gone; what they
dropped and the proposal does not drop again is back (ewp-specs-api-omobility-las 1, get-response.xsd, approved-changes
and status; examples/example-scenario, where step 8 repeats of step 6 what is to stay). Without a first version the
proposal is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.model.learning_agreement_pairing import paired
from ewpgw.model.learning_agreement_parts import TABLES, ComponentStatus
from ewpgw.model.learning_agreement_words import CHANGE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Component, Student, Version


@dataclass(frozen=True, slots=True)
class StandingComponent:
    """A component that is part of the agreement.

    ``component`` says nothing of a change; ``by`` is the entry that inserted it, None where it is of the first version.
    """

    component: Component
    by: Component | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A component of the first version that is no longer part of the agreement, and the entry that deleted it."""

    component: Component
    by: Component


@dataclass(frozen=True, slots=True)
class FullTable:
    """One table with all changes applied: those of the first version that stay, then those inserted.

    ``unknown`` are entries that delete what the first version does not have; they change nothing.
    """

    standing: tuple[StandingComponent, ...] = ()
    gone: tuple[Gone, ...] = ()
    unknown: tuple[Component, ...] = ()

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that are part of the agreement."""
        return tuple(each.component for each in self.standing)


@dataclass(frozen=True, slots=True)
class FullAgreement:
    """What is agreed at one moment: the student's data, and every table that has or had a component.

    ``tables`` are by their fields, in the order of the template. ``signed`` is the version with the signatures of this
    moment.
    """

    student: Student
    tables: Mapping[str, FullTable]
    signed: Version

    def to_json(self) -> dict[str, Any]:
        """The student and the components by table, as JSON-ready data."""
        return {
            "student": self.student.model_dump(mode="json", exclude_none=True),
            **{
                name: [each.model_dump(mode="json", exclude_defaults=True) for each in table.components]
                for name, table in self.tables.items()
            },
        }


def as_approved(agreement: LearningAgreement) -> FullAgreement | None:
    """The agreement with the changes approved last; None where nothing was approved so far."""
    signed = agreement.approved_changes or agreement.first_version
    if signed is None:
        return None
    return FullAgreement(agreement.student, _tables(agreement.first_version, agreement.approved_changes), signed)


def as_proposed(agreement: LearningAgreement) -> FullAgreement | None:
    """The agreement as it would stand if its proposal were approved; None where nothing is proposed."""
    proposal = agreement.changes_proposal
    if proposal is None:
        return None
    if agreement.first_version is None and agreement.approved_changes is None:
        tables = _tables(proposal, None)
    else:
        tables = _tables(agreement.first_version, proposal)
    return FullAgreement(changed_student(agreement), tables, proposal)


def changed_student(agreement: LearningAgreement) -> Student:
    """The student's data with what the proposal changes of it."""
    proposal = agreement.changes_proposal
    changed = proposal.student if proposal is not None else None
    if changed is None:
        return agreement.student
    given = {name: value for name in type(changed).model_fields if (value := getattr(changed, name)) is not None}
    return agreement.student.model_copy(update=given)


def _tables(first: Version | None, changes: Version | None) -> Mapping[str, FullTable]:
    full = {}
    for name in TABLES:
        table = _table(_listed(first, name), _listed(changes, name))
        if table != FullTable():
            full[name] = table
    return full


def _listed(version: Version | None, name: str) -> Sequence[Component]:
    return [] if version is None else list(version.tables().get(name, ()))


def _table(first: Sequence[Component], changes: Sequence[Component]) -> FullTable:
    """Apply the changes to a table of the first version.

    Entries of the first version with a status do not follow the specification; a deleted one is not part of it.
    """
    first = [each for each in first if each.status != ComponentStatus.DELETED]
    deleted = [each for each in changes if each.status == ComponentStatus.DELETED]
    inserted = [each for each in changes if each.status != ComponentStatus.DELETED]
    deletes = paired(first, deleted)
    met = set(deletes.values())
    return FullTable(
        standing=(
            *(StandingComponent(_plain(each), None) for position, each in enumerate(first) if position not in deletes),
            *(StandingComponent(_plain(each), each) for each in inserted),
        ),
        gone=tuple(Gone(_plain(first[position]), deleted[by]) for position, by in sorted(deletes.items())),
        unknown=tuple(each for position, each in enumerate(deleted) if position not in met),
    )


def _plain(component: Component) -> Component:
    """The component without what an entry says of a change."""
    return component.model_copy(update=dict.fromkeys(CHANGE_FIELDS))
