"""Rules for agreements that the schema cannot express (IIAs API 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model import isced
from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.iia import StudentCondition
from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import contact_problems, is_domain, one_contact_problems, refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.contact import Contact
    from ewpgw.model.iia import (
        Condition,
        CooperationConditions,
        Iia,
        Partner,
        RecommendedLanguageSkill,
        SubjectArea,
    )

_SOURCE = "ewp-specs-api-iias 7, get-response.xsd"
_TERMINATED, _TERMINATION = "cooperation_conditions.terminated_as_a_whole", f"{_SOURCE}, terminated-as-a-whole"
_CLARIFICATION = f"{_SOURCE}, isced-clarification"
_FIRST_BLENDED_YEAR = 2021  # blended mobilities came with the programme of 2021 to 2027
_YEAR = "ewp-specs-types-academic-term 1, schema.xsd, AcademicYearId"
_SCHAC = 'ewp-specs-api-registry 1, README, "SCHAC identifiers"'
_HASHED_TEXT = "ewp-specs-api-iias 7, resources/xsltKit/transform_version_7.xsl"


def problems(hei_id: str, record: Iia) -> Iterator[Problem]:
    """What is wrong with the copy of an agreement that the institution ``hei_id`` publishes, by its content alone."""
    yield from _partners(hei_id, record.partner)
    heis = {partner.hei_id for partner in record.partner}
    conditions = record.cooperation_conditions
    if conditions.terminated_as_a_whole is False:
        yield refusal(_TERMINATED, "may only be true; leave it out otherwise", _TERMINATION)
    yield from _hemispheres(conditions)
    seen: list[Condition] = []
    for kind, listed in conditions.kinds().items():
        for position, condition in enumerate(listed):
            path = f"cooperation_conditions.{kind}.{position}"
            yield from _condition(path, condition, heis)
            if isinstance(condition, StudentCondition):
                yield from _blended(path, condition)
            if condition in seen:
                yield warning(path, "repeats an earlier condition; did you mean another direction?", _SOURCE)
            seen.append(condition)
    if not seen:
        yield warning("cooperation_conditions", "is empty: nothing is agreed", f"{_SOURCE}, cooperation-conditions")


def problems_when_completed(record: Iia) -> Iterator[Problem]:
    """What is wrong with a copy for what is known of it beside its content: the partner's copy, and if it is in effect.

    Few sources know that, and the gateway completes what they give; so this is judged afterwards.
    """
    yield from _mapping(record)
    conditions, in_effect = record.cooperation_conditions, record.in_effect
    if conditions.terminated_as_a_whole and not in_effect:
        yield _never_in_effect(_TERMINATED, "mutually approved agreements", _TERMINATION)
    for kind, listed in conditions.kinds().items():
        for position, condition in enumerate(listed):
            yield from _former_values(f"cooperation_conditions.{kind}.{position}", condition, in_effect)


def _partners(hei_id: str, partners: Sequence[Partner]) -> Iterator[Problem]:
    source = f"{_SOURCE}, partner"
    owner, other = partners
    if owner.hei_id != hei_id:
        yield refusal("partner.0.hei_id", f"must be {hei_id}: the first partner is the owner of the copy", source)
    if owner.iia_id is None:
        yield refusal("partner.0.iia_id", "is required: the owner's identifier of the agreement", source)
    if owner.iia_code is None:
        yield refusal("partner.0.iia_code", "is required: the owner's number of the agreement, for people", source)
    elif not owner.iia_code.strip():
        yield warning("partner.0.iia_code", "is blank: people will not know which agreement this is", source)
    if other.hei_id == owner.hei_id:
        yield refusal("partner.1.hei_id", "must be another institution than the first partner", source)
    for position, partner in enumerate(partners):
        path = f"partner.{position}"
        if not is_domain(partner.hei_id):
            yield refusal(dotted(path, "hei_id"), "must be the domain that identifies the institution", _SCHAC)
        yield from contact_problems(f"{path}.contact", partner.contact)
        if partner.signing_contact is not None:
            yield from _signer(dotted(path, "signing_contact"), partner.signing_contact)


def _signer(path: str, signer: Contact) -> Iterator[Problem]:
    yield from one_contact_problems(path, signer)
    if not signer.person_family_name and not signer.person_given_names:
        said = "is missing: who signs is a person"
        yield warning(dotted(path, "person_family_name"), said, f"{_SOURCE}, signing-contact")


def _mapping(record: Iia) -> Iterator[Problem]:
    """What the copy tells of the partner's copy."""
    other = record.partner[1]
    if other.iia_id is None and record.in_effect:
        said = "is missing, so that the partner cannot approve this copy, or takes it for another agreement"
        yield warning("partner.1.iia_id", said, f"{_SOURCE}, iia-id")
    if other.iia_id is not None and not other.iia_code:
        said = "is missing, though the partner's copy is known: it has the partner's number of the agreement"
        yield warning("partner.1.iia_code", said, f"{_SOURCE}, iia-code")


