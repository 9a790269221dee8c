"""What every change notification does: it writes down what to ask the caller for, and answers at once.

Whether there is such a thing is the work loop's question (ewp-specs-architecture, What constitutes a bad CNR request);
a second notification of the same id joins the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.store import work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ewpgw.apis.call import Call


def asks_for(api: str, *, parameter: str, namespace: str, root: str) -> Callable[[Call], Awaitable[bytes]]:
    """The handler of a CNR API after whose calls the caller's ``api`` is asked for the id in ``parameter``.

    ``namespace`` and ``root`` name the empty response.
    """

    async def notified(call: Call) -> bytes:
        item = call.parameters.text(parameter)
        for caller in sorted(call.callers):
            key = work.WorkKey(work.WorkKind.REFRESH, call.hei_id, caller, api, item)
            await work.want(call.writing(), key, call.now)
        return document(namespace, root)

    return notified
