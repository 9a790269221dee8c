"""The dates of a signed message: there, readable, and near our own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dates import BadDate, parse_http_date

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

THRESHOLD_SECONDS = 300
"""How far a signed message's clock may be from ours (cliauth-httpsig, "Verify the date(s)": not less)."""

_DATE_HEADERS = ("original-date", "date")


class NotFresh(ValueError):
    """A signed message whose date is missing, unreadable or too far off. The text is safe to show to its sender."""


def is_dated(names: Collection[str]) -> bool:
    """Say whether the signature covers a date at all."""
    return "date" in names or "original-date" in names


def signed_moment(names: Collection[str], values: Mapping[str, str], now: datetime) -> datetime:
    """Check every date that the message has, signed or not, and return the signed one. Raises NotFresh.

    `original-date` wins where both are signed, as it is the one that no proxy touches (srvauth-httpsig, "About the
    Original-Date header").

    Args:
        names: the signed header names, of which one is a date.
        values: all headers of the message.
        now: our clock, with a time zone.
    """
    signed: datetime | None = None
    # HTTP dates have no fractions, so ours must not have any either: the threshold may be wider, never narrower.
    now = now.replace(microsecond=0)
    for name in _DATE_HEADERS:
        text = values.get(name)
        if text is None:
            if name in names:
                raise NotFresh(f"the signature covers the header {name}, which did not arrive")
            continue
        try:
            moment = parse_http_date(text)
        except BadDate as problem:
            raise NotFresh(f"the header {name} is {problem}") from None
        ahead = (moment - now).total_seconds()
        if not -THRESHOLD_SECONDS <= ahead <= THRESHOLD_SECONDS:
            raise NotFresh(
                f"the header {name} is {abs(ahead):.0f} seconds {'ahead of' if ahead > 0 else 'behind'} the clock "
                f"here, and {THRESHOLD_SECONDS} are allowed; synchronise the clock"
            )
        if signed is None and name in names:
            signed = moment
    if signed is None:
        raise NotFresh("the signature covers no date")
    return signed
