"""Signed responses: making them as a server and verifying them as a client (srvauth-httpsig)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING

from . import signatures
from .dates import format_http_date
from .digests import BadDigest, digest_header, verify_digest
from .freshness import NotFresh, is_dated, signed_moment
from .signatures import ALGORITHM, Headers, MalformedSignature, Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .keys import PrivateKey, PublicKey

_RESERVED = frozenset({"signature", "date", "original-date", "digest", "x-request-id", "x-request-signature"})
_ECHOED_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
_ECHOED_SIGNATURE = re.compile(r"[0-9A-Za-z+/]{1,8192}={0,2}")


@dataclass(frozen=True, slots=True)
class Correlation:
    """What a response must repeat of its request; None where there is nothing to repeat.

    Attributes:
        request_id: the X-Request-Id as it arrived.
        request_signature: the signature parameter of the Authorization header as it arrived.
    """

    request_id: str | None
    request_signature: str | None


@dataclass(frozen=True, slots=True)
class VerifiedResponse:
    """What a verified signature vouches for.

    Attributes:
        key_id: fingerprint of the key that signed.
        signature: the signature's base64, as sent.
        headers: the signed headers alone, lower-case names, repeated ones joined by ", ".
        date: when the server says it signed.
    """

    key_id: str
    signature: str
    headers: Mapping[str, str] = field(repr=False)
    date: datetime


class UntrustedResponse(Exception):
    """A response that must be rejected.

    Attributes:
        reason: what is wrong with it, a sentence for the people who ask the partner to mend it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def wants_signature(headers: Headers) -> bool:
    """Say whether a request asks for a signed response: its Accept-Signature names rsa-sha256, in any case.

    Signing is always allowed (srvauth-httpsig, "Check if you need to sign"), so headers of refused requests will do.
    """
    accepted = signatures.value_of(headers, "accept-signature") or ""
    return accepted == ALGORITHM or any(item.strip(" \t").lower() == ALGORITHM for item in accepted.split(","))


def correlation(headers: Headers) -> Correlation:
    """Find what the response to a request must repeat, verified or not, so that refusals are correlated too.

    Whatever could not be repeated safely as a header's value is left out.
    """
    values = signatures.join_repeated(headers)
    request_id = values.get("x-request-id", "")
    scheme, _, rest = values.get("authorization", "").partition(" ")
    signature = ""
    if scheme.lower() == "signature":
        try:
            signature = signatures.parse_parameters(rest).signature or ""
        except MalformedSignature:
            signature = ""
    return Correlation(
        request_id if _ECHOED_ID.fullmatch(request_id) else None,
        signature if _ECHOED_SIGNATURE.fullmatch(signature) else None,
    )


def sign_response(
    body: bytes,
    key: PrivateKey,
    now: datetime,
    *,
    request_id: str | None = None,
    request_signature: str | None = None,
    headers: Mapping[str, str] | None = None,
    original_date: bool = False,
) -> dict[str, str]:
    """Sign a response (srvauth-httpsig, "Implementing a server"); returns all header fields to send.

    Args:
        body: the bytes as they will be sent; nothing may change them afterwards.
        key: a server key that the manifest publishes.
        now: the current moment, with a time zone.
        request_id: the request's X-Request-Id, if it had one.
        request_signature: the signature of the request, if it was signed.
        headers: further header fields; all of them are signed, since clients ignore unsigned ones.
        original_date: sign Original-Date instead of Date, for servers behind a proxy that replaces Date.

    Raises:
        UnsafeHeader: a header of `headers` cannot be sent, or is one that this function sets; or request_id or
            request_signature are not fit for a header's value (what `correlation` and `verify_request` return is).
    """
    outgoing = {
        "Original-Date" if original_date else "Date": format_http_date(now),
        "Digest": digest_header(body),
    }
    if request_id is not None:
        if not _ECHOED_ID.fullmatch(request_id):
            raise signatures.UnsafeHeader("the request id is not fit for a header's value; see correlation()")
        outgoing["X-Request-Id"] = request_id
    if request_signature is not None:
        if not _ECHOED_SIGNATURE.fullmatch(request_signature):
            raise signatures.UnsafeHeader("the request's signature is not base64; see correlation()")
        outgoing["X-Request-Signature"] = request_signature
    if headers:
        signatures.check_sendable(headers, _RESERVED)
        outgoing.update(headers)
    values = {name.lower(): value for name, value in outgoing.items()}
    outgoing["Signature"] = signatures.format_parameters(key, values, signatures.sign(key, values, values))
    return outgoing


def verify_response(
    headers: Headers,
    body: bytes,
    *,
    server_keys: Mapping[str, PublicKey],
    request_id: str | None,
    request_signature: str | None,
    now: datetime,
) -> VerifiedResponse:
    """Verify the signature of a response (srvauth-httpsig, "Implementing a client"); raises UntrustedResponse.

    The status code is no part of what is signed.

    Args:
        headers: as they arrived.
        body: the bytes as they were on the wire, before any content decoding.
        server_keys: by fingerprint, the server keys of the very host entry that the URL came from.
        request_id: the X-Request-Id that was sent, if any.
        request_signature: the signature that was sent, if any.
        now: the current moment, with a time zone.
    """
    values = signatures.join_repeated(headers)
    expected = {"x-request-id": request_id, "x-request-signature": request_signature}
    for name, sent in expected.items():
        if sent is not None:
            _check_repeated(name, sent, values.get(name))
    parameters = _parameters(values, [name for name, sent in expected.items() if sent is not None])
    try:
        date = signed_moment(parameters.names, values, now)
    except NotFresh as problem:
        raise UntrustedResponse(f"The response has a bad date: {problem}.") from None
    key = server_keys.get((parameters.key_id or "").lower())
    if key is None:
        raise UntrustedResponse(
            "The response is signed with a key that the catalogue does not list as a server key of the host that "
            "publishes this URL."
        )
    try:
        if not signatures.verify(key, parameters, values):
            raise UntrustedResponse(
                "The response's signature does not match its headers: they were changed on the way."
            )
    except MalformedSignature as problem:
        raise UntrustedResponse(f"The response's signature cannot be verified: {problem}.") from None
    try:
        verify_digest(values["digest"], body)
    except BadDigest as problem:
        raise UntrustedResponse(f"The response's body is not the one that was signed: {problem}.") from None
    signed = {name: values[name] for name in parameters.names}
    return VerifiedResponse(key.fingerprint, parameters.signature or "", signed, date)


def _check_repeated(name: str, sent: str, repeated: str | None) -> None:
    if repeated is None:
        raise UntrustedResponse(f"The response does not repeat the request in the header {name}.")
    if not compare_digest(repeated.encode("utf-8", "replace"), sent.encode("utf-8", "replace")):
        raise UntrustedResponse(f"The response belongs to another request: its header {name} is not what was sent.")


def _parameters(values: Mapping[str, str], repeated: list[str]) -> Parameters:
    header = values.get("signature")
    if header is None:
        raise UntrustedResponse("The response is not signed: it has no Signature header.")
    try:
        parameters = signatures.parse_parameters(header)
    except MalformedSignature as problem:
        raise UntrustedResponse(f"The response's Signature header cannot be read: {problem}.") from None
    if parameters.algorithm != ALGORITHM:
        raise UntrustedResponse(f"The response is signed with another algorithm than {ALGORITHM}.")
    missing = [name for name in ("digest", *repeated) if name not in parameters.names]
    if not is_dated(parameters.names):
        missing.append("date (or original-date)")
    if missing:
        raise UntrustedResponse(f"The response's signature does not cover what it must: {', '.join(missing)}.")
    return parameters
