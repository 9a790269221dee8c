"""Whether two copies of an agreement say the same, as far as people are concerned.

Position and notation do not matter here: conditions are compared as a multiset, their terms as ``iia_terms`` says. Not
compared is what each side has of its own: numbers and signatures of the agreement, contacts, the PDF. This is not the
hash. What makes the difference, where there is one, is for ``iia_diff`` to say.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ewpgw.model.iia_terms import placed

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ewpgw.model.iia import Iia, Partner


def same_content(a: Iia, b: Iia) -> bool:
    """Whether both copies are of the same institutions and agree on all cooperation conditions.

    Identifiers of the agreement contradict each other only where both copies give one for the same institution.
    """
    return (
        _same_partners(a.partner, b.partner)
        and bool(a.cooperation_conditions.terminated_as_a_whole) == bool(b.cooperation_conditions.terminated_as_a_whole)
        and conditions(a) == conditions(b)
    )


def contradict(a: str | None, b: str | None) -> bool:
    """Whether both copies give a value, and not the same."""
    return a is not None and b is not None and a != b


def conditions(copy: Iia) -> Counter[Hashable]:
    """How often the copy has each condition, kind and terms together."""
    return Counter((each.kind, each.values) for each in placed(copy))


def _same_partners(a: Iterable[Partner], b: Iterable[Partner]) -> bool:
    mine, theirs = ({partner.hei_id: partner for partner in copy} for copy in (a, b))
    return mine.keys() == theirs.keys() and not any(
        contradict(partner.iia_id, theirs[hei_id].iia_id) or contradict(partner.ounit_id, theirs[hei_id].ounit_id)
        for hei_id, partner in mine.items()
    )
