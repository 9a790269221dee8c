"""A university's own database, as the sql adapter finds it: tables of its student information system, with rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    TextClause,
    Unicode,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.pool import NullPool

metadata = MetaData()
agreement = Table(
    "agreement",
    metadata,
    Column("agreement_no", String(40), primary_key=True),
    Column("title", Unicode(200)),
    Column("partner", String(100), nullable=False),
    Column("status", String(10), nullable=False),
    Column("signed_on", Date),
    Column("changed_at", DateTime, nullable=False),
)
condition = Table(
    "agreement_condition",
    metadata,
    Column("condition_no", Integer, primary_key=True),
    Column("agreement_no", String(40), nullable=False, index=True),
    Column("kind", String(3), nullable=False),
    Column("outgoing", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("months", Integer),
    Column("days", Integer),
    Column("first_year", String(9), nullable=False),
    Column("last_year", String(9), nullable=False),
    Column("isced", String(4)),
)
language = Table(
    "condition_language",
    metadata,
    Column("condition_no", Integer, primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("cefr", String(2)),
)
unit = Table(
    "faculty",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("name", Unicode(100)),
    Column("name_en", Unicode(100)),
)


class University:
    """The database at a SQLAlchemy URL, as its own staff works with it. Blocking."""

    def __init__(self, url: str) -> None:
        usual = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
        parsed = make_url(url)
        self.url = url
        self._engine = create_engine(
            parsed.set(drivername=usual.get(parsed.drivername, parsed.drivername)), poolclass=NullPool
        )

    def create(self) -> None:
        """Makes the empty tables."""
        metadata.create_all(self._engine)

    def add(
        self, number: str, *, partner: str = "south.example", people: int = 3, changed: datetime | None = None
    ) -> None:
        """An agreement about studies, in both directions, each with two languages."""
        first = int(self.rows("SELECT COALESCE(MAX(condition_no), 0) FROM agreement_condition")[0][0])
        self.fill([agreement_row(number, partner, changed)], *condition_rows(number, first, people))

    def fill(
        self,
        agreements: Sequence[Mapping[str, object]],
        conditions: Sequence[Mapping[str, object]],
        languages: Sequence[Mapping[str, object]],
    ) -> None:
        """Rows as they are, many at once."""
        with self._engine.begin() as connection:
            for table, rows in ((agreement, agreements), (condition, conditions), (language, languages)):
                if rows:
                    connection.execute(insert(table), rows)

    def change(self, number: str, *, changed: datetime | None = None, **values: object) -> None:
        """Another content of an agreement's own row; ``people`` of its conditions. The time of change is set."""
        people = values.pop("people", None)
        with self._engine.begin() as connection:
            values["changed_at"] = changed or datetime.now()
            connection.execute(update(agreement).where(agreement.c.agreement_no == number).values(values))
            if people is not None:
                connection.execute(update(condition).where(condition.c.agreement_no == number).values(people=people))

    def remove(self, number: str) -> None:
        """Deletes an agreement with its conditions and their languages."""
        conditions = select(condition.c.condition_no).where(condition.c.agreement_no == number)
        with self._engine.begin() as connection:
            connection.execute(delete(language).where(language.c.condition_no.in_(conditions)))
            connection.execute(delete(condition).where(condition.c.agreement_no == number))
            connection.execute(delete(agreement).where(agreement.c.agreement_no == number))

    def run(self, *statements: str) -> None:
        """Whatever statements, each in a transaction of its own where the database lets it."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(_verbatim(statement))

    def rows(self, statement: str) -> list[Any]:
        """What a query gives."""
        with self._engine.connect() as connection:
            return list(connection.execute(_verbatim(statement)).all())


def _verbatim(statement: str) -> TextClause:
    return text(statement.replace(":", "\\:"))


def agreement_row(number: str, partner: str = "south.example", changed: datetime | None = None) -> dict[str, object]:
    return {
        "agreement_no": number,
        "title": f"Exchange {number}",
        "partner": partner,
        "status": "draft",
        "signed_on": None,
        "changed_at": changed or datetime(2026, 1, 1, 12),
    }


def condition_rows(number: str, after: int, people: int = 3) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Two conditions, numbered from behind ``after``, with their languages."""
    conditions: list[dict[str, object]] = [
        {
            "condition_no": after + position,
            "agreement_no": number,
            "kind": "SMS",
            "outgoing": position % 2,
            "people": people,
            "months": people * 5,
            "first_year": "2027/2028",
            "last_year": "2029/2030",
            "isced": "0613",
        }
        for position in (1, 2)
    ]
    languages: list[dict[str, object]] = [
        {"condition_no": row["condition_no"], "language": code, "cefr": "B2"}
        for row in conditions
        for code in ("en", "fi")
    ]
    return conditions, languages
