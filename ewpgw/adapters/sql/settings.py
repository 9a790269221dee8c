"""The options of the sql adapter, and what ``source`` is in its mapping files."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from sqlalchemy import TextClause
from sqlalchemy import text as text_clause
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ewpgw.adapters.deciding import NO_DECISIONS
from ewpgw.config.values import AbsolutePath, Text, Whole, absolute, folder_of, is_path, refusal
from ewpgw.model.entities import ENTITIES
from ewpgw.store.feed import FeedKind

_EXAMPLES = "'postgresql://user@host/database', 'mariadb://user@host/database' or 'sqlite:///file.db'"
_COMMENT = r"--[^\n]*(?:\n|$)|/\*.*?\*/"
_READS = re.compile(rf"(?:\s|{_COMMENT})*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
_WRITES = re.compile(
    rf"(?:\s|{_COMMENT})*(?:INSERT|UPDATE|DELETE|MERGE|REPLACE|CALL|EXEC|EXECUTE)\b", re.IGNORECASE | re.DOTALL
)
_QUOTED = re.compile(rf"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|{_COMMENT}", re.DOTALL)
PARAMETERS = (
    "hei_id",
    "entity",
    "partner",
    "id",
    "state",
    "revision",
    "changed_at",
    "document",
    "xml",
    "problems",
)
"""What the statements for partners' copies may name, each with a colon before it."""
OF_DECISIONS = ("hei_id", "number", "what", "entity", "partner", "id", "our_id", "verdict", "comment", "happened_at")
"""What the statements for decisions may name."""


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except (ArgumentError, ValueError):
        raise refusal("is not the URL of a database", f"write it as in {_EXAMPLES}") from None
    except ImportError:
        raise refusal("names a driver that is not installed", "install the driver's Python package") from None
    if dialect.is_async:
        raise refusal("names an asynchronous driver", "name a synchronous one, or none at all")
    if url.get_backend_name() == "sqlite":
        if not url.database or not is_path(url.database) or url.database == ":memory:" or url.query:
            raise refusal("names no SQLite file", "write 'sqlite:///' and the file's path")
        url = url.set(database=str(absolute(folder_of(info.context), url.database)))
    return SecretStr(url.render_as_string(hide_password=False))


def _with_usual_driver(value: object) -> object:
    """The URL with the driver that ships with the gateway, where it names none."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str):
        text = re.sub("^postgres(?:ql)?://", "postgresql+psycopg://", text)
        text = re.sub("^(mysql|mariadb)://", r"\1+pymysql://", text)
    return text


DatabaseUrl = Annotated[SecretStr, BeforeValidator(_with_usual_driver), AfterValidator(_url)]


def _select(value: str) -> str:
    text = value.strip().rstrip(";").rstrip()
    if not _READS.match(text):
        raise refusal("is not a SELECT", "write one SELECT (or WITH … SELECT); nothing else is run for reading")
    if ";" in _QUOTED.sub("", text):
        raise refusal("holds more than one statement", "write one SELECT alone")
    return text


Select = Annotated[str, AfterValidator(_select)]


def clause(statement: str) -> TextClause:
    """A statement with its parameters. What is quoted has none, and a cast (``::text``) is none."""
    parts, end = [], 0
    for quoted in _QUOTED.finditer(statement):
        parts += [statement[end : quoted.start()].replace("::", r"\:\:"), quoted[0].replace(":", r"\:")]
        end = quoted.end()
    return text_clause("".join((*parts, statement[end:].replace("::", r"\:\:"))))


def _statement(value: str, parameters: tuple[str, ...] = PARAMETERS) -> str:
    text = value.strip().rstrip(";").rstrip()
    if not _WRITES.match(text):
        raise refusal("is none of the statements that write", "begin with INSERT, UPDATE, DELETE, MERGE or CALL")
    if ";" in _QUOTED.sub("", text):
        raise refusal("holds more than one statement", "write a list of statements")
    if unknown := sorted(clause(text)._bindparams.keys() - set(parameters)):
        known = ", ".join(f":{name}" for name in parameters)
        raise refusal(f"names :{unknown[0]}, which there is not", f"there are {known}")
    return text


def _statement_for_decisions(value: str) -> str:
    return _statement(value, OF_DECISIONS)


Statement = Annotated[str, AfterValidator(_statement)]
DecisionStatement = Annotated[str, AfterValidator(_statement_for_decisions)]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Statements = Annotated[tuple[Statement, ...], BeforeValidator(_listed)]
DecisionStatements = Annotated[tuple[DecisionStatement, ...], BeforeValidator(_listed)]


class CopyStatements(_Options):
    """What to run for a partner's copy, by its state. A list is run in one transaction."""

    current: Statements = Field(description="The partner serves it: new, changed, or the same once more.")
    gone: Statements = Field((), description="The partner serves it no more, or not to you.")
    invalid: Statements = Field((), description="The partner serves something that breaks its schema.")


