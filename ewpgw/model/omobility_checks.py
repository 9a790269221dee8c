"""A nomination held against the agreement it names: what a coordinator should know before deciding.

Nothing here keeps anybody from approving. Partners agree by telephone that one more student may come, and the comment
of a nomination is there to say so; what does not fit is told in words, and a person decides.

Sources: ewp-specs-api-omobilities 3, get-response.xsd (iia-id, agreement-isced-f-code, eqf-level-studied-at-departure);
ewp-specs-api-iias 7, get-response.xsd (student-studies-mobility-spec).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.omobility import Status
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ewpgw.model.iia import Iia, StudentStudiesMobilitySpec, SubjectArea
    from ewpgw.model.omobility import KnownNomination, KnownOmobility
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobilities 3, get-response.xsd"
_IIAS = "ewp-specs-api-iias 7, get-response.xsd"
_PATH = "nomination"
TAKING = frozenset({Status.PENDING, Status.APPROVED})
"""The standings in which a nomination takes a place under its agreement."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a nomination the conditions of an agreement are about; None for what the partner does not tell."""

    sending_hei_id: str
    receiving_hei_id: str
    receiving_academic_year_id: str
    agreement_isced_f_code: str | None
    eqf_level: int | None
    activity_attributes: str

    @classmethod
    def of(cls, nomination: KnownNomination) -> Self:
        """Those of this nomination."""
        level = nomination.eqf_level_studied_at_departure
        return cls(
            nomination.sending_hei.hei_id,
            nomination.receiving_hei.hei_id,
            nomination.receiving_academic_year_id,
            nomination.agreement_isced_f_code,
            None if level is None else int(level),
            nomination.activity_attributes,
        )


@dataclass(frozen=True, slots=True)
class Places:
    """How many students the agreement lets go as nominated in one year, and how many are nominated already."""

    agreed: int
    taken: int

    @property
    def left(self) -> int:
        """How many more may be nominated; below zero where too many are."""
        return self.agreed - self.taken


def agreement_problems(
    record: KnownOmobility, iia: Iia | None, others: Mapping[Terms, int] = MappingProxyType({})
) -> Iterator[Problem]:
    """Warnings about a nomination and the agreement it names.

    - ``iia``: either side's copy of the agreement, None where no such agreement is known
    - ``others``: how many other nominations take a place under it, by their terms
    """
    nomination = record.nomination
    named = nomination.receiving_hei.iia_id or nomination.sending_hei.iia_id
    if named is None:
        said = "names no agreement, so nothing of it could be checked"
        yield warning(f"{_PATH}.receiving_hei.iia_id", said, f"{_SOURCE}, iia-id")
        return
    if iia is None:
        said = f"is {named}, and no such agreement with the partner is known here"
        yield warning(f"{_PATH}.receiving_hei.iia_id", said, f"{_SOURCE}, iia-id")
        return
    yield from _itself(nomination, iia)
    terms = Terms.of(nomination)
    there = [one for one in iia.cooperation_conditions.student_studies_mobility_spec if _direction(one, terms)]
    if not there and {nomination.sending_hei.hei_id, nomination.receiving_hei.hei_id} == _heis(iia):
        said = (
            f"is {nomination.receiving_hei.hei_id}, but the agreement has no condition for students who go from "
            f"{nomination.sending_hei.hei_id} there to study"
        )
        yield warning(f"{_PATH}.receiving_hei.hei_id", said, f"{_IIAS}, student-studies-mobility-spec")
    if not there:
        return
    yield from _conditions(terms, there)
    room = _places(terms, there, others)
    if room is not None and room.left < 1:
        said = (
            f"is not covered: the agreement gives {_places_in_words(room.agreed)} for such nominations in "
            f"{nomination.receiving_academic_year_id}, and {_are_in_words(room.taken)} taken without this one"
        )
        yield warning(_PATH, said, f"{_IIAS}, mobilities-per-year")


def places(record: KnownOmobility, iia: Iia, others: Mapping[Terms, int]) -> Places | None:
    """The places for nominations like this one in its year; None where no condition of the agreement covers it.

    The parameters are those of ``agreement_problems``.
    """
    return _places(Terms.of(record.nomination), iia.cooperation_conditions.student_studies_mobility_spec, others)


def _heis(iia: Iia) -> set[str]:
    return {partner.hei_id for partner in iia.partner}


def _itself(nomination: KnownNomination, iia: Iia) -> Iterator[Problem]:
    """The agreement as a whole: whose it is, and whether it holds."""
    ids = {partner.hei_id: partner.iia_id for partner in iia.partner}
    for field in ("sending_hei", "receiving_hei"):
        hei = getattr(nomination, field)
        path = f"{_PATH}.{field}"
        if hei.hei_id not in ids:
            said = f"is {hei.hei_id}, which is no partner of the agreement"
            yield warning(f"{path}.hei_id", said, f"{_IIAS}, partner")
        elif hei.iia_id is not None and ids[hei.hei_id] not in (None, hei.iia_id):
            said = f"is {hei.iia_id}, but the agreement has the identifier {ids[hei.hei_id]} there"
            yield warning(f"{path}.iia_id", said, f"{_SOURCE}, iia-id")
    if not iia.in_effect:
        said = "names an agreement that is not in effect: both partners have to approve it first"
        yield warning(f"{_PATH}.receiving_hei.iia_id", said, f"{_IIAS}, in-effect")
    if iia.cooperation_conditions.terminated_as_a_whole:
        said = "names an agreement that is terminated, or about to be"
        yield warning(f"{_PATH}.receiving_hei.iia_id", said, f"{_IIAS}, terminated-as-a-whole")


