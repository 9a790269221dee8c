"""Idempotency keys: a write that is repeated under its key is answered as before, and not done again.

What the client may rely on (draft-ietf-httpapi-idempotency-key-header):

- A key belongs to a token, and to one request: method, path, query, conditions and body.
- Once an attempt was answered with a status below 500, a repetition gets that answer, for as long as keys are kept.
- While an attempt is under way, on any replica, a repetition is refused with 409.
- An attempt that failed with 5xx frees its key. One that died with its process frees it when its lease ends.
- An operation that keeps its answer in the transaction of its effect (``Call.keep``) is done once, whatever dies when.
  Any other is done again where the process died after the effect and before the answer was kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from aiohttp import hdrs

from ewpgw.sis import replies
from ewpgw.sis.errors import ApiError
from ewpgw.sis.replies import Reply
from ewpgw.store import idempotency
from ewpgw.store.idempotency import Kept, OtherRequest, UnderWay, Use

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.sis.operations import Answer
    from ewpgw.sis.services import SisServices

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
PATTERN: Final = r'^("[!#-\[\]-~]{1,255}"|[!#-\[\]-~]{1,255})$'
"""The key in quotes, as the draft has it, or bare."""

_LEASE = timedelta(seconds=60)
_HEADERS = (hdrs.CONTENT_TYPE, hdrs.IF_MATCH, hdrs.IF_NONE_MATCH)


def key_of(request: web.Request) -> str | None:
    """The key of a request, None without one; refused (400) where it is none that can be used."""
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(PATTERN, given[0].strip()):
        raise ApiError(
            400,
            "bad-idempotency-key",
            f'{HEADER} is one text of 1 to 255 visible ASCII characters, but for " and \\; a UUID is a good one',
        )
    return given[0].strip().strip('"')


def fingerprint(request: web.Request, body: bytes) -> str:
    """What stands for a whole request: two requests of the same one are the same request."""
    digest = hashlib.sha256()
    parts = [request.method, request.rel_url.raw_path_qs, *(request.headers.get(name, "") for name in _HEADERS)]
    for part in (*(part.encode("utf-8", "surrogateescape") for part in parts), body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


class Attempt:
    """One attempt at a request under a key: it begins, and then it is finished or released."""

    def __init__(self, services: SisServices, request: web.Request, token: str, key: str, body: bytes) -> None:
        self._services = services
        self._use = Use(
            token=token,
            key=key,
            method=request.method,
            path=request.rel_url.raw_path_qs,
            fingerprint=fingerprint(request, body),
            owner=uuid4().hex,
            expires_at=services.now() + timedelta(hours=services.idempotency_hours),
        )
        self._kept = False

    @property
    def fingerprint(self) -> str:
        """What stands for the request; for a stream, without its body."""
        return self._use.fingerprint

    async def begin(self, *, again: bool = False) -> Reply | None:
        """Claim the key: None where the request is to be done, else the answer that was given to it.

        Refused where the key is another request's (422), or another attempt is under way (409). ``again``: for streams,
        of which a repetition goes on where the attempt before ended.
        """
        now = self._now()
        async with self._services.store.transaction() as tx:
            found = await idempotency.claim(tx, self._use, now, now + _LEASE, again=again)
        if isinstance(found, Kept):
            return Reply(found.status, {**json.loads(found.headers), REPLAYED: "true"}, found.body)
        if isinstance(found, OtherRequest):
            raise reused(f"{found.method} {found.path}")
        if isinstance(found, UnderWay):
            raise _under_way(found.until - now)
        return None

    async def keep(self, tx: AsyncConnection, answer: Answer) -> None:
        """Keep the answer in the transaction of the effect, which rolls back where the key is lost to another."""
        reply = replies.of_answer(answer)
        if not await idempotency.keep(tx, self._use, reply.status, reply.headers_text(), reply.body):
            raise _under_way(_LEASE)
        self._kept = True

    async def finish(self, reply: Reply) -> None:
        """The answer that goes out; it is kept, unless it already is, or it is one that another attempt may change."""
        if reply.status >= 500:
            await self.release()
        elif not self._kept:
            async with self._services.store.transaction() as tx:
                await idempotency.keep(tx, self._use, reply.status, reply.headers_text(), reply.body)

    async def release(self) -> None:
        """Free the key for the next attempt, unless the answer is kept."""
        async with self._services.store.transaction() as tx:
            await idempotency.release(tx, self._use)

    async def kept_part(self, number: int, digest: str) -> bytes | None:
        """The answer to a piece of a streamed request, None where it is still to be done; refused where it was another.

        ``digest`` stands for everything in the stream up to the end of this piece.
        """
        found = await idempotency.part(self._services.store, self._use, number)
        if found is not None and found.fingerprint != digest:
            raise reused("another body")
        return None if found is None else found.body

    async def keep_part(self, tx: AsyncConnection, number: int, digest: str, body: bytes) -> None:
        """Keep the answer to a piece in the transaction of its effect, and make the claim last longer."""
        if not await idempotency.extend(tx, self._use, self._now() + _LEASE):
            raise _under_way(_LEASE)
        await idempotency.keep_part(tx, self._use, number, digest, body)

    async def end_parts(self, number: int, digest: str) -> None:
        """A streamed request has ended after so many pieces: a repetition may have neither more nor fewer.

        The end is kept like a piece that has no answer; with more in the stream, its digest is another.
        """
        if await self.kept_part(number + 1, digest) is None:
            async with self._services.store.transaction() as tx:
                await self.keep_part(tx, number + 1, digest, b"")

    def _now(self) -> datetime:
        return self._services.now()


def reused(used_for: str) -> ApiError:
    """The refusal of a key that was used for something else."""
    return ApiError(
        422,
        "idempotency-key-reused",
        f"this {HEADER} was used for {used_for}; make a new key for every request, and repeat a request unchanged",
    )


def _under_way(wait: timedelta) -> ApiError:
    seconds = max(1, round(wait.total_seconds()))
    return ApiError(
        409,
        "request-in-progress",
        "the same request is under way; its answer is there soon, send it again then",
        headers={hdrs.RETRY_AFTER: str(min(seconds, 5))},
        details={"until": seconds},
    )
