"""Failed calls are told to the Monitoring API of the Stats Portal, once and without waiting (ewp-specs-api-monitoring).

"Call and forget": a report that cannot be delivered is dropped. What the reports say about the partner's answer comes
from its ``developer-message``, what they say about ours from exception texts that hold no personal data.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ewpgw.network.failures import CallFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = structlog.get_logger(__name__)
_NEVER_REPORTED = frozenset({"discovery", "echo", "registry", "monitoring"})
_MOST_AT_ONCE = 20
_LONGEST_MESSAGE = 10_000

MAJOR = 0
"""The Monitoring API is still in its zeroth major version."""

Report = list[tuple[str, str]]


class Monitoring:
    """Sends reports in the background through ``send``, which makes the signed call to the portal."""

    def __init__(self, portal: str | None) -> None:
        self._portal = portal
        self._send: Callable[[str, Report], Awaitable[object]] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def connect(self, send: Callable[[str, Report], Awaitable[object]]) -> None:
        """Gives the way to call the portal: ``send(hei_id, parameters)``."""
        self._send = send

    def report(self, hei_id: str, partner: str, api: str, endpoint: str, failure: CallFailed) -> None:
        """Reports one failed call, unless the portal is off, the target, or already hearing of twenty others."""
        silent = self._send is None or self._portal is None or partner == self._portal or api in _NEVER_REPORTED
        if silent or len(self._under_way) >= _MOST_AT_ONCE:
            return
        task = asyncio.create_task(self._deliver(hei_id, parameters(partner, api, endpoint, failure)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, hei_id: str, values: Report) -> None:
        assert self._send is not None
        try:
            await self._send(hei_id, values)
        except CallFailed as failure:
            _log.info("monitoring.unreported", reason=failure.in_our_words)

    async def close(self) -> None:
        """Gives the reports under way a moment, then drops them."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=2)
            for task in late:
                task.cancel()


def parameters(partner: str, api: str, endpoint: str, failure: CallFailed) -> Report:
    """The report's parameters (ewp-specs-api-monitoring, Request parameters).

    ``server_message`` belongs to error statuses alone, and what it says is not said again as our own words: those must
    not hold private data, and the partner's text may.
    """
    values = [("server_hei_id", partner), ("api_name", api)]
    if endpoint:
        values.append(("endpoint_name", endpoint))
    if failure.status is not None:
        values.append(("http_code", str(failure.status)))
    if failure.server_message and (failure.status or 0) >= 400:
        values.append(("server_message", failure.server_message[:_LONGEST_MESSAGE]))
    else:
        values.append(("client_message", failure.in_our_words[:_LONGEST_MESSAGE]))
    return values
