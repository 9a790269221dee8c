"""Where two copies of an agreement differ, in words a coordinator understands.

The copies are either side's, or one side's of two moments. Partners are compared whichever comes first, conditions by
what they say (``iia_pairing``). A difference *prevents approval* where the partners have to agree on it first: both
copies must be of one agreement, with the same conditions (ewp-specs-api-iias 7, README, "Important rules"), and each
must name the other (ewp-specs-api-iias-approval 2, README). Contacts, signatures, numbers for people and PDF files are
each side's own. Why two hashes differ, which is another question, ``iia_hash_parting`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from ewpgw.model.iia_hash_parting import HashParting, hash_texts_part
from ewpgw.model.iia_pairing import Match, matches
from ewpgw.model.iia_terms import INDEX, TERMS, Placed, contacts, kind_title, left_overs, placed
from ewpgw.model.problems import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.contact import Contact
    from ewpgw.model.iia import Iia, Partner

__all__ = ["ComparedConditions", "Difference", "HashParting", "IiaDiff", "differences", "hash_texts_part"]

Outcome = Literal["same", "different", "only in a", "only in b", "split in b", "split in a"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two copies do not say alike.

    ``path_a`` and ``path_b`` are where, as JSON paths in either copy; None where that copy has no such place, several
    joined by ", " where several conditions stand for one. ``field`` is the record's name for it, ``about`` the same in
    words, ``a`` and ``b`` what the copies say, None for nothing. ``words`` is the whole of it as a sentence.
    """

    path_a: str | None
    path_b: str | None
    field: str
    a: str | None
    b: str | None
    prevents_approval: bool
    about: str
    words: str


@dataclass(frozen=True, slots=True)
class ComparedConditions:
    """Conditions that belong together: ``title`` says which in words, the paths where they stand in either copy."""

    title: str
    outcome: Outcome
    paths_a: tuple[str, ...]
    paths_b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IiaDiff:
    """The result of a comparison.

    ``a`` and ``b`` name the copies, as the sentences do. ``conditions`` has every condition of both copies once, the
    equal ones included. ``notes`` say what follows from several differences together.
    """

    a: str
    b: str
    differences: tuple[Difference, ...]
    conditions: tuple[ComparedConditions, ...]
    notes: tuple[str, ...]

    @property
    def prevents_approval(self) -> bool:
        """Whether a difference keeps the two copies from being approved as they are."""
        return any(difference.prevents_approval for difference in self.differences)


def differences(a: Iia, b: Iia, *, names: tuple[str, str] | None = None) -> IiaDiff:
    """Compare two copies of an agreement; ``names`` are what the sentences call them, by their owners unless given."""
    copies = _Copies(*(names or _names(a, b)))
    found = [*_partners(a, b, copies), *_whole(a, b, copies)]
    pairs = matches(list(placed(a)), list(placed(b)))
    compared: list[ComparedConditions] = []
    for match in pairs:
        new = list(_match(match, copies))
        found += new
        compared.append(
            ComparedConditions(
                title=_title((match.a or match.b)[0]),
                outcome=_outcome(match, any(difference.prevents_approval for difference in new)),
                paths_a=tuple(one.path for one in match.a),
                paths_b=tuple(one.path for one in match.b),
            )
        )
    return IiaDiff(copies.a, copies.b, tuple(found), tuple(compared), tuple(_notes(a, b, pairs, copies)))


def _names(a: Iia, b: Iia) -> tuple[str, str]:
    """What to call the copies: by their owners, unless one institution owns both."""
    owners = a.partner[0].hei_id, b.partner[0].hei_id
    return owners if owners[0] != owners[1] else ("the first copy", "the second copy")


@dataclass(frozen=True, slots=True)
class _Copies:
    """The names of the two copies, and sentences with them."""

    a: str
    b: str

    def unlike(self, where: _Where, field: str, about: str, say: _Say, prevents: bool = True) -> Difference:
        words = f"{about}: {self.a} says {say[0] or 'nothing'}, {self.b} says {say[1] or 'nothing'}"
        return Difference(*where, field, *say, prevents, about, words)

    def missing(self, path: str, field: str, about: str, says: str, in_a: bool) -> Difference:
        """Something that one of the copies, the first if ``in_a``, has alone."""
        there, not_there = (self.a, self.b) if in_a else (self.b, self.a)
        words = f"{about}: {there} has {says}, {not_there} does not"
        where: _Where = (path, None) if in_a else (None, path)
        say: _Say = (says, None) if in_a else (None, says)
        return Difference(*where, field, *say, True, about, words)


