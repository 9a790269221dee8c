"""Which instances of a course are asked for: those before one day, those after another (Courses API 0.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.model.base import WRITTEN
from ewpgw.model.course import NAMESPACE
from ewpgw.model.days import day

if TYPE_CHECKING:
    from datetime import date

_SPECIFIES = f"{{{NAMESPACE}}}specifies"
_INSTANCE = f"{{{NAMESPACE}}}learningOpportunityInstance"


def narrowed(fragment: bytes, *, before: date | None, after: date | None) -> bytes:
    """An encoded course with those instances only that end before one day and start after the other.

    Both days are exclusive; None sets no bound. Where no instance is left, the course says nothing of instances, which
    means that it was not held in that time (ewp-specs-api-courses 0.7, README, lois_before, lois_after, and
    Specification vs instance). ``fragment`` is a course of ours, as it was stored.
    """
    if before is None and after is None:
        return fragment
    course = etree.fromstring(fragment, WRITTEN)
    specifies = course.find(_SPECIFIES)
    if specifies is None:
        return fragment
    for instance in specifies.findall(_INSTANCE):
        ends_in_time = before is None or _day(instance, "end") < (before.year, before.month, before.day)
        starts_in_time = after is None or _day(instance, "start") > (after.year, after.month, after.day)
        if not (ends_in_time and starts_in_time):
            specifies.remove(instance)
    if not len(specifies):
        course.remove(specifies)
    return etree.tostring(course, encoding="utf-8")


def _day(instance: etree._Element, name: str) -> tuple[int, int, int]:
    return day(instance.findtext(f"{{{NAMESPACE}}}{name}") or "")
