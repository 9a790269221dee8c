"""European Student Identifiers: which texts are such, and which are the same."""

from __future__ import annotations

import pytest

from ewpgw.model.esi import PREFIX, BadEsi, Esi, claims_to_be, comparable, read


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("uio.no:1234567890", Esi("uio.no", "1234567890")),
        ("fi:0000000001", Esi("fi", "0000000001")),
        ("es-ct:a+b", Esi("es-ct", "a+b")),
        ("unit.uni-a.example:x:y", Esi("unit.uni-a.example", "x:y")),
        ("uni.example:%C3%A5(1)'*!$_;@=.,-", Esi("uni.example", "%C3%A5(1)'*!$_;@=.,-")),
    ],
)
def test_both_forms_are_read(rest: str, expected: Esi) -> None:
    assert read(PREFIX + rest) == expected


def test_case_is_ignored_as_in_all_of_schac() -> None:
    assert read("URN:schac:PersonalUniqueCode:INT:ESI:uio.no:aB") == Esi("uio.no", "aB")
    assert comparable(PREFIX + "UIO.no:aB") == comparable(PREFIX.upper() + "uio.NO:Ab")


def test_other_identifiers_are_compared_as_they_are() -> None:
    assert comparable("ABC") != comparable("abc")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234567890",
        "urn:schac:personalUniqueCode:fi:1",
        "urn:mace:terena.org:schac:personalUniqueCode:int:esi:uio.no:1",
        PREFIX,
        PREFIX + "1234567890",
        PREFIX + "uio.no",
        PREFIX + "uio.no:",
        PREFIX + ":1",
        PREFIX + "uio:1",
        PREFIX + "FIN:1",
        PREFIX + "-uio.no:1",
        PREFIX + "uio..no:1",
        PREFIX + "uio.no:a b",
        PREFIX + "uio.no:a/b",
        PREFIX + "uio.no:a?b",
        PREFIX + "uio.no:a#b",
        PREFIX + "uio.no:å",
        PREFIX + "uio.no:%0",
        PREFIX + "uio.no:%00",
        PREFIX + "uio.no:1\n",
        " " + PREFIX + "uio.no:1",
        PREFIX + "uio.no:" + "1" * 250,
    ],
)
def test_anything_else_is_none_and_the_reason_repeats_nothing_of_it(text: str) -> None:
    with pytest.raises(BadEsi) as caught:
        read(text)
    assert "uio" not in caught.value.words


def test_what_begins_like_one_claims_to_be_one() -> None:
    assert claims_to_be(" URN:SCHAC:personalUniqueCode:int:esi:x")
    assert claims_to_be("urn:mace:terena.org:schac:personalUniqueCode:int:studentID:fi:1")
    assert not claims_to_be("1234")
