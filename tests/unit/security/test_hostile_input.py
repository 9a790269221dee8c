"""Whatever arrives, the answer is a verified message or the one exception that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ewpgw.security.requests import Refusal, Request, verify_request
from ewpgw.security.responses import UntrustedResponse, correlation, sign_response, verify_response, wants_signature

from .drafts import REQUEST_ID, Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.security.keys import PrivateKey

NOW = datetime(2026, 3, 8, 9, 5, 7, tzinfo=UTC)
SIGNED_NAMES = ("Date", "Original-Date", "Digest", "X-Request-Id", "X-Request-Signature", "Host", "X")
KNOWN_NAMES = st.sampled_from(("Authorization", "Signature", *SIGNED_NAMES))
# Any code point, lone surrogates included: those are how undecodable bytes arrive.
ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
SYNTAX = ("Signature ", 'keyId="', "algorithm=rsa-sha256", 'headers="', 'signature="', '"', ",", "=", " ", "\\", "\n")
WORDS = ("a" * 64, "(request-target)", "host", "date", "digest", "x-request-id", "YQ==", "SHA-256=")
TOKENS = st.sampled_from((*SYNTAX, *WORDS, "Sun, 08 Mar 2026 09:05:07 GMT"))
VALUES = ANY_TEXT | st.lists(TOKENS, max_size=24).map("".join) | st.just(REQUEST_ID)
HEADERS = st.lists(st.tuples(KNOWN_NAMES | ANY_TEXT, VALUES), max_size=12)
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@given(method=ANY_TEXT, target=ANY_TEXT, host=ANY_TEXT, headers=HEADERS, body=st.binary(max_size=50))
@RELAXED
def test_a_request_of_noise_is_refused(
    client_key: PrivateKey, method: str, target: str, host: str, headers: Sequence[tuple[str, str]], body: bytes
) -> None:
    with pytest.raises(Refusal) as caught:
        verify_request(Request(method, target, host, headers, body), lambda _: client_key.public, NOW)
    assert caught.value.status in {400, 401, 403}


@given(
    data=st.data(),
    bent=st.sampled_from(["method", "target", "host", "header", "parameter", "more"]),
    value=VALUES,
)
@RELAXED
def test_a_good_request_bent_in_one_place_is_refused_unless_the_bend_is_harmless(
    draft: Draft, client_key: PrivateKey, data: st.DataObject, bent: str, value: str
) -> None:
    request = bend(draft, data, bent, value)
    refusal = None
    try:
        verified = verify_request(request, lambda _: client_key.public, NOW)
    except Refusal as caught:
        refusal = caught
    if refusal is None:
        assert verified.request_id == REQUEST_ID
        assert set(verified.headers) == {"host", "date", "digest", "x-request-id"}
    else:
        assert refusal.status in {400, 401, 403}
        # What goes into XML and logs may not hold control characters or halves of surrogate pairs.
        assert refusal.developer_message.isprintable()


def bend(draft: Draft, data: st.DataObject, place: str, value: str) -> Request:
    request = draft.signed()
    match place:
        case "method":
            return replace(request, method=value)
        case "target":
            return replace(request, target=value)
        case "host":
            return replace(request, host=value)
        case "header":
            assert not isinstance(request.headers, Mapping)
            pairs = list(request.headers)
            index = data.draw(st.integers(0, len(pairs) - 1))
            pairs[index] = (pairs[index][0], value)
            return replace(request, headers=tuple(pairs))
        case "parameter":
            name = data.draw(st.sampled_from(["keyId", "algorithm", "headers", "signature"]))
            return replace(draft, parameters={name: value}).signed()
        case _:
            return replace(request, headers=(*request.headers, (data.draw(KNOWN_NAMES), value)))


@given(headers=HEADERS, body=st.binary(max_size=50))
@RELAXED
def test_a_response_of_noise_is_rejected(
    server_key: PrivateKey, headers: Sequence[tuple[str, str]], body: bytes
) -> None:
    keys = {server_key.public.fingerprint: server_key.public, "a" * 64: server_key.public}
    with pytest.raises(UntrustedResponse):
        verify_response(headers, body, server_keys=keys, request_id=None, request_signature=None, now=NOW)


@given(headers=HEADERS)
@RELAXED
def test_what_is_found_to_repeat_can_always_be_signed(
    server_key: PrivateKey, headers: Sequence[tuple[str, str]]
) -> None:
    wants_signature(headers)
    found = correlation(headers)
    signed = sign_response(b"", server_key, NOW, request_id=found.request_id, request_signature=found.request_signature)
    assert all(" " <= character <= "~" for value in signed.values() for character in value)
