"""Whether partners approve our agreements: asked for one after its notification, and for all of them in pulls."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.network.failures import UnusableAnswer
from ewpgw.network.worker import LeaseLost
from ewpgw.store import approved, records, work
from ewpgw.store.approved import ApprovedVersion
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from ewpgw.agreements.arrivals import Arrivals
    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import Answer, PartnerClient
    from ewpgw.store.engine import Store
    from ewpgw.store.records import Record
    from ewpgw.store.work import Claim

_LARGEST_ANSWER = 2**20
_AGREEMENTS = "iias"
_LIMIT = "max-iia-ids"
_MOST_IDS = 500


class _Questions:
    """Calls of partners' IIAs Approval API, and what their answers say."""

    def __init__(self, client: PartnerClient, api: Api, schemas: Schemas) -> None:
        self._client = client
        self.api = api
        self._schemas = schemas

    async def ask(self, claim: Claim, our_ids: Sequence[str]) -> tuple[Answer, Mapping[str, ApprovedVersion]]:
        """The partner's answer about agreements of ours, and what it approves, by our ids. Raises CallFailed."""
        key, api = claim.key, self.api
        assert api.identifier is not None, "the parameter that carries the ids"
        parameters = [(api.identifier, our_id) for our_id in our_ids]
        answer = await self._client.call(key.hei_id, key.partner, api.name, api.major, api.getter, parameters)
        try:
            return answer, await asyncio.to_thread(read_approvals, answer.body, api, our_ids, self._schemas)
        except UnusableAnswer as failure:
            self._client.report(key.hei_id, key.partner, api.name, api.getter, failure)
            raise

    def most(self, partner: str) -> int | None:
        """How many ids the partner takes in one request; None where it has no such API."""
        if not self._client.offers(partner, self.api.name, self.api.major):
            return None
        return min(self._client.entry(partner, self.api.name, self.api.major).limits.get(_LIMIT, 1), _MOST_IDS)


class ApprovalRefreshes:
    """Handles rows of kind ``refresh`` of the IIAs Approval API; ``item`` is our id of the agreement.

    Nobody is asked about an agreement that is gone, or that does not name the partner's own: such ones must not be
    asked about (ewp-specs-api-iias-approval, Summary), and when it names it, its hash is another.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        api: Api,
        agreements: Arrivals,
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._questions = _Questions(client, api, schemas)
        self._agreements = agreements
        self._now = now
        self._on_change = on_change

    async def __call__(self, claim: Claim) -> None:
        """Asks, and keeps the answer in one transaction with the row's end. Raises CallFailed."""
        key = claim.key
        record = await records.get(self._store, RecordKey(key.hei_id, _AGREEMENTS, key.item))
        if record is None or not _names_copy_of(record, key.partner):
            async with self._store.transaction() as tx:
                if not await work.finish(tx, claim, self._now()):
                    raise LeaseLost
            return
        answer, said = await self._questions.ask(claim, [key.item])
        version = said.get(key.item)
        now = self._now()
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, answer.status):
                raise LeaseLost
            await self._agreements.approval_received(
                tx,
                key.hei_id,
                key.partner,
                key.item,
                version.iia_hash if version is not None else None,
                answer.body,
                answer.exchange_id,
                now,
                pdf_file=version.pdf_file if version is not None else None,
            )
        self._on_change()


class ApprovalPulls:
    """Handles rows of kind ``pull`` of the IIAs Approval API, because notifications get lost.

    Asks about all agreements that are mapped to copies of the partner, as many at a time as it takes. Where its answer
    is not what is known here, the agreement is asked about by itself: what is kept must say nothing else.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        api: Api,
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._questions = _Questions(client, api, schemas)
        self._now = now
        self._on_work = on_work

    async def __call__(self, claim: Claim) -> None:
        """Compares the partner's answers with what is known. Raises CallFailed."""
        key, most = claim.key, self._questions.most(claim.key.partner)
        different = await self._different(claim, most) if most is not None else []
        now = self._now()
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            keys = [WorkKey(WorkKind.REFRESH, key.hei_id, key.partner, key.api, our_id) for our_id in different]
            await work.want_many(tx, keys, now)
        if different:
            self._on_work()

    async def _different(self, claim: Claim, most: int) -> list[str]:
        """Our ids of the agreements of which the partner says what is not known here."""
        known = await approved.by_partner(self._store, claim.key.hei_id, claim.key.partner)
        ids, said = sorted(known), dict[str, ApprovedVersion]()
        for start in range(0, len(ids), most):
            _, answered = await self._questions.ask(claim, ids[start : start + most])
            said |= answered
        return [our_id for our_id in ids if said.get(our_id) != known[our_id]]


def read_approvals(body: bytes, api: Api, asked: Collection[str], schemas: Schemas) -> Mapping[str, ApprovedVersion]:
    """What an answer approves, by the ids of the agreements. Raises UnusableAnswer."""
    try:
        root = parse(body, max_bytes=_LARGEST_ANSWER)
    except MalformedDocument as problem:
        raise UnusableAnswer(f"the answer is no XML that can be read: {problem.reason}", status=200) from None
    name = etree.QName(root)
    if name.namespace != api.namespace.replace("/blob/", "/tree/").removesuffix("/manifest-entry.xsd"):
        reason = f"the answer is a <{name.localname}>, not the response of {api.name} {api.major}"
        raise UnusableAnswer(reason, status=200)
    if faults := schemas.faults(root):
        # The fault's words may quote the document, and reasons leave the house.
        raise UnusableAnswer(f"the answer is not valid at {faults[0].path}", status=200)
    said: dict[str, ApprovedVersion] = {}
    for approval in root:
        iia_id = approval[0].text or ""
        version = ApprovedVersion(approval[1].text or "", (approval[2].text or None) if len(approval) > 2 else None)
        if iia_id not in asked:
            raise UnusableAnswer("the answer approves an agreement that was not asked about", status=200)
        if said.setdefault(iia_id, version) != version:
            raise UnusableAnswer(f"the answer approves two versions of {iia_id} at once", status=200)
    return said


def _names_copy_of(record: Record, partner: str) -> bool:
    """Whether the agreement is there, is with the partner, and names the partner's own copy."""
    if record.document is None or partner not in (record.partners or ()):
        return False
    other = json.loads(record.document)["partner"][1]
    return other["hei_id"] == partner and bool(other.get("iia_id"))
