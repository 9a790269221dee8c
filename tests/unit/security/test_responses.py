"""Signed responses: making, verifying, correlating."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ewpgw.security.dates import format_http_date
from ewpgw.security.responses import (
    Correlation,
    UntrustedResponse,
    VerifiedResponse,
    correlation,
    sign_response,
    verify_response,
    wants_signature,
)
from ewpgw.security.signatures import UnsafeHeader, sign

from .drafts import REQUEST_ID, Draft

if TYPE_CHECKING:
    from ewpgw.security.keys import PrivateKey, PublicKey

BODY = b"<response/>"
REQUEST_SIGNATURE = "c2lnbmF0dXJl"

Headers = dict[str, str]
Verify = Callable[[Headers], VerifiedResponse]
Reject = Callable[[Headers], str]


@pytest.fixture
def server_keys(server_key: PrivateKey) -> dict[str, PublicKey]:
    return {server_key.public.fingerprint: server_key.public}


@pytest.fixture
def response(server_key: PrivateKey, now: datetime) -> Headers:
    return sign_response(
        BODY,
        server_key,
        now,
        request_id=REQUEST_ID,
        request_signature=REQUEST_SIGNATURE,
        headers={"Content-Type": "text/xml; charset=utf-8"},
    )


@pytest.fixture
def verify(server_keys: dict[str, PublicKey], now: datetime) -> Verify:
    return lambda headers: verify_response(
        headers,
        BODY,
        server_keys=server_keys,
        request_id=REQUEST_ID,
        request_signature=REQUEST_SIGNATURE,
        now=now,
    )


@pytest.fixture
def reject(verify: Verify) -> Reject:
    def reject(headers: Headers) -> str:
        with pytest.raises(UntrustedResponse) as caught:
            verify(headers)
        return caught.value.reason

    return reject


def resign(headers: Headers, key: PrivateKey, *names: str, algorithm: str = "rsa-sha256") -> Headers:
    """Sign these headers anew, covering the names given."""
    values = {name.lower(): value for name, value in headers.items()}
    signature = sign(key, names, {name: values.get(name, "") for name in names})
    parameters = (
        f'keyId="{key.public.fingerprint}",algorithm="{algorithm}",headers="{" ".join(names)}",signature="{signature}"'
    )
    return {**headers, "Signature": parameters}


# What is accepted


def test_a_response_that_we_sign_is_one_that_we_verify(
    response: Headers, verify: Verify, server_key: PrivateKey, now: datetime
) -> None:
    verified = verify({**response, "X-Unsigned": "x"})
    assert verified.key_id == server_key.public.fingerprint
    assert verified.date == now.replace(microsecond=0)
    assert f'signature="{verified.signature}"' in response["Signature"]
    assert dict(verified.headers) == {
        "date": "Sun, 08 Mar 2026 09:05:07 GMT",
        "digest": response["Digest"],
        "x-request-id": REQUEST_ID,
        "x-request-signature": REQUEST_SIGNATURE,
        "content-type": "text/xml; charset=utf-8",
    }


def test_a_response_to_nothing_in_particular_signs_date_and_digest(
    server_key: PrivateKey, server_keys: dict[str, PublicKey], now: datetime
) -> None:
    headers = sign_response(BODY, server_key, now)
    assert set(headers) == {"Date", "Digest", "Signature"}
    assert 'headers="date digest"' in headers["Signature"]
    assert verify_response(
        headers, BODY, server_keys=server_keys, request_id=None, request_signature=None, now=now
    ).headers


def test_behind_a_proxy_original_date_is_signed_and_the_proxy_may_set_date(
    server_key: PrivateKey, verify: Verify, now: datetime
) -> None:
    headers = sign_response(
        BODY, server_key, now, request_id=REQUEST_ID, request_signature=REQUEST_SIGNATURE, original_date=True
    )
    assert "Date" not in headers
    later = format_http_date(now + timedelta(seconds=2))
    assert verify({**headers, "Date": later}).date == now.replace(microsecond=0)


# What is rejected


def test_an_unsigned_response_is_rejected(response: Headers, reject: Reject) -> None:
    del response["Signature"]
    assert "has no Signature header" in reject(response)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("X-Request-Id", "does not repeat the request in the header x-request-id"),
        ("X-Request-Signature", "does not repeat the request in the header x-request-signature"),
        ("Date", "covers the header date, which did not arrive"),
        ("Digest", "covers the header digest, which did not arrive"),
        ("Content-Type", "covers the header content-type, which did not arrive"),
    ],
)
def test_a_response_that_lost_a_signed_header_is_rejected(
    response: Headers, reject: Reject, name: str, reason: str
) -> None:
    del response[name]
    assert reason in reject(response)


@pytest.mark.parametrize("name", ["X-Request-Id", "X-Request-Signature"])
@pytest.mark.parametrize("value", ["", "other", "é"])
def test_a_response_to_another_request_is_rejected(response: Headers, reject: Reject, name: str, value: str) -> None:
    assert reject({**response, name: value}).startswith("The response belongs to another request")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Date", "Sun, 08 Mar 2026 09:05:08 GMT"),
        ("Digest", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("Content-Type", "text/html"),
    ],
)
def test_a_changed_signed_header_is_rejected(response: Headers, reject: Reject, name: str, value: str) -> None:
    assert "does not match its headers" in reject({**response, name: value})


def test_a_changed_body_is_rejected(response: Headers, server_keys: dict[str, PublicKey], now: datetime) -> None:
    with pytest.raises(UntrustedResponse, match="body is not the one that was signed"):
        verify_response(
            response,
            b"<other/>",
            server_keys=server_keys,
            request_id=REQUEST_ID,
            request_signature=REQUEST_SIGNATURE,
            now=now,
        )


def test_a_key_that_the_host_does_not_list_is_rejected(
    response: Headers, reject: Reject, client_key: PrivateKey
) -> None:
    names = ("date", "digest", "x-request-id", "x-request-signature")
    assert "does not list as a server key of the host" in reject(resign(response, client_key, *names))


@pytest.mark.parametrize("unsigned", ["date", "digest", "x-request-id", "x-request-signature"])
def test_each_required_header_must_be_signed(
    response: Headers, reject: Reject, server_key: PrivateKey, unsigned: str
) -> None:
    names = [name for name in ("date", "digest", "x-request-id", "x-request-signature") if name != unsigned]
    reason = reject(resign(response, server_key, *names))
    assert "does not cover what it must" in reason
    assert unsigned in reason


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "rsa-sha1", ""])
def test_another_algorithm_is_rejected(
    response: Headers, reject: Reject, server_key: PrivateKey, algorithm: str
) -> None:
    names = ("date", "digest", "x-request-id", "x-request-signature")
    assert "another algorithm" in reject(resign(response, server_key, *names, algorithm=algorithm))


@pytest.mark.parametrize("date", ["", "now", "Sun, 08 Mar 2026 09:00:06 GMT", "Sun, 08 Mar 2026 09:10:08 GMT"])
@pytest.mark.parametrize("header", ["Date", "Original-Date"])
def test_a_bad_date_is_rejected(response: Headers, reject: Reject, header: str, date: str) -> None:
    assert "bad date" in reject({**response, header: date})


@pytest.mark.parametrize("header", ["", "x", 'keyId="a",keyId="b"', "a=" + "b" * 9000])
def test_an_unreadable_signature_header_is_rejected(response: Headers, reject: Reject, header: str) -> None:
    assert "Signature header cannot be read" in reject({**response, "Signature": header})


def test_a_signature_that_is_no_base64_is_rejected(response: Headers, reject: Reject) -> None:
    broken = response["Signature"].replace('signature="', 'signature="?')
    assert "not base64" in reject({**response, "Signature": broken})


# Asking and echoing


@pytest.mark.parametrize("value", ["rsa-sha256", "RSA-SHA256", "unknown-algorithm, rsa-sha256", " rsa-sha256 ,x"])
def test_a_signature_is_wanted_when_rsa_sha256_is_named(value: str) -> None:
    assert wants_signature([("accept-SIGNATURE", value)])


@pytest.mark.parametrize("headers", [{}, {"Accept-Signature": ""}, {"Accept-Signature": "hmac-sha256, rsa-sha2560"}])
def test_a_signature_is_not_wanted_otherwise(headers: dict[str, str]) -> None:
    assert not wants_signature(headers)


def test_a_refused_request_is_correlated_too(draft: Draft) -> None:
    request = draft.with_header("X-Request-Id", "not a UUID").signed()
    found = correlation(request.headers)
    assert found.request_id == "not a UUID"
    assert f'signature="{found.request_signature}"' in draft.with_header("X-Request-Id", "not a UUID").authorization()


@pytest.mark.parametrize("value", ["", "a\r\nSet-Cookie: x=y", "a\nb", "a\tb", "é", "x" * 257, "\0"])
def test_a_request_id_that_could_break_out_of_its_header_is_not_repeated(
    server_key: PrivateKey, now: datetime, value: str
) -> None:
    assert correlation([("X-Request-Id", value)]) == Correlation(None, None)
    with pytest.raises(UnsafeHeader):
        sign_response(BODY, server_key, now, request_id=value)


@pytest.mark.parametrize("value", ["", "a\r\nSet-Cookie: x=y", "a b", "é", 'a"', "x" * 8193])
def test_a_request_signature_that_could_break_out_of_its_header_is_not_repeated(
    server_key: PrivateKey, now: datetime, value: str
) -> None:
    assert correlation({"Authorization": f'Signature signature="{value}"'}).request_signature is None
    with pytest.raises(UnsafeHeader):
        sign_response(BODY, server_key, now, request_signature=value)


@pytest.mark.parametrize("value", ["Basic c2lnbmF0dXJl", "Signature ?", "Signature a=b", ""])
def test_a_request_with_another_kind_of_authorization_has_no_signature_to_repeat(value: str) -> None:
    assert correlation({"Authorization": value}) == Correlation(None, None)


@pytest.mark.parametrize(
    "headers", [{"X-A": "1\r\nX-B: 2"}, {"signature": "x"}, {"Date": "x"}, {"x-request-id": "x"}, {"A": "1", "a": "2"}]
)
def test_headers_that_would_harm_the_response_are_not_signed(
    server_key: PrivateKey, now: datetime, headers: dict[str, str]
) -> None:
    with pytest.raises(UnsafeHeader):
        sign_response(BODY, server_key, now, headers=headers)
