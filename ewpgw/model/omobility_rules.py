"""Rules for nominations that the schema cannot express (Outgoing Mobilities API 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model import esi, isced
from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.academic_years import AcademicTerm, overlap, usual_calendar
from ewpgw.model.days import day
from ewpgw.model.problems import dotted
from ewpgw.model.rules import address_problems, is_domain, name_problems, phone_problems, refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.base import StringWithOptionalLang
    from ewpgw.model.omobility import KnownNomination, KnownStudent, Omobility
    from ewpgw.model.omobility_further import FurtherDetails
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobilities 3, get-response.xsd"
_SOURCE_2 = "ewp-specs-api-omobilities 2, get-response.xsd"
_TERM = "ewp-specs-types-academic-term 1, schema.xsd, EwpAcademicTermId"
_YEAR = "ewp-specs-types-academic-term 1, schema.xsd, AcademicYearId"
_SCHAC = 'ewp-specs-api-registry 1, README, "SCHAC identifiers"'
_EMAIL = "ewp-specs-architecture 1, common-types.xsd, Email"
_ESI = "European Student Identifier Specification 1.0, Format"

_BETWEEN_ADDRESSES = " ,;<>"
_DOCTORATE = 8
_YOUNGEST, _OLDEST = 14, 100


def problems(hei_id: str, record: Omobility) -> Iterator[Problem]:
    """What is wrong with a nomination that the institution ``hei_id`` publishes."""
    yield from _institutions(hei_id, record.nomination)
    yield from _agreement(record.nomination)
    yield from _time(record.nomination)
    yield from _study(record.nomination)
    yield from _student(record.student, record.nomination)
    if record.nomination.comment is not None and not record.nomination.comment.strip():
        yield warning("nomination.comment", "is blank; leave it out", f"{_SOURCE}, comment")
    if record.further is not None:
        yield from _further(record.further)


def esi_problems(path: str, global_id: str, source: str = f"{_SOURCE}, global-id") -> Iterator[Problem]:
    """What is wrong with the student's identifier at ``path``; ``source`` is where it is asked for.

    The network recommends European Student Identifiers ("should"), so another identifier is warned of, while one that
    claims to be such and is none is refused.
    """
    if not global_id.strip():
        yield refusal(path, "is blank: every student needs an identifier", source)
        return
    try:
        esi.read(global_id)
    except esi.BadEsi as bad:
        if esi.claims_to_be(global_id):
            yield refusal(path, bad.words, _ESI)
        else:
            said = f"is no European Student Identifier: it {bad.words}"
            yield warning(path, said, source)
        return
    if not global_id.startswith(esi.PREFIX):
        yield warning(path, f"is better written with {esi.PREFIX} exactly so; not everybody ignores case", _ESI)


def _institutions(hei_id: str, nomination: KnownNomination) -> Iterator[Problem]:
    sending, receiving = nomination.sending_hei.hei_id, nomination.receiving_hei.hei_id
    if sending != hei_id:
        said = f"must be {hei_id}: nominations belong to the institution that sends the student"
        yield refusal("nomination.sending_hei.hei_id", said, f"{_SOURCE}, sending-hei")
    if receiving == sending:
        said = "must be another institution than the sending one"
        yield refusal("nomination.receiving_hei.hei_id", said, f"{_SOURCE}, receiving-hei")
    elif not is_domain(receiving):
        yield refusal("nomination.receiving_hei.hei_id", "must be the domain that identifies the institution", _SCHAC)


def _agreement(nomination: KnownNomination) -> Iterator[Problem]:
    ours, theirs = nomination.sending_hei.iia_id, nomination.receiving_hei.iia_id
    source = f"{_SOURCE}, iia-id"
    if ours is None:
        said = "is missing: where an agreement that both partners approved covers the stay, it has to be named"
        yield warning("nomination.sending_hei.iia_id", said, source)
    elif theirs is None:
        said = "is required where sending_hei.iia_id is given: the partner's identifier of the same agreement"
        yield refusal("nomination.receiving_hei.iia_id", said, source)


def _time(nomination: KnownNomination) -> Iterator[Problem]:
    year, term = None, None
    try:
        year = AcademicYear.read(nomination.receiving_academic_year_id)
    except ValueError:
        said = (
            f"is {nomination.receiving_academic_year_id}, but the two years must follow each other or, in the south, "
            "be the same"
        )
        yield refusal("nomination.receiving_academic_year_id", said, _YEAR)
    given, path = nomination.sending_academic_term_ewp_id, "nomination.sending_academic_term_ewp_id"
    if given is not None:
        try:
            term = AcademicTerm.read(given)
        except ValueError as error:
            yield refusal(path, f"is no term there can be: {error}", _TERM)
    if year is None or term is None:
        return
    if not overlap(term, usual_calendar(term.year), year, usual_calendar(year)):
        said = f"has no time in common with the academic year {nomination.receiving_academic_year_id} of the receiver"
        yield warning(path, said, f"{_SOURCE}, receiving-academic-year-id")


def _study(nomination: KnownNomination) -> Iterator[Problem]:
    for field in ("agreement_isced_f_code", "nominee_isced_f_code"):
        code: str | None = getattr(nomination, field)
        if code is not None and not isced.is_code(code):
            said = f"is {code}, which is no code of ISCED-F 2013"
            yield warning(dotted("nomination", field), said, f"{_SOURCE}, {field.replace('_', '-')}")
    level = nomination.eqf_level_studied_at_departure
    if nomination.activity_attributes == "short-term-doctoral" and level is not None and int(level) != _DOCTORATE:
        said = f"is {int(level)}, but a doctoral stay is for students of level {_DOCTORATE}"
        yield warning("nomination.eqf_level_studied_at_departure", said, f"{_SOURCE}, activity-attributes")


def _student(student: KnownStudent, nomination: KnownNomination) -> Iterator[Problem]:
    yield from _names("student.given_names", student.given_names)
    yield from _names("student.family_name", student.family_name)
    yield from esi_problems("student.global_id", student.global_id)
    address = student.email
    if address is not None and (address.count("@") != 1 or any(mark in address for mark in _BETWEEN_ADDRESSES)):
        yield warning("student.email", "does not look like one e-mail address", _EMAIL)
    if student.birth_date is not None:
        age = int(nomination.receiving_academic_year_id[:4]) - day(student.birth_date)[0]
        if not _YOUNGEST <= age <= _OLDEST:
            said = f"makes the student {age} years old in the year of the stay; is it the date of birth?"
            yield warning("student.birth_date", said, f"{_SOURCE}, birth-date")


def _names(path: str, names: Sequence[StringWithOptionalLang]) -> Iterator[Problem]:
    for position, name in enumerate(names):
        if not name.value.strip():
            said = "is blank; without names the partner cannot tell who is meant"
            yield refusal(dotted(path, position), said, f"{_SOURCE}, {path.rpartition('.')[2].replace('_', '-')}")
    yield from name_problems(path, names)


def _further(further: FurtherDetails) -> Iterator[Problem]:
    arrival, departure = further.planned_arrival_date, further.planned_departure_date
    if arrival is not None and departure is not None and day(departure) < day(arrival):
        said = "is before planned_arrival_date"
        yield warning("further.planned_departure_date", said, f"{_SOURCE_2}, planned-departure-date")
    for position, number in enumerate(further.phone_number):
        yield from phone_problems(dotted("further", "phone_number", position), number)
    yield from address_problems("further", further.street_address, further.mailing_address)
