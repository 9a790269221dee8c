"""Incoming Mobility ToR CNR API 2 and 1: a partner says that it has issued, changed or taken back transcripts.

Sources: ewp-specs-api-imobility-tor-cnr, stable-v2 and stable-v1.
"""

from __future__ import annotations

from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.notified import asks_for
from ewpgw.apis.values import identifier

_RESPONSE = f"{EWP}ewp-specs-api-imobility-tor-cnr/tree/stable-v{{}}"
_ROOT = "imobility-tor-cnr-response"
_IDS = Parameter("omobility_id", identifier, required=True, repeatable=True, limit="max-omobility-ids")
_notified = asks_for("imobility-tors", parameter="omobility_id", namespace=_RESPONSE.format(2), root=_ROOT)
_notified_1 = asks_for(
    "imobility-tors", parameter="omobility_id", namespace=_RESPONSE.format(1), root=_ROOT, owner="receiving_hei_id"
)

IMOBILITY_TOR_CNR = Api(
    name="imobility-tor-cnr",
    version="2.0.0",
    repository="ewp-specs-api-imobility-tor-cnr",
    entry=("url", "max-omobility-ids"),
    endpoints=(Endpoint("", ("POST",), _notified, (_IDS,), changes_state=True),),
    notifies="imobility-tors",
    identifier="omobility_id",
)

IMOBILITY_TOR_CNR_1 = Api(
    name="imobility-tor-cnr",
    version="1.0.0",
    repository="ewp-specs-api-imobility-tor-cnr",
    entry=("url", "max-omobility-ids"),
    endpoints=(
        Endpoint("", ("POST",), _notified_1, (Parameter("receiving_hei_id", required=True), _IDS), changes_state=True),
    ),
    notifies="imobility-tors",
    identifier="omobility_id",
    owner="receiving_hei_id",
)
