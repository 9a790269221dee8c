"""What became of students of ours at partners: asked for all of them in pulls, because notifications get lost.

The Incoming Mobilities API has no index: partners know the nominations by our identifiers, so we name those that could
have news.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility import Status
from ewpgw.model.problems import DecodeProblem
from ewpgw.network.failures import UnusableAnswer
from ewpgw.network.worker import LeaseLost
from ewpgw.store import copies, nominations, work
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.entity import Shape
    from ewpgw.network.client import PartnerClient
    from ewpgw.network.versions import Versions
    from ewpgw.store.engine import Store
    from ewpgw.store.nominations import SentNomination
    from ewpgw.store.work import Claim

API = "imobilities"
_LIMIT = "max-omobility-ids"
_MOST_IDS = 200
_PAGE = 500
_LARGEST_ANSWER = 20 * 2**20
_FORMER_YEARS = 2
"""Of stays that ended longer ago nothing new is to be expected."""


class ImobilityPulls:
    """Handles rows of kind ``pull`` of the Incoming Mobilities API.

    Asks about our nominations at the partner, as many at a time as it takes. Where its answer is not what is known
    here, the nomination is asked about by itself: the bytes that are kept must say nothing else.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        versions: Versions,
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._client = client
        self._versions = versions
        self._schemas = schemas
        self._now = now
        self._on_work = on_work

    async def __call__(self, claim: Claim) -> None:
        """Compares the partner's answers with the copies here. Raises CallFailed."""
        key = claim.key
        different = await self._different(claim) if self._versions.shared(key.partner, key.api) else []
        now = self._now()
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            keys = [WorkKey(WorkKind.REFRESH, key.hei_id, key.partner, key.api, each) for each in different]
            await work.want_many(tx, keys, now)
        if different:
            self._on_work()

    async def _different(self, claim: Claim) -> list[str]:
        """Our ids of the nominations of which the partner says what is not known here."""
        key, different = claim.key, list[str]()
        api = self._versions.common(key.partner, key.api)
        most = min(self._client.entry(key.partner, api.name, api.major).limits.get(_LIMIT, 1), _MOST_IDS)
        after: str | None = None
        while page := await nominations.list_page(
            self._store, key.hei_id, partner=key.partner, after=after, limit=_PAGE
        ):
            after = page[-1].omobility_id
            ids = [each.omobility_id for each in page if self._may_have_news(each)]
            known = await copies.documents(self._store, key.hei_id, API, key.partner, ids)
            for start in range(0, len(ids), most):
                asked = ids[start : start + most]
                said = await self._ask(claim, api, asked)
                different += [each for each in asked if said.get(each) != known.get(each)]
        return different

    def _may_have_news(self, sent: SentNomination) -> bool:
        """Whether the student may have come or left since, or have been decided about."""
        ended = int(sent.terms.receiving_academic_year_id[-4:]) < self._now().year - _FORMER_YEARS
        return sent.standing.status is not Status.CANCELLED and not ended

    async def _ask(self, claim: Claim, api: Api, ids: Sequence[str]) -> Mapping[str, str]:
        """What the partner says of these nominations, as JSON by our ids. Raises CallFailed."""
        key = claim.key
        parameters = api.asking(key.partner, *ids)
        answer = await self._client.call(key.hei_id, key.partner, api.name, api.major, api.getter, parameters)
        try:
            shape = ENTITIES[API].shape(api.major)
            return await asyncio.to_thread(read, answer.body, shape, ids, self._schemas)
        except UnusableAnswer as failure:
            self._client.report(key.hei_id, key.partner, api.name, api.getter, failure)
            raise


def read(body: bytes, shape: Shape, asked: Sequence[str], schemas: Schemas) -> Mapping[str, str]:
    """What an answer says, as JSON by the ids of the nominations. Raises UnusableAnswer."""
    try:
        root = parse(body, max_bytes=_LARGEST_ANSWER)
    except MalformedDocument as problem:
        raise UnusableAnswer(f"the answer is no XML that can be read: {problem.reason}", status=200) from None
    if root.tag != f"{{{shape.namespace}}}{shape.envelope}":
        reason = f"the answer is a <{etree.QName(root).localname}>, not a <{shape.envelope}> of version {shape.version}"
        raise UnusableAnswer(reason, status=200)
    if faults := schemas.faults(root):
        # The fault's words may quote the document, and reasons leave the house.
        raise UnusableAnswer(f"the answer is not valid at {faults[0].path}", status=200)
    said: dict[str, str] = {}
    for element in root:
        try:
            record = shape.decode(element)
        except DecodeProblem as problem:
            raise UnusableAnswer(f"the answer is not valid at {problem.problems[0].path}", status=200) from None
        record_id = record.record_id()
        if record_id not in asked:
            raise UnusableAnswer("the answer is about a student that was not asked about", status=200)
        if record_id in said:
            raise UnusableAnswer(f"the answer says twice what became of {record_id}", status=200)
        said[record_id] = json.dumps(record.to_json())
    return said
