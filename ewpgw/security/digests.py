"""The Digest header: SHA-256 of a message body (RFC 3230 section 4.3.2, RFC 5843 section 2.2)."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

WANTED = "SHA-256"
"""The value of Want-Digest: the one algorithm this library accepts."""

_MAX_LENGTH = 8192


class BadDigest(ValueError):
    """A Digest header that does not describe the body.

    Attributes:
        reason: what is wrong, a phrase to continue "the Digest header …".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the Digest header {reason}")
        self.reason = reason


def digest_header(body: bytes) -> str:
    """Return the Digest header's value for a body, as in ``SHA-256=47DEQpj8…=``."""
    return f"SHA-256={_sha256_base64(body)}"


def verify_digest(header: str, body: bytes) -> None:
    """Compare a Digest header with the body it came with; raises BadDigest.

    The header may carry other algorithms besides SHA-256, which are ignored; their names are case-insensitive.
    """
    expected = _sha256_base64(body)
    if header == f"SHA-256={expected}":  # as nearly all are written
        return
    if len(header) > _MAX_LENGTH:
        raise BadDigest(f"is longer than {_MAX_LENGTH} characters")
    claims = [
        value.strip(" \t")
        for algorithm, equals, value in (item.partition("=") for item in header.split(","))
        if equals and algorithm.strip(" \t").lower() == "sha-256"
    ]
    if not claims:
        raise BadDigest("has no SHA-256 value; send SHA-256=… with the base64 of the SHA-256 of the body")
    for claim in claims:
        if claim != expected:
            raise BadDigest(
                f"is not the SHA-256 of the {len(body)} bytes of body that arrived; "
                "digest the body after the last change to it"
            )


def _sha256_base64(body: bytes) -> str:
    return b64encode(sha256(body).digest()).decode("ascii")
