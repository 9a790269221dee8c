"""Interinstitutional Agreements Approval API 2: which copies of the caller's agreements we approved, and in which
version (ewp-specs-api-iias-approval, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import Reply
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.store import approvals, snapshots
from ewpgw.store.approvals import ApprovalKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.apis.answers import Child
    from ewpgw.apis.call import Call
    from ewpgw.evidence import Note
    from ewpgw.store.approvals import GivenApproval

_RESPONSE = f"{EWP}ewp-specs-api-iias-approval/tree/stable-v2"


async def approved(call: Call) -> Reply:
    """The approvals of the asked-for agreements, as the caller numbers them; all others are left out."""
    ids = call.parameters.all("iia_id")
    given = await approvals.given_for(call.store, call.hei_id, call.callers, ids)
    body = document(_RESPONSE, "iias-approval-response", [("approval", _approval(each)) for each in given])
    unheard = [each for each in given if not each.heard]
    return Reply(body, note=_published(call.hei_id, unheard) if unheard else None)


def _published(hei_id: str, given: Sequence[GivenApproval]) -> Note:
    """The answer proves that we approved: signed, and with the caller's signed request for it."""

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        for each in sorted(given, key=lambda each: (each.partner, each.iia_id)):
            key = ApprovalKey(hei_id, True, each.partner, each.iia_id)
            await approvals.note_published(tx, key, each.iia_hash, exchange_id)
            await snapshots.note_published(tx, hei_id, each.partner, each.iia_id, each.iia_hash, exchange_id)

    return note


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
