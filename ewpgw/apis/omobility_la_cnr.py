"""Outgoing Mobility Learning Agreement CNR API 1: a partner says that learning agreements of its students changed.

It also has the statistics of the agreements of students who come in. Sources: ewp-specs-api-omobility-la-cnr,
stable-v1.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.notified import asks_for
from ewpgw.apis.values import identifier
from ewpgw.model import learning_agreement_stats
from ewpgw.store import learning_agreements

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_notified = asks_for(
    "omobility-las",
    parameter="omobility_id",
    namespace=f"{EWP}ewp-specs-api-omobility-la-cnr/tree/stable-v1",
    root="omobility-la-cnr-response",
    owner="sending_hei_id",
)


async def stats(call: Call) -> bytes:
    """How many agreements of students who come in there are, by receiving academic year.

    Any member of the network may ask; letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
    """
    counted = await learning_agreements.counted(call.store, call.hei_id, sent=False)
    facts = chain.from_iterable(repeat(fact, number) for fact, number in counted)
    return learning_agreement_stats.incoming_response(facts)


OMOBILITY_LA_CNR = Api(
    name="omobility-la-cnr",
    version="1.1.0",
    repository="ewp-specs-api-omobility-la-cnr",
    entry=("url", "stats-url", "max-omobility-ids"),
    endpoints=(
        Endpoint(
            "",
            ("POST",),
            _notified,
            (
                Parameter("sending_hei_id", required=True),
                Parameter("omobility_id", identifier, required=True, repeatable=True, limit="max-omobility-ids"),
            ),
            changes_state=True,
        ),
        Endpoint("stats", ("GET",), stats),
    ),
    notifies="omobility-las",
    identifier="omobility_id",
    owner="sending_hei_id",
)