def _never_in_effect(path: str, what: str, source: str) -> Problem:
    said = f"is for {what} only, and this one is not in effect: neither the record nor the gateway knows otherwise"
    return refusal(path, said, source)


def _former_values(path: str, condition: Condition, in_effect: bool) -> Iterator[Problem]:
    """What only agreements in effect may have kept from older versions of the API."""
    if condition.mobilities_per_year.not_yet_defined:
        yield from _not_yet_defined(dotted(path, "mobilities_per_year"), in_effect)
    for position, skill in enumerate(condition.recommended_language_skill):
        where = dotted(path, "recommended_language_skill", position)
        if skill.not_yet_defined:
            yield from _not_yet_defined(where, in_effect)
        if skill.subject_area is not None:
            yield from _former_code(dotted(where, "subject_area"), skill.subject_area, in_effect)
    for position, area in enumerate(condition.subject_area):
        yield from _former_code(dotted(path, "subject_area", position), area, in_effect)


def _not_yet_defined(path: str, in_effect: bool) -> Iterator[Problem]:
    if not in_effect:
        what = "agreements approved under an older version"
        yield _never_in_effect(dotted(path, "not_yet_defined"), what, f"{_SOURCE}, not-yet-defined")


def _former_code(path: str, area: SubjectArea, in_effect: bool) -> Iterator[Problem]:
    if area.isced_f_code.v6_value is not None and not in_effect:
        where = dotted(path, "isced_f_code.v6_value")
        yield _never_in_effect(where, "agreements approved under version 6", f"{_SOURCE}, v6-value")
    said = _folded(area.isced_clarification)
    if said in {name.casefold() for name in isced.official_names(area.isced_f_code.value)}:
        # Agreements approved under version 6 keep what they say; of those in effect nobody knows here which they are.
        problem, where = warning if in_effect else refusal, dotted(path, "isced_clarification")
        words = "is the official name of the code; leave it empty, or say what the code does not"
        yield problem(where, words, _CLARIFICATION)


def _condition(path: str, condition: Condition, heis: set[str]) -> Iterator[Problem]:
    for field in ("sending_hei_id", "receiving_hei_id"):
        if getattr(condition, field) not in heis:
            named = " or ".join(sorted(heis))
            source = f"{_SOURCE}, {field.replace('_', '-')}"
            yield refusal(dotted(path, field), f"must be one of the two partners, {named}", source)
    if condition.sending_hei_id == condition.receiving_hei_id:
        yield refusal(
            dotted(path, "receiving_hei_id"), "must be the other partner than sending_hei_id", f"{_SOURCE}, partner"
        )
    yield from _years(path, condition)
    if condition.mobilities_per_year.not_yet_defined is False:
        yield _only_true(dotted(path, "mobilities_per_year"))
    for position, skill in enumerate(condition.recommended_language_skill):
        yield from _skill(f"{path}.recommended_language_skill.{position}", skill)
    for position, area in enumerate(condition.subject_area):
        yield from _subject_area(f"{path}.subject_area.{position}", area)
    terms = condition.other_info_terms
    if terms is not None and terms != terms.strip():
        yield _padded(dotted(path, "other_info_terms"))
    for field, contacts in (
        ("sending_contact", condition.sending_contact),
        ("receiving_contact", condition.receiving_contact),
    ):
        if contacts:
            yield from contact_problems(dotted(path, field), contacts)


