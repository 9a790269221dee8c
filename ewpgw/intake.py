"""The one way in for records of ours, as every process of the gateway builds it: the daemon, and imports by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.agreements import completing
from ewpgw.agreements.deriving import Deriving as DerivingAgreements
from ewpgw.agreements.settling import Settling
from ewpgw.documents import schemas
from ewpgw.nominations.arrivals import DerivingArrivals
from ewpgw.nominations.deriving import Deriving as DerivingNominations
from ewpgw.nominations.writing import ARRIVALS, NOMINATIONS
from ewpgw.records import Records

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
) -> Intake:
    """The way in for records. The parameters are those of ``Records``."""
    settling = Settling(notifications.get(completing.ENTITY, ()))
    derivations: dict[str, Derivation[Any]] = {
        completing.ENTITY: DerivingAgreements(settling),
        NOMINATIONS: DerivingNominations(),
        ARRIVALS: DerivingArrivals(),
    }
    return Intake(Records(store, schemas.default(), notifications, now, on_work, derivations=derivations), settling)
