"""Fetching one thing of a partner's by its id, and looking at what came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ewpgw.model.entities import ENTITIES
from ewpgw.network.client import Expected
from ewpgw.network.received import Reading, examine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import Answer, PartnerClient
    from ewpgw.network.received import Gone, GoodCopy, Invalid
    from ewpgw.network.versions import Versions
    from ewpgw.store.work import WorkKey

_USUAL = Reading(max_bytes=20 * 2**20)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked, what the partner answered, and what that holds."""

    api: Api
    answer: Answer
    seen: GoodCopy | Gone | Invalid


class Fetching:
    """Calls the endpoint that gives things by their ids, in the newest version that the partner has too.

    ``readings``: by entity, how answers are read where that is not as usual.
    """

    def __init__(
        self,
        client: PartnerClient,
        versions: Versions,
        schemas: Schemas,
        readings: Mapping[str, Reading] = MappingProxyType({}),
    ) -> None:
        self._readings = readings
        self._client = client
        self._versions = versions
        self._schemas = schemas

    async def fetch(self, key: WorkKey) -> Fetched:
        """What the partner serves of ``key.item`` of ``key.api`` now. Raises CallFailed.

        One id is asked for at a time: the hash of an agreement depends on the whole response it came in.
        """
        api, entity = self._versions.common(key.partner, key.api), ENTITIES[key.api]
        parameters = api.asking(key.partner, key.item)
        reading = self._readings.get(entity.name, _USUAL)
        expected = Expected() if reading is _USUAL else Expected(max_bytes=reading.max_bytes, kept=reading.kept)
        answer = await self._client.call(
            key.hei_id, key.partner, api.name, api.major, api.getter, parameters, expected=expected
        )
        seen = await asyncio.to_thread(  # a large document takes seconds
            examine,
            answer.body,
            entity.shape(api.major),
            key.item,
            hei_id=key.hei_id,
            partner=key.partner,
            schemas=self._schemas,
            max_bytes=reading.max_bytes,
            most_elements=reading.most_elements,
            look=reading.look,
        )
        return Fetched(api, answer, seen)
