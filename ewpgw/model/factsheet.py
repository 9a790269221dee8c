"""Factsheets: what incoming students need to know, from dates to housing (Mobility Factsheet API 1)."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Annotated

from ewpgw.model.base import NS, HttpWithOptionalLang, XmlModel, XmlRecord, many, maybe, one
from ewpgw.model.lexical import Email, Lexical, Text
from ewpgw.model.phone import PhoneNumber

NAMESPACE = f"{NS}ewp-specs-api-factsheet/tree/stable-v1"

_LEAP_YEAR = 2000


def _is_day(text: str) -> bool:
    found = re.match("--([0-9]{2})-([0-9]{2})", text)
    if found is None or not 1 <= int(found[1]) <= 12:
        return False
    return 1 <= int(found[2]) <= monthrange(_LEAP_YEAR, int(found[1]))[1]


MonthDay = Annotated[
    str,
    Lexical(
        "a day of every year, such as --04-30 for the 30th of April",
        r"--[0-9]{2}-[0-9]{2}(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?",
        collapses=True,
        accepts=_is_day,
    ),
]
Integer = Annotated[
    str, Lexical("a whole number", r"[+-]?[0-9]+", collapses=True, numeric=True, number={"type": "integer"})
]
AccessibilityType = Annotated[str, Lexical("infrastructure or service", "infrastructure|service")]


class FactsheetElement(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """A part of a factsheet."""


class CalendarEntry(FactsheetElement):
    """The last day for something, in each of the two terms."""

    autumn_term: MonthDay = one("autumn-term", "Autumn term", "For those who come in the autumn term: --04-30.")
    spring_term: MonthDay = one("spring-term", "Spring term", "For those who come in the spring term: --10-31.")


class Calendar(FactsheetElement):
    """By when the partner and its students have to be heard of."""

    student_nominations: CalendarEntry = one(
        "student-nominations", "Nominations", "By when nominations of incoming students have to arrive."
    )
    student_applications: CalendarEntry = one(
        "student-applications", "Applications", "By when the students' own applications have to arrive."
    )


class InformationEntry(FactsheetElement):
    """Whom to ask about a matter, and where to read about it."""

    email: Email = one("email", "E-mail address", "Where to write in this matter.")
    phone_number: PhoneNumber = one("phone-number", "Phone number", "Where to call in this matter.", ns="p")
    website_url: list[HttpWithOptionalLang] = many(
        "website-url", "Websites", "Pages about it; several addresses where each language has its own.", at_least=1
    )


class AdditionalRequirement(FactsheetElement):
    """Something that incoming students have to bring, or to know."""

    name: Text = one(
        "name",
        "Name",
        "What is asked for. What students hand in by way of the network has fixed names: Motivation letter, "
        "Transcript of Records, Language certificate, Reference letter, Portfolio, CV, Other document. Any other name "
        "is only shown to them.",
    )
    details: Text = one("details", "Details", "What exactly is asked for, in words.")
    information_website: list[HttpWithOptionalLang] = many("information-website", "Websites", "Pages about it.")


class Accessibility(FactsheetElement):
    """Support for participants with special needs."""

    type: AccessibilityType = one("type", "Kind", "infrastructure or service.")
    name: Text = one("name", "Name", "What it is called.")
    description: Text | None = maybe("description", "Description", "What it is, in words.")
    information: InformationEntry = one("information", "Information", "Whom to ask, and where to read about it.")


class AdditionalInfo(FactsheetElement):
    """Whom to ask about a matter that has no field of its own."""

    type: Text = one("type", "Matter", "What it is about.")
    info: InformationEntry = one("info", "Information", "Whom to ask, and where to read about it.")


class Factsheet(XmlRecord, tag="factsheet", ns="", nsmap={"": NAMESPACE}):
    """What an institution tells its partners' students who want to come."""

    hei_id: Text = one("hei-id", "HEI", "SCHAC identifier of the institution, its domain: uni.example.")
    calendar: Calendar = one("calendar", "Calendar", "By when nominations and applications have to arrive.")
    application_info: InformationEntry = one(
        "application-info", "Application", "Whom to ask about the application, and where to read about it."
    )
    additional_requirement: list[AdditionalRequirement] = many(
        "additional-requirement", "Further requirements", "What incoming students have to bring, or to know."
    )
    decision_weeks_limit: Integer = one(
        "decision-weeks-limit", "Weeks to a decision", "In how many weeks applicants hear a decision; five at most."
    )
    tor_weeks_limit: Integer = one(
        "tor-weeks-limit",
        "Weeks to a transcript",
        "In how many weeks the Transcript of Records is issued; five at most.",
    )
    accessibility: list[Accessibility] = many(
        "accessibility", "Accessibility", "Support for participants with special needs."
    )
    housing_info: InformationEntry = one("housing-info", "Housing", "Who helps with finding a place to live.")
    visa_info: InformationEntry = one("visa-info", "Visa", "Who helps with visas.")
    insurance_info: InformationEntry = one("insurance-info", "Insurance", "Who helps with insurance.")
    additional_info: list[AdditionalInfo] = many(
        "additional-info", "Further matters", "Whom to ask about matters that have no field of their own."
    )

    def record_id(self) -> str:
        """The institution's own SCHAC identifier."""
        return self.hei_id
