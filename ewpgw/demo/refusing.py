"""The last act: calls of a third member that the gateways refuse, each with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ewpgw.demo.steps import Act, expect
from ewpgw.security.keys import generate

if TYPE_CHECKING:
    from ewpgw.demo.network import Network
    from ewpgw.demo.tester import Draft

_ONE = [("iia_id", "one")]


class Refusing:
    """Calls of tester.example to north.example."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "Calls that are refused",
            (
                ("Refused: a body changed on the way", self._tampered),
                ("Refused: a key that nobody published", self._foreign_key),
                ("Refused: a request dated an hour ago", self._stale),
                ("Refused: a request sent a second time", self._replayed),
            ),
        )

    async def _tampered(self) -> str:
        draft = self._network.tester.sign(self._cnr, _ONE)
        return await self._refused(draft.with_body(b"iia_id=two"), 400, "igest")

    async def _foreign_key(self) -> str:
        return await self._refused(self._network.tester.sign(self._cnr, _ONE, key=generate()), 403, "catalogue")

    async def _stale(self) -> str:
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        return await self._refused(self._network.tester.sign(self._cnr, _ONE, now=hour_ago), 400, "ate")

    async def _replayed(self) -> str:
        draft = self._network.tester.sign(self._cnr, _ONE)
        first = await self._network.tester.send(draft)
        expect(first.status == 200, f"the first sending: HTTP {first.status}: {first.developer_message}")
        return await self._refused(draft, 400, "used before")

    @property
    def _cnr(self) -> str:
        return f"{self._network.layout.base_url('north')}/iia-cnr/v3"

    async def _refused(self, draft: Draft, status: int, word: str) -> str:
        reply = await self._network.tester.send(draft)
        expect(reply.status == status, f"HTTP {reply.status} instead of {status}: {reply.developer_message}")
        expect(word in reply.developer_message, f"the reason does not speak of it: {reply.developer_message}")
        expect("signature" in reply.headers, "the refusal was not signed")
        return f"HTTP {status}, signed: {reply.developer_message}"
