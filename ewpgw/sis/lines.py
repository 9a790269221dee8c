"""Bodies of many lines, read as they come: newline-delimited JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ewpgw.sis.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MEDIA_TYPE: Final = "application/x-ndjson"

_BATCH_LINES = 25
"""They are stored in one transaction, and whoever else writes meanwhile has to wait for its end."""
_BATCH_BYTES = 2**20


class Lines:
    """The lines of a body. Blank ones are passed over.

    - ``read``: the next bytes, whatever has come; none at the end
    - ``longest``: of one line, in bytes
    - ``most``: how many lines there may be
    """

    def __init__(self, read: Callable[[], Awaitable[bytes]], *, longest: int, most: int) -> None:
        self._read = read
        self._longest = longest
        self._most = most

    async def batches(self, *, even: bool) -> AsyncIterator[list[bytes]]:
        """The lines, some at a time: never more than 25, nor much more than a megabyte, so that memory stays flat.

        A batch is given as soon as nothing more has come; with ``even`` only when it is full, so that the same body
        always falls into the same batches. What came before a fault is given before the fault is raised: ApiError for
        a line that is too long, for one line too many, and for a body that breaks off.
        """
        batch: list[bytes] = []
        size = count = 0
        async for line in self._lines():
            if line is None:
                if batch and not even:
                    yield batch
                    batch, size = [], 0
                continue
            if isinstance(line, ApiError) or count == self._most:
                if batch:
                    yield batch
                raise line if isinstance(line, ApiError) else self._too_many()
            count += 1
            batch.append(line)
            size += len(line)
            if len(batch) == _BATCH_LINES or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    async def _lines(self) -> AsyncIterator[bytes | ApiError | None]:
        """Each line that is not blank, None where nothing more has come, and what is wrong."""
        begun = bytearray()
        while chunk := await self._read():
            start = 0
            while (end := chunk.find(b"\n", start)) >= 0:
                begun += chunk[start:end]
                start = end + 1
                if len(begun) > self._longest:
                    yield self._too_long()
                if line := bytes(begun).strip():
                    yield line
                begun.clear()
            begun += chunk[start:]
            if len(begun) > self._longest:
                yield self._too_long()
            yield None
        if line := bytes(begun).strip():
            yield line

    def _too_long(self) -> ApiError:
        return ApiError(413, "line-too-long", f"a line is longer than the limit of {self._longest} bytes")

    def _too_many(self) -> ApiError:
        return ApiError(
            413, "too-many-records", f"there are more than {self._most} records; send the rest in one more call"
        )
