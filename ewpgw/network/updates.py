"""Updates: telling a partner what we decided about a thing of its own, exactly once.

A decision is a request that changes something at the partner, and its answer may be lost, the partner may answer the
second of two with a conflict, this process may end between the two. So a request that may not be the first is only sent
after a look at the thing itself, and after an answer that says no the thing is looked at as well: what the partner
shows counts, not what it answered (ewp-specs-api-omobility-las 1, update.md, "Handling edit conflicts"). A decision
that the partner has taken is never called refused while that can be seen; one that it has not taken is sent again until
it has, or until it is given up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import structlog
from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.network.failures import CallFailed, ErrorAnswer, UnusableAnswer
from ewpgw.network.fetching import Fetching
from ewpgw.network.received import GoodCopy, Invalid
from ewpgw.network.worker import LeaseLost
from ewpgw.store import decisions, work
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKey, WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import PartnerClient
    from ewpgw.network.versions import Versions
    from ewpgw.store.decisions import Decision
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim

_log = structlog.get_logger(__name__)

Outcome = Literal["made", "open", "overtaken", "impossible"]

ENDPOINT = "update"
_LARGEST_ANSWER = 2**20
_LONGEST_WORDS = 4000
_NO = (400, 409)
_CONFLICT = 409

_OVERTAKEN = "The partner changed it before it heard of the decision. Look at it as it is now, and decide again."
_IMPOSSIBLE = "The partner no longer takes a decision about this: it is gone, called off, or decided otherwise."
_GIVEN_UP = "The decision could not be handed over: {}. Whether the partner knows of it could not be seen."
_STATES = {
    "made": DecisionState.MADE,
    "overtaken": DecisionState.OVERTAKEN,
    "impossible": DecisionState.REFUSED,
    "refused": DecisionState.REFUSED,
}
_NEWS = {
    DecisionState.MADE: FeedKind.DECISION_MADE,
    DecisionState.OVERTAKEN: FeedKind.DECISION_OVERTAKEN,
    DecisionState.REFUSED: FeedKind.DECISION_REFUSED,
}


class Judge(Protocol):
    """Who can tell from a partner's thing whether a decision has been made there."""

    def outcome(self, document: str | None, decision: Decision) -> Outcome:
        """What became of the decision, by the thing as the partner serves it now.

        ``document`` is its JSON; None where the partner serves it no longer. ``open``: it waits for a decision, and for
        this one; ``overtaken``: for another, since it has changed; ``impossible``: for none.
        """


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of a decision: how, in which exchange that was seen, and what to tell a person."""

    how: str
    exchange_id: str | None
    words: str | None


class Updates:
    """Handles rows of kind ``update``: ``api`` is the API of the thing, ``item`` the partner's id of it.

    ``judges``: by API. ``on_news`` is called after the SIS was told something, and work was wanted.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        versions: Versions,
        judges: Mapping[str, Judge],
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._client = client
        self._versions = versions
        self._judges = judges
        self._fetching = Fetching(client, versions, schemas)
        self._now = now
        self._on_news = on_news

    async def __call__(self, claim: Claim) -> None:
        """Sends the decision that waits, if one does, and says what became of it. Raises CallFailed."""
        key = claim.key
        waiting = await decisions.get(self._store, _decided(key))
        if waiting is None or waiting.state is not DecisionState.WAITING:
            async with self._store.transaction() as tx:
                if not await work.finish(tx, claim, self._now()):
                    raise LeaseLost
            return
        settled = await self._seen(key, waiting) if waiting.sent_at is not None else None
        if settled is None:
            if waiting.sent_at is None and not await self._begun(waiting):
                await self(claim)  # it was settled meanwhile, or another holder sends it: look at it anew
                return
            settled = await self._sent(key, waiting)
        await self._settle(claim, waiting, settled)

    async def given_up(self, tx: AsyncConnection, claim: Claim, failure: CallFailed, now: datetime) -> None:
        """The decision was not handed over in all that time, or cannot be; a person may decide again."""
        row = await work.get(tx, claim.key)
        waiting = await decisions.get(tx, _decided(claim.key))
        if waiting is None or (row is not None and row.state is WorkState.DUE):
            return  # another decision was taken meanwhile, and goes its own way
        words, refused = _GIVEN_UP.format(failure.reason.rstrip("."))[:_LONGEST_WORDS], DecisionState.REFUSED
        if await decisions.settle(
            tx, waiting.key, waiting.number, refused, now, words=words, exchange_id=failure.exchange_id
        ):
            news = News(_NEWS[refused], claim.key.api, claim.key.partner, claim.key.item)
            await Effects(news=[news]).tell(tx, claim.key.hei_id, now)

    async def _begun(self, waiting: Decision) -> bool:
        """Remember that the decision is about to be sent: from here on, the partner may have it.

        False where it no longer waits, or was about to be sent before.
        """
        async with self._store.transaction() as tx:
            return await decisions.note_sent(tx, waiting.key, waiting.number, self._now())

    async def _seen(self, key: WorkKey, waiting: Decision) -> _Settled | None:
        """What became of the decision, as the partner's thing shows; None where it is still open. Raises CallFailed."""
        fetched = await self._fetching.fetch(key)
        if isinstance(fetched.seen, Invalid):
            reason = "what the partner serves of it is not valid, so nobody can tell whether it took the decision"
            raise CallFailed(reason, status=fetched.answer.status)
        document = fetched.seen.document if isinstance(fetched.seen, GoodCopy) else None
        outcome = self._judges[key.api].outcome(document, waiting)
        if outcome == "open":
            return None
        words = {"overtaken": _OVERTAKEN, "impossible": _IMPOSSIBLE}.get(outcome)
        return _Settled(outcome, fetched.answer.exchange_id, words)

    async def _sent(self, key: WorkKey, waiting: Decision) -> _Settled:
        """What became of the decision when it was sent. Raises CallFailed."""
        api = self._versions.with_endpoint(key.partner, key.api, ENDPOINT)
        try:
            answer = await self._client.call(
                key.hei_id, key.partner, api.name, api.major, ENDPOINT, document=waiting.document
            )
            said = self._said(key, api, answer.body)
            return _Settled("made", answer.exchange_id, said)
        except (ErrorAnswer, UnusableAnswer) as failure:
            if isinstance(failure, ErrorAnswer) and failure.status not in _NO:
                raise
            return await self._after_no(key, waiting, failure)

    async def _after_no(self, key: WorkKey, waiting: Decision, failure: ErrorAnswer | UnusableAnswer) -> _Settled:
        """What became of a decision to which the partner said no, or nothing that can be understood.

        ``waiting`` is the decision before the request: where it had been sent before, that may have been taken.
        """
        said = _joined(failure.user_messages) if isinstance(failure, ErrorAnswer) else None
        # what cannot be understood may well have been a yes
        before = waiting if isinstance(failure, ErrorAnswer) else replace(waiting, sent_at=self._now())
        seen = await self._seen(key, before)
        if seen is not None:
            words = seen.words if seen.how == "made" else (said or seen.words)
            return _Settled(seen.how, failure.exchange_id if seen.how != "made" else seen.exchange_id, words)
        if isinstance(failure, ErrorAnswer) and failure.status != _CONFLICT and waiting.sent_at is None:
            return _Settled("refused", failure.exchange_id, said or failure.reason)
        # The partner says that the thing has changed and shows it unchanged, or has perhaps taken an earlier request:
        # what it shows may lag behind.
        again = CallFailed(
            failure.in_our_words, status=failure.status, server_message=failure.server_message, quoted=failure.quoted
        )
        again.exchange_id = failure.exchange_id
        raise again

    def _said(self, key: WorkKey, api: Api, body: bytes) -> str | None:
        """What the partner says to a person who decided. Raises UnusableAnswer for what is no update-response."""
        problem = None
        try:
            root = parse(body, max_bytes=_LARGEST_ANSWER)
            if root.tag == f"{{{_namespace(api)}}}{api.name}-update-response":
                return _joined(tuple(child.text or "" for child in root if "success-user-message" in str(child.tag)))
            problem = f"the answer is a <{etree.QName(root).localname}>, not the update-response of {api.name}"
        except MalformedDocument as malformed:
            problem = f"the answer is no XML that can be read: {malformed.reason}"
        failure = UnusableAnswer(problem, status=200)
        self._client.report(key.hei_id, key.partner, api.name, ENDPOINT, failure)
        raise failure

    async def _settle(self, claim: Claim, waiting: Decision, settled: _Settled) -> None:
        """Keeps what became of the decision, tells the SIS, and wants the thing as it is now."""
        key, state, now = claim.key, _STATES[settled.how], self._now()
        words = settled.words[:_LONGEST_WORDS] if settled.words else None
        async with self._store.transaction() as tx:
            # first of all: whoever stores the copy locks that row before the decision, too
            await work.want(tx, WorkKey(WorkKind.REFRESH, key.hei_id, key.partner, key.api, key.item), now)
            if not await work.finish(tx, claim, now, 200 if state is DecisionState.MADE else None):
                raise LeaseLost
            effects = Effects()
            if await decisions.settle(
                tx,
                waiting.key,
                waiting.number,
                state,
                now,
                words=words,
                exchange_id=settled.exchange_id,
                untaken=state is DecisionState.REFUSED,
            ):
                effects.news.append(News(_NEWS[state], key.api, key.partner, key.item))
            await effects.carry_out(tx, key.hei_id, now)
        _log.info("decision.settled", hei_id=key.hei_id, partner=key.partner, item=key.item, state=state.value)
        self._on_news()


def _decided(key: WorkKey) -> DecisionKey:
    return DecisionKey(key.hei_id, key.api, key.partner, key.item)


def _namespace(api: Api) -> str:
    return api.namespace.replace("/manifest-entry.xsd", "/endpoints/update-response.xsd")


def _joined(messages: tuple[str, ...]) -> str | None:
    return "\n".join(message.strip() for message in messages if message.strip()) or None
