"""Conditions on lists of values, as each database gets them."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table, Text, make_url, select
from sqlalchemy.dialects import sqlite

from ewpgw.store.dialects import among

THING = Table("thing", MetaData(), Column("id", Text, primary_key=True), Column("kind", Text))


def test_postgresql_gets_one_array_however_long_the_list_is() -> None:
    statement = select(THING.c.id).where(among(THING.c.id, "ids"))
    text = " ".join(str(statement.compile(dialect=make_url("postgresql://").get_dialect()())).split())
    assert "thing.id IN (SELECT unnest(" in text
    assert "POSTCOMPILE" not in text


def test_sqlite_gets_a_list_and_the_bare_comparison_that_its_index_serves() -> None:
    statement = select(THING.c.id).where(THING.c.kind == "a", among(THING.c.id, "ids"))
    text = " ".join(str(statement.compile(dialect=sqlite.dialect())).split())
    assert text.endswith("thing.id IN (__[POSTCOMPILE_ids])")


def test_two_columns_are_two_conditions_and_not_one_that_is_remembered() -> None:
    statements = [select(THING.c.id).where(among(column, "values")) for column in (THING.c.id, THING.c.kind)]
    first, second = (str(each.compile(dialect=sqlite.dialect())) for each in statements)
    assert "thing.id IN" in first
    assert "thing.kind IN" in second
    assert statements[0]._generate_cache_key() != statements[1]._generate_cache_key()