def _years(path: str, condition: Condition) -> Iterator[Problem]:
    years: list[AcademicYear] = []
    for field in ("receiving_first_academic_year_id", "receiving_last_academic_year_id"):
        text: str = getattr(condition, field)
        try:
            years.append(AcademicYear.read(text))
        except ValueError:
            said = f"is {text}, but the two years must follow each other or, in the south, be the same"
            yield refusal(dotted(path, field), said, _YEAR)
    if len(years) < 2:
        return
    first, last = years
    where = f"{path}.receiving_last_academic_year_id"
    if last < first:
        said = f"must not be before receiving_first_academic_year_id, {first.first}/{first.last}"
        yield refusal(where, said, f"{_SOURCE}, receiving-last-academic-year-id")
    elif last.southern != first.southern:
        said = "is counted as in another hemisphere than the first year; both are the receiving institution's years"
        yield warning(where, said, f"{_SOURCE}, receiving-first-academic-year-id")


def _hemispheres(conditions: CooperationConditions) -> Iterator[Problem]:
    """Years are counted as the receiving institution does, so it cannot have both ways."""
    ways: dict[str, str] = {}
    for kind, listed in conditions.kinds().items():
        for position, condition in enumerate(listed):
            first, last = condition.receiving_first_academic_year_id.split("/")
            way = ways.setdefault(condition.receiving_hei_id, "southern" if first == last else "northern")
            if way != ("southern" if first == last else "northern"):
                path = dotted("cooperation_conditions", kind, position, "receiving_first_academic_year_id")
                said = f"is not counted as in an earlier condition, where the years of the same receiver are {way}"
                yield warning(path, said, f"{_SOURCE}, receiving-first-academic-year-id")


def _blended(path: str, condition: StudentCondition) -> Iterator[Problem]:
    if condition.blended and int(condition.receiving_first_academic_year_id[:4]) < _FIRST_BLENDED_YEAR:
        said = "should be false: there were no blended mobilities when this agreement began"
        yield warning(dotted(path, "blended"), said, f"{_SOURCE}, blended")


def _skill(path: str, skill: RecommendedLanguageSkill) -> Iterator[Problem]:
    if skill.not_yet_defined is False:
        yield _only_true(path)
    if skill.subject_area is not None:
        yield from _subject_area(dotted(path, "subject_area"), skill.subject_area)


def _subject_area(path: str, area: SubjectArea) -> Iterator[Problem]:
    code = area.isced_f_code.value
    if not isced.is_code(code):
        said = f"is {code}, which is no code of ISCED-F 2013"
        yield warning(dotted(path, "isced_f_code"), said, f"{_SOURCE}, isced-f-code")
    if clarification := area.isced_clarification:
        where = dotted(path, "isced_clarification")
        if clarification != clarification.strip():
            yield _padded(where)
        if clarification.strip() and not any(character.isalnum() for character in clarification):
            yield warning(where, "says nothing; leave it empty", _CLARIFICATION)


def _folded(clarification: str | None) -> str:
    """A text as it is compared with names."""
    return " ".join((clarification or "").split()).casefold()


def _only_true(path: str) -> Problem:
    source = f"{_SOURCE}, not-yet-defined"
    return refusal(dotted(path, "not_yet_defined"), "may only be true; leave it out otherwise", source)


def _padded(path: str) -> Problem:
    said = "begins or ends with blanks; they count for the hash, and a partner who retypes the text will not have them"
    return warning(path, said, _HASHED_TEXT)
