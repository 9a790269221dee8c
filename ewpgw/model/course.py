"""Courses, modules and degree programmes: learning opportunity specifications with their instances (Courses API 0.7).

A specification (LOS) is what is offered in general; an instance (LOI) is when it is held, with credits and results.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Self

from lxml import etree

from ewpgw.model.academic_term import AcademicYearId
from ewpgw.model.academic_years import AcademicTermId
from ewpgw.model.base import (
    NS,
    HttpWithOptionalLang,
    StringWithOptionalLang,
    XmlModel,
    XmlRecord,
    many,
    maybe,
    one,
    required_attribute,
)
from ewpgw.model.lexical import AnyDecimal, Date, EqfLevel, Identifier, Language, Lexical, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = f"{NS}ewp-specs-api-courses/tree/stable-v1"
_TERM = f"{NS}ewp-specs-types-academic-term/tree/stable-v1"

TYPES: Mapping[str, str] = {"CR": "Course", "CLS": "Class", "MOD": "Module", "DEP": "Degree Programme"}
"""What the first part of an identifier says of its owner; identifiers of instances have a further I there."""

_AFTER_PREFIX = "/[!-~]{1,40}"
LosId = Annotated[
    str,
    Lexical(
        "CR/, CLS/, MOD/ or DEP/ and 1 to 40 visible ASCII characters without spaces",
        f"(?:CR|CLS|MOD|DEP){_AFTER_PREFIX}",
    ),
]
LoiId = Annotated[
    str,
    Lexical(
        "CRI/, CLSI/, MODI/ or DEPI/ and 1 to 40 visible ASCII characters without spaces",
        f"(?:CRI|CLSI|MODI|DEPI){_AFTER_PREFIX}",
    ),
]
CreditLevel = Annotated[str, Lexical("Bachelor, Master or PhD", "Bachelor|Master|PhD")]
Count = Annotated[
    str,
    Lexical(
        "a whole number, zero or above",
        r"\+?[0-9]+|-0+",
        collapses=True,
        numeric=True,
        number={"type": "integer", "minimum": 0},
    ),
]

_UNKNOWN_PREFIX = re.compile(f"(?!(?:{'|'.join(TYPES)})/)[A-Z]+{_AFTER_PREFIX}")


class CourseElement(XmlModel, ns="", nsmap={"t": _TERM, "": NAMESPACE}):
    """A part of a course."""


class CourseTerm(XmlModel, ns="t", nsmap={"t": _TERM}):
    """The academic term in which a course is held."""

    academic_year_id: AcademicYearId = one("academic-year-id", "Academic year", "The year that the term is part of.")
    ewp_id: AcademicTermId | None = maybe(
        "ewp-id",
        "Term",
        "Which term of how many the year has: 2026/2027-1/2 is the first of two. Left out where no number fits.",
    )
    display_name: list[StringWithOptionalLang] = many(
        "display-name", "Names", "What the term is called, once for each language.", at_least=1
    )
    start_date: Date = one("start-date", "Start", "The term's first day.")
    end_date: Date = one("end-date", "End", "The term's last day.")


class CourseGradingScheme(CourseElement):
    """How the results of an instance are expressed."""

    label: list[StringWithOptionalLang] = many(
        "label",
        "Labels",
        "The range of grades in short, so that a reader can tell them all: 0-5, A-F. With a language only where the "
        "words depend on it.",
        at_least=1,
    )
    description: list[StringWithOptionalLang] = many(
        "description", "Descriptions", "The scheme in more words, such as its full name and every grade."
    )


class ResultCategory(CourseElement):
    """How many students had one result, or a result in one range."""

    label: Text = required_attribute("label", "Result", "The grade, or the range of grades: C, 20-30.")
    count: Count = required_attribute("count", "Students", "How many had it, whether they passed or not.")


class CourseResultDistribution(CourseElement):
    """The results of all students of an instance, those who failed among them."""

    category: list[ResultCategory] = many(
        "category", "Results", "Each result, or range of results, with its count.", at_least=1
    )
    description: list[StringWithOptionalLang] = many(
        "description", "Descriptions", "What there is to say about the distribution, once for each language."
    )


class CourseCredit(CourseElement):
    """What completing the course is worth, in one scheme of credits."""

    scheme: Text = one("scheme", "Scheme", "ects for ECTS credits; any other name for credits of your own.")
    level: CreditLevel | None = maybe("level", "Level", "Bachelor, Master or PhD.")
    value: AnyDecimal = one("value", "Credits", "How many.")


class CourseInstance(CourseElement):
    """A course, module or programme as it is held once."""

    loi_id: LoiId = one(
        "loi-id",
        "Instance",
        "Identifier of the instance between computers. It begins as its course's does, with a further I before the "
        "slash.",
    )
    start: Date = one("start", "Start", "The first day, mostly that of a term.")
    end: Date = one("end", "End", "The last day, mostly that of a term.")
    academic_term: CourseTerm | None = maybe(
        "academic-term",
        "Term",
        "The term in which it is held; for courses. Left out for what takes several terms, as programmes do.",
        ns="t",
    )
    grading_scheme: CourseGradingScheme | None = maybe("gradingScheme", "Grading scheme", "How results are expressed.")
    result_distribution: CourseResultDistribution | None = maybe(
        "resultDistribution", "Results", "How many students had which result."
    )
    credit: list[CourseCredit] = many("credit", "Credits", "What it is worth; ECTS credits among them.")
    language_of_instruction: Language | None = maybe(
        "languageOfInstruction",
        "Language",
        "The main language of teaching: en. Left out where there is no single one.",
    )
    engagement_hours: AnyDecimal | None = maybe("engagementHours", "Hours", "How many hours students spend in classes.")


class CourseInstances(CourseElement):
    """When a course is held."""

    learning_opportunity_instance: list[CourseInstance] = many(
        "learningOpportunityInstance", "Instances", "Each time it was, is or will be held."
    )


class CourseParts(CourseElement):
    """What a programme or a module is made of."""

    los_id: list[LosId] = many("los-id", "Parts", "Identifiers of the parts, each of which is a record of its own.")


class Course(XmlRecord, tag="learningOpportunitySpecification", ns="", nsmap={"t": _TERM, "": NAMESPACE}):
    """What a HEI offers: a course, a class of it, a module or a degree programme."""

    los_id: LosId = one(
        "los-id",
        "Course",
        "Identifier between computers: CR/, CLS/, MOD/ or DEP/ for a course, class, module or degree programme, then "
        "1 to 40 characters. It never changes, and neither does what it is of.",
    )
    los_code: Text | None = maybe("los-code", "Code", "Code of the course as people know it.")
    ounit_id: Identifier | None = maybe(
        "ounit-id", "Unit", "Identifier of the organizational unit that is responsible for it."
    )
    title: list[StringWithOptionalLang] = many(
        "title", "Titles", "What it is called, once for each language, English among them.", at_least=1
    )
    type: Text | None = maybe(
        "type",
        "Type",
        "Course, Class, Module or Degree Programme. Where you leave it out, the identifier says it.",
    )
    subject_area: Text | None = maybe("subjectArea", "Subject area", "The older Erasmus code of the subject area.")
    isced_code: Text | None = maybe("iscedCode", "ISCED-F code", "The field of education by ISCED-F 2013: 0613.")
    eqf_level_provided: EqfLevel | None = maybe(
        "eqfLevelProvided",
        "EQF level",
        "The level that who completes it has reached: 6 bachelor, 7 master, 8 doctorate.",
    )
    url: list[HttpWithOptionalLang] = many("url", "Pages", "Pages about it, with the language of each.")
    description: list[StringWithOptionalLang] = many(
        "description",
        "Descriptions",
        "What it is about, in plain text that may have several paragraphs. Partners search in it.",
    )
    specifies: CourseInstances | None = maybe("specifies", "Instances", "When it is held.")
    contains: CourseParts | None = maybe("contains", "Parts", "What it is made of, such as the courses of a module.")

    @property
    def instances(self) -> list[CourseInstance]:
        """When the course is held."""
        return self.specifies.learning_opportunity_instance if self.specifies is not None else []

    def code(self) -> str | None:
        """The course's code, for people."""
        return self.los_code

    def record_id(self) -> str:
        """The course's identifier within its institution."""
        return self.los_id

    def completed(self) -> Self:
        """The course with its type, which its identifier tells (ewp-specs-api-courses 0.7, README, LO identifiers)."""
        return self if self.type is not None else self.model_copy(update={"type": type_of(self.los_id)})


def type_of(los_id: str) -> str:
    """What an identifier is of, as the element ``type`` has it. Raises KeyError for a prefix that is not known."""
    return TYPES[los_id.partition("/")[0]]


def understood(root: etree._Element) -> etree._Element:
    """A document of a partner without what is not known here: types, and references to parts of kinds.

    Clients must take an unknown type as if it were absent, and should take a reference with an unknown prefix as one
    to nothing (ewp-specs-api-courses 0.7, response.xsd, type and LosID). The element given stays as it is.
    """
    if not any(_is_unknown(element) for element in root.iter("{*}type", "{*}los-id")):
        return root
    copy = deepcopy(root)
    for element in list(copy.iter("{*}type", "{*}los-id")):
        parent = element.getparent()
        if parent is not None and _is_unknown(element):
            parent.remove(element)
    return copy


def _is_unknown(element: etree._Element) -> bool:
    name, text = etree.QName(element).localname, element.text or ""
    above = element.getparent()
    if above is None or len(element):
        return False
    in_course = etree.QName(above).localname == "learningOpportunitySpecification"
    if name == "type":
        return in_course and bool(text.strip()) and text not in TYPES.values()
    return not in_course and _UNKNOWN_PREFIX.fullmatch(text) is not None
