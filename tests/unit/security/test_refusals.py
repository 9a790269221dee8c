"""Each refusal of a request, with its status and its reason."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from ewpgw.security.dates import format_http_date

from .drafts import REQUEST_ID, REQUIRED, Draft, Refuse, Verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from ewpgw.security.keys import PrivateKey
    from ewpgw.security.requests import Request


# 401: no usable signature


def test_a_refusal_with_401_says_how_to_authenticate(draft: Draft, refuse: Refuse) -> None:
    refusal = refuse(draft.unsigned())
    assert refusal.status == 401
    assert "has no Authorization header" in refusal.developer_message
    assert dict(refusal.headers) == {"WWW-Authenticate": 'Signature realm="EWP"', "Want-Digest": "SHA-256"}


@pytest.mark.parametrize("authorization", ["", "Basic dXNlcjpwYXNz", "Bearer x", "Signatures a=b", "Digest a=b"])
def test_another_scheme_is_refused_with_401(draft: Draft, refuse: Refuse, authorization: str) -> None:
    refusal = refuse(draft.unsigned(("Authorization", authorization)))
    assert (refusal.status, "another scheme" in refusal.developer_message) == (401, True)
    assert "WWW-Authenticate" in refusal.headers


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "rsa-sha1", "rsa-sha512", "hs2019", "RSA-SHA256", "", None])
def test_another_algorithm_is_refused_with_401(draft: Draft, refuse: Refuse, algorithm: str | None) -> None:
    refusal = refuse(replace(draft, parameters={"algorithm": algorithm}).signed())
    assert (refusal.status, "another algorithm than rsa-sha256" in refusal.developer_message) == (401, True)
    assert "Want-Digest" in refusal.headers


@pytest.mark.parametrize("claimed", ["hmac-sha256", "rsa-sha256"])
def test_a_public_key_is_never_a_shared_secret(
    draft: Draft, refuse: Refuse, client_key: PrivateKey, claimed: str
) -> None:
    values = draft.values()
    text = "\n".join(f"{name}: {values[name]}" for name in draft.names).encode()
    for secret in (client_key.public.der, client_key.public.base64.encode()):
        mac = b64encode(hmac.digest(secret, text, sha256)).decode()
        refusal = refuse(replace(draft, parameters={"algorithm": claimed, "signature": mac}).signed())
        assert refusal.status == (401 if claimed == "hmac-sha256" else 400)


# 400: an unreadable header, or one that covers too little


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("Signature", "not a list"),
        ("Signature ", "not a list"),
        ("Signature keyId", "not a list"),
        ('Signature keyId="a",keyId="b",algorithm="rsa-sha256"', "keyid is given twice"),
        ('Signature algorithm="rsa-sha256",headers="date date"', "names date twice"),
        ('Signature algorithm="rsa-sha256",signature="YQ=="', "the parameter keyId is missing"),
        ('Signature algorithm="rsa-sha256",keyId="a"', "the parameter signature is missing"),
        ("Signature a=" + "b" * 9000, "longer than 8192"),
    ],
)
def test_an_unreadable_header_is_refused_with_400(
    draft: Draft, refuse: Refuse, authorization: str, reason: str
) -> None:
    refusal = refuse(draft.unsigned(("Authorization", authorization)))
    assert refusal.status == 400
    assert refusal.developer_message.startswith("The Authorization header cannot be read: ")
    assert reason in refusal.developer_message
    assert not refusal.headers


@pytest.mark.parametrize("times", [2, 3])
def test_several_authorization_headers_are_refused(draft: Draft, refuse: Refuse, times: int) -> None:
    assert refuse(draft.unsigned(*[("Authorization", draft.authorization())] * times)).status == 400


def test_a_header_name_listed_twice_is_refused(draft: Draft, refuse: Refuse) -> None:
    refusal = refuse(replace(draft, names=(*REQUIRED, "Date")).signed())
    assert (refusal.status, "names date twice" in refusal.developer_message) == (400, True)


@pytest.mark.parametrize("name", REQUIRED)
def test_each_required_header_must_be_signed(draft: Draft, refuse: Refuse, name: str) -> None:
    refusal = refuse(replace(draft, names=tuple(other for other in REQUIRED if other != name)).signed())
    assert refusal.status == 400
    assert "does not cover all that it must" in refusal.developer_message
    assert name in refusal.developer_message.partition("Sign also: ")[2]


def test_without_the_parameter_headers_only_the_date_counts_as_signed(draft: Draft, refuse: Refuse) -> None:
    refusal = refuse(replace(draft, parameters={"headers": None}).signed())
    assert refusal.status == 400
    assert "Sign also: (request-target), host, digest, x-request-id." in refusal.developer_message


@pytest.mark.parametrize("name", ["Date", "Digest", "X-Request-Id", "X-Gone"])
def test_a_signed_header_that_did_not_arrive_is_refused(draft: Draft, refuse: Refuse, name: str) -> None:
    names = (*REQUIRED, "x-gone") if name == "X-Gone" else REQUIRED
    refusal = refuse(replace(draft.with_header(name, None), names=names).signed())
    assert refusal.status == 400
    assert name.lower() in refusal.developer_message.lower()


# 403: the key


def test_a_key_that_the_catalogue_does_not_list_is_refused_with_403(
    draft: Draft, refuse: Refuse, stranger_key: PrivateKey
) -> None:
    refusal = refuse(replace(draft, key=stranger_key).signed())
    assert refusal.status == 403
    assert stranger_key.public.fingerprint in refusal.developer_message
    assert "lists no client key" in refusal.developer_message


@pytest.mark.parametrize("key_id", ["", "abc", "g" * 64, "a" * 65, "https://evil.example/key", "é" * 64])
def test_a_key_id_that_is_no_fingerprint_is_refused_with_403(draft: Draft, refuse: Refuse, key_id: str) -> None:
    refusal = refuse(replace(draft, parameters={"keyId": key_id}).signed())
    assert (refusal.status, "not the fingerprint of a client key" in refusal.developer_message) == (403, True)


# 400: dates


@pytest.mark.parametrize(("seconds", "words"), [(-301, "301 seconds behind"), (301, "301 seconds ahead of")])
def test_a_clock_more_than_five_minutes_off_is_refused(
    draft: Draft, refuse: Refuse, now: datetime, seconds: int, words: str
) -> None:
    date = format_http_date(now + timedelta(seconds=seconds))
    refusal = refuse(draft.with_header("Date", date).signed())
    assert (refusal.status, words in refusal.developer_message) == (400, True)


@pytest.mark.parametrize("date", ["", "yesterday", "2026-03-08T09:05:07Z", "Sun, 30 Feb 2026 09:05:07 GMT"])
def test_an_unreadable_date_is_refused(draft: Draft, refuse: Refuse, date: str) -> None:
    refusal = refuse(draft.with_header("Date", date).signed())
    assert (refusal.status, refusal.developer_message.startswith("Bad date: the header date is")) == (400, True)


def test_two_dates_in_one_header_are_refused(draft: Draft, refuse: Refuse) -> None:
    twice = replace(draft, headers=(*draft.headers, ("Date", dict(draft.headers)["Date"])))
    assert "Bad date" in refuse(twice.signed()).developer_message


@pytest.mark.parametrize("signed", [("date",), ("original-date",), ("date", "original-date")])
@pytest.mark.parametrize("wrong", ["Date", "Original-Date"])
def test_both_dates_are_verified_where_both_arrive(
    draft: Draft, refuse: Refuse, signed: tuple[str, ...], wrong: str
) -> None:
    good = dict(draft.headers)["Date"]
    both = draft.with_header("Original-Date", good).with_header(wrong, "Sun, 08 Mar 2026 08:45:07 GMT")
    names = ("(request-target)", "host", "digest", "x-request-id", *signed)
    refusal = refuse(replace(both, names=names).signed())
    assert refusal.status == 400
    assert f"the header {wrong.lower()} is 1200 seconds behind" in refusal.developer_message


# 400: the request id


@pytest.mark.parametrize(
    "request_id",
    [
        "",
        "1",
        REQUEST_ID.upper(),
        REQUEST_ID.replace("-", ""),
        "{" + REQUEST_ID + "}",
        f"urn:uuid:{REQUEST_ID}",
        f"{REQUEST_ID}, {REQUEST_ID}",
    ],
)
def test_a_request_id_that_is_no_canonical_uuid_is_refused(draft: Draft, refuse: Refuse, request_id: str) -> None:
    refusal = refuse(draft.with_header("X-Request-Id", request_id).signed())
    assert (refusal.status, "not a UUID in canonical form" in refusal.developer_message) == (400, True)


# 400: the signature


def test_a_signature_of_another_key_is_refused(
    draft: Draft, refuse: Refuse, client_key: PrivateKey, stranger_key: PrivateKey
) -> None:
    forged = replace(draft, key=stranger_key, parameters={"keyId": client_key.public.fingerprint})
    refusal = refuse(forged.signed())
    assert (refusal.status, "The signature does not match" in refusal.developer_message) == (400, True)


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda request: replace(request, method="PUT"), id="method"),
        pytest.param(lambda request: replace(request, target="/north.example/echo?x=2"), id="query"),
        pytest.param(lambda request: replace(request, target="/north.example/ech%6F?x=1"), id="spelling of the path"),
        pytest.param(lambda request: replace(request, target="/south.example/echo?x=1"), id="path"),
        pytest.param(lambda request: replace(request, host="ewp.south.example"), id="host"),
        pytest.param(lambda request: replace(request, host="ewp.north.example:443"), id="port"),
    ],
)
def test_a_changed_request_line_or_host_is_refused(
    draft: Draft, refuse: Refuse, tamper: Callable[[Request], Request]
) -> None:
    refusal = refuse(tamper(draft.signed()))
    assert (refusal.status, "The signature does not match" in refusal.developer_message) == (400, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Date", "Sun, 08 Mar 2026 09:05:08 GMT"),
        ("Digest", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("X-Request-Id", "dc05b425-4e86-4106-8dde-1257fccf53e6"),
        ("X-Signed", "no"),
        ("X-Signed", ""),
    ],
)
def test_a_changed_signed_header_is_refused(draft: Draft, refuse: Refuse, name: str, value: str) -> None:
    extra = replace(draft.with_header("X-Signed", "yes"), names=(*REQUIRED, "x-signed"))
    authorization = extra.authorization()
    changed = extra.with_header(name, value).unsigned(("Authorization", authorization))
    refusal = refuse(changed)
    assert (refusal.status, "The signature does not match" in refusal.developer_message) == (400, True)


def test_a_second_value_slipped_into_a_signed_header_is_refused(draft: Draft, refuse: Refuse) -> None:
    extra = replace(draft.with_header("X-Signed", "yes"), names=(*REQUIRED, "x-signed"))
    more = extra.unsigned(("Authorization", extra.authorization()), ("X-Signed", "no"))
    assert "The signature does not match" in refuse(more).developer_message


def test_swapped_repeated_headers_are_refused(draft: Draft, refuse: Refuse) -> None:
    names = (*REQUIRED, "x-a")
    one = replace(draft, headers=(*draft.headers, ("X-A", "1"), ("X-A", "2")), names=names)
    other = replace(one, headers=(*draft.headers, ("X-A", "2"), ("X-A", "1")))
    refusal = refuse(other.unsigned(("Authorization", one.authorization())))
    assert "The signature does not match" in refusal.developer_message


def test_a_changed_list_of_signed_headers_is_refused(draft: Draft, refuse: Refuse) -> None:
    authorization = draft.authorization().replace("digest x-request-id", "x-request-id digest")
    refusal = refuse(draft.unsigned(("Authorization", authorization)))
    assert "The signature does not match" in refusal.developer_message


def test_a_changed_signature_is_refused(draft: Draft, verify: Verify, refuse: Refuse) -> None:
    signature = verify(draft.signed()).signature
    raw = bytearray(b64decode(signature))
    raw[100] ^= 1
    for other in (b64encode(raw).decode(), b64encode(raw[:-1]).decode(), b64encode(raw + b"\0").decode(), ""):
        refusal = refuse(replace(draft, parameters={"signature": other}).signed())
        assert (refusal.status, "The signature does not match" in refusal.developer_message) == (400, True)


@pytest.mark.parametrize("signature", ["???", "a", "YQ= =", "=", "YQ==YQ==", "é"])
def test_a_signature_that_is_no_base64_is_refused(draft: Draft, refuse: Refuse, signature: str) -> None:
    refusal = refuse(replace(draft, parameters={"signature": signature}).signed())
    assert (refusal.status, "the parameter signature is not base64" in refusal.developer_message) == (400, True)


def test_a_line_break_in_a_signed_value_cannot_stand_for_another_header(draft: Draft, refuse: Refuse) -> None:
    names = (*REQUIRED, "x-a")
    honest = replace(draft, headers=(*draft.headers, ("X-A", "1"), ("X-B", "2")), names=(*names, "x-b"))
    signature = honest.authorization().partition('signature="')[2].rstrip('"')
    bent = replace(
        draft, headers=(*draft.headers, ("X-A", "1\nx-b: 2")), names=names, parameters={"signature": signature}
    )
    refusal = refuse(bent.signed())
    assert (refusal.status, "line break" in refusal.developer_message) == (400, True)


# 400: the digest


@pytest.mark.parametrize("body", [b"", b"echo=a&echo=c", b"echo=a&echo=b\n"])
def test_a_digest_of_another_body_is_refused(draft: Draft, refuse: Refuse, body: bytes) -> None:
    refusal = refuse(replace(draft.signed(), body=body))
    assert (refusal.status, refusal.developer_message.startswith("Bad digest: ")) == (400, True)
    assert f"not the SHA-256 of the {len(body)} bytes" in refusal.developer_message


@pytest.mark.parametrize("digest", ["SHA=2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA-512=x", "x", ""])
def test_a_digest_without_sha_256_is_refused(draft: Draft, refuse: Refuse, digest: str) -> None:
    refusal = refuse(draft.with_header("Digest", digest).signed())
    assert (refusal.status, "has no SHA-256 value" in refusal.developer_message) == (400, True)
