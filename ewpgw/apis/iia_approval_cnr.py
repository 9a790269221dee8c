"""Interinstitutional Agreement Approval CNR API 2: a partner says that it approved a copy of ours
(ewp-specs-api-iia-approval-cnr, stable-v2)."""

from __future__ import annotations

from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.notified import asks_for
from ewpgw.apis.values import identifier

_RESPONSE = f"{EWP}ewp-specs-api-iia-approval-cnr/tree/stable-v2"
_notified = asks_for("iias-approval", parameter="iia_id", namespace=_RESPONSE, root="iia-approval-cnr-response")

IIA_APPROVAL_CNR = Api(
    name="iia-approval-cnr",
    version="2.0.0",
    repository="ewp-specs-api-iia-approval-cnr",
    entry=("url",),
    endpoints=(
        Endpoint("", ("POST",), _notified, (Parameter("iia_id", identifier, required=True),), changes_state=True),
    ),
    about="iias",
    identifier="iia_id",
)
