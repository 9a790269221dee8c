"""Interinstitutional Agreement CNR API 3: a partner says that its copy changed (ewp-specs-api-iia-cnr, stable-v3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import identifier
from ewpgw.store import work

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_RESPONSE = f"{EWP}ewp-specs-api-iia-cnr/tree/stable-v3"


async def notified(call: Call) -> bytes:
    """Writes down that the caller's copy of this id must be fetched; fetching is the work loop's.

    A second notification of the same id joins the first. Whether the id exists at the caller is not asked here
    (ewp-specs-architecture, What constitutes a bad CNR request).
    """
    iia_id = call.parameters.text("iia_id")
    for caller in sorted(call.callers):
        key = work.WorkKey(kind=work.WorkKind.REFRESH, hei_id=call.hei_id, partner=caller, api="iias", item=iia_id)
        await work.want(call.writing(), key, call.now)
    return document(_RESPONSE, "iia-cnr-response")


IIA_CNR = Api(
    name="iia-cnr",
    version="3.0.0",
    repository="ewp-specs-api-iia-cnr",
    entry=("url",),
    endpoints=(
        Endpoint("", ("POST",), notified, (Parameter("iia_id", identifier, required=True),), changes_state=True),
    ),
    notifies="iias",
    identifier="iia_id",
)