_Where = tuple[str | None, str | None]
_Say = tuple[str | None, str | None]


def _partners(a: Iia, b: Iia, copies: _Copies) -> Iterator[Difference]:
    sides = [{each.hei_id: (f"partner.{at}", each) for at, each in enumerate(copy.partner)} for copy in (a, b)]
    for hei_id in dict.fromkeys((*sides[0], *sides[1])):
        one, other = (side.get(hei_id) for side in sides)
        if one is not None and other is not None:
            yield from _partner(hei_id, one, other, copies)
        elif one is not None:
            yield copies.missing(one[0], "partner", "Partner", hei_id, True)
        elif other is not None:
            yield copies.missing(other[0], "partner", "Partner", hei_id, False)


def _partner(
    hei_id: str, one: tuple[str, Partner], other: tuple[str, Partner], copies: _Copies
) -> Iterator[Difference]:
    (path_a, a), (path_b, b) = one, other

    def unlike(field: str, title: str, say: _Say, prevents: bool) -> Difference:
        return copies.unlike(
            (dotted(path_a, field), dotted(path_b, field)), field, f"{title} of {hei_id}", say, prevents
        )

    if a.iia_id != b.iia_id:
        yield unlike("iia_id", "Identifier of the agreement", (a.iia_id, b.iia_id), True)
    if a.ounit_id != b.ounit_id:
        yield unlike("ounit_id", "Unit", (a.ounit_id, b.ounit_id), None not in (a.ounit_id, b.ounit_id))
    if a.iia_code and b.iia_code and a.iia_code != b.iia_code:
        yield unlike("iia_code", "Agreement number", (a.iia_code, b.iia_code), False)
    if a.signing_date and b.signing_date and a.signing_date != b.signing_date:
        yield unlike("signing_date", "Date of signature", (a.signing_date, b.signing_date), False)
    signers = [[each.signing_contact] if each.signing_contact else [] for each in (a, b)]
    listed = (("signing_contact", "Signer", signers[0], signers[1]), ("contact", "Contacts", a.contact, b.contact))
    for field, title, ours, theirs in listed:
        if ours and theirs and contacts(ours) != contacts(theirs):
            yield unlike(field, title, (_contact_names(ours), _contact_names(theirs)), False)


def _whole(a: Iia, b: Iia, copies: _Copies) -> Iterator[Difference]:
    """What is said of the agreement as a whole."""
    if a.in_effect != b.in_effect:
        field = "in_effect"
        yield copies.unlike((field, field), field, "In effect", (_yes(a.in_effect), _yes(b.in_effect)), False)
    ended = [bool(copy.cooperation_conditions.terminated_as_a_whole) for copy in (a, b)]
    if ended[0] != ended[1]:
        field = "terminated_as_a_whole"
        path = dotted("cooperation_conditions", field)
        yield copies.unlike((path, path), field, "Terminated as a whole", (_yes(ended[0]), _yes(ended[1])))


def _match(match: Match, copies: _Copies) -> Iterator[Difference]:
    if len(match.a) == len(match.b) == 1:
        yield from _pair(match.a[0], match.b[0], copies)
    elif match.a and match.b:
        yield from _split(match, copies)
    else:
        one = (match.a or match.b)[0]
        yield copies.missing(one.path, "condition", _title(one), f"a condition ({_summary(one)})", bool(match.a))


def _pair(a: Placed, b: Placed, copies: _Copies) -> Iterator[Difference]:
    def unlike(field: str, title: str, say: _Say, prevents: bool = True) -> Difference:
        where = dotted(a.path, field), dotted(b.path, field)
        return copies.unlike(where, field, f"{_title(a)}: {title}", say, prevents)

    if a.kind != b.kind:
        say = kind_title(a.kind), kind_title(b.kind)
        yield copies.unlike((a.path, b.path), "kind", f"{_title(a)}: Kind", say)
    for term, value_a, value_b in zip(TERMS, a.values, b.values, strict=True):
        if value_a != value_b and all(term.field in type(one.condition).model_fields for one in (a, b)):
            yield unlike(term.field, term.title, (term.shown(a.condition), term.shown(b.condition)))
    for field, title in (("sending_contact", "Sending contacts"), ("receiving_contact", "Receiving contacts")):
        ours, theirs = getattr(a.condition, field), getattr(b.condition, field)
        if ours and theirs and contacts(ours) != contacts(theirs):
            yield unlike(field, title, (_contact_names(ours), _contact_names(theirs)), False)


