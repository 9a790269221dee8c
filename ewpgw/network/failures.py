"""What can go wrong with a call to a partner, as a tree of exceptions that say what the caller can do about it.

CallFailed
├── NotListed          the catalogue has no such API for the partner: wait for the registry, or ask the partner
├── Unreachable        no answer: network, TLS, time-out: try again
├── UntrustedAnswer    an answer whose signature, digest or date does not hold: try again, tell the partner
├── ErrorAnswer        an HTTP status other than 200: 5xx try again, 4xx a person must look
└── UnusableAnswer     200 with something that is not the document it should be: a person must look
"""

from __future__ import annotations


class CallFailed(Exception):
    """A call to a partner had no usable result. The text is free of personal data."""

    retryable = True

    def __init__(self, reason: str, *, status: int | None = None, server_message: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.server_message = server_message


class NotListed(CallFailed):
    """The catalogue lists no entry of that API and version for the partner, or none that takes signed requests."""


class Unreachable(CallFailed):
    """Nothing came back."""


class UntrustedAnswer(CallFailed):
    """The answer cannot be trusted to be the partner's."""


class ErrorAnswer(CallFailed):
    """The partner answered with an error status. Client errors are not repeated (ewp-specs-architecture, CNR)."""

    def __init__(self, status: int, server_message: str | None, user_messages: tuple[str, ...] = ()) -> None:
        said = f": {server_message}" if server_message else " without an error-response"
        super().__init__(f"the partner answered with HTTP {status}{said}", status=status, server_message=server_message)
        self.retryable = status >= 500 or status == 429
        self.user_messages = user_messages


class UnusableAnswer(CallFailed):
    """The partner answered 200 with a document that breaks the API's rules."""

    retryable = False
