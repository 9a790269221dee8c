"""What stands around the tables on the paper of a learning agreement: who, when, in which language, and signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model import isced
from ewpgw.model.learning_agreement_parts import Student
from ewpgw.model.learning_agreement_words import full_name, said
from ewpgw.prints import words
from ewpgw.prints.sheet import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Hei, Signature, Version
    from ewpgw.prints.sheet import Sheet

_NOT_SIGNED = "not signed yet"
_ROOM_TO_SIGN = 16


def parties(
    sheet: Sheet, record: LearningAgreement, student: Student, names: Mapping[str, str], *, virtual: bool
) -> None:
    """The student, the two institutions, and the stay; ``virtual`` says whether it has a virtual component."""
    sheet.part("Student")
    sheet.fields(
        [
            ("Family name", student.family_name or ""),
            ("Given names", student.given_names or ""),
            ("Date of birth", words.day(student.birth_date or "")),
            ("Citizenship", student.citizenship or ""),
            ("Gender", words.gender(student.gender) if student.gender is not None else ""),
            ("E-mail", student.email or ""),
            ("Study cycle", words.study_cycle(record.eqf_level_studied_at_departure)),
            ("Field of education", _field_of_education(record)),
            ("European Student Identifier", student.global_id or ""),
        ],
        in_a_row=3,
    )
    _institution(sheet, "Sending institution", record.sending_hei, names)
    _institution(sheet, "Receiving institution", record.receiving_hei, names)
    sheet.part("Mobility")
    sheet.fields(
        [
            ("Planned period", f"{words.day(record.first_day)} to {words.day(record.last_day)}"),
            ("Academic year at the receiving institution", record.receiving_academic_year_id),
            ("Virtual component", "yes" if virtual else "no"),
        ],
        in_a_row=3,
    )


def _institution(sheet: Sheet, title: str, hei: Hei, names: Mapping[str, str]) -> None:
    person = hei.contact_person
    name = names.get(hei.hei_id)
    phone = person.phone_number
    number = [phone.e164, phone.other_format, phone.ext and f"extension {phone.ext}"] if phone is not None else []
    sheet.part(title)
    sheet.fields(
        [
            ("Name", f"{name} ({hei.hei_id})" if name else hei.hei_id),
            ("Faculty or department", hei.ounit_name or ""),
            ("Contact person", f"{person.given_names} {person.family_name}"),
            ("E-mail and phone of the contact person", ", ".join([person.email, *filter(None, number)])),
        ]
    )


def _field_of_education(record: LearningAgreement) -> str:
    code = record.isced_f_code.strip()
    name = isced.NAMES.get(code)
    parts = [code if name is None else f"{code} {name}", said(record.isced_clarification)]
    return ": ".join(part for part in parts if part)


def beside(sheet: Sheet, record: LearningAgreement, table: str) -> None:
    """What belongs below a table: where the courses are described, and what holds if one is not completed."""
    if table == "components_studied" and record.learning_outcomes_url is not None:
        sheet.say(f"Course catalogue with the learning outcomes: {record.learning_outcomes_url}", "small")
    if table != "components_studied" and record.provisions_url is not None:
        sheet.say(f"Where a component is not completed: {record.provisions_url}", "small")


def language_competence(sheet: Sheet, record: LearningAgreement) -> None:
    """How well the student knows the language of the studies."""
    skill = record.student_language_skill
    sheet.part("Language competence of the student")
    sheet.fields(
        [
            ("Main language of instruction", words.language(skill.language)),
            ("Level that the student has, or will have by the start", words.language_level(skill.cefr_level)),
        ]
    )


def changed_student(sheet: Sheet, before: Student, after: Student) -> None:
    """The student's data that a proposal changes, with both values."""
    rows = []
    for name, field in Student.model_fields.items():
        old, new = getattr(before, name), getattr(after, name)
        if said(old) != said(new):
            rows.append([field.title or name, old or "", new or ""])
    if rows:
        sheet.part("Changes to the student's data")
        sheet.table([Column("", 20), Column("So far", 40), Column("From now on", 40)], rows)


def signed_by(version: Version) -> Iterator[tuple[str, Signature | None]]:
    """The three signatures of a version with whose they are, as the template calls them."""
    yield "Student", version.student_signature
    yield "Responsible person at the sending institution", version.sending_hei_signature
    yield "Responsible person at the receiving institution", version.receiving_hei_signature


def signatures(sheet: Sheet, version: Version, student: Student) -> None:
    """Who signed a version and when, with room to sign by hand."""
    columns = [Column("Commitment", 25), Column("Name and position", 27), Column("E-mail", 29, "small")]
    columns += [Column("Date", 21), Column("Signature", 24)]
    rows = []
    for party, signature in signed_by(version):
        is_student = signature is version.student_signature
        if signature is None:
            rows.append([party, "", "", _NOT_SIGNED, ""])
            continue
        name = said(signature.signer_name) or (full_name(student) if is_student else None)
        who = ", ".join(part for part in (name, said(signature.signer_position)) if part)
        email = signature.signer_email or (student.email if is_student else None)
        by = said(signature.signer_app)
        how = "signed electronically" + (f" with {by}" if by else "")
        rows.append([party, who, email or "", words.moment(signature.timestamp), how])
    sheet.table(columns, rows, room=_ROOM_TO_SIGN)
