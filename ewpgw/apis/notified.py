"""What every change notification does: it writes down what to ask the caller for, and answers at once.

Whether there is such a thing is the work loop's question (ewp-specs-architecture, What constitutes a bad CNR request);
a second notification of the same id joins the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import CallRefused
from ewpgw.store import work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ewpgw.apis.call import Call


def asks_for(
    api: str, *, parameter: str, namespace: str, root: str, owner: str | None = None
) -> Callable[[Call], Awaitable[bytes]]:
    """The handler of a CNR API after whose calls the caller's ``api`` is asked for the ids in ``parameter``.

    ``namespace`` and ``root`` name the empty response. ``owner`` is the parameter that says whose things they are, in
    versions that have one: a HEI that the caller covers, or it is a bad request (400), since nobody else may say so.
    """

    async def notified(call: Call) -> bytes:
        owners = call.callers
        if owner is not None:
            named = call.parameters.text(owner)
            if named not in call.callers:
                covered = ", ".join(sorted(call.callers))
                raise CallRefused(400, f"{owner} is {named[:200]}, but the request is signed by a key of {covered}")
            owners = frozenset({named})
        kind = work.WorkKind.REFRESH
        items = call.parameters.all(parameter)
        keys = [work.WorkKey(kind, call.hei_id, each, api, item) for each in owners for item in items]
        await work.want_many(call.writing(), keys, call.now)
        return document(namespace, root)

    return notified
