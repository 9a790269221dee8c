"""A nomination held against the agreement it names: what a coordinator should know before deciding.

Nothing here keeps anybody from approving. Partners agree by telephone that one more student may come, and the comment
of a nomination is there to say so; what does not fit is told in words, and a person decides.

Sources: ewp-specs-api-omobilities 3, get-response.xsd (iia-id, agreement-isced-f-code, eqf-level-studied-at-departure);
ewp-specs-api-iias 7, get-response.xsd (student-studies-mobility-spec).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.omobility import Status
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ewpgw.model.iia import Iia, StudentStudiesMobilitySpec, SubjectArea
    from ewpgw.model.omobility import KnownNomination, KnownOmobility
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobilities 3, get-response.xsd"
_IIAS = "ewp-specs-api-iias 7, get-response.xsd"
_PATH = "nomination"


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
    record: KnownOmobility, iia: Iia | None, others: Iterable[KnownOmobility] = ()
) -> Iterator[Problem]:
    """Warnings about a nomination and the agreement it names.

    - ``iia``: either side's copy of the agreement, None where no such agreement is known
    - ``others``: the other nominations under it; those that are cancelled or rejected take no place
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
    there = [one for one in iia.cooperation_conditions.student_studies_mobility_spec if _direction(one, nomination)]
    if not there and {nomination.sending_hei.hei_id, nomination.receiving_hei.hei_id} == _heis(iia):
        said = (
            f"is {nomination.receiving_hei.hei_id}, but the agreement has no condition for students who go from "
            f"{nomination.sending_hei.hei_id} there to study"
        )
        yield warning(f"{_PATH}.receiving_hei.hei_id", said, f"{_IIAS}, student-studies-mobility-spec")
    if not there:
        return
    yield from _conditions(nomination, there)
    room = _places(record, there, others)
    if room is not None and room.left < 1:
        said = (
            f"is not covered: the agreement gives {_places_in_words(room.agreed)} for such nominations in "
            f"{nomination.receiving_academic_year_id}, and {_are_in_words(room.taken)} taken without this one"
        )
        yield warning(_PATH, said, f"{_IIAS}, mobilities-per-year")


def places(record: KnownOmobility, iia: Iia, others: Iterable[KnownOmobility]) -> Places | None:
    """The places for nominations like this one in its year; None where no condition of the agreement covers it."""
    nomination = record.nomination
    there = [one for one in iia.cooperation_conditions.student_studies_mobility_spec if _direction(one, nomination)]
    return _places(record, there, others)


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


def _conditions(nomination: KnownNomination, there: Sequence[StudentStudiesMobilitySpec]) -> Iterator[Problem]:
    """What of the nomination fits no condition; where all fits some, whether one of them fits it all."""
    fitting = list(there)
    missed = False
    for field, fits, words in _ASPECTS:
        if not any(fits(one, nomination) for one in there):
            missed = True
            yield warning(f"{_PATH}.{field}", words(there, nomination), f"{_IIAS}, student-studies-mobility-spec")
        fitting = [one for one in fitting if fits(one, nomination)]
    if not missed and not fitting:
        said = "fits no single condition of the agreement: year, field and level of study are agreed, but not together"
        yield warning(_PATH, said, f"{_IIAS}, student-studies-mobility-spec")


def _covering(
    nomination: KnownNomination, there: Iterable[StudentStudiesMobilitySpec]
) -> list[StudentStudiesMobilitySpec]:
    return [
        one
        for one in there
        if _direction(one, nomination) and all(fits(one, nomination) for _field, fits, _words in _ASPECTS)
    ]


def _places(
    record: KnownOmobility, there: Sequence[StudentStudiesMobilitySpec], others: Iterable[KnownOmobility]
) -> Places | None:
    covering = _covering(record.nomination, there)
    if not covering:
        return None
    key = _key(record)
    taken = {
        _key(other)
        for other in others
        if other.standing in (Status.PENDING, Status.APPROVED)
        and other.nomination.receiving_academic_year_id == record.nomination.receiving_academic_year_id
        and _covering(other.nomination, covering)
    }
    return Places(sum(int(one.mobilities_per_year.value) for one in covering), len(taken - {key}))


def _key(record: KnownOmobility) -> tuple[str, str]:
    return record.nomination.sending_hei.hei_id, record.omobility_id


def _direction(condition: StudentStudiesMobilitySpec, nomination: KnownNomination) -> bool:
    here = condition.sending_hei_id, condition.receiving_hei_id
    return here == (nomination.sending_hei.hei_id, nomination.receiving_hei.hei_id)


def _fits_year(condition: StudentStudiesMobilitySpec, nomination: KnownNomination) -> bool:
    try:
        year, first, last = (
            AcademicYear.read(text)
            for text in (
                nomination.receiving_academic_year_id,
                condition.receiving_first_academic_year_id,
                condition.receiving_last_academic_year_id,
            )
        )
    except ValueError:
        return False
    return year.southern == first.southern and first.first <= year.first <= last.first


def _years_in_words(there: Sequence[StudentStudiesMobilitySpec], nomination: KnownNomination) -> str:
    agreed = _listed(
        f"{one.receiving_first_academic_year_id} to {one.receiving_last_academic_year_id}" for one in there
    )
    return f"is {nomination.receiving_academic_year_id}, but the agreement is for {agreed}"


def _fits_field(condition: StudentStudiesMobilitySpec, nomination: KnownNomination) -> bool:
    code = nomination.agreement_isced_f_code
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


def _fields_in_words(there: Sequence[StudentStudiesMobilitySpec], nomination: KnownNomination) -> str:
    agreed = _listed(area.isced_f_code.value for one in there for area in one.subject_area)
    return f"is {nomination.agreement_isced_f_code}, but the agreement is about {agreed}"


def _fits_level(condition: StudentStudiesMobilitySpec, nomination: KnownNomination) -> bool:
    level = nomination.eqf_level_studied_at_departure
    return level is None or not condition.eqf_level or int(level) in map(int, condition.eqf_level)


def _levels_in_words(there: Sequence[StudentStudiesMobilitySpec], nomination: KnownNomination) -> str:
    agreed = _listed(str(level) for level in sorted({int(level) for one in there for level in one.eqf_level}))
    return f"is {int(nomination.eqf_level_studied_at_departure or 0)}, but the agreement is for EQF level {agreed}"


def _fits_kind(condition: StudentStudiesMobilitySpec, nomination: KnownNomination) -> bool:
    return condition.blended or nomination.activity_attributes != "short-term-blended"


def _kinds_in_words(_there: Sequence[StudentStudiesMobilitySpec], nomination: KnownNomination) -> str:
    return f"is {nomination.activity_attributes}, but the agreement has no blended mobility for such students"


_ASPECTS: tuple[
    tuple[
        str,
        Callable[[StudentStudiesMobilitySpec, KnownNomination], bool],
        Callable[[Sequence[StudentStudiesMobilitySpec], KnownNomination], str],
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
