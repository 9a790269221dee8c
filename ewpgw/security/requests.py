"""Signed requests: verifying them as a server and making them as a client (cliauth-httpsig)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import signatures
from .dates import format_http_date
from .digests import WANTED, BadDigest, digest_header, verify_digest
from .freshness import NotFresh, is_dated, signed_moment
from .keys import PrivateKey, PublicKey
from .signatures import ALGORITHM, Headers, MalformedSignature, Parameters

if TYPE_CHECKING:
    from datetime import datetime

KeyLookup = Callable[[str], PublicKey | None]
"""From a fingerprint (64 lower-case hex digits) to the client key that the catalogue lists under it."""

REALM = "EWP"

_REQUIRED = ("(request-target)", "host", "digest", "x-request-id")
_RESERVED = frozenset(
    {"authorization", "host", "date", "original-date", "digest", "x-request-id", "want-digest", "accept-signature"}
)
_CHALLENGE: Mapping[str, str] = MappingProxyType(
    {"WWW-Authenticate": f'Signature realm="{REALM}"', "Want-Digest": WANTED}
)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{64}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_METHOD = re.compile(r"[A-Z]+")
_URL = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    Attributes:
        method: as sent.
        target: path and query exactly as the client sent them.
        host: the Host header's value. That it is one of ours, and the one that serves the target, is for the caller to
            verify (cliauth-httpsig, "Verify the host").
        headers: all header fields in their order, names in any case, undecodable bytes as surrogate escapes.
        body: the bytes as they were on the wire, before any content decoding.
    """

    method: str
    target: str
    host: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """What a verified signature vouches for.

    Attributes:
        key_id: fingerprint of the key that signed.
        request_id: X-Request-Id, a canonical UUID. That it was not used before is for the caller to verify.
        signature: the signature's base64, as sent.
        headers: the signed headers alone, lower-case names, repeated ones joined by ", ".
        date: when the client says it signed.
    """

    key_id: str
    request_id: str
    signature: str
    headers: Mapping[str, str] = field(repr=False)
    date: datetime


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request ready to go.

    Attributes:
        headers: all header fields to send, Host included, exactly as they are.
        signature: the signature's base64, which the response must name in X-Request-Signature.
        request_id: X-Request-Id, which the response must repeat.
    """

    headers: dict[str, str] = field(repr=False)
    signature: str
    request_id: str


class Refusal(Exception):
    """A request whose signature is not accepted.

    Attributes:
        status: the HTTP status to answer with: 400, 401 or 403.
        developer_message: what was wrong and what to do, for the client's developers; nothing in it needs escaping
            beyond what XML needs.
        headers: header fields that the answer must carry.
    """

    def __init__(self, status: int, developer_message: str) -> None:
        super().__init__(f"{status}: {developer_message}")
        self.status = status
        self.developer_message = developer_message
        self.headers = _CHALLENGE if status == 401 else _NOTHING


def verify_request(request: Request, find_key: KeyLookup, now: datetime) -> VerifiedRequest:
    """Verify the signature of a request (cliauth-httpsig, "Implementing a server"); raises Refusal.

    Args:
        request: as it arrived.
        find_key: the client keys of the catalogue.
        now: the current moment, with a time zone.
    """
    values = signatures.join_repeated(request.headers)
    parameters = _parameters(values)
    values["(request-target)"] = f"{request.method.lower()} {request.target}"
    values["host"] = request.host
    key = _key(parameters.key_id, find_key)
    try:
        date = signed_moment(parameters.names, values, now)
    except NotFresh as problem:
        raise Refusal(400, f"Bad date: {problem}.") from None
    request_id = values.get("x-request-id", "")
    if not _UUID.fullmatch(request_id):
        raise Refusal(
            400,
            "X-Request-Id is missing or not a UUID in canonical form, as in dc05b425-4e86-4106-8dde-1257fccf53e5 "
            "(lower-case hexadecimal digits and hyphens).",
        )
    _verify_signature(key, parameters, values)
    try:
        verify_digest(values["digest"], request.body)
    except BadDigest as problem:
        raise Refusal(400, f"Bad digest: {problem}.") from None
    del values["(request-target)"]
    signed = {name: values[name] for name in parameters.names if name in values}
    return VerifiedRequest(key.fingerprint, request_id, parameters.signature or "", signed, date)


def _parameters(values: Mapping[str, str]) -> Parameters:
    header = values.get("authorization")
    if header is None:
        raise Refusal(401, "The request is not signed: it has no Authorization header. Sign it with an HTTP signature.")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "signature":
        raise Refusal(401, "The Authorization header uses another scheme than Signature. Sign with an HTTP signature.")
    try:
        parameters = signatures.parse_parameters(rest)
    except MalformedSignature as problem:
        raise Refusal(400, f"The Authorization header cannot be read: {problem}.") from None
    if parameters.algorithm != ALGORITHM:
        raise Refusal(
            401, f"The Authorization header names another algorithm than {ALGORITHM}, or none. Sign with {ALGORITHM}."
        )
    if parameters.key_id is None or parameters.signature is None:
        absent = "keyId" if parameters.key_id is None else "signature"
        raise Refusal(400, f"The Authorization header cannot be read: the parameter {absent} is missing.")
    names = parameters.names
    missing = [name for name in _REQUIRED if name not in names]
    if not is_dated(names):
        missing.append("date (or original-date)")
    if missing:
        raise Refusal(400, f"The signature does not cover all that it must. Sign also: {', '.join(missing)}.")
    return parameters


def _key(key_id: str | None, find_key: KeyLookup) -> PublicKey:
    if key_id is None or not _FINGERPRINT.fullmatch(key_id):
        raise Refusal(
            403,
            "The keyId is not the fingerprint of a client key: it must be the hexadecimal SHA-256 of the public key's "
            "DER SubjectPublicKeyInfo.",
        )
    fingerprint = key_id.lower()
    key = find_key(fingerprint)
    if key is None:
        raise Refusal(
            403,
            f"The catalogue lists no client key with the fingerprint {fingerprint}. Publish it under "
            "client-credentials-in-use in the manifest and wait for the registry to read it.",
        )
    return key


def _verify_signature(key: PublicKey, parameters: Parameters, values: Mapping[str, str]) -> None:
    try:
        is_right = signatures.verify(key, parameters, values)
    except MalformedSignature as problem:
        raise Refusal(400, f"The signature cannot be verified: {problem}.") from None
    if not is_right:
        raise Refusal(
            400,
            "The signature does not match. Either another private key signed than the one of keyId, or one of these "
            f"changed after signing: {', '.join(parameters.names)}.",
        )


def sign_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: PrivateKey,
    now: datetime,
    request_id: str,
) -> SignedRequest:
    """Sign a request and ask for a signed response (cliauth-httpsig and srvauth-httpsig, "Implementing a client").

    Args:
        method: GET, POST, …
        url: absolute, percent-encoded, in ASCII; it must be sent exactly so.
        headers: further header fields. All of them are signed, since servers ignore unsigned ones; leave out whatever
            something on the way may change.
        body: the bytes as they will be sent; b"" where there are none.
        key: a client key that the manifest publishes.
        now: the current moment, with a time zone.
        request_id: a fresh random UUID.

    Raises:
        UnsafeHeader: a header of `headers` cannot be sent, or is one that this function sets.
        ValueError: method, url or request_id are not in the form described.
    """
    if not _METHOD.fullmatch(method):
        raise ValueError(f"not an HTTP method in capitals: {method!r}")
    if not _UUID.fullmatch(request_id):
        raise ValueError(f"not a UUID in canonical form: {request_id!r}")
    signatures.check_sendable(headers, _RESERVED)
    host, target = _split_url(url)
    outgoing = {
        "Host": host,
        "Date": format_http_date(now),
        "Digest": digest_header(body),
        "X-Request-Id": request_id,
        "Want-Digest": WANTED,
        "Accept-Signature": ALGORITHM,
        **headers,
    }
    values = signatures.join_repeated(outgoing)
    names = ("(request-target)", *values)
    values["(request-target)"] = f"{method.lower()} {target}"
    signature = signatures.sign(key, names, values)
    outgoing["Authorization"] = f"Signature {signatures.format_parameters(key, names, signature)}"
    return SignedRequest(outgoing, signature, request_id)


def _split_url(url: str) -> tuple[str, str]:
    parts = urlsplit(url) if _URL.fullmatch(url) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"not an absolute http(s) URL in plain ASCII without user name: {url!r}")
    default = 443 if parts.scheme == "https" else 80
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host = name if parts.port in (None, default) else f"{name}:{parts.port}"
    return host, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
