"""Rules for learning agreements that the schema cannot express (Outgoing Mobility Learning Agreements API 1).

What the published text says MUST be or MUST NOT be is refused where it is not so; what it recommends is warned of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ewpgw.model import isced
from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.days import day
from ewpgw.model.learning_agreement_parts import AGREED_OF_STUDENT, MobilityType, Student
from ewpgw.model.learning_agreement_tables import are_changes, changes_problems, first_version_problems
from ewpgw.model.omobility_rules import esi_problems
from ewpgw.model.problems import dotted
from ewpgw.model.rules import is_domain, phone_problems, refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Hei, Proposal, Signature, Version
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobility-las 1, get-response.xsd"
_YEAR = "ewp-specs-types-academic-term 2, schema.xsd, AcademicYearId"
_SCHAC = 'ewp-specs-api-registry 1, README, "SCHAC identifiers"'
_EMAIL = "ewp-specs-architecture 1, common-types.xsd, Email"
_TEMPLATE = "learning agreement template of the European Commission"

_ONE_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")
_MONTH = re.compile(r"\s*(-?[0-9]+)-([0-9]{2})")
_FOUR_DIGITS = re.compile("[0-9]{4}")
_SIGNER = ("signer_name", "signer_position", "signer_email")
_DOCTORATE = 8
_YOUNGEST, _OLDEST = 14, 100


def problems(hei_id: str, record: LearningAgreement) -> Iterator[Problem]:
    """What is wrong with an agreement that the institution ``hei_id`` publishes.

    A SIS may leave out what was approved before: the gateway has it. So a proposal alone may be one for the first
    version, or a list of changes to one that is kept elsewhere, and is taken for what it looks like. Where both are
    known, ``proposal_problems`` judges; that an agreement has one of them, ``learning_agreement_states.put`` sees to.
    """
    yield from _institutions(hei_id, record)
    yield from _time(record)
    yield from _study(record)
    yield from _student(record)
    first, changes, proposal = record.first_version, record.approved_changes, record.changes_proposal
    if first is not None:
        yield from first_version_problems("first_version", first)
        yield from _signatures("first_version", first, approved=True)
    if changes is not None:
        yield from changes_problems("approved_changes", changes, first)
        yield from _signatures("approved_changes", changes, approved=True)
    if proposal is not None:
        answered = any(proposal.fingerprint() == one.fingerprint() for one in (first, changes) if one is not None)
        if answered:
            return  # it was approved meanwhile, and is not proposed again
        if first is None and are_changes(proposal):
            yield from changes_problems("changes_proposal", proposal, None)
        else:
            yield from proposal_problems(proposal, first)
        yield from _signatures("changes_proposal", proposal, approved=False)
        yield from _changed_student(proposal)


def proposal_problems(proposal: Proposal, first: Version | None) -> Iterator[Problem]:
    """What is wrong with the tables of a proposal, given the first version that is agreed on; None: there is none."""
    if first is None:
        yield from first_version_problems("changes_proposal", proposal)
    else:
        yield from changes_problems("changes_proposal", proposal, first)


def signer_problems(path: str, signature: Signature) -> Iterator[Problem]:
    """What is wrong with the signature of an institution, at ``path``."""
    for field in _SIGNER:
        if not (getattr(signature, field) or "").strip():
            said = "is required in the signature of an institution"
            yield refusal(dotted(path, field), said, f"{_SOURCE}, {field.replace('_', '-')}")
    yield from _address(dotted(path, "signer_email"), signature.signer_email)


def _institutions(hei_id: str, record: LearningAgreement) -> Iterator[Problem]:
    sending, receiving = record.sending_hei.hei_id, record.receiving_hei.hei_id
    if sending != hei_id:
        said = f"must be {hei_id}: learning agreements belong to the institution that sends the student"
        yield refusal("sending_hei.hei_id", said, f"{_SOURCE}, sending-hei")
    if receiving == sending:
        yield refusal(
            "receiving_hei.hei_id", "must be another institution than the sending one", f"{_SOURCE}, receiving-hei"
        )
    elif not is_domain(receiving):
        yield refusal("receiving_hei.hei_id", "must be the domain that identifies the institution", _SCHAC)
    if not (record.sending_hei.ounit_name or "").strip():
        said = "is required: the name of the unit in charge of the student"
        yield refusal("sending_hei.ounit_name", said, f"{_SOURCE}, ounit-name")
    if record.sending_hei.ounit_id is None:
        said = "is missing: partners cannot find the unit by its name alone"
        yield warning("sending_hei.ounit_id", said, f"{_SOURCE}, ounit-id")
    yield from _contact("sending_hei.contact_person", record.sending_hei)
    yield from _contact("receiving_hei.contact_person", record.receiving_hei)


def _contact(path: str, hei: Hei) -> Iterator[Problem]:
    person = hei.contact_person
    if not person.family_name.strip():
        yield refusal(dotted(path, "family_name"), "is blank; whom to turn to?", f"{_SOURCE}, contact-person")
    if not person.given_names.strip():
        yield warning(dotted(path, "given_names"), "is blank", f"{_SOURCE}, contact-person")
    yield from _address(dotted(path, "email"), person.email)
    if person.phone_number is not None:
        yield from phone_problems(dotted(path, "phone_number"), person.phone_number)


def _time(record: LearningAgreement) -> Iterator[Problem]:
    begins, ends = _month(record.first_day), _month(record.last_day)
    both_days = record.start_date is not None and record.end_date is not None
    if ends < begins or (both_days and day(record.end_date or "") < day(record.start_date or "")):
        path = "end_date" if record.end_date is not None else "end_year_month"
        yield refusal(path, "is before the start of the stay", f"{_SOURCE}, {path.replace('_', '-')}")
    given = record.receiving_academic_year_id
    try:
        year = AcademicYear.read(given)
    except ValueError:
        said = f"is {given}, but the two years must follow each other or, in the south, be the same"
        yield refusal("receiving_academic_year_id", said, _YEAR)
        return
    if not year.first <= begins[0] <= year.last:
        said = f"is {given}, but the stay starts in {begins[0]}"
        yield warning("receiving_academic_year_id", said, f"{_SOURCE}, receiving-academic-year-id")


def _month(date: str) -> tuple[int, int]:
    found = _MONTH.match(date)
    if found is None:
        raise ValueError(f"{date!r} is neither a day nor a month")
    return int(found[1]), int(found[2])


def _study(record: LearningAgreement) -> Iterator[Problem]:
    code = record.isced_f_code
    if not _FOUR_DIGITS.fullmatch(code):
        said = "must be a detailed field of ISCED-F 2013, which has four digits"
        yield refusal("isced_f_code", said, f"{_TEMPLATE}, note on the field of education")
    elif not isced.is_code(code):
        yield warning("isced_f_code", f"is {code}, which is no code of ISCED-F 2013", f"{_SOURCE}, isced-f-code")
    level = int(record.eqf_level_studied_at_departure)
    if record.mobility_type is MobilityType.DOCTORAL and level != _DOCTORATE:
        said = f"is {level}, but a doctoral stay is for students of level {_DOCTORATE}"
        yield warning("eqf_level_studied_at_departure", said, f"{_SOURCE}, short-term-doctoral-components")


def _student(record: LearningAgreement) -> Iterator[Problem]:
    student = record.student
    for field in Student.model_fields:
        if getattr(student, field) is None:
            yield refusal(dotted("student", field), "is required", f"{_SOURCE}, student")
    for field in ("given_names", "family_name"):
        if (name := getattr(student, field)) is not None and not name.strip():
            said = "is blank; without names the partner cannot tell who is meant"
            yield refusal(dotted("student", field), said, f"{_SOURCE}, student")
    if student.global_id is not None:
        yield from esi_problems("student.global_id", student.global_id, f"{_SOURCE}, global-id")
    yield from _address("student.email", student.email)
    if student.birth_date is not None:
        age = _month(record.first_day)[0] - day(student.birth_date)[0]
        if not _YOUNGEST <= age <= _OLDEST:
            said = f"makes the student {age} years old in the year of the stay; is it the date of birth?"
            yield warning("student.birth_date", said, f"{_SOURCE}, student")


def _changed_student(proposal: Proposal) -> Iterator[Problem]:
    changed = proposal.student
    if changed is None:
        return
    source, path = f"{_SOURCE}, changes-proposal, student", "changes_proposal.student"
    given = [field for field in Student.model_fields if getattr(changed, field) is not None]
    for field in given:
        where = dotted(path, field)
        if field not in AGREED_OF_STUDENT:
            yield warning(where, "changes without a proposal; give it in student", source)
        elif not getattr(changed, field).strip():
            yield refusal(where, "is blank", source)
    if not given:
        yield warning(path, "is empty; leave it out", source)
    if changed.global_id is not None and changed.global_id.strip():
        yield from esi_problems(dotted(path, "global_id"), changed.global_id, f"{_SOURCE}, global-id")


def _signatures(path: str, version: Version, *, approved: bool) -> Iterator[Problem]:
    of_student = dotted(path, "student_signature")
    for field in _SIGNER:
        if getattr(version.student_signature, field) is not None:
            said = "should be left out: who the student is, the agreement says"
            yield warning(dotted(of_student, field), said, f"{_SOURCE}, {field.replace('_', '-')}")
    yield from signer_problems(dotted(path, "sending_hei_signature"), version.sending_hei_signature)
    of_receiver, signature = dotted(path, "receiving_hei_signature"), version.receiving_hei_signature
    if signature is not None:
        yield from signer_problems(of_receiver, signature)
    source = f"{_SOURCE}, receiving-hei-signature"
    if approved and signature is None:
        yield refusal(of_receiver, "is required: only what all three have signed stands here", source)
    if not approved and signature is not None:
        said = "must be left out: the receiving institution signs by approving the proposal"
        yield refusal(of_receiver, said, source)


def _address(path: str, address: str | None) -> Iterator[Problem]:
    if address and not _ONE_ADDRESS.fullmatch(address):
        yield warning(path, "does not look like one e-mail address", _EMAIL)