def _split(match: Match, copies: _Copies) -> Iterator[Difference]:
    """One condition against several: that they are several, and the numbers that do not add up."""
    whole_first = len(match.a) == 1
    whole, parts = (match.a[0], match.b) if whole_first else (match.b[0], match.a)
    say: _Say = ("one condition", f"{len(parts)} conditions: {'; '.join(map(_summary, parts))}")
    yield copies.unlike(_joined(match), "condition", f"{_title(whole)}: Split", say if whole_first else say[::-1])
    for index, (term, value) in enumerate(zip(TERMS, whole.values, strict=True)):
        if term.field in _ADDED and not _adds_up(value, [part.values[index] for part in parts]):
            together = " + ".join(term.shown(part.condition) or "nothing" for part in parts)
            say = (term.shown(whole.condition), together)
            about = f"{_title(whole)}: {term.title}"
            yield copies.unlike(_joined(match, term.field), term.field, about, say if whole_first else say[::-1])


def _joined(match: Match, *field: str) -> _Where:
    where_a, where_b = (", ".join(dotted(one.path, *field) for one in side) for side in (match.a, match.b))
    return where_a, where_b


_ADDED = ("mobilities_per_year", "total_months_per_year", "total_days_per_year")


def _adds_up(whole: object, shares: Sequence[object]) -> bool:
    """Whether the parts have the number of the whole, each of them or together."""
    numbers = [share for share in shares if isinstance(share, Decimal)]
    return all(share == whole for share in shares) or (len(numbers) == len(shares) and sum(numbers) == whole)


def _notes(a: Iia, b: Iia, pairs: Sequence[Match], copies: _Copies) -> Iterator[str]:
    """What marks of version 6 and the number of conditions tell."""
    for name, copy in ((copies.a, a), (copies.b, b)):
        marked = list(left_overs(copy))
        if marked:
            yield (
                f"{name} has values that are not yet defined or still of version 6, {', '.join(marked[:_MARKS_SHOWN])}"
                f"{', …' if len(marked) > _MARKS_SHOWN else ''}: this copy cannot be approved anew before they are gone"
            )
    counts = [sum(len(kind) for kind in copy.cooperation_conditions.kinds().values()) for copy in (a, b)]
    if counts[0] == counts[1]:
        return
    yield (
        f"{copies.a} has {counts[0]} condition{'' if counts[0] == 1 else 's'}, {copies.b} has {counts[1]}: both copies "
        "of an agreement must have the same number"
    )
    alone = [sum(not match.b for match in pairs), sum(not match.a for match in pairs)]
    two_sides = a.partner[0].hei_id != b.partner[0].hei_id
    if two_sides and any(match.a and match.b for match in pairs) and (alone[0] > 0) != (alone[1] > 0):
        fewer, more = (copies.b, copies.a) if alone[0] else (copies.a, copies.b)
        yield (
            f"Every condition of {fewer} has its like at {more}. If {fewer} keeps the rest in agreements of its own, "
            "one agreement was split into several: they have to become one again"
        )


def _outcome(match: Match, differ: bool) -> Outcome:
    if not match.b:
        return "only in a"
    if not match.a:
        return "only in b"
    if len(match.b) > 1:
        return "split in b"
    if len(match.a) > 1:
        return "split in a"
    return "different" if differ else "same"


def _title(one: Placed) -> str:
    """Which condition this is: its kind, its direction, and the first fields of education."""
    return f"{kind_title(one.kind)}, {one.condition.sending_hei_id} → {one.condition.receiving_hei_id}{_codes(one)}"


_CODES_SHOWN = 3
_MARKS_SHOWN = 3


def _summary(one: Placed) -> str:
    """People, years and fields: "people a year: 3, 2026/2027 to 2028/2029 (0314)"."""
    condition, codes = one.condition, _codes(one)
    years = dict.fromkeys((condition.receiving_first_academic_year_id, condition.receiving_last_academic_year_id))
    people = TERMS[INDEX["mobilities_per_year"]].shown(condition)
    return f"people a year: {people}, {' to '.join(years)}{codes}"


def _codes(one: Placed) -> str:
    codes = list(dict.fromkeys(area.isced_f_code.value for area in one.condition.subject_area))
    return f" ({', '.join(codes[:_CODES_SHOWN])}{', …' if len(codes) > _CODES_SHOWN else ''})" if codes else ""


def _contact_names(listed: Sequence[Contact]) -> str:
    return ", ".join(" / ".join(dict.fromkeys(name.value for name in contact.contact_name)) for contact in listed)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
