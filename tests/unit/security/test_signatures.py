"""Signature parameters and signing strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ewpgw.security.signatures import (
    MalformedSignature,
    Parameters,
    UnsafeHeader,
    check_sendable,
    join_repeated,
    parse_parameters,
    signing_string,
)


def test_parameters_are_read_quoted_or_bare_in_any_order_with_unknown_ones_among_them() -> None:
    text = (
        'signature="c2ln", Algorithm=rsa-sha256 ,KEYID="ab\\"c" , opaque="x, y=\\\\z",headers="(request-target) Host"'
    )
    assert parse_parameters(text) == Parameters('ab"c', "rsa-sha256", ("(request-target)", "host"), "c2ln")


def test_absent_parameters_are_none_and_absent_headers_mean_date() -> None:
    assert parse_parameters("opaque=1") == Parameters(None, None, ("date",), None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at character 1"),
        ("keyId", "at character 1"),
        ('keyId="a"x', "at character 1"),
        ('keyId="a",', "at character 11"),
        ('keyId="a",,algorithm=b', "at character 11"),
        ('keyId="a', "at character 1"),
        ('keyId="a\\"', "at character 1"),
        ('keyId="a",keyId="b"', "the parameter keyid is given twice"),
        ('keyId="a",KeyID="b"', "the parameter keyid is given twice"),
        ('headers="date date"', "names date twice"),
        ('headers="date host Date"', "names date twice"),
        ('headers=""', "not a list of header names"),
        ('headers="date  host"', "not a list of header names"),
        ('headers=" date"', "not a list of header names"),
        ('headers="date\nhost"', "not a list of header names"),
        ('headers="d\u212ate"', "not a list of header names"),
        ('headers="date: host"', "not a list of header names"),
        ("a=" + "b" * 8192, "longer than 8192"),
    ],
)
def test_parameters_that_could_be_misread_are_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedSignature, match=problem):
        parse_parameters(text)


def test_the_signing_string_is_lines_of_names_and_values_in_the_order_of_the_names() -> None:
    values = {"host": "a.example", "(request-target)": "get /x?y", "x-empty": "", "other": "not signed"}
    assert signing_string(("(request-target)", "x-empty", "host"), values) == (
        b"(request-target): get /x?y\nx-empty: \nhost: a.example"
    )


def test_bytes_that_were_no_utf_8_are_signed_as_they_came() -> None:
    assert (
        signing_string(("x",), {"x": b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")}) == b"x: caf\xe9 \xc3\xa9"
    )


@pytest.mark.parametrize("value", ["a\nhost: b", "a\r", "a\0b"])
def test_a_value_that_could_pass_for_another_header_is_refused(value: str) -> None:
    with pytest.raises(MalformedSignature, match="line break or a NUL"):
        signing_string(("x", "y"), {"x": value, "y": ""})


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(MalformedSignature, match="not text"):
        signing_string(("x",), {"x": "\ud800"})


def test_a_named_header_that_is_absent_is_refused() -> None:
    with pytest.raises(MalformedSignature, match="it covers the header x-gone, which did not arrive"):
        signing_string(("x-gone",), {})


def test_repeated_headers_are_joined_in_order_without_their_surrounding_blanks() -> None:
    assert join_repeated([("X-A", " 1 "), ("B", "\t2"), ("x-a", "3"), ("X-a", "")]) == {"x-a": "1, 3, ", "b": "2"}
    assert join_repeated({"X-A": "1"}) == {"x-a": "1"}


def test_many_repeated_headers_are_joined_in_linear_time() -> None:
    assert len(join_repeated([("x", "y" * 100)] * 20_000)["x"]) == 102 * 20_000 - 2


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nSet-Cookie: x"},
        {"X-A\r\n": "1"},
        {"": "1"},
        {"X A": "1"},
        {"X-A": "é"},
        {"X-A": " 1"},
        {"X-A": "1 "},
        {"Date": "today"},
        {"X-A": "1", "x-a": "2"},
    ],
)
def test_headers_that_would_not_survive_the_wire_are_not_sent(headers: dict[str, str]) -> None:
    with pytest.raises(UnsafeHeader):
        check_sendable(headers, {"date"})


def test_ordinary_headers_are_sent() -> None:
    check_sendable({"Content-Type": 'text/xml; charset="utf-8"', "X-Empty": "", "X-B": "a"}, {"date"})


@given(st.text(max_size=200))
def test_any_text_is_parameters_or_malformed(text: str) -> None:
    try:
        parameters = parse_parameters(text)
    except MalformedSignature:
        return
    assert len(set(parameters.names)) == len(parameters.names) > 0
