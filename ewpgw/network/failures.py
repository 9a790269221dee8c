"""What can go wrong with a call to a partner, as a tree of exceptions that say what the caller can do about it.

CallFailed
├── NotListed          the catalogue has no such API for the partner: wait for the registry, or ask the partner
├── Unreachable        no answer: network, TLS, time-out: try again
├── UntrustedAnswer    an answer whose signature, digest or date does not hold: try again, tell the partner
├── ErrorAnswer        an HTTP status other than 200: 5xx try again, 4xx a person must look
└── UnusableAnswer     200 with something that is not the document it should be: a person must look
"""

from __future__ import annotations

import os
import re
import ssl

import aiohttp

_SHOWN_BYTES = re.compile(r"""\n\n|: (?:bytearray\()?b['"]""")


class CallFailed(Exception):
    """A call to a partner had no usable result.

    ``reason`` says why, to those who may see the exchange: with what the partner said of it, the ``quoted`` text.
    ``in_our_words`` leaves that out, since a partner may name a student in it: for logs, and for reports to others.
    ``exchange_id`` is the exchange that is kept of it; None where nothing was sent.
    """

    retryable = True
    exchange_id: str | None = None

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        server_message: str | None = None,
        quoted: str | None = None,
    ) -> None:
        self.in_our_words = reason
        self.quoted = quoted
        self.reason = f"{reason}: {quoted}" if quoted else reason
        super().__init__(self.reason)
        self.status = status
        self.server_message = server_message


class NotListed(CallFailed):
    """The catalogue lists no entry of that API and version for the partner, or none that takes signed requests."""


class Unreachable(CallFailed):
    """Nothing came back, or not all of it; ``status`` is there where the answer had begun."""


class UntrustedAnswer(CallFailed):
    """The answer cannot be trusted to be the partner's."""


class ErrorAnswer(CallFailed):
    """The partner answered with an error status. Client errors are not repeated (ewp-specs-architecture, CNR)."""

    def __init__(self, status: int, server_message: str | None, user_messages: tuple[str, ...] = ()) -> None:
        answered = f"the partner answered with HTTP {status}" + ("" if server_message else " without an error-response")
        super().__init__(answered, status=status, server_message=server_message, quoted=server_message)
        self.retryable = status >= 500 or status == 429
        self.user_messages = user_messages


class UnusableAnswer(CallFailed):
    """The partner answered 200 with a document that breaks the API's rules."""

    retryable = False


def unreachable_in_words(error: Exception) -> str:
    """Why no answer came, in words for the partner's and our own operators, from what the network's libraries raise."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            return f"the TLS certificate of {error.host} is not trusted: {why}"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} is not known to the DNS"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS with {error.host}:{error.port} cannot be set up: {_ssl_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}:{error.port}: {_system_reason(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before the answer"
        case aiohttp.ClientPayloadError():
            return "the connection was closed in the middle of the answer"
        case aiohttp.ClientResponseError():
            return f"the answer is no HTTP that can be read: {_without_bytes(error.message)}"
    return f"no answer: {type(error).__name__}: {error}"


def _without_bytes(message: str) -> str:
    """aiohttp's words without the piece of the answer that it shows: a partner's data may be in it."""
    return " ".join(_SHOWN_BYTES.split(message, maxsplit=1)[0].split()).rstrip(":")


def _system_reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _ssl_reason(error: OSError) -> str:
    return (isinstance(error, ssl.SSLError) and error.reason) or str(error)
