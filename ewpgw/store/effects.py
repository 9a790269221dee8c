"""What a change calls for beside itself: work for partners and news for the SIS, written at the transaction's end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ewpgw.store import feed, work

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.feed import FeedKind
    from ewpgw.store.work import WorkKey


@dataclass(frozen=True, slots=True)
class News:
    """An entry of the feed to come; its fields are the feed's."""

    kind: FeedKind
    entity: str
    partner: str | None
    id: str | None
    revision: int | None = None


@dataclass(slots=True)
class Effects:
    """Gathers what is wanted and what is to be told while a transaction does its work."""

    wanted: set[WorkKey] = field(default_factory=set)
    news: list[News] = field(default_factory=list)

    def add(self, other: Effects) -> None:
        """Take over what was gathered elsewhere."""
        self.wanted |= other.wanted
        self.news += other.news

    async def carry_out(self, tx: AsyncConnection, hei_id: str, now: datetime) -> None:
        """Write it all. Comes last in a transaction, for the feed's sake."""
        await work.want_many(tx, self.wanted, now)
        await self.tell(tx, hei_id, now)

    async def tell(self, tx: AsyncConnection, hei_id: str, now: datetime) -> None:
        """Write the news alone; for those who want the work together with other work of theirs."""
        for one in self.news:
            await feed.append(
                tx, hei_id, one.kind, now, entity=one.entity, partner=one.partner, id=one.id, revision=one.revision
            )
