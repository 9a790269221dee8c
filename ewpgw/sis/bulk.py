"""Many records in one call: a list that is answered as a whole, or line by line, answered as they are stored."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from ewpgw.documents import json_text
from ewpgw.preparing import Incoming, Prepared, refusal
from ewpgw.records import Outcome, without_repeated
from ewpgw.sis import shown
from ewpgw.sis.bodies import MOST_LINES
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import Answer, Body, Call, InLines, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import EntityPath
from ewpgw.sis.records import EXAMPLE, SOURCE, TAG, Document
from ewpgw.sis.views import BulkItemView, BulkView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.sis.lines import Lines

_MOST_IN_LIST = 1000


async def _put_list(call: Call[EntityPath, Nothing, tuple[Document, ...]]) -> Answer:
    outcomes = await call.services.records.put_many(
        call.path.hei_id,
        call.path.entity,
        [Incoming(id=None, document=document.value, raw=document.text) for document in call.body],
        source=SOURCE,
    )
    call.services.bell.ring()
    return Answer(body=BulkView(items=[_item(index, outcome) for index, outcome in enumerate(outcomes)]))


async def _put_lines(call: Call[EntityPath, Nothing, Lines]) -> AsyncGenerator[bytes, None]:
    """The result of each line, once it is stored. A transaction for each batch, so that what was told stays true."""
    attempt = call.attempt
    digest = hashlib.sha256(b"" if attempt is None else attempt.fingerprint.encode())
    first_at: dict[str, int] = {}
    start = number = 0
    async for batch in call.body.batches(even=attempt is not None):
        number += 1
        for line in batch:
            digest.update(len(line).to_bytes(8, "big"))
            digest.update(line)
        results = None if attempt is None else await attempt.kept_part(number, digest.hexdigest())
        if results is None:
            results = await _put_batch(call, batch, first_at, start, number, digest.hexdigest())
        else:
            _note_ids(results, first_at)
        yield results
        start += len(batch)
    if attempt is not None:
        await attempt.end_parts(number, digest.hexdigest())


async def _put_batch(
    call: Call[EntityPath, Nothing, Lines],
    batch: Sequence[bytes],
    first_at: dict[str, int],
    start: int,
    number: int,
    digest: str,
) -> bytes:
    """Store the records of one batch; the lines of the answer."""
    path, records = call.path, call.services.records
    read = [_read_line(line) for line in batch]
    usable = [each for each in read if isinstance(each, Incoming)]
    prepared = iter(await records.prepare(path.hei_id, path.entity, usable, source=SOURCE))
    all_prepared = [next(prepared) if isinstance(each, Incoming) else each for each in read]

    async def keep(tx: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
        if call.attempt is not None:
            await call.attempt.keep_part(tx, number, digest, _lines(start, outcomes))

    outcomes = await records.commit(
        path.hei_id, path.entity, without_repeated(all_prepared, first_at, start), within=keep
    )
    call.services.bell.ring()
    return _lines(start, outcomes)


def _read_line(line: bytes) -> Incoming | Prepared:
    """A line as a record, or as a refused one where it is no JSON."""
    try:
        text = json_text.decode(line)
        return Incoming(id=None, document=json_text.parse(text), raw=text)
    except json_text.BadJson as error:
        text = line.decode("utf-8", "replace")
        return Prepared(Incoming(None, raw=text), SOURCE, None, None, (refusal("", error.reason, "RFC 8259"),))


def _note_ids(results: bytes, first_at: dict[str, int]) -> None:
    """Which ids were in a piece that was answered before."""
    for line in results.splitlines():
        item = json.loads(line)
        if item["id"] is not None:
            first_at.setdefault(item["id"], item["index"])


def _lines(start: int, outcomes: Sequence[Outcome]) -> bytes:
    items = [_item(index, outcome) for index, outcome in enumerate(outcomes, start)]
    return b"".join(item.model_dump_json().encode() + b"\n" for item in items)


def _item(index: int, outcome: Outcome) -> BulkItemView:
    return BulkItemView(
        index=index,
        id=outcome.id,
        result=outcome.result,
        revision=outcome.revision,
        problems=shown.problems(outcome.problems),
    )


def _read_list(value: JsonValue, _text: str) -> tuple[Document, ...]:
    if not isinstance(value, list):
        raise ApiError(400, "bad-parameter", "send a JSON list of records; a single record is put under its own path")
    if len(value) > _MOST_IN_LIST:
        raise ApiError(
            400,
            "bad-parameter",
            f"the list has {len(value)} records; send at most {_MOST_IN_LIST} in a list, or a record a line",
        )
    return tuple(Document(each, json.dumps(each, ensure_ascii=False)) for each in value)


_LIST: Final = Body(
    description=f"A list of records, at most {_MOST_IN_LIST}, each by the schema of its kind (see put_record). "
    "One that does not fit is refused by itself.",
    schema={"type": "array", "maxItems": _MOST_IN_LIST, "items": {}},
    read=_read_list,
    example=[EXAMPLE],
)
_IN_LINES: Final = InLines(
    description=f"A record a line, at most {MOST_LINES}; each answered by a line as soon as it is stored.",
    handler=_put_lines,
    model=BulkItemView,
    example=json.dumps(EXAMPLE) + "\n",
)

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "put_records",
        "POST",
        "/api/v1/heis/{hei_id}/records/{entity}",
        _put_list,
        tag=TAG,
        summary="Create or change many records",
        description="Each record stands for itself: those that are refused do not hold up the others. Ids are those "
        "inside the records.\n\n"
        f"As `application/x-ndjson`, up to {MOST_LINES} records, one a line, are answered while they arrive: one line "
        "for each, in their order, once it is stored. Where something fails in between, the last line is "
        '`{"error": …}`; the lines before it hold.',
        parameters=EntityPath,
        query=Nothing,
        body=_LIST,
        in_lines=_IN_LINES,
        responses=[Response(200, "What became of each record, refused ones included.", BulkView)],
    ),
)
