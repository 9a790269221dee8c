"""Which number formats of Excel show the number, which pad it, and which make something else of it."""

from __future__ import annotations

import pytest

from ewpgw.adapters.number_formats import shown, shows_texts

_ACCOUNTING = '_-* #,##0.00 "€"_-;-* #,##0.00 "€"_-;_-* "-"?? "€"_-;_-@_-'
_BY_CONDITION = "[<10]0;00"


@pytest.mark.parametrize(
    ("value", "number_format"),
    [
        (3, ""),
        (3, "General"),
        (3, "@"),
        (3.5, "0"),
        (3.5, "#,##0.00"),
        (3, '0.00 "€"'),
        (3, "$#,##0"),
        (3, "#,##0.00 [$€-407]"),
        (3, "[$EUR] 0.00"),
        (3, "[$-409]0"),
        (3, "0.00E+00"),
        (3, "+0;-0"),
        (3, "0;-0;;@"),
        (-3, "#,##0.00;[Red]-#,##0.00"),
        (-3, "#,##0_);(#,##0)"),
        (3, _ACCOUNTING),
        (-3, _ACCOUNTING),
        (0, _ACCOUNTING),
    ],
)
def test_a_number_counts_as_it_is_where_it_is_shown_as_a_number(value: float, number_format: str) -> None:
    assert shown(value, number_format) == value


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [(314, "0000", "0314"), (3, "#000", "003"), (3, "[Red]000", "003"), (0, "00;-00", "00"), (12345, "000", "12345")],
)
def test_a_number_has_the_zeros_that_are_shown_before_it(value: float, number_format: str, text: str) -> None:
    assert shown(value, number_format) == text


@pytest.mark.parametrize(
    ("value", "number_format"),
    [
        (3, '"R"000'),
        (3, '"R"0'),
        (3, "\\R0"),
        (12, "00-00"),
        (12345, "# ##0"),
        (0.5, "0%"),
        (0.5, "# ?/?"),
        (12000, "0,"),
        (3, "-0"),
        (3, '0" days"'),
        (3, "[$R]0"),
        (3, '"€"000'),
        (3.5, "000"),
        (-3, "000"),
        (3, _BY_CONDITION),
        (3, '0;"none";"none"' + " " * 300),
        (-3, '0;"none"'),
        (3, '"R"@'),
    ],
)
def test_a_number_of_which_something_else_is_shown_is_not_known(value: float, number_format: str) -> None:
    assert shown(value, number_format) is None


def test_texts_are_shown_as_they_are_unless_the_format_adds_to_them() -> None:
    assert all(shows_texts(each) for each in ("", "General", "@", "_-@_-", _ACCOUNTING, '"R"000'))
    assert not any(shows_texts(each) for each in ('"R"@', '0;0;0;"none"'))
