"""HTTP dates, written and read."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ewpgw.security.dates import BadDate, format_http_date, parse_http_date

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 6 Nov 1994 08:49:37 GMT",
    ],
)
def test_each_form_of_rfc_2616_and_the_one_of_java_is_read(text: str) -> None:
    assert parse_http_date(text) == MOMENT


def test_a_date_is_written_in_the_preferred_form() -> None:
    assert format_http_date(MOMENT) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_date_in_another_time_zone_is_written_in_gmt() -> None:
    helsinki = timezone(timedelta(hours=2))
    assert format_http_date(datetime(1994, 11, 6, 10, 49, 37, 999999, helsinki)) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_the_next_second_is_another_date() -> None:
    assert format_http_date(MOMENT) != format_http_date(MOMENT + timedelta(seconds=1))
    assert format_http_date(MOMENT) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_moment_without_a_time_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        format_http_date(datetime(2026, 1, 1))


@example(datetime(3059, 1, 1, 0, 0, 0, 999997, UTC))
@example(datetime(1969, 12, 31, 23, 59, 59, 999999, UTC))
@example(datetime(1970, 1, 1, tzinfo=UTC))
@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_what_is_written_equals_the_standard_library_and_is_read_back(moment: datetime) -> None:
    text = format_http_date(moment)
    assert text == format_datetime(moment, usegmt=True)
    assert parse_http_date(text) == moment.replace(microsecond=0)


@pytest.mark.parametrize(("year", "expected"), [("69", 1969), ("99", 1999), ("00", 2000), ("26", 2026), ("68", 2068)])
def test_two_digit_years_are_1969_to_2068(year: str, expected: int) -> None:
    assert parse_http_date(f"Monday, 06-Apr-{year} 08:49:37 GMT").year == expected


def test_a_leap_second_is_the_second_before() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-08T09:05:07Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 30 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov ١٩٩٤ 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_http_date_is_refused(text: str) -> None:
    with pytest.raises(BadDate):
        parse_http_date(text)


@given(st.text())
def test_any_text_is_a_date_or_a_bad_date(text: str) -> None:
    with contextlib.suppress(BadDate):
        assert parse_http_date(text).tzinfo is UTC
