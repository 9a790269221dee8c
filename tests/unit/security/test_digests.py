"""The Digest header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ewpgw.security.digests import BadDigest, digest_header, verify_digest

# The SHA-256 of nothing is a published constant.
EMPTY = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_an_empty_body_has_a_digest_too() -> None:
    assert digest_header(b"") == EMPTY
    verify_digest(EMPTY, b"")


@pytest.mark.parametrize(
    "header",
    [
        EMPTY.replace("SHA-256", "shA-256"),
        f"{EMPTY}, Unknown-Digest-Algorithm=SomeValue",
        f"SHA=thvDyvhfIqlvFe+A9MYgxAfm1q5=,unknown,{EMPTY}",
        f" SHA-256 \t= {EMPTY.partition('=')[2]} ",
        f"{EMPTY},{EMPTY}",
    ],
)
def test_sha_256_is_found_in_any_case_and_among_others(header: str) -> None:
    verify_digest(header, b"")


def test_a_digest_of_another_body_is_refused() -> None:
    with pytest.raises(BadDigest, match="not the SHA-256 of the 5 bytes"):
        verify_digest(EMPTY, b"other")


@pytest.mark.parametrize("header", ["", "SHA-256", "SHA=2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA-512=abc", ",,="])
def test_a_header_without_sha_256_is_refused(header: str) -> None:
    with pytest.raises(BadDigest, match="has no SHA-256 value"):
        verify_digest(header, b"")


@pytest.mark.parametrize("change", [str.lower, lambda text: text.rstrip("="), lambda text: text + "=", lambda _: "é"])
def test_a_digest_must_match_to_the_letter(change: object) -> None:
    assert callable(change)
    with pytest.raises(BadDigest, match="is not the SHA-256"):
        verify_digest("SHA-256=" + change(EMPTY.partition("=")[2]), b"")


def test_a_second_sha_256_value_that_differs_is_refused() -> None:
    with pytest.raises(BadDigest, match="is not the SHA-256"):
        verify_digest(f"{EMPTY},{digest_header(b'other')}", b"")


def test_a_header_of_great_length_is_not_read() -> None:
    with pytest.raises(BadDigest, match="longer than 8192"):
        verify_digest(EMPTY + "," * 8192, b"")


@given(st.binary())
def test_every_body_has_the_digest_that_is_written_for_it(body: bytes) -> None:
    verify_digest(digest_header(body), body)
