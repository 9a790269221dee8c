"""Two sides of transcripts over one store, without a network between them: messages are carried by hand.

Every move is the one that runs in the gateway; only the calls are replaced, so that a test decides what arrives when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ewpgw.documents.schemas import default as schemas
from ewpgw.intake import intake
from ewpgw.model.entities import ENTITIES
from ewpgw.model.transcript_examples import transcript
from ewpgw.network.received import Gone, GoodCopy, Invalid, examine, reading_of_transcripts
from ewpgw.preparing import Incoming
from ewpgw.records import Outcome
from ewpgw.store import Store, copies, feed, records, transcripts, work
from ewpgw.store.copies import Copy, CopyKey
from ewpgw.store.effects import Effects
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.transcripts import ENTITY, Ended, IssuedTranscript, VersionKey
from ewpgw.store.work import WorkKey, WorkKind
from ewpgw.transcripts.configured import Configuration
from ewpgw.transcripts.issued import CNR, fetched_by
from ewpgw.transcripts.service import Transcripts
from support.sides import NORTH, SOUTH, Moments

TORS = ENTITIES[ENTITY]
NOTIFICATIONS = {ENTITY: (CNR,)}

__all__ = ["NORTH", "SOUTH", "Issuer", "carry", "given"]


def given(owner: str, partner: str, omobility_id: str = "s1", **changes: Any) -> dict[str, Any]:
    """A transcript as its owner's system gives it.

    A change is named by its path: ``course__0__grade="5"``; None takes the field away.
    """
    data = dict(deepcopy(transcript(owner, partner)))
    data["omobility_id"] = omobility_id
    for path, value in changes.items():
        *above, name = path.split("__")
        place: Any = data
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


@dataclass(eq=False)
class Issuer:
    """One institution with its part of a gateway. ``version`` is that of the imobility-tors API it speaks."""

    hei_id: str
    partner: str
    store: Store
    clock: Moments
    version: int = 3
    configuration: Configuration = field(default_factory=Configuration)
    service: Transcripts = field(init=False)

    def __post_init__(self) -> None:
        self.configure(self.configuration)

    def configure(self, configuration: Configuration) -> None:
        """Start anew with other settings."""
        self.configuration = configuration
        self.records = intake(self.store, NOTIFICATIONS, self.clock, lambda: None, configuration=configuration).records
        self.service = Transcripts(self.store, self.clock, lambda _partner, _api: self.version, configuration)

    def item(self, omobility_id: str = "s1") -> str:
        """The id of our record."""
        return f"{self.partner}:{omobility_id}"

    async def put(self, omobility_id: str = "s1", **changes: Any) -> Outcome:
        """Put our record of a transcript."""
        return await self.put_document(given(self.hei_id, self.partner, omobility_id, **changes), omobility_id)

    async def put_document(self, document: Mapping[str, Any], omobility_id: str = "s1") -> Outcome:
        """Put our record of a transcript as it is."""
        incoming = Incoming(self.item(omobility_id), document, raw=json.dumps(document))
        return await self.records.put(self.hei_id, ENTITY, incoming, source="test")

    async def document(self, omobility_id: str = "s1") -> dict[str, Any]:
        """Our record as it is stored."""
        stored = await records.get(self.store, RecordKey(self.hei_id, ENTITY, self.item(omobility_id)))
        assert stored is not None
        assert stored.document is not None
        return dict(json.loads(stored.document))

    async def ours(self, omobility_id: str = "s1") -> IssuedTranscript:
        """Where a transcript of ours stands."""
        found = await transcripts.get(self.store, self.hei_id, self.item(omobility_id))
        assert found is not None
        return found

    async def versions(self, omobility_id: str = "s1", *, ours: bool = True) -> list[tuple[int, Ended | None]]:
        """The versions of a transcript, the oldest first, and how each ended."""
        key = VersionKey(self.hei_id, ours, self.partner, omobility_id)
        return [(one.number, one.ended) for one in reversed(await transcripts.versions(self.store, key))]

    async def theirs(self, omobility_id: str = "s1") -> Copy:
        """A transcript of the partner's as we know it."""
        found = await copies.get(self.store, CopyKey(self.hei_id, ENTITY, self.partner, omobility_id))
        assert found is not None
        return found

    async def told(self) -> list[tuple[FeedKind, str | None]]:
        """What the student information system has heard."""
        return [(entry.kind, entry.id) for entry in await feed.read(self.store, self.hei_id, 0, 1000)]

    async def served(self, omobility_id: str = "s1", version: int = 3, caller: str | None = None) -> bytes:
        """The answer of our get endpoint to the partner, which is noted with the exchange."""
        shape, callers = TORS.shape(version), {caller or self.partner}
        ids = [f"{each}:{omobility_id}" for each in callers]
        numbers = await transcripts.unfetched(self.store, self.hei_id, ids)
        found = await records.fragments(self.store, self.hei_id, ENTITY, version, ids, caller_heis=callers)
        async with self.store.transaction() as tx:
            news = {each: numbers[each] for each, _ in found if each in numbers}
            await fetched_by(self.hei_id, news, self.clock())(tx, f"fetched at {self.clock()}")
        return shape.wrap(fragment for _, fragment in found)

    async def receive(self, body: bytes, version: int = 3, omobility_id: str = "s1") -> None:
        """Take the answer to our call of the partner's get endpoint, as the gateway does."""
        reading = reading_of_transcripts(self.configuration, self.clock)
        seen = examine(
            body,
            TORS.shape(version),
            omobility_id,
            hei_id=self.hei_id,
            partner=self.partner,
            schemas=schemas(),
            max_bytes=reading.max_bytes,
            most_elements=reading.most_elements,
            look=reading.look,
        )
        key, now, effects = CopyKey(self.hei_id, ENTITY, self.partner, omobility_id), self.clock(), Effects()
        async with self.store.transaction() as tx:
            if isinstance(seen, GoodCopy):
                received = copies.Received(
                    body, seen.document, seen.content_hash, None, f"came at {now}", seen.findings
                )
                await copies.put_received(tx, key, received, now, effects=effects)
            elif isinstance(seen, Gone):
                await copies.mark_gone(tx, key, now, effects=effects)
            else:
                assert isinstance(seen, Invalid)
                raise AssertionError(seen.problems)
            effects.add(await self.service.copy_changed(tx, key, now))
            await effects.carry_out(tx, self.hei_id, now)

    async def fetch(self, other: Issuer, omobility_id: str = "s1") -> None:
        """Fetch one transcript of the partner's. Both speak the newest version that both have."""
        version = min(self.version, other.version)
        await self.receive(await other.served(omobility_id, version), version, omobility_id)

    async def due(self) -> list[WorkKey]:
        """The work that is due with the partner."""
        rows = await work.list_rows(self.store, hei_id=self.hei_id, states=[work.WorkState.DUE], limit=1000)
        return [row.key for row in rows]


async def carry(sides: Sequence[Issuer]) -> int:
    """Carry all messages to and fro, and what they call for, until none is due; how many notifications that were."""
    by_hei = {side.hei_id: side for side in sides}
    store, clock, notified = sides[0].store, sides[0].clock, 0
    for _ in range(50):
        claims = await work.claim(
            store,
            tuple(WorkKind),
            "test",
            limit=100,
            now=clock() + timedelta(hours=1),
            lease_seconds=60,
            per_partner_limit=100,
        )
        if not claims:
            return notified
        for claim in claims:
            assert (claim.key.kind, claim.key.api) == (WorkKind.DELIVERY, CNR)
            us, them = by_hei[claim.key.hei_id], by_hei[claim.key.partner]
            async with store.transaction() as tx:
                assert await work.finish(tx, claim, clock())
                effects = await us.service.delivered(tx, claim.key, "exchange of notification", clock())
                await effects.carry_out(tx, claim.key.hei_id, clock())
            await them.fetch(us, TORS.told_id(claim.key.item))
            notified += 1
    raise AssertionError("the two sides never stop notifying each other")
