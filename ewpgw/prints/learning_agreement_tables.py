"""The tables of components on the paper of a learning agreement: those of a version, and those of changes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.learning_agreement_parts import TABLES, ComponentStatus, MobilityType
from ewpgw.model.learning_agreement_words import credit_totals, credits_in_words, reason, said, term
from ewpgw.prints.sheet import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ewpgw.model.learning_agreement_diff import LearningAgreementDiff
    from ewpgw.model.learning_agreement_parts import Component
    from ewpgw.prints.sheet import Sheet

TITLES: Mapping[str, str] = {
    "components_studied": "Table A. Study programme at the receiving institution",
    "components_recognized": "Table B. Recognition at the sending institution",
    "virtual_components": "Table C. Virtual components at the receiving institution",
    "blended_mobility_components": "Components of the blended mobility",
    "short_term_doctoral_components": "Components of the short-term doctoral mobility",
}
"""What the tables of a version are called on paper, by their fields."""

CHANGES_TITLES: Mapping[str, str] = {
    "components_studied": "Table A2. Changes to the study programme at the receiving institution",
    "components_recognized": "Table B2. Changes to the recognition at the sending institution",
    "virtual_components": "Table C2. Changes to the virtual components",
    "blended_mobility_components": "Changes to the components of the blended mobility",
    "short_term_doctoral_components": "Changes to the components of the doctoral mobility",
}
"""The same for lists of changes."""

_ALWAYS = {
    MobilityType.SEMESTER: ("components_studied", "components_recognized"),
    MobilityType.BLENDED: ("blended_mobility_components",),
    MobilityType.DOCTORAL: ("short_term_doctoral_components",),
}
_CHANGE = {ComponentStatus.INSERTED: "added", ComponentStatus.DELETED: "dropped"}


def expected(kind: MobilityType, given: Collection[str]) -> Sequence[str]:
    """The tables of a paper, by their fields: those that a stay of its kind must have, and the others it has."""
    return [name for name in TABLES if name in given or name in _ALWAYS[kind]]


def components(sheet: Sheet, name: str, title: str, listed: Iterable[Component]) -> None:
    """A table of components, with the sum of their credits."""
    listed = list(listed)
    described = name not in _ALWAYS[MobilityType.SEMESTER]
    recognized = name != "components_studied"
    columns = [Column("Code", 14), Column("Title", 34 if described else 46)]
    columns += [Column("Description", 34)] * described
    columns += [Column("Term", 9), Column("Credits", 13, "right")]
    columns += [Column("Automatic recognition", 24)] * recognized
    rows = []
    for each in listed:
        row = [said(each.los_code) or "", each.title]
        row += [each.short_description or ""] * described
        row += [term(each) or "", credits_in_words(credit_totals([each])) or "none"]
        row += [_recognition(each)] * recognized
        rows.append(row)
    total = credits_in_words(credit_totals(listed)) or "none"
    last = ["", "Total", *[""] * described, "", total, *[""] * recognized]
    sheet.part(title)
    if rows:
        sheet.table(columns, rows, last=last)
    else:
        sheet.say("No components.")


def changes(sheet: Sheet, title: str, listed: Iterable[Component]) -> None:
    """A table of components that are added or dropped, with the reasons."""
    columns = [Column("Code", 14), Column("Title", 40), Column("Change", 12), Column("Reason", 36)]
    columns += [Column("Term", 9), Column("Credits", 13, "right")]
    rows = [
        [
            said(each.los_code) or "",
            " · ".join(text for text in (each.title, each.short_description) if text),
            "added" if each.status is None else _CHANGE[ComponentStatus(each.status)],
            reason(each) or "",
            term(each) or "",
            credits_in_words(credit_totals([each])) or "none",
        ]
        for each in listed
    ]
    sheet.part(title)
    sheet.table(columns, rows)


def compared(sheet: Sheet, differences: LearningAgreementDiff) -> None:
    """What would be different from the version approved last, component by component."""
    different = [each for each in differences.components if each.outcome != "same"]
    sheet.part("Compared with what was approved last")
    if not different:
        sheet.say("The same components.")
        return
    columns = [Column("Table", 16), Column("Code", 14), Column("Title", 40), Column("Change", 12), Column("Why", 42)]
    sheet.table(
        columns,
        [
            [each.about, each.code or "", each.title, each.outcome, "; ".join(filter(None, (each.how, each.reason)))]
            for each in different
        ],
    )


def _recognition(component: Component) -> str:
    conditions = said(component.recognition_conditions)
    return "yes" if conditions is None else f"no: {conditions}"
