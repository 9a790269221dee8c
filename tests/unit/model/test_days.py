"""Days and moments are in order of time, however they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.days import moment

_FIRST = datetime(1, 1, 1, tzinfo=UTC)


@settings(max_examples=50, deadline=None)
@given(st.datetimes(datetime(1900, 1, 2), datetime(9990, 12, 30), timezones=st.just(UTC)), st.integers(-840, 839))
def test_a_moment_is_the_same_in_every_zone(when: datetime, minutes: int) -> None:
    shifted = (when + timedelta(minutes=minutes)).replace(tzinfo=None)
    sign, offset = "+" if minutes >= 0 else "-", abs(minutes)
    written = f"{shifted.isoformat()}{sign}{offset // 60:02}:{offset % 60:02}"
    assert moment(written) == moment(when.isoformat().replace("+00:00", "Z"))
    days, seconds = moment(written)
    since = when.replace(microsecond=0) - _FIRST
    assert (days - moment("0001-01-01T00:00:00Z")[0], seconds) == (since.days, since.seconds)


def test_notations_of_one_moment_are_that_moment() -> None:
    assert moment("2026-05-20T09:00:00") == moment(" 2026-05-20T10:00:00.75+01:00 ") == moment("2026-05-20T09:00:00Z")
    assert moment("2026-05-20T24:00:00Z") == moment("2026-05-21T00:00:00Z")
    assert moment("-12000-02-28T00:00:00Z") < moment("-0001-01-01T00:00:00Z") < moment("12000-01-01T00:00:00Z")


@pytest.mark.parametrize("text", ["", "2026-05-20", "2026-05-20T09:00", "yesterday"])
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment"):
        moment(text)
