"""Signed requests: what is accepted, and how ours are made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ewpgw.security.dates import format_http_date
from ewpgw.security.requests import Request, sign_request
from ewpgw.security.signatures import UnsafeHeader

from .drafts import REQUEST_ID, REQUIRED, Draft, Verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from ewpgw.security.keys import PrivateKey


# What is accepted


def test_a_signed_request_is_verified(draft: Draft, verify: Verify, client_key: PrivateKey) -> None:
    verified = verify(draft.signed())
    assert verified.key_id == client_key.public.fingerprint
    assert verified.request_id == REQUEST_ID
    assert verified.date == datetime(2026, 3, 8, 9, 5, 7, tzinfo=UTC)
    assert f'signature="{verified.signature}"' in draft.authorization()


def test_only_signed_headers_are_passed_on(draft: Draft, verify: Verify) -> None:
    extra = replace(
        draft.with_header("X-Signed", "yes").with_header("Accept-Response-Encryption-Key", "an attacker's"),
        names=(*REQUIRED, "x-signed"),
    )
    assert dict(verify(extra.signed()).headers) == {
        "host": "ewp.north.example",
        "date": "Sun, 08 Mar 2026 09:05:07 GMT",
        "digest": dict(draft.headers)["Digest"],
        "x-request-id": REQUEST_ID,
        "x-signed": "yes",
    }


def test_the_order_of_the_signed_headers_is_free(draft: Draft, verify: Verify) -> None:
    assert verify(replace(draft, names=tuple(reversed(REQUIRED))).signed())


def test_names_of_signed_headers_may_be_in_capitals(draft: Draft, verify: Verify) -> None:
    authorization = draft.authorization().replace("x-request-id", "X-Request-ID")
    assert verify(draft.unsigned(("Authorization", authorization)))


def test_original_date_does_instead_of_date(draft: Draft, verify: Verify) -> None:
    date = dict(draft.headers)["Date"]
    original = draft.with_header("Date", None).with_header("Original-Date", date)
    names = ("(request-target)", "host", "original-date", "digest", "x-request-id")
    assert verify(replace(original, names=names).signed()).date == datetime(2026, 3, 8, 9, 5, 7, tzinfo=UTC)


def test_the_signed_original_date_is_the_date_where_a_proxy_replaced_the_other(draft: Draft, verify: Verify) -> None:
    both = draft.with_header("Original-Date", "Sun, 08 Mar 2026 09:04:00 GMT")
    names = ("(request-target)", "host", "original-date", "digest", "x-request-id")
    assert verify(replace(both, names=names).signed()).date == datetime(2026, 3, 8, 9, 4, 0, tzinfo=UTC)


def test_original_date_is_the_date_where_both_are_signed(draft: Draft, verify: Verify) -> None:
    both = draft.with_header("Original-Date", "Sun, 08 Mar 2026 09:04:00 GMT")
    verified = verify(replace(both, names=(*REQUIRED, "original-date")).signed())
    assert verified.date == datetime(2026, 3, 8, 9, 4, 0, tzinfo=UTC)


def test_the_host_that_the_caller_gives_counts_not_the_one_among_the_headers(draft: Draft, verify: Verify) -> None:
    request = draft.unsigned(("Authorization", draft.authorization()), ("Host", "internal.north.example"))
    assert verify(request).headers["host"] == "ewp.north.example"


def test_a_key_id_in_capitals_names_the_same_key(draft: Draft, verify: Verify, client_key: PrivateKey) -> None:
    fingerprint = client_key.public.fingerprint
    assert verify(replace(draft, parameters={"keyId": fingerprint.upper()}).signed()).key_id == fingerprint


def test_the_scheme_may_be_in_any_case(draft: Draft, verify: Verify) -> None:
    assert verify(draft.unsigned(("authorization", draft.authorization().replace("Signature ", "sIGNATURE "))))


def test_repeated_signed_headers_are_joined(draft: Draft, verify: Verify) -> None:
    repeated = replace(draft, headers=(*draft.headers, ("X-A", "1"), ("x-a", "2")), names=(*REQUIRED, "x-a"))
    assert verify(repeated.signed()).headers["x-a"] == "1, 2"


def test_an_empty_body_is_signed_too(draft: Draft, verify: Verify, digest_of: Callable[[bytes], str]) -> None:
    assert verify(replace(draft.with_header("Digest", digest_of(b"")), method="GET", body=b"").signed())


def test_a_digest_among_others_is_found(draft: Draft, verify: Verify) -> None:
    mixed = dict(draft.headers)["Digest"].replace("SHA-256", "shA-256") + ", Unknown=x"
    assert verify(draft.with_header("Digest", mixed).signed())


def test_bytes_that_are_no_utf_8_verify_as_they_came(draft: Draft, verify: Verify) -> None:
    raw = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert verify(replace(draft.with_header("X-Raw", raw), names=(*REQUIRED, "x-raw")).signed())


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_clock_five_minutes_off_is_accepted(draft: Draft, verify: Verify, now: datetime, seconds: int) -> None:
    date = format_http_date(now + timedelta(seconds=seconds))
    assert verify(draft.with_header("Date", date).signed())


# Signing


def as_received(url_target: str, host: str, method: str, headers: dict[str, str], body: bytes) -> Request:
    return Request(method, url_target, host, tuple(headers.items()), body)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://ewp.north.example/echo?echo=%2B+b", "ewp.north.example", "/echo?echo=%2B+b"),
        ("https://EWP.North.example:443/echo", "ewp.north.example", "/echo"),
        ("http://127.0.0.1:8443/", "127.0.0.1:8443", "/"),
        ("https://[::1]:8443/a;b=c", "[::1]:8443", "/a;b=c"),
        ("https://north.example", "north.example", "/"),
        ("https://north.example?x=1#fragment", "north.example", "/?x=1"),
    ],
)
def test_a_request_that_we_sign_is_one_that_we_verify(
    verify: Verify, client_key: PrivateKey, now: datetime, url: str, host: str, target: str
) -> None:
    signed = sign_request(
        "POST", url, {"Content-Type": "text/xml"}, b"<x/>", key=client_key, now=now, request_id=REQUEST_ID
    )
    assert signed.headers["Host"] == host
    verified = verify(as_received(target, host, "POST", signed.headers, b"<x/>"))
    assert verified.signature == signed.signature
    assert verified.request_id == signed.request_id == REQUEST_ID
    assert verified.headers["content-type"] == "text/xml"
    assert verified.headers["accept-signature"] == "rsa-sha256"
    assert verified.headers["want-digest"] == "SHA-256"


def test_everything_that_we_send_but_the_signature_is_signed(
    verify: Verify, client_key: PrivateKey, now: datetime
) -> None:
    signed = sign_request(
        "GET", "https://a.example/", {"Accept": "text/xml"}, b"", key=client_key, now=now, request_id=REQUEST_ID
    )
    verified = verify(as_received("/", "a.example", "GET", signed.headers, b""))
    assert set(verified.headers) == {name.lower() for name in signed.headers} - {"authorization"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "/echo",
        "https:///echo",
        "https://user:pw@a.example/",
        "https://a.example/a b",
        "https://a.example/\r\nX: y",
        "https://é.example/",
        "https://a.example:99999/",
    ],
)
def test_a_url_that_cannot_be_sent_as_it_stands_is_not_signed(client_key: PrivateKey, now: datetime, url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|[Pp]ort"):
        sign_request("GET", url, {}, b"", key=client_key, now=now, request_id=REQUEST_ID)


@pytest.mark.parametrize("name", ["Host", "authorization", "DATE", "Digest", "x-request-id", "Accept-Signature"])
def test_headers_that_the_signer_sets_cannot_be_given(client_key: PrivateKey, now: datetime, name: str) -> None:
    with pytest.raises(UnsafeHeader):
        sign_request("GET", "https://a.example/", {name: "x"}, b"", key=client_key, now=now, request_id=REQUEST_ID)


def test_a_method_or_request_id_out_of_form_is_not_signed(client_key: PrivateKey, now: datetime) -> None:
    with pytest.raises(ValueError, match="not an HTTP method"):
        sign_request("get\n", "https://a.example/", {}, b"", key=client_key, now=now, request_id=REQUEST_ID)
    with pytest.raises(ValueError, match="not a UUID"):
        sign_request("GET", "https://a.example/", {}, b"", key=client_key, now=now, request_id="1\r\nX: y")
