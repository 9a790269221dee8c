"""Outgoing Mobility CNR API 2 and 1: a partner says that nominations of its students changed.

Sources: ewp-specs-api-omobility-cnr, stable-v2 and stable-v1.
"""

from __future__ import annotations

from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.notified import asks_for
from ewpgw.apis.values import identifier

_RESPONSE = f"{EWP}ewp-specs-api-omobility-cnr/tree/stable-v{{}}"
_ROOT = "omobility-cnr-response"
_IDS = Parameter("omobility_id", identifier, required=True, repeatable=True, limit="max-omobility-ids")
_notified = asks_for("omobilities", parameter="omobility_id", namespace=_RESPONSE.format(2), root=_ROOT)
_notified_1 = asks_for(
    "omobilities", parameter="omobility_id", namespace=_RESPONSE.format(1), root=_ROOT, owner="sending_hei_id"
)

OMOBILITY_CNR = Api(
    name="omobility-cnr",
    version="2.0.0",
    repository="ewp-specs-api-omobility-cnr",
    entry=("url", "max-omobility-ids"),
    endpoints=(Endpoint("", ("POST",), _notified, (_IDS,), changes_state=True),),
    notifies="omobilities",
    identifier="omobility_id",
)

OMOBILITY_CNR_1 = Api(
    name="omobility-cnr",
    version="1.0.0",
    repository="ewp-specs-api-omobility-cnr",
    entry=("url", "max-omobility-ids"),
    endpoints=(
        Endpoint("", ("POST",), _notified_1, (Parameter("sending_hei_id", required=True), _IDS), changes_state=True),
    ),
    notifies="omobilities",
    identifier="omobility_id",
    owner="sending_hei_id",
)
