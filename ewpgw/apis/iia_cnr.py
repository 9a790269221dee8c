"""Interinstitutional Agreement CNR API 3: a partner says that its copy changed (ewp-specs-api-iia-cnr, stable-v3)."""

from __future__ import annotations

from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.notified import asks_for
from ewpgw.apis.values import identifier

_RESPONSE = f"{EWP}ewp-specs-api-iia-cnr/tree/stable-v3"
_notified = asks_for("iias", parameter="iia_id", namespace=_RESPONSE, root="iia-cnr-response")

IIA_CNR = Api(
    name="iia-cnr",
    version="3.0.0",
    repository="ewp-specs-api-iia-cnr",
    entry=("url",),
    endpoints=(
        Endpoint("", ("POST",), _notified, (Parameter("iia_id", identifier, required=True),), changes_state=True),
    ),
    notifies="iias",
    identifier="iia_id",
)
