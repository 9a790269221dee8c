"""The codes of ISCED-F 2013 are those of the published list, no more and no fewer."""

from __future__ import annotations

import pytest

from ewpgw.model import isced

# Appendix I of ISCED-F 2013: each narrow field, or the broad one where a code belongs to that, with the last digits of
# its detailed fields.
DETAILED = {
    "00": "00 99",
    "001": "1",
    "002": "1",
    "003": "1",
    "01": "88",
    "011": "0 1 2 3 4 9",
    "02": "00 88 99",
    "021": "0 1 2 3 4 5 9",
    "022": "0 1 2 3 9",
    "023": "0 1 2 9",
    "03": "00 88 99",
    "031": "0 1 2 3 4 9",
    "032": "0 1 2 9",
    "04": "00 88 99",
    "041": "0 1 2 3 4 5 6 7 9",
    "042": "1",
    "05": "00 88 99",
    "051": "0 1 2 9",
    "052": "0 1 2 9",
    "053": "0 1 2 3 9",
    "054": "0 1 2",
    "06": "88",
    "061": "0 1 2 3 9",
    "07": "00 88 99",
    "071": "0 1 2 3 4 5 6 9",
    "072": "0 1 2 3 4 9",
    "073": "0 1 2",
    "08": "00 88 99",
    "081": "0 1 2 9",
    "082": "1",
    "083": "1",
    "084": "1",
    "09": "00 88 99",
    "091": "0 1 2 3 4 5 6 7 9",
    "092": "0 1 2 3 9",
    "10": "00 88 99",
    "101": "0 1 2 3 4 5 9",
    "102": "0 1 2 9",
    "103": "0 1 2 9",
    "104": "1",
    "999": "9",
}


def test_the_detailed_fields_are_those_of_the_published_list() -> None:
    published = {above + digits for above, below in DETAILED.items() for digits in below.split()}
    assert {code for code in (f"{number:04}" for number in range(10_000)) if isced.is_code(code)} == published


@pytest.mark.parametrize("code", ["00", "031", "030", "038", "018", "109", "10", "99", "999"])
def test_wider_fields_are_known_too(code: str) -> None:
    assert isced.is_code(code)


@pytest.mark.parametrize("code", ["", "3", "31", "11", "314", "010", "019", "060", "1110", "03000", "0330"])
def test_other_codes_are_not(code: str) -> None:
    assert not isced.is_code(code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("031", "0310"),
        ("03", "0300"),
        ("030", "0300"),
        ("038", "0388"),
        ("042", "0421"),
        ("01", "0110"),
        ("99", "9999"),
        ("30", None),
        ("314", None),
        ("3", None),
        ("0314", None),
    ],
)
def test_a_wider_field_has_a_code_of_four_digits_that_says_no_more(code: str, expected: str | None) -> None:
    assert isced.detailed(code) == expected


def test_every_wider_field_has_one_that_is_a_code() -> None:
    wider = [*map("{:02}".format, range(100)), *map("{:03}".format, range(1000))]
    found = {code: isced.detailed(code) for code in wider if isced.is_code(code)}
    assert all(code is not None and len(code) == 4 and isced.is_code(code) for code in found.values())


def test_every_named_field_is_part_of_a_wider_one() -> None:
    assert all(code[:length] in isced.NAMES for code in isced.NAMES for length in range(2, len(code)))
    assert len([code for code in isced.NAMES if len(code) == 2]) == 12


def test_the_official_names_are_those_of_the_field_and_of_all_it_belongs_to() -> None:
    assert isced.official_names("0613") == {
        "Software and applications development and analysis",
        "Information and Communication Technologies (ICTs)",
    }
    assert "Arts not further defined" in isced.official_names("0210")
    assert "Arts and humanities not elsewhere classified" in isced.official_names("0299")
    assert "Inter-disciplinary programmes and qualifications involving Education" in isced.official_names("0188")
    assert "Teacher training with subject specialisation" in isced.official_names("0114")
    assert isced.official_names("1110") == frozenset()
