"""What the options of the sql adapter, and the sources of its mapping files, may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from ewpgw import resources
from ewpgw.adapters import loading
from ewpgw.adapters.loading import BadOptions
from ewpgw.adapters.mapping import BadMapping, load_file, load_folder
from ewpgw.adapters.sql.settings import SqlSettings, SqlSource, clause

GOOD = {"url": "postgresql://reader@db.north.example/sis", "mappings": "mappings"}
WRITES = {"current": "INSERT INTO t VALUES (:id)"}


def settings(folder: Path = Path("/etc/ewpgw"), **options: object) -> SqlSettings:
    return SqlSettings.model_validate({**GOOD, **options}, context={"folder": folder})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("mysql://u@h/d", "mysql+pymysql://u@h/d"),
        ("mariadb://u@h/d", "mariadb+pymysql://u@h/d"),
        ("sqlite:///sis.db", "sqlite:////etc/ewpgw/sis.db"),
        ("sqlite:////data/sis.db", "sqlite:////data/sis.db"),
    ],
)
def test_a_url_gets_the_usual_driver_and_an_absolute_file(given: str, used: str) -> None:
    assert settings(url=given).url.get_secret_value() == used


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "north.example"}, "is not the URL of a database"),
        ({"url": "oracle+oracledb://u:hidden@h/d"}, "driver that is not installed"),
        ({"url": "postgresql+asyncpg://u:hidden@h/d"}, "asynchronous driver"),
        ({"url": "sqlite://"}, "names no SQLite file"),
        ({"outward": {}}, "needs either tables or statements"),
        ({"outward": {"tables": "ewp_", "statements": {"*": WRITES}}}, "needs either tables or statements"),
        ({"outward": {"tables": "ewp_", "decisions": {"*": "CALL a(:number)"}}}, "needs either tables or statements"),
        ({"outward": {"decisions": {"mutualy-approved": "CALL a(:number)"}}}, "'mutualy-approved' is nothing that is"),
        ({"outward": {"decisions": {"copy-changed": "CALL a(:number)"}}}, "'copy-changed' is nothing that is decided"),
        ({"outward": {"decisions": {"*": "CALL a(:state)"}}}, "names :state, which there is not"),
        ({"outward": {"tables": "x; DROP TABLE y"}}, "should match pattern"),
        ({"outward": {"statements": {"agreements": WRITES}}}, "'agreements' is not an entity"),
        ({"outward": {"statements": {"*": {"current": "SELECT 1"}}}}, "none of the statements that write"),
        ({"outward": {"statements": {"*": {"current": "DROP TABLE t"}}}}, "none of the statements that write"),
        ({"outward": {"statements": {"*": {"current": "CALL a(:id); CALL b(:id)"}}}}, "more than one statement"),
        ({"outward": {"statements": {"*": {"current": "CALL a(:document_id)"}}}}, "names :document_id"),
        ({"poll_seconds": 0}, "greater than 0"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_options_that_cannot_work_are_refused_without_their_values(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadOptions, match=said) as refused:
        loading.create("north.example", "sql", {**GOOD, **options}, Path("/etc/ewpgw"))
    assert "hidden" not in str(refused.value)


def test_text_in_quotes_is_no_parameter_and_no_end_of_a_statement() -> None:
    statement = "UPDATE t SET a = 'x; :y', \"b:c\" = :id::text -- :no; \n WHERE id = :id;"
    outward = settings(outward={"statements": {"*": {"current": statement}}}).outward
    assert outward is not None
    [kept] = outward.statements["*"].current
    written = str(clause(kept).compile(dialect=make_url("postgresql://").get_dialect()()))
    assert written == statement.rstrip(";").replace(":id", "%(id)s")


def test_passwords_are_not_shown() -> None:
    shown = settings(url="postgresql://u:hidden@h/d", outward={"url": "mariadb://u:hidden@h/d", "tables": "ewp_"})
    assert "hidden" not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("DELETE FROM agreement", "is not a SELECT"),
        ("SELECT 1; DELETE FROM agreement", "more than one statement"),
        ("/* SELECT */ DROP TABLE agreement", "is not a SELECT"),
    ],
)
def test_a_source_reads_and_does_nothing_else(select: str, said: str, tmp_path: Path) -> None:
    example = (resources.folder("config") / "sql" / "organizational-units.yaml").read_text("utf-8")
    (tmp_path / "units.yaml").write_text(example.replace("SELECT code, name, name_en FROM faculty", select), "utf-8")
    with pytest.raises(BadMapping, match=said):
        load_file(tmp_path / "units.yaml", SqlSource, hei_id="north.example")


@pytest.mark.parametrize("select", ["select 1", "WITH a AS (SELECT 1) SELECT * FROM a", "-- all\nSELECT ';' "])
def test_a_select_may_be_written_in_many_ways(select: str) -> None:
    assert SqlSource(select=select).select == select.strip()


def test_the_examples_of_mapping_files_are_good() -> None:
    found = load_folder(resources.folder("config") / "sql", SqlSource, hei_id="north.example")
    assert [mapping.entity for mapping in found] == ["organizational-units", "iias"]
