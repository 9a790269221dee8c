"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class Instant(TypeDecorator[datetime]):
    """A point in time: timezone-aware in Python, in UTC when it comes back.

    PostgreSQL has a type for it. SQLite keeps text of fixed width (``2025-09-01 12:00:00.000000``), which sorts as
    time does and can be read by a person. A naive datetime is refused, because nobody can say which instant it means.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value.isoformat()} has no time zone; pass an aware datetime")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# Identifiers are case-sensitive (EWP architecture, "Identifiers") and are ordered by code point on both databases,
# whatever collation the PostgreSQL database was created with; SQLite's BINARY collation does so by itself.
Name = Text().with_variant(Text(collation="C"), "postgresql")
