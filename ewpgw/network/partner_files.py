"""Files of partners, fetched when somebody wants them (File API 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.network.client import Answer, Expected

if TYPE_CHECKING:
    from ewpgw.apis.declaration import Api
    from ewpgw.network.client import PartnerClient


class PartnerFiles:
    """Fetches files of at most ``max_bytes``."""

    def __init__(self, client: PartnerClient, api: Api, *, max_bytes: int) -> None:
        self._client = client
        self._api = api
        self._expected = Expected(accept="*/*", max_bytes=max_bytes, kept=False)

    async def fetch(self, hei_id: str, partner: str, file_id: str) -> Answer:
        """The partner's answer, with its bytes and their content type. Raises CallFailed.

        The exchange log keeps the signed digest of the bytes, but not the bytes.
        """
        (endpoint,) = self._api.endpoints
        (parameter,) = endpoint.parameters
        return await self._client.call(
            hei_id,
            partner,
            self._api.name,
            self._api.major,
            endpoint.name,
            [(parameter.name, file_id)],
            method="GET",
            expected=self._expected,
        )
