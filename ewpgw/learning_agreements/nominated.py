"""Learning agreements held against the nominations for the same stays: both have the same identifier.

Source: ewp-specs-api-omobility-las 1, README, "Outgoing Mobility Learning Agreements API vs. Outgoing Mobilities API".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model import esi
from ewpgw.model.omobility import Omobility
from ewpgw.model.rules import refusal, warning
from ewpgw.store import nominations

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.problems import Problem
    from ewpgw.store.engine import Readable

_README = "ewp-specs-api-omobility-las 1, README, Outgoing Mobility Learning Agreements API vs. Outgoing Mobilities API"


@dataclass(frozen=True, slots=True)
class Nominated:
    """A nomination of ours: to whom, and whom."""

    receiving_hei_id: str
    global_id: str

    def problems(self, record: LearningAgreement) -> Iterator[Problem]:
        """What of an agreement does not fit the nomination of the same identifier.

        Another institution is another stay, which needs another identifier. A student is corrected now and then, and
        not everywhere at once.
        """
        receiving = record.receiving_hei.hei_id
        if receiving != self.receiving_hei_id:
            said = (
                f"is {receiving}, but the nomination of the same identifier is to {self.receiving_hei_id}; "
                "give the agreement the identifier of its own nomination"
            )
            yield refusal("receiving_hei.hei_id", said, _README)
        given = record.student.global_id
        if given is not None and esi.comparable(given) != esi.comparable(self.global_id):
            said = "is another one than in the nomination of the same identifier; is it the same student?"
            yield warning("student.global_id", said, _README)


async def nominated(source: Readable, hei_id: str, ids: Collection[str]) -> Mapping[str, Nominated]:
    """The nominations of ours with these identifiers, as far as there are any that are not deleted."""
    found = {}
    for item, document in (await nominations.documents(source, hei_id, ids)).items():
        record = Omobility.model_validate_json(document)
        found[item] = Nominated(record.nomination.receiving_hei.hei_id, record.student.global_id)
    return found
