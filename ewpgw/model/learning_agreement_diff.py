"""What a proposal would change of a learning agreement, in words a coordinator understands.

Both sides of the comparison are agreements in full: with the changes approved last, and with those proposed instead
(``learning_agreement_after``). So a component that a proposal silently no longer adds, or no longer deletes, shows up
like any other difference.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from ewpgw.model.learning_agreement_after import FullTable, as_approved, as_proposed
from ewpgw.model.learning_agreement_pairing import paired
from ewpgw.model.learning_agreement_parts import TABLES, Student
from ewpgw.model.learning_agreement_words import FIELDS, credit_totals, plain_number, reason, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_after import FullAgreement, StandingComponent
    from ewpgw.model.learning_agreement_parts import Component

Outcome = Literal["added", "dropped", "changed", "same"]

TAKEN_UP_AGAIN = "taken up again: the proposal no longer drops it"
NO_LONGER_ADDED = "the proposal no longer adds it"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that is said otherwise: the record's name for it, the same in words, and both values.

    None stands for nothing.
    """

    field: str
    about: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ComponentDifference:
    """What becomes of one component.

    ``table`` is the table's field, ``about`` what the template calls it. ``title`` and ``code`` are those it has
    afterwards. ``reason`` is the proposal's, in words. ``how`` has the changes of its fields in words, and ``words``
    the whole of it as a sentence.
    """

    table: str
    about: str
    outcome: Outcome
    title: str
    code: str | None
    reason: str | None
    changes: tuple[FieldChange, ...]
    how: str
    words: str


@dataclass(frozen=True, slots=True)
class CreditTotal:
    """The sum of a table's credits of one scheme, before and after; in plain notation, "0" where there are none."""

    table: str
    about: str
    scheme: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LearningAgreementDiff:
    """What a proposal would change.

    ``first`` says that nothing was approved so far, so that all of it is new. ``components`` has every component once,
    those that stay as they are included. ``notes`` say what a reader should know besides.
    """

    omobility_id: str
    proposal_id: str | None
    first: bool
    components: tuple[ComponentDifference, ...]
    credits: tuple[CreditTotal, ...]
    student: tuple[FieldChange, ...]
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything would be different."""
        return bool(self.student) or any(each.outcome != "same" for each in self.components)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-ready data."""
        return {**asdict(self), "changed": self.changed}


def differences(agreement: LearningAgreement) -> LearningAgreementDiff | None:
    """What the agreement's proposal would change of what was approved last; None where nothing is proposed."""
    after = as_proposed(agreement)
    if after is None:
        return None
    before = as_approved(agreement)
    names = [name for name in TABLES if name in after.tables or (before is not None and name in before.tables)]
    tables = [(name, _table_of(before, name), _table_of(after, name)) for name in names]
    return LearningAgreementDiff(
        omobility_id=agreement.omobility_id,
        proposal_id=agreement.proposal_id,
        first=before is None,
        components=tuple(each for name, old, new in tables for each in _components(name, old, new)),
        credits=tuple(each for name, old, new in tables for each in _credits(name, old, new)),
        student=tuple(_student(agreement.student, after.student)),
        notes=tuple(each for name, _, new in tables for each in _notes(name, new)),
    )


def _table_of(full: FullAgreement | None, name: str) -> FullTable:
    return FullTable() if full is None else full.tables.get(name, FullTable())


def _components(name: str, before: FullTable, after: FullTable) -> Iterator[ComponentDifference]:
    """What was there, in its order, then what is new."""
    pairs = paired(before.components, after.components)
    for position, old in enumerate(before.standing):
        if position in pairs:
            yield _kept(name, old, after.standing[pairs[position]], after)
        else:
            yield _difference(name, "dropped", old.component, why=_why_dropped(old, after))
    met = set(pairs.values())
    for position, new in enumerate(after.standing):
        if position not in met:
            again = TAKEN_UP_AGAIN if before.gone else None
            why = reason(new.by) if new.by is not None else again
            yield _difference(name, "added", new.component, why=why)


def _kept(name: str, old: StandingComponent, new: StandingComponent, after: FullTable) -> ComponentDifference:
    changes = tuple(
        FieldChange(field.name, field.title, field.shown(old.component), field.shown(new.component))
        for field in FIELDS
        if field.value(old.component) != field.value(new.component)
    )
    if not changes:
        return _difference(name, "same", new.component)
    reasons = [_why_dropped(old, after) if old.by is None else None, reason(new.by) if new.by is not None else None]
    why = "; ".join(dict.fromkeys(each for each in reasons if each)) or None
    return _difference(name, "changed", new.component, why=why, changes=changes)


def _why_dropped(old: StandingComponent, after: FullTable) -> str | None:
    """The reason for a component that is not there any more; of the first version, its deletion's own."""
    if old.by is not None:
        return NO_LONGER_ADDED
    return next((reason(gone.by) for gone in after.gone if gone.component == old.component), None)


def _difference(
    name: str,
    outcome: Outcome,
    component: Component,
    *,
    why: str | None = None,
    changes: tuple[FieldChange, ...] = (),
) -> ComponentDifference:
    title, code = said(component.title) or "", said(component.los_code)
    called = f"{title} ({code})" if code else title
    what = {"added": "added", "dropped": "dropped", "changed": "changed", "same": "stays as it is"}[outcome]
    how = "; ".join(f"{each.about}: {each.before or 'nothing'} → {each.after or 'nothing'}" for each in changes)
    words = f"{TABLES[name]}: {called}: {what}" + (f": {how}" if how else "") + (f" ({why})" if why else "")
    return ComponentDifference(name, TABLES[name], outcome, title, code, why, changes, how, words)


def _credits(name: str, before: FullTable, after: FullTable) -> Iterator[CreditTotal]:
    old, new = credit_totals(before.components), credit_totals(after.components)
    for scheme in dict.fromkeys((*old, *new)):
        sums = (plain_number(totals.get(scheme, Decimal())) for totals in (old, new))
        yield CreditTotal(name, TABLES[name], scheme, *sums)


def _student(before: Student, after: Student) -> Iterator[FieldChange]:
    for name, field in Student.model_fields.items():
        old, new = getattr(before, name), getattr(after, name)
        if said(old) != said(new):
            yield FieldChange(name, field.title or name, old, new)


def _notes(name: str, after: FullTable) -> Iterator[str]:
    """What the proposal deletes in vain."""
    for entry in after.unknown:
        yield (
            f"{TABLES[name]}: the proposal drops {said(entry.title)}, which the first version does not have. A list of "
            "changes is one to the first version: what earlier changes added goes by not being listed any more"
        )