def _conditions(terms: Terms, there: Sequence[StudentStudiesMobilitySpec]) -> Iterator[Problem]:
    """What of the nomination fits no condition; where all fits some, whether one of them fits it all."""
    fitting = list(there)
    missed = False
    for field, fits, words in _ASPECTS:
        if not any(fits(one, terms) for one in there):
            missed = True
            yield warning(f"{_PATH}.{field}", words(there, terms), f"{_IIAS}, student-studies-mobility-spec")
        fitting = [one for one in fitting if fits(one, terms)]
    if not missed and not fitting:
        said = "fits no single condition of the agreement: year, field and level of study are agreed, but not together"
        yield warning(_PATH, said, f"{_IIAS}, student-studies-mobility-spec")


def _covering(terms: Terms, there: Iterable[StudentStudiesMobilitySpec]) -> list[StudentStudiesMobilitySpec]:
    return [
        one for one in there if _direction(one, terms) and all(fits(one, terms) for _field, fits, _words in _ASPECTS)
    ]


def _places(terms: Terms, there: Iterable[StudentStudiesMobilitySpec], others: Mapping[Terms, int]) -> Places | None:
    covering = _covering(terms, there)
    if not covering:
        return None
    year = terms.receiving_academic_year_id
    taken = sum(
        number
        for other, number in others.items()
        if other.receiving_academic_year_id == year and _covering(other, covering)
    )
    return Places(sum(int(one.mobilities_per_year.value) for one in covering), taken)


def _direction(condition: StudentStudiesMobilitySpec, terms: Terms) -> bool:
    here = condition.sending_hei_id, condition.receiving_hei_id
    return here == (terms.sending_hei_id, terms.receiving_hei_id)


def _fits_year(condition: StudentStudiesMobilitySpec, terms: Terms) -> bool:
    try:
        year, first, last = (
            AcademicYear.read(text)
            for text in (
                terms.receiving_academic_year_id,
                condition.receiving_first_academic_year_id,
                condition.receiving_last_academic_year_id,
            )
        )
    except ValueError:
        return False
    return year.southern == first.southern and first.first <= year.first <= last.first


def _years_in_words(there: Sequence[StudentStudiesMobilitySpec], terms: Terms) -> str:
    agreed = _listed(
        f"{one.receiving_first_academic_year_id} to {one.receiving_last_academic_year_id}" for one in there
    )
    return f"is {terms.receiving_academic_year_id}, but the agreement is for {agreed}"


def _fits_field(condition: StudentStudiesMobilitySpec, terms: Terms) -> bool:
    code = terms.agreement_isced_f_code
    if code is None or not condition.subject_area:
        return True
    return any(_within(code, area) for area in condition.subject_area)


def _within(code: str, area: SubjectArea) -> bool:
    """Whether a code is the area's, or one of the wider field that the area means.

    0610 and 0600 are "not further defined": the whole of 061, and of 06. A code kept from version 6 is as wide as it is
    short.
    """
    agreed = area.isced_f_code.value
    wide = area.isced_f_code.v6_value or (agreed[:2] if agreed.endswith("00") else agreed.removesuffix("0"))
    return code == agreed or code.startswith(wide)


def _fields_in_words(there: Sequence[StudentStudiesMobilitySpec], terms: Terms) -> str:
    agreed = _listed(area.isced_f_code.value for one in there for area in one.subject_area)
    return f"is {terms.agreement_isced_f_code}, but the agreement is about {agreed}"


def _fits_level(condition: StudentStudiesMobilitySpec, terms: Terms) -> bool:
    level = terms.eqf_level
    return level is None or not condition.eqf_level or level in map(int, condition.eqf_level)


def _levels_in_words(there: Sequence[StudentStudiesMobilitySpec], terms: Terms) -> str:
    agreed = _listed(str(level) for level in sorted({int(level) for one in there for level in one.eqf_level}))
    return f"is {terms.eqf_level}, but the agreement is for EQF level {agreed}"


def _fits_kind(condition: StudentStudiesMobilitySpec, terms: Terms) -> bool:
    return condition.blended or terms.activity_attributes != "short-term-blended"


def _kinds_in_words(_there: Sequence[StudentStudiesMobilitySpec], terms: Terms) -> str:
    return f"is {terms.activity_attributes}, but the agreement has no blended mobility for such students"


_ASPECTS: tuple[
    tuple[
        str,
        Callable[[StudentStudiesMobilitySpec, Terms], bool],
        Callable[[Sequence[StudentStudiesMobilitySpec], Terms], str],
    ],
    ...,
] = (
    ("receiving_academic_year_id", _fits_year, _years_in_words),
    ("agreement_isced_f_code", _fits_field, _fields_in_words),
    ("eqf_level_studied_at_departure", _fits_level, _levels_in_words),
    ("activity_attributes", _fits_kind, _kinds_in_words),
)
"""Each thing that has to fit: the field of the nomination, whether a condition fits it, what to say if none does."""


def _listed(words: Iterable[str]) -> str:
    """ "a, b and c", each once, in the order of their first."""
    *head, last = dict.fromkeys(words)
    return f"{', '.join(head)} and {last}" if head else last


def _are_in_words(number: int) -> str:
    return f"{number} {'is' if number == 1 else 'are'}"


def _places_in_words(number: int) -> str:
    return "1 place" if number == 1 else f"{number} places"
