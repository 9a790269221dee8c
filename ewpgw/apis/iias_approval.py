"""Interinstitutional Agreements Approval API 2: which copies of the caller's agreements we approved, and in which
version (ewp-specs-api-iias-approval, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.store import approvals

if TYPE_CHECKING:
    from ewpgw.apis.answers import Child
    from ewpgw.apis.call import Call
    from ewpgw.store.approvals import GivenApproval

_RESPONSE = f"{EWP}ewp-specs-api-iias-approval/tree/stable-v2"


async def approved(call: Call) -> bytes:
    """The approvals of the asked-for agreements, as the caller numbers them; all others are left out."""
    ids = call.parameters.all("iia_id")
    given = await approvals.given_for(call.store, call.hei_id, call.callers, ids)
    return document(_RESPONSE, "iias-approval-response", [("approval", _approval(each)) for each in given])


def _approval(given: GivenApproval) -> list[Child]:
    children: list[Child] = [("iia-id", given.iia_id), ("iia-hash", given.iia_hash)]
    if given.pdf_file is not None:
        children.append(("pdf-file", given.pdf_file))
    return children


IIAS_APPROVAL = Api(
    name="iias-approval",
    version="2.0.0",
    repository="ewp-specs-api-iias-approval",
    entry=("url", "max-iia-ids"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            approved,
            (Parameter("iia_id", required=True, repeatable=True, limit="max-iia-ids"),),
        ),
    ),
    about="iias",
    identifier="iia_id",
    pulled=True,
)
