"""The `ewp-rsa-aes128gcm` content coding: a body encrypted for one RSA key, and the headers that speak of it.

Specifications: ewp-specs-sec-rsa-aes128gcm (the format), -reqencr-rsa-aes128gcm and -resencr-rsa-aes128gcm.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .keys import KeyProblem, PrivateKey, PublicKey, public_key_from_base64
from .signatures import Headers, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CODING = "ewp-rsa-aes128gcm"
"""The token of Content-Encoding and Accept-Encoding; case-insensitive."""

MAX_BYTES = 16 * 2**20
"""The longest encrypted body that is looked at."""

_FINGERPRINT_BYTES = 32
_LENGTH_BYTES = 2
_AES_KEY_BYTES = 16
_IV_BYTES = 12
_TAG_BYTES = 16
_MAX_CODINGS_LENGTH = 1024
_ZERO_WEIGHT = re.compile(r"q[ \t]*=[ \t]*0(?:\.0{0,3})?")


class EncryptionProblem(ValueError):
    """An encrypted body, or a header about encryption, that cannot be used.

    Attributes:
        reason: what is wrong, a sentence that is safe to show to the other side.
        status: the HTTP status that a server answers with.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def encrypt(plain: bytes, recipient: PublicKey) -> bytes:
    """Encrypt a body for the holder of a key, with a new AES key every time."""
    aes_key, iv = os.urandom(_AES_KEY_BYTES), os.urandom(_IV_BYTES)
    wrapped = recipient.rsa.encrypt(aes_key, PKCS1v15())
    fingerprint, length = bytes.fromhex(recipient.fingerprint), len(wrapped).to_bytes(_LENGTH_BYTES, "big")
    return b"".join((fingerprint, length, wrapped, iv, AESGCM(aes_key).encrypt(iv, plain, None)))


def decrypt(body: bytes, keys: Mapping[str, PrivateKey]) -> bytes:
    """Decrypt a body with the one of our keys, by fingerprint, that it was encrypted for; raises EncryptionProblem."""
    if len(body) > MAX_BYTES:
        raise EncryptionProblem(f"The encrypted body is longer than {MAX_BYTES} bytes.")
    key = keys.get(body[:_FINGERPRINT_BYTES].hex())
    start = _FINGERPRINT_BYTES + _LENGTH_BYTES
    if len(body) < start:
        raise EncryptionProblem(f"The encrypted body is too short: {len(body)} bytes.")
    if key is None:
        raise EncryptionProblem("The body is encrypted for a key that is not in use here; read the catalogue again.")
    length = int.from_bytes(body[_FINGERPRINT_BYTES:start], "big")
    if length != (key.public.bits + 7) // 8:
        raise EncryptionProblem(
            f"The encrypted AES key is said to have {length} bytes, which does not fit the RSA key."
        )
    iv_start = start + length
    payload_start = iv_start + _IV_BYTES
    if len(body) < payload_start + _TAG_BYTES:
        raise EncryptionProblem("The encrypted body ends before its payload does.")
    aes_key = _unwrap(key, body[start:iv_start])
    try:
        return AESGCM(aes_key).decrypt(body[iv_start:payload_start], body[payload_start:], None)
    except InvalidTag:
        raise EncryptionProblem("The body cannot be decrypted: it is damaged, or its AES key is.") from None


def _unwrap(key: PrivateKey, wrapped: bytes) -> bytes:
    # Bad padding and a wrong key must look alike from outside (Bleichenbacher's attack): what cannot be unwrapped
    # becomes a key that opens nothing, and the failure comes later, from AES.
    substitute = os.urandom(_AES_KEY_BYTES)
    try:
        aes_key = key.rsa.decrypt(wrapped, PKCS1v15())
    except ValueError:
        return substitute
    return aes_key if len(aes_key) == _AES_KEY_BYTES else substitute


def is_encrypted(headers: Headers) -> bool:
    """Say whether a message's body has this coding, from its Content-Encoding.

    Raises EncryptionProblem for codings that are not supported: status 400 together with this one, else 415 (reqencr,
    "Verify encryption method used").
    """
    given = value_of(headers, "content-encoding")
    if not given:
        return False
    if len(given) > _MAX_CODINGS_LENGTH:
        raise EncryptionProblem("The Content-Encoding header is too long.")
    codings = [coding for item in given.split(",") if (coding := item.strip(" \t").lower()) not in ("", "identity")]
    if codings == [CODING]:
        return True
    if CODING in codings:
        raise EncryptionProblem(f"The Content-Encoding has further codings besides {CODING}; send it alone.")
    if codings:
        raise EncryptionProblem(f"The Content-Encoding is not supported; send none, or {CODING}.", 415)
    return False


def is_encrypted_request(method: str, headers: Headers) -> bool:
    """As `is_encrypted`, for requests: raises EncryptionProblem 405 for a method that has no body (reqencr, "Verify
    the HTTP method")."""
    if not is_encrypted(headers):
        return False
    if method.upper() != "POST":
        raise EncryptionProblem("Only POST requests can be encrypted.", 405)
    return True


def wants_encryption(headers: Headers) -> bool:
    """Say whether a request asks for an encrypted response: its Accept-Encoding lists the coding with a weight over 0.

    Pass signed headers only, where the request is signed: an attacker could add this one.
    """
    accepted = value_of(headers, "accept-encoding") or ""
    if len(accepted) > _MAX_CODINGS_LENGTH:
        return False
    for item in accepted.lower().split(","):
        coding, *parameters = (part.strip(" \t") for part in item.split(";"))
        if coding == CODING:
            return not any(_ZERO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return False


def response_key(headers: Headers, signing_key: PublicKey | None) -> PublicKey:
    """Return the key that the response must be encrypted for (resencr, "Determine which key to use").

    That is the one in Accept-Response-Encryption-Key, else the one that signed the request. Raises EncryptionProblem
    with status 400 for an unusable header and 406 when there is no key at all. Pass signed headers only, where the
    request is signed: an attacker could add one with a key of their own.
    """
    given = value_of(headers, "accept-response-encryption-key")
    if given is not None:
        try:
            return public_key_from_base64(given)
        except KeyProblem as problem:
            raise EncryptionProblem(
                f"The header Accept-Response-Encryption-Key is unusable: {problem.problem}; {problem.remedy}."
            ) from None
    if signing_key is None:
        raise EncryptionProblem(
            "There is no key to encrypt the response for: sign the request, or send Accept-Response-Encryption-Key.",
            406,
        )
    return signing_key
