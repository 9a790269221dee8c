"""A learning agreement to serve: 30 components in its first version, proposed to a partner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ewpgw.apis.running import notifications
from ewpgw.intake import intake
from ewpgw.model.learning_agreement_examples import semester
from ewpgw.preparing import Incoming

if TYPE_CHECKING:
    from ewpgw.store.engine import Store

COMPONENTS = 30
OMOBILITY_ID = "2026-301"


def _document(hei_id: str, partner: str) -> dict[str, Any]:
    """Half of the components are studied abroad, the other half recognized at home."""
    document: dict[str, Any] = dict(semester(hei_id, partner))
    proposal = document["changes_proposal"]
    for table in ("components_studied", "components_recognized"):
        pattern = proposal[table][0]
        proposal[table] = [
            {**pattern, "los_code": f"C-{number}", "title": f"{pattern['title']}, part {number}"}
            for number in range(COMPONENTS // 2)
        ]
    return {**document, "omobility_id": OMOBILITY_ID}


async def fill(store: Store, hei_id: str, partner: str) -> None:
    """Puts the agreement as a university's system would."""
    records = intake(store, notifications(), lambda: datetime.now(UTC), lambda: None).records
    incoming = Incoming(OMOBILITY_ID, _document(hei_id, partner))
    outcome = await records.put(hei_id, "omobility-las", incoming, source="sis")
    assert outcome.result == "created", outcome.problems
