"""Interinstitutional Agreement Approval CNR API 2: a partner says that it approved a copy of ours
(ewp-specs-api-iia-approval-cnr, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import identifier
from ewpgw.store import work

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_RESPONSE = f"{EWP}ewp-specs-api-iia-approval-cnr/tree/stable-v2"


async def notified(call: Call) -> bytes:
    """Writes down that the caller has to be asked whether it approves our copy of this id.

    Whether there is such an agreement is the work loop's question (ewp-specs-architecture, What constitutes a bad CNR
    request).
    """
    iia_id = call.parameters.text("iia_id")
    for caller in sorted(call.callers):
        key = work.WorkKey(work.WorkKind.REFRESH, call.hei_id, caller, "iias-approval", iia_id)
        await work.want(call.writing(), key, call.now)
    return document(_RESPONSE, "iia-approval-cnr-response")


IIA_APPROVAL_CNR = Api(
    name="iia-approval-cnr",
    version="2.0.0",
    repository="ewp-specs-api-iia-approval-cnr",
    entry=("url",),
    endpoints=(
        Endpoint("", ("POST",), notified, (Parameter("iia_id", identifier, required=True),), changes_state=True),
    ),
    about="iias",
    identifier="iia_id",
)
