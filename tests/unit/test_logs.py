"""What a log line holds, and what it never holds."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import TYPE_CHECKING

import pytest
import structlog

from ewpgw import logs
from ewpgw.config import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_time_level_logger_and_context() -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="info"), stream)
    structlog.contextvars.bind_contextvars(request_id="r-1", hei_id="north.example")
    structlog.get_logger("ewpgw.x").info("copy-fetched", partner="south.example")
    (line,) = _lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "copy-fetched",
        "partner": "south.example",
        "request_id": "r-1",
        "hei_id": "north.example",
        "logger": "ewpgw.x",
        "level": "info",
    }


def test_libraries_write_into_the_same_stream() -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="info"), stream)
    logging.getLogger("library.part").info("running %s", "0001", extra={"password": "hunter2"})
    (line,) = _lines(stream)
    assert (line["event"], line["logger"], line["password"]) == ("running 0001", "library.part", "[hidden]")


def test_warnings_are_logged() -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="info"), stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old thing", stacklevel=1)
        logging.captureWarnings(False)
    assert "old thing" in str(_lines(stream)[0]["event"])


@pytest.mark.parametrize(
    "key",
    ["authorization", "Authorization", "token", "sis_token", "X-Token", "password", "body", "request_body", "document"],
)
@pytest.mark.parametrize("level", ["debug", "info", "error"])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_sensitive_values_are_hidden_at_every_level(log_format: str, level: str, key: str) -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format=log_format, level="debug"), stream)
    getattr(structlog.get_logger("ewpgw.x"), level)("event", **{key: "hunter2"}, headers={key: "hunter2"})
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("[hidden]") == 2


def test_a_key_that_only_begins_like_a_sensitive_one_is_shown() -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="info"), stream)
    structlog.get_logger("ewpgw.x").info("event", token_name="sis", body_bytes=7, token=None)
    line = _lines(stream)[0]
    assert (line["token_name"], line["body_bytes"], line["token"]) == ("sis", 7, None)


def test_less_important_events_than_the_level_are_left_out() -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="warning"), stream)
    structlog.get_logger("ewpgw.x").info("quiet")
    logging.getLogger("alembic").info("quiet")
    structlog.get_logger("ewpgw.x").warning("loud")
    assert [line["event"] for line in _lines(stream)] == ["loud"]


@pytest.mark.parametrize("name", ["sqlalchemy.engine.Engine", "aiohttp.access", "aiosqlite"])
def test_statements_with_their_values_are_never_logged(name: str) -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(format="json", level="debug"), stream)
    logging.getLogger(name).info("[('Jane', 'Doe')]")
    logging.getLogger(name).debug("[('Jane', 'Doe')]")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_has_no_local_variables(log_format: str) -> None:
    def fail() -> None:
        held = "hunter2".upper()
        raise ValueError(len(held))

    stream = io.StringIO()
    logs.set_up(LogSettings(format=log_format, level="info"), stream)
    try:
        fail()
    except ValueError:
        structlog.get_logger("ewpgw.x").exception("broken")
        logging.getLogger("alembic").exception("broken")
    assert stream.getvalue().count("ValueError") >= 2
    assert "HUNTER2" not in stream.getvalue()


def test_configuring_again_replaces_what_was() -> None:
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger("ewpgw.x")
    logs.set_up(LogSettings(format="json", level="info"), first)
    logger.info("one")
    logs.set_up(LogSettings(format="json", level="info"), second)
    logger.info("two")
    assert [line["event"] for line in _lines(first)] == ["one"]
    assert [line["event"] for line in _lines(second)] == ["two"]