class Login(_Options):
    """How to reach a database."""

    url: DatabaseUrl = Field(
        description="SQLAlchemy URL. Without a driver's name, psycopg, pymysql and sqlite3 are used."
    )
    password_file: AbsolutePath | None = Field(
        None, description="File with the password, read anew for each connection; better than one in the URL."
    )
    schema_: Text | None = Field(
        None, alias="schema", description="Schema (PostgreSQL) or database (MariaDB, MySQL) of unqualified names."
    )
    statement_seconds: Whole = Field(60, ge=1, le=3600, description="Longest time a statement may take.")


class Outward(_Options):
    """Where copies and decisions go: into tables that the gateway lays out, or through statements of your own."""

    url: DatabaseUrl | None = Field(None, description="Another database, or another user's URL; null: the same.")
    password_file: AbsolutePath | None = Field(None, description="File with the password of that user.")
    schema_: Text | None = Field(None, alias="schema", description="Schema of unqualified names there.")
    tables: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,30}$")] | None = Field(
        None, description="What the names of the gateway's tables begin with, such as `ewp_`."
    )
    statements: dict[Literal["*"] | Text, CopyStatements] = Field(
        default_factory=dict, description="Statements by entity, in place of tables; `*` stands for all others."
    )
    decisions: dict[Literal["*"] | Text, DecisionStatements] = Field(
        default_factory=dict,
        description="Statements by what was decided, such as `mutually-approved`; `*` stands for all others.",
    )

    @field_validator("statements")
    @classmethod
    def _of_entities(cls, statements: dict[str, CopyStatements]) -> dict[str, CopyStatements]:
        if unknown := sorted(statements.keys() - ENTITIES.keys() - {"*"}):
            raise refusal(f"{unknown[0]!r} is not an entity", f"known are {', '.join(sorted(ENTITIES))}")
        return statements

    @field_validator("decisions")
    @classmethod
    def _of_kinds(cls, decisions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        known = {kind.value for kind in FeedKind if kind not in NO_DECISIONS}
        if unknown := sorted(decisions.keys() - known - {"*"}):
            raise refusal(f"{unknown[0]!r} is nothing that is decided", f"known are {', '.join(sorted(known))}")
        return decisions

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Outward:
        if (self.tables is None) == (not self.statements and not self.decisions):
            raise refusal("needs either tables or statements", "write 'tables', or 'statements' and 'decisions'")
        return self


class SqlSettings(Login):
    """The options of an adapter of kind ``sql``."""

    mappings: AbsolutePath = Field(description="Folder with a mapping file for each entity.")
    poll_seconds: Annotated[float, Field(gt=0, le=86400)] = Field(60, description="How often the database is read.")
    outward: Outward | None = Field(
        None, description="Where partners' copies and decisions go; null leaves them to the SIS API."
    )


class SqlList(_Options):
    """Further rows that belong to a row: a list in it."""

    select: Select = Field(description="One SELECT of all such rows, of all the rows they belong to.")
    key: Text = Field(description="The column that names the row it belongs to.")
    of: Text | None = Field(None, description="That row's column which `key` equals; null: it has the same name.")
    order: tuple[Text, ...] = Field((), description="The columns by which the list is sorted; else by all it holds.")
    lists: dict[Text, SqlList] = Field(default_factory=dict, description="Lists in these rows in turn.")


class SqlSource(_Options):
    """``source`` in a mapping file of the sql adapter."""

    select: Select = Field(description="One SELECT that gives one row for each record.")
    modified: Text | None = Field(
        None,
        description="The column that changes whenever the row or its lists do: a time or a counter. Without it the "
        "content is compared.",
    )
    lists: dict[Text, SqlList] = Field(default_factory=dict, description="Lists of rows that belong to a row.")
