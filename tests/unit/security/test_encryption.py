"""The ewp-rsa-aes128gcm coding and its headers."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ewpgw.security import encryption
from ewpgw.security.encryption import (
    EncryptionProblem,
    decrypt,
    encrypt,
    is_encrypted,
    is_encrypted_request,
    response_key,
    wants_encryption,
)
from ewpgw.security.keys import PrivateKey, generate

PLAIN = b"This is a secret."
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def keys(server_key: PrivateKey, client_key: PrivateKey) -> dict[str, PrivateKey]:
    return {key.public.fingerprint: key for key in (server_key, client_key)}


def seal(key: PrivateKey, aes_key: bytes, plain: bytes = PLAIN) -> bytes:
    """Write the format by hand."""
    wrapped, iv = key.rsa.public_key().encrypt(aes_key, PKCS1v15()), os.urandom(12)
    sealed = AESGCM(aes_key[:16].ljust(16, b"\0")).encrypt(iv, plain, None)
    return bytes.fromhex(key.public.fingerprint) + len(wrapped).to_bytes(2, "big") + wrapped + iv + sealed


@given(plain=st.binary(max_size=5000))
@RELAXED
def test_what_is_encrypted_is_decrypted(server_key: PrivateKey, keys: dict[str, PrivateKey], plain: bytes) -> None:
    assert decrypt(encrypt(plain, server_key.public), keys) == plain


def test_the_format_is_as_specified(server_key: PrivateKey, keys: dict[str, PrivateKey]) -> None:
    body = encrypt(PLAIN, server_key.public)
    assert body[:32].hex() == server_key.public.fingerprint
    assert body[32:34] == (256).to_bytes(2, "big")
    aes_key = server_key.rsa.decrypt(body[34:290], PKCS1v15())
    assert len(aes_key) == 16
    assert AESGCM(aes_key).decrypt(body[290:302], body[302:], None) == PLAIN
    assert decrypt(seal(server_key, os.urandom(16)), keys) == PLAIN


def test_a_key_of_another_size_serves_too() -> None:
    key = generate(3072)
    assert decrypt(encrypt(PLAIN, key.public), {key.public.fingerprint: key}) == PLAIN


def test_no_two_encryptions_share_a_key_or_an_initialization_vector(server_key: PrivateKey) -> None:
    one, other = encrypt(PLAIN, server_key.public), encrypt(PLAIN, server_key.public)
    assert one[34:290] != other[34:290]
    assert one[290:302] != other[290:302]


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (0, "too short: 0 bytes"),
        (31, "too short: 31 bytes"),
        (33, "too short: 33 bytes"),
        (34, "ends before its payload"),
        (290, "ends before its payload"),
        (317, "ends before its payload"),
        (334, "cannot be decrypted"),
    ],
)
def test_a_truncated_body_is_refused(
    server_key: PrivateKey, keys: dict[str, PrivateKey], length: int, reason: str
) -> None:
    with pytest.raises(EncryptionProblem, match=reason) as caught:
        decrypt(encrypt(PLAIN, server_key.public)[:length], keys)
    assert caught.value.status == 400


def test_a_body_for_somebody_else_is_refused(stranger_key: PrivateKey, keys: dict[str, PrivateKey]) -> None:
    with pytest.raises(EncryptionProblem, match="a key that is not in use here"):
        decrypt(encrypt(PLAIN, stranger_key.public), keys)


def test_a_length_that_does_not_fit_the_key_is_refused(server_key: PrivateKey, keys: dict[str, PrivateKey]) -> None:
    body = bytearray(encrypt(PLAIN, server_key.public))
    for length in (0, 255, 257, 65535):
        body[32:34] = length.to_bytes(2, "big")
        with pytest.raises(EncryptionProblem, match=f"have {length} bytes"):
            decrypt(bytes(body), keys)


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_an_aes_key_of_another_length_fails_like_a_damaged_one(
    server_key: PrivateKey, keys: dict[str, PrivateKey], length: int
) -> None:
    with pytest.raises(EncryptionProblem, match="cannot be decrypted: it is damaged, or its AES key is"):
        decrypt(seal(server_key, b"k" * length), keys)


@given(position=st.integers(0, 334), flip=st.integers(1, 255))
@RELAXED
def test_a_body_damaged_anywhere_is_refused(
    server_key: PrivateKey, keys: dict[str, PrivateKey], position: int, flip: int
) -> None:
    body = bytearray(encrypt(PLAIN, server_key.public))
    body[position] ^= flip
    with pytest.raises(EncryptionProblem):
        decrypt(bytes(body), keys)


@given(body=st.binary(max_size=400), is_ours=st.booleans())
@RELAXED
def test_noise_is_refused(server_key: PrivateKey, keys: dict[str, PrivateKey], body: bytes, is_ours: bool) -> None:
    with pytest.raises(EncryptionProblem):
        decrypt((bytes.fromhex(server_key.public.fingerprint) if is_ours else b"") + body, keys)


def test_a_body_beyond_the_bound_is_not_looked_at(
    server_key: PrivateKey, keys: dict[str, PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "MAX_BYTES", 400)
    with pytest.raises(EncryptionProblem, match="longer than 400 bytes"):
        decrypt(encrypt(PLAIN * 20, server_key.public), keys)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ("", False), ("identity", False), ("ewp-rsa-aes128gcm", True), (" EWP-RSA-AES128GCM ", True)],
)
def test_the_content_encoding_says_whether_a_body_is_encrypted(value: str | None, expected: bool) -> None:
    assert is_encrypted({} if value is None else {"Content-Encoding": value}) is expected


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("gzip, ewp-rsa-aes128gcm", 400),
        ("ewp-rsa-aes128gcm, ewp-rsa-aes128gcm", 400),
        ("gzip", 415),
        ("ewp-rsa-aes128cbc", 415),
        ("x" * 2000, 400),
    ],
)
def test_other_codings_are_refused(value: str, status: int) -> None:
    with pytest.raises(EncryptionProblem) as caught:
        is_encrypted({"Content-Encoding": value})
    assert caught.value.status == status


def test_only_requests_with_a_body_can_be_encrypted() -> None:
    encrypted = {"Content-Encoding": "ewp-rsa-aes128gcm"}
    assert is_encrypted_request("POST", encrypted)
    assert not is_encrypted_request("GET", {})
    with pytest.raises(EncryptionProblem) as caught:
        is_encrypted_request("GET", encrypted)
    assert caught.value.status == 405


@pytest.mark.parametrize(
    "value",
    [
        "ewp-rsa-aes128gcm",
        "deflate, ewp-rsa-aes128gcm, gzip",
        " ewp-rsa-AES128GCM ; q=1 , *;q=0",
        "ewp-rsa-aes128gcm;q=0.001",
    ],
)
def test_an_encrypted_response_is_wanted_when_the_coding_is_listed(value: str) -> None:
    assert wants_encryption({"Accept-Encoding": value})


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "*",
        "gzip",
        "ewp-rsa-aes128gcm;q=0",
        "ewp-rsa-aes128gcm ; Q = 0.000, identity;q=1",
        "ewp-rsa-aes128gcm," + "x" * 2000,
    ],
)
def test_an_encrypted_response_is_not_wanted_otherwise(value: str | None) -> None:
    assert not wants_encryption({} if value is None else {"Accept-Encoding": value})


def test_the_response_is_encrypted_for_the_signer_unless_another_key_is_sent(
    client_key: PrivateKey, stranger_key: PrivateKey
) -> None:
    assert response_key({}, client_key.public) == client_key.public
    sent = {"Accept-Response-Encryption-Key": stranger_key.public.base64}
    assert response_key(sent, client_key.public) == stranger_key.public
    assert response_key(sent, None) == stranger_key.public


@pytest.mark.parametrize("value", ["", "no key", "AAAA", "é"])
def test_an_unusable_key_for_the_response_is_refused_with_400(client_key: PrivateKey, value: str) -> None:
    with pytest.raises(EncryptionProblem, match="Accept-Response-Encryption-Key is unusable") as caught:
        response_key({"Accept-Response-Encryption-Key": value}, client_key.public)
    assert caught.value.status == 400


def test_without_any_key_an_encrypted_response_is_refused_with_406() -> None:
    with pytest.raises(EncryptionProblem) as caught:
        response_key({}, None)
    assert caught.value.status == 406
