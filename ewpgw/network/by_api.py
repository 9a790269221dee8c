"""Work of one kind that is done in one way for most APIs, and in another for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.network.worker import Handler
    from ewpgw.store.work import Claim


class ByApi:
    """Hands each claim to the handler of its API, or to ``usual`` where the API has none of its own."""

    def __init__(self, usual: Handler, own: Mapping[str, Handler]) -> None:
        self._usual = usual
        self._own = own

    async def __call__(self, claim: Claim) -> None:
        """Does the work. Raises what the handler raises."""
        await self._own.get(claim.key.api, self._usual)(claim)
