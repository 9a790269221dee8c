"""The exchange log: requests and responses as they crossed the network, kept as evidence for a configured time."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from sqlalchemy import bindparam, delete, select, tuple_, union_all

from ewpgw.store.dialects import insert_by
from ewpgw.store.engine import AnyRow, Readable, fetch
from ewpgw.store.tables import exchange, iia_approval, iia_snapshot, partner_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

Direction = Literal["in", "out"]
Headers = tuple[tuple[str, str], ...]
"""Names and values, repeated names as often as they were sent, in that order."""

ExchangeRow = tuple[object, ...]
"""The values of the table's columns, ready to be written."""


@dataclass(slots=True)  # not frozen: one is made for every request, and that would take three times as long
class ExchangeSummary:
    """An exchange without headers and bodies.

    ``id`` is from ``new_id``; ``hei_id`` and ``partner`` are None where nobody could say whom it concerned;
    ``status`` is the HTTP status, None where no response came; ``verdict`` says what was made of the signature.
    """

    id: str
    at: datetime
    direction: Direction
    hei_id: str | None
    partner: str | None
    api: str | None
    endpoint: str | None
    method: str
    url: str
    status: int | None
    verdict: str
    request_id: str | None
    milliseconds: int | None


@dataclass(slots=True)
class Exchange(ExchangeSummary):
    """A whole exchange; bodies are empty where there were none."""

    request_headers: Headers
    request_body: bytes
    response_headers: Headers
    response_body: bytes


def new_id(at: datetime) -> str:
    """A UUID of version 7 (RFC 9562) as text. Ids that follow each other in time stand together in the database.

    After the milliseconds comes what no other call has: a number for the process, drawn at random, and a count.
    """
    milliseconds = int(at.timestamp() * 1000)
    digits = f"{milliseconds:012x}{next(_calls) & 0xFF_FFFF_FFFF:010x}{_PROCESS:08x}"
    return f"{digits[:8]}-{digits[8:12]}-7{digits[12:15]}-8{digits[15:18]}-{digits[18:]}"


def as_row(exchange: Exchange) -> ExchangeRow:
    """An exchange as ``insert_many`` takes it: in far fewer pieces than the exchange itself."""
    values = list(_values_of(exchange))
    for place in _HEADERS_AT:
        values[place] = _as_text(values[place])
    return tuple(values)


async def insert_many(tx: AsyncConnection, rows: Sequence[ExchangeRow]) -> None:
    """Keep exchanges; those that are kept already are passed over."""
    if not rows:
        return
    # Straight to the driver: SQLAlchemy takes longer over the parameters of a row than the database over the row.
    statement, instant = _insert(tx.dialect)
    if instant is not None:
        rows = [(*row[:_MOMENT_AT], instant(row[_MOMENT_AT]), *row[_MOMENT_AT + 1 :]) for row in rows]
    await tx.exec_driver_sql(statement, list(rows))


async def purge(tx: AsyncConnection, before: datetime, limit: int = 1000) -> int:
    """Delete up to ``limit`` exchanges older than ``before``, oldest first; returns how many.

    Those to which a snapshot of an agreement refers as its evidence stay, and those to which one may yet come to refer.

    Call it until it returns 0, each time in a transaction of its own, so that nobody waits long.
    """
    return (await tx.execute(_PURGE, {"before": before, "most": limit})).rowcount


async def get(source: Readable, id: str) -> Exchange | None:  # noqa: A002  (the column's name)
    """The whole exchange, or None."""
    rows = await fetch(source, _GET, {"id": id})
    return _exchange(rows[0]) if rows else None


async def list_page(
    source: Readable,
    *,
    hei_id: str | None = None,
    partner: str | None = None,
    api: str | None = None,
    direction: Direction | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> Sequence[ExchangeSummary]:
    """Up to ``limit`` exchanges, newest first, from the one after ``before`` (its ``at`` and ``id``) on."""
    columns = exchange.c
    statement = select(*(columns[name] for name in _SUMMARY)).order_by(columns.at.desc(), columns.id.desc())
    filters = ((columns.hei_id, hei_id), (columns.partner, partner), (columns.api, api), (columns.direction, direction))
    for column, value in filters:
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(tuple_(columns.at, columns.id) < before)
    return [ExchangeSummary(**row._mapping) for row in await fetch(source, statement.limit(limit))]


@lru_cache(maxsize=4)
def _insert(dialect: Dialect) -> tuple[str, Callable[[object], object] | None]:
    """The statement as the driver takes it, its parameters in the table's order, and what makes a moment fit for it."""
    statement = (
        insert_by(dialect.name, exchange).on_conflict_do_nothing().compile(dialect=dialect, column_keys=_COLUMNS)
    )
    assert tuple(statement.positiontup or ()) == _COLUMNS, "parameters come in the order of the table's columns"
    return statement.string, exchange.c.at.type.dialect_impl(dialect).bind_processor(dialect)


def _as_text(headers: Headers) -> str:
    """The headers as they stand in a message, a line each: JSON would take four times as long."""
    lines = "\n".join([f"{name}: {value}" for name, value in headers])
    if not lines.isascii():  # bytes that are no text arrive as surrogate escapes
        lines = lines.encode("utf-8", "backslashreplace").decode()
    return lines


def _as_headers(text: str) -> Headers:
    return tuple((name, value) for name, _, value in (line.partition(": ") for line in text.split("\n") if line))


def _exchange(row: AnyRow) -> Exchange:
    values = dict(row._mapping)
    for name in _HEADERS:
        values[name] = _as_headers(values[name])
    return Exchange(**values)


_PROCESS = int.from_bytes(os.urandom(4))
_calls = count()
_SUMMARY = tuple(field.name for field in fields(ExchangeSummary))
_ALL = tuple(field.name for field in fields(Exchange))
_HEADERS = ("request_headers", "response_headers")
_COLUMNS = tuple(column.name for column in exchange.columns)
_values_of = attrgetter(*_COLUMNS)
_HEADERS_AT = tuple(_COLUMNS.index(name) for name in _HEADERS)
_MOMENT_AT = _COLUMNS.index("at")
_GET = select(*(exchange.c[name] for name in _ALL)).where(exchange.c.id == bindparam("id"))
# What proves that both sides approved an agreement is kept as long as the agreement is; also while one has yet to
# approve, or both.
_PROOFS = union_all(
    *(
        select(column.label("id")).where(column.is_not(None))
        for column in (
            iia_snapshot.c.given_exchange_id,
            iia_snapshot.c.published_exchange_id,
            iia_snapshot.c.received_exchange_id,
            iia_approval.c.exchange_id,
            iia_approval.c.published_exchange_id,
        )
    ),
    select(partner_copy.c.exchange_id).where(partner_copy.c.entity == "iias", partner_copy.c.exchange_id.is_not(None)),
).subquery()
_OLDEST = (
    select(exchange.c.id)
    .where(exchange.c.at < bindparam("before"), exchange.c.id.not_in(select(_PROOFS.c.id)))
    .order_by(exchange.c.at)
    .limit(bindparam("most"))
)
_PURGE = delete(exchange).where(exchange.c.id.in_(_OLDEST))
