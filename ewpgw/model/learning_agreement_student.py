"""The student of a learning agreement: who is the same, and which changes of the data have to be proposed.

Source: ewp-specs-api-omobility-las 1, get-response.xsd, la (Immutable elements) and changes-proposal, student.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model import esi
from ewpgw.model.learning_agreement_parts import AGREED_OF_STUDENT, MobilityType, Student
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Version
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobility-las 1, get-response.xsd, changes-proposal, student"


def same_student(earlier: LearningAgreement, later: LearningAgreement) -> bool:
    """Whether two agreements are on the same student.

    That is so where the global id is the same or, since identifiers get corrected, the day of birth and the names.
    """
    ones, others = _known_as(earlier), _known_as(later)
    return any(
        esi.comparable(one.global_id or "") == esi.comparable(other.global_id or "")
        or (one.birth_date == other.birth_date and _name(one) == _name(other))
        for one in ones
        for other in others
    )


def _known_as(record: LearningAgreement) -> list[Student]:
    """The student as agreed on, and with the changes that are proposed."""
    changed = record.changes_proposal.student if record.changes_proposal is not None else None
    return [record.student, *([overlaid(record.student, changed)] if changed is not None else [])]


def _name(student: Student) -> tuple[str, str]:
    given, family = ((name or "") for name in (student.given_names, student.family_name))
    return " ".join(given.split()).casefold(), " ".join(family.split()).casefold()


def agreed_and_changed(
    first: Version | None, record: LearningAgreement, earlier: LearningAgreement | None
) -> tuple[Student, Student | None]:
    """The student as agreed on, and what of that has to be proposed to be changed; None: nothing.

    ``record`` is the agreement as handed in, ``earlier`` as it is stored, ``first`` what all have signed first.

    What is not agreed on just changes. Before the first approval nothing is, and where no changes may be proposed,
    there is no other way than to say them.
    """
    proposed = record.changes_proposal.student if record.changes_proposal is not None else None
    wanted = overlaid(record.student, proposed)
    if first is None or first.mobility_type is not MobilityType.SEMESTER:
        return wanted, None
    agreed = earlier.student if earlier is not None and earlier.first_version is not None else record.student
    kept = {field: getattr(agreed, field) for field in AGREED_OF_STUDENT}
    changes = {field: getattr(wanted, field) for field in AGREED_OF_STUDENT if getattr(wanted, field) != kept[field]}
    return wanted.model_copy(update=kept), Student(**changes) if changes else None


def unsaid(changed: Student) -> list[Problem]:
    """Warnings that changed data of the student reach nobody before there is a proposal with them."""
    said = "has changed since the last approval; partners are told once a proposal is signed with it"
    fields = [field for field in AGREED_OF_STUDENT if getattr(changed, field) is not None]
    return [warning(f"student.{field}", said, _SOURCE) for field in fields]


def overlaid(student: Student, changed: Student | None) -> Student:
    """The student with what a proposal changes."""
    if changed is None:
        return student
    given = {name: value for name in Student.model_fields if (value := getattr(changed, name)) is not None}
    return student.model_copy(update=given)
