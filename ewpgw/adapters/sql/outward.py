"""Copies and decisions on their way into a database: tables that the gateway lays out, or statements of its owner."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    inspect,
)
from sqlalchemy.dialects.mysql import LONGBLOB, LONGTEXT
from sqlalchemy.schema import CreateTable

from ewpgw.adapters.sql.settings import clause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ewpgw.adapters.contract import CopyDelivery, Decision
    from ewpgw.adapters.sql.settings import CopyStatements

# Identifiers differ by case; the usual collations of MySQL and MariaDB do not see that.
_EXACT = {"mysql": "utf8mb4_bin", "mariadb": "utf8mb4_bin"}


def _name(length: int) -> String:
    exact = String(length)
    for dialect, collation in _EXACT.items():
        exact = exact.with_variant(String(length, collation=collation), dialect)
    return exact


# Elsewhere the database itself has to hold the texts of all of Europe.
_ANY_TEXT = "utf8mb4"
_LONG_TEXT = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_LONG_BYTES = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")


class OutwardTables:
    """``<prefix>partner_copy``: a row for each record that a partner shares, or once shared, with us; and
    ``<prefix>decisions``: a row for each decision.

    ``document`` and ``xml`` are the last good version; ``invalid_xml`` and ``problems`` a newer one that breaks its
    schema, while ``state`` is "invalid". When it is "gone", all four are empty.
    """

    def __init__(self, prefix: str) -> None:
        self._metadata = MetaData()
        self._copies = Table(
            f"{prefix}partner_copy",
            self._metadata,
            Column("hei_id", _name(255), primary_key=True),
            Column("entity", _name(64), primary_key=True),
            Column("partner", _name(255), primary_key=True),
            Column("id", _name(64), primary_key=True),
            Column("state", String(16), nullable=False),
            Column("revision", Integer, nullable=False),
            Column("changed_at", DateTime, nullable=False),
            Column("document", _LONG_TEXT),
            Column("xml", _LONG_BYTES),
            Column("problems", _LONG_TEXT),
            Column("invalid_xml", _LONG_BYTES),
            mysql_charset=_ANY_TEXT,
            mariadb_charset=_ANY_TEXT,
        )
        self._decisions = Table(
            f"{prefix}decisions",
            self._metadata,
            Column("hei_id", _name(255), primary_key=True),
            Column("number", BigInteger, primary_key=True, autoincrement=False),
            Column("what", String(64), nullable=False),
            Column("entity", _name(64), nullable=False),
            Column("partner", _name(255), nullable=False),
            Column("id", _name(64)),
            Column("our_id", _name(64)),
            Column("verdict", String(64)),
            Column("comment", _LONG_TEXT),
            Column("happened_at", DateTime, nullable=False),
            mysql_charset=_ANY_TEXT,
            mariadb_charset=_ANY_TEXT,
        )

    def definitions(self, dialect: Dialect) -> list[str]:
        """The CREATE TABLE statements, for who makes tables by hand."""
        tables = self._metadata.sorted_tables
        return [f"{str(CreateTable(table).compile(dialect=dialect)).strip()};\n" for table in tables]

    def create(self, connection: Connection) -> list[str]:
        """Create what is missing; the names of the tables that were."""
        missing = self.missing(connection)
        self._metadata.create_all(connection)
        return missing

    def missing(self, connection: Connection) -> list[str]:
        """The names of the tables that are not there."""
        there = inspect(connection)
        return [table.name for table in (self._copies, self._decisions) if not there.has_table(table.name)]

    def put(self, connection: Connection, delivery: CopyDelivery) -> None:
        """Bring the row of one copy into the delivered state; repeating it changes nothing."""
        known = _values(delivery)
        key = {name: known.pop(name) for name in ("hei_id", "entity", "partner", "id")}
        values = {name: known[name] for name in ("state", "revision", "changed_at", "problems")}
        content = {"document": known["document"], "xml": known["xml"]}
        if delivery.state == "invalid":
            values["invalid_xml"] = known["xml"]
        else:
            values |= {**content, "invalid_xml": None}
        _put(connection, self._copies, key, values)

    def decide(self, connection: Connection, decision: Decision) -> None:
        """Write the row of a decision; repeating it makes no other."""
        values = _values_of_decision(decision)
        key = {name: values.pop(name) for name in ("hei_id", "number")}
        _put(connection, self._decisions, key, values)


def _put(connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
    # they come one at a time, and every database words its MERGE differently
    here = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(table.update().where(*here).values(**values)).rowcount:
        connection.execute(table.insert().values(**key, **values))


class OutwardStatements:
    """The institution's own statements: for copies by entity, for decisions by what was decided."""

    def __init__(self, statements: Mapping[str, CopyStatements], decisions: Mapping[str, Sequence[str]]) -> None:
        self._statements = statements
        self._decisions = decisions

    def put(self, connection: Connection, delivery: CopyDelivery) -> None:
        """Run the statements for the copy's state, all or none; none where there are none for its entity."""
        chosen = self._statements.get(delivery.entity) or self._statements.get("*")
        statements: Sequence[str] = getattr(chosen, delivery.state) if chosen is not None else ()
        values = _values(delivery)
        for statement in statements:
            connection.execute(clause(statement), values)

    def decide(self, connection: Connection, decision: Decision) -> None:
        """Run the statements for what was decided, all or none."""
        chosen = self._decisions.get(decision.what)
        values = _values_of_decision(decision)
        for statement in self._decisions.get("*", ()) if chosen is None else chosen:
            connection.execute(clause(statement), values)


def _values_of_decision(decision: Decision) -> dict[str, object]:
    values = {field.name: getattr(decision, field.name) for field in fields(decision) if field.name != "at"}
    return {**values, "happened_at": decision.at.astimezone(UTC).replace(tzinfo=None)}


def _values(delivery: CopyDelivery) -> dict[str, object]:
    """What may be written of a copy, by name. Times are in UTC, without a zone, since not every database has zones."""
    document, problems = delivery.document, delivery.problems
    return {
        "hei_id": delivery.hei_id,
        "entity": delivery.entity,
        "partner": delivery.partner,
        "id": delivery.id,
        "state": delivery.state,
        "revision": delivery.revision,
        "changed_at": delivery.at.astimezone(UTC).replace(tzinfo=None),
        "document": None if document is None else json.dumps(document, ensure_ascii=False),
        "xml": delivery.body,
        "problems": json.dumps(problems, ensure_ascii=False) if problems else None,
    }
