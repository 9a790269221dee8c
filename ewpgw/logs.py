"""Logging: one stream of structured events, from ewpgw and from the libraries it uses, without secrets.

Modules log with ``structlog.get_logger(__name__)`` and name an event and its facts:
``log.info("copy-fetched", partner=partner, api=api)``. What is bound with ``structlog.contextvars`` (``request_id``,
``hei_id``) is added to every event. At level info and above an event holds no personal data: no documents, no bodies.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import EventDict, Processor, WrappedLogger

    from ewpgw.config import LogSettings

HIDDEN = "[hidden]"
SENSITIVE = frozenset(
    {"authorization", "body", "cookie", "credentials", "document", "passphrase", "password", "pem", "secret", "token"}
)
"""Words that hide a key's value when they end the key: ``token``, ``sis_token`` and ``X-Token``, not ``token_name``."""

# These write values of rows, or every request line, at level info
_QUIET = ("sqlalchemy", "alembic", "aiosqlite", "aiohttp.access", "asyncio", "watchfiles")


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set logging up for the whole process; calling it again replaces what was.

    Parameters:
        settings: the configuration's section ``log``
        stream: where to; standard error when None
    """
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        hide_secrets,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings.format, stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace the values of sensitive keys, at any level and in mappings inside the event."""
    return {key: _shown(key, value) for key, value in event.items()}


def _shown(key: object, value: object) -> object:
    words = str(key).lower().replace("-", "_").split("_")
    if words[-1] in SENSITIVE and value is not None:
        return HIDDEN
    if isinstance(value, dict):
        return _shown_mapping(value)
    return value


def _shown_mapping(mapping: Mapping[object, object]) -> dict[object, object]:
    return {key: _shown(key, value) for key, value in mapping.items()}


def _renderers(log_format: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    if log_format == "json":
        # local variables of a traceback would hold documents and keys
        return [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        )
    ]
