"""The rest adapter: records read from a web service's JSON, partners' copies sent to a webhook.

``docs/adapters/rest.md`` is its manual.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from ewpgw.adapters.contract import Adapter, AdapterProblem
from ewpgw.adapters.mapping import BadMapping, load_folder
from ewpgw.adapters.rest.authorization import authorization
from ewpgw.adapters.rest.client import Client, RequestFailed, Unreachable
from ewpgw.adapters.rest.paging import Service
from ewpgw.adapters.rest.reading import EntityReader
from ewpgw.adapters.rest.settings import RestSettings
from ewpgw.adapters.rest.source import RestSource
from ewpgw.adapters.rest.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from pydantic import BaseModel

    from ewpgw.adapters.contract import CopyDelivery, Decision, Reading

_SHORTEST_PAUSE = 0.1


class RestAdapter(Adapter):
    """Records of ours from pages of JSON, copies of partners' records to a webhook."""

    kind: ClassVar[str] = "rest"
    settings_model: ClassVar[type[BaseModel]] = RestSettings
    source_model: ClassVar[type[BaseModel] | None] = RestSource

    def __init__(self, hei_id: str, settings: BaseModel, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives the seconds that pauses are measured by."""
        super().__init__(hei_id, settings)
        if not isinstance(settings, RestSettings):
            raise TypeError(f"RestAdapter takes RestSettings, not {type(settings).__name__}")
        self._settings = settings
        self._clock = clock
        self._client = Client(ca_file=settings.ca_file, timeout_seconds=settings.timeout_seconds, clock=clock)
        self._service = Service(
            self._client,
            authorization(settings.auth, self._client),
            settings.base_url,
            settings.max_page_bytes,
            settings.max_pages,
        )
        self._webhook = (
            Webhook(settings.webhook, self._client, now=lambda: datetime.now(UTC)) if settings.webhook else None
        )
        self._readers: dict[tuple[Path, str], EntityReader] = {}
        """By mapping file and its content: what a reader has learned of the service holds for these."""

    async def check(self) -> None:
        """Raise AdapterProblem where a mapping file or a secret cannot be used, or not one entity can be read."""
        if self._webhook is not None:
            self._webhook.check()
        reasons = []
        self._client.patient = False  # a person waits
        try:
            for reader in await self._opened():
                try:
                    await reader.first_page()
                except Unreachable as failed:
                    raise AdapterProblem(failed.reason) from None
                except RequestFailed as failed:
                    reasons.append(f"{reader.entity}: {failed.reason}")
                else:
                    return
        finally:
            self._client.patient = True
        raise AdapterProblem("\n".join(reasons))

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Read every entity that is due, in the order of the mapping files' names.

        An entity that cannot be read to its end is ``Partial`` and does not keep the others from being read.
        """
        for reader in await self._opened():
            async with aclosing(reader.readings(self.imported, in_full=self.in_full, sample=self.sample)) as readings:
                async for each in readings:
                    yield each

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield whenever an entity is due."""
        while True:
            # whoever asks for changes has imported what was read before
            for reader in self._readers.values():
                reader.settle()
            due = min((reader.due_at for reader in self._readers.values()), default=0.0)
            await asyncio.sleep(max(due - self._clock(), _SHORTEST_PAUSE))
            yield

    async def deliver(self, delivery: CopyDelivery) -> None:
        """Send a copy to the webhook; without one, the SIS API is where copies are read."""
        if self._webhook is not None:
            await self._webhook.send(delivery)

    async def decided(self, decision: Decision) -> None:
        """Send a decision to the webhook."""
        if self._webhook is not None:
            await self._webhook.send(decision)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _opened(self) -> tuple[EntityReader, ...]:
        """The readers of the mapping files as they are now; a file that has changed gets a new one."""
        settings = self._settings
        try:
            files = await asyncio.to_thread(load_folder, settings.mappings, RestSource, hei_id=self.hei_id)
        except BadMapping as bad:
            raise AdapterProblem(str(bad)) from None
        before = self._readers
        self._readers = {
            name: before.get(name)
            or EntityReader(
                file,
                self._service,
                look_seconds=settings.look_seconds,
                full_seconds=settings.full_seconds,
                clock=self._clock,
            )
            for file in files
            for name in [(file.path, file.fingerprint)]
        }
        return tuple(self._readers.values())
