"""Which copies of partners may be of which agreement of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

from pydantic import Field, StringConstraints

from ewpgw.agreements import comparing
from ewpgw.sis.agreement_paths import ONE, TAG, AgreementPath, find
from ewpgw.sis.agreement_views import MappingProposalsView, MappingProposalView, UnmappedCopiesView, UnmappedCopyView
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath
from ewpgw.store import agreements

_MOST_UNMAPPED = 1000


class UnmappedQuery(Nothing):
    """Copies of all partners, or one."""

    partner: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")] | None = Field(
        default=None, description="Only copies of this partner."
    )


async def _propose_mapping(call: Call[AgreementPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    known = await find(store, path)
    if known.ours is None or known.ours.document is None:
        return Answer(body=MappingProposalsView(items=[], split=[]))
    copies = await comparing.candidates(store, path.hei_id, known.ours.document)
    found = await asyncio.to_thread(comparing.proposals, path.iia_id, known.ours.document, copies)
    return Answer(
        body=MappingProposalsView(
            items=[
                MappingProposalView(
                    iia_id=item.iia_id,
                    iia_code=item.iia_code,
                    iia_hash=item.iia_hash,
                    score=item.score,
                    reasons=list(item.reasons),
                )
                for item in found.items
            ],
            split=list(found.split),
        )
    )


async def _unmapped(call: Call[HeiPath, UnmappedQuery, None]) -> Answer:
    store, hei_id = call.services.store, call.path.hei_id
    pairs = await agreements.unmapped_copies(store, hei_id, call.query.partner, _MOST_UNMAPPED)
    copies = await agreements.their_records(store, hei_id, [iia_id for _, iia_id in pairs])
    return Answer(
        body=UnmappedCopiesView(
            items=[
                UnmappedCopyView(
                    partner=copy.partner,
                    iia_id=copy.id,
                    iia_code=json.loads(copy.document)["partner"][0].get("iia_code"),
                    our_id=copy.our_id,
                )
                for pair in pairs
                if (copy := copies.get(pair)) is not None
            ]
        )
    )


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "propose_mappings",
        "GET",
        ONE + "/mapping-proposals",
        _propose_mapping,
        tag=TAG,
        summary="Find the partner's copy of an agreement",
        description="Copies that name our agreement are mapped by themselves. For the others there is a score, with "
        "its reasons; a person confirms (POST …/mapping).",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "What may be its copy.", MappingProposalsView)],
    ),
    operation(
        "list_unmapped_copies",
        "GET",
        "/api/v1/heis/{hei_id}/unmapped-copies",
        _unmapped,
        tag=TAG,
        summary="See which copies of partners are of no agreement of ours",
        parameters=HeiPath,
        query=UnmappedQuery,
        body=NO_BODY,
        responses=[Response(200, "The copies.", UnmappedCopiesView)],
    ),
)
