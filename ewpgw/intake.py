"""The one way in for records of ours, as every process of the gateway builds it: the daemon, and imports by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.agreements import completing
from ewpgw.agreements.deriving import Deriving as DerivingAgreements
from ewpgw.agreements.settling import Settling
from ewpgw.documents import schemas
from ewpgw.learning_agreements.deriving import Deriving as DerivingLearningAgreements
from ewpgw.learning_agreements.writing import ENTITY as LEARNING_AGREEMENTS
from ewpgw.nominations.arrivals import DerivingArrivals
from ewpgw.nominations.calendars import Calendars
from ewpgw.nominations.deriving import Deriving as DerivingNominations
from ewpgw.nominations.writing import ARRIVALS, NOMINATIONS
from ewpgw.records import Records
from ewpgw.transcripts.configured import Configuration
from ewpgw.transcripts.deriving import ENTITY as TRANSCRIPTS
from ewpgw.transcripts.deriving import Deriving as DerivingTranscripts
from ewpgw.transcripts.knowing import Knowing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ewpgw.records import Derivation
    from ewpgw.store.engine import Store


@dataclass(frozen=True, slots=True)
class Intake:
    """Accepts records of ours, and completes them; ``settling`` keeps where agreements stand."""

    records: Records
    settling: Settling


def intake(
    store: Store,
    notifications: Mapping[str, tuple[str, ...]],
    now: Callable[[], datetime],
    on_work: Callable[[], None],
    calendars: Calendars = Calendars(),  # noqa: B008  (it is immutable)
    configuration: Configuration | None = None,
) -> Intake:
    """The way in for records.

    The parameters are those of ``Records``, how institutions count their years, and what they have configured for
    transcripts.
    """
    settling = Settling(notifications.get(completing.ENTITY, ()))
    derivations: dict[str, Derivation[Any]] = {
        completing.ENTITY: DerivingAgreements(settling),
        NOMINATIONS: DerivingNominations(),
        ARRIVALS: DerivingArrivals(),
        LEARNING_AGREEMENTS: DerivingLearningAgreements(),
        TRANSCRIPTS: DerivingTranscripts(),
    }
    fills = {NOMINATIONS: calendars.filled}
    knows = Knowing(store, configuration or Configuration())
    records = Records(
        store, schemas.default(), notifications, now, on_work, derivations=derivations, fills=fills, knows=knows
    )
    return Intake(records, settling)
