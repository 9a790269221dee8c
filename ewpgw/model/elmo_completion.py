"""Identifiers that partners need, added to an ELMO document that was handed in without them.

Source: ewp-specs-api-imobility-tors 3, get-response.xsd, elmo. Nothing that is there is changed, and a signed document
is not touched at all: adding to it would break the signature.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.model import elmo_identifiers
from ewpgw.model.elmo import ESI, LOCAL, LOI_ID, LOS_ID, NAMESPACES, SCHAC, Elmo, parse, text_of
from ewpgw.model.problems import dotted
from ewpgw.model.rules import refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-imobility-tors 3, get-response.xsd, elmo"


@dataclass(frozen=True, slots=True)
class Known:
    """What the record says beside an ELMO document, to be added where the document lacks it."""

    hei_id: str | None = None
    global_id: str | None = None
    birth_date: str | None = None


@dataclass(frozen=True, slots=True)
class CompletedElmo:
    """The document with what could be added, and what was: warnings; what could not: refusals."""

    document: Elmo
    problems: tuple[Problem, ...]


def completed(document: Elmo, known: Known) -> CompletedElmo:
    """The document with the identifiers that it lacks and that are known or can be made.

    Where nothing has to be added the document is the very same, its text to the letter.
    """
    lacks = list(_lacking(document, known))
    problems: list[Problem] = []
    added = False
    for lack in lacks:
        if lack.element is None:
            problems.append(refusal(lack.path, lack.otherwise, _SOURCE))
        elif document.signed:
            said = (
                "is missing, and the ELMO is signed, so that nothing can be added; have it put in before it is signed"
            )
            problems.append(refusal(lack.path, said, _SOURCE))
        else:
            lack.place(lack.element)
            problems.append(warning(lack.path, f"is missing; {lack.element.text} is sent", _SOURCE))
            added = True
    if added:
        document = parse(text_of(document.root), max_bytes=sys.maxsize, most_elements=sys.maxsize)
    return CompletedElmo(document, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Lack:
    """Something that is missing; ``element`` goes into ``parent`` at a position or after another element."""

    path: str
    parent: etree._Element
    element: etree._Element | None
    otherwise: str
    after: etree._Element | None = None
    position: int = 0

    def place(self, element: etree._Element) -> None:
        if self.after is not None:
            self.after.addnext(element)
        else:
            self.parent.insert(self.position, element)


def _lacking(document: Elmo, known: Known) -> Iterator[_Lack]:
    prefix = f"{{{NAMESPACES[document.version]}}}"
    root = document.root
    for learner in root.findall(f"{prefix}learner"):
        if not _identifiers(learner, prefix, ESI):
            citizenship = learner.find(f"{prefix}citizenship")
            made = _identifier(learner, prefix, ESI, known.global_id)
            said = "is missing: the European Student Identifier; give it in the ELMO or as student.global_id"
            yield _Lack("elmo.learner.identifier", learner, made, said, after=citizenship)
        name = "bday" if document.version == 1 else "dateOfBirth"
        if learner.find(f"{prefix}{name}") is None:
            names = ("alternativeName", "familyName", "givenNames")
            last = next((found for one in names if (found := learner.find(f"{prefix}{one}")) is not None), None)
            born = known.birth_date or (learner.findtext(f"{prefix}bday") or "").strip() or None
            made = _element(learner, f"{prefix}{name}", born)
            said = "is missing; give it in the ELMO or as student.birth_date"
            yield _Lack(f"elmo.learner.{name}", learner, made, said, after=last)
    for place, report in enumerate(root.findall(f"{prefix}report")):
        issuer = report.find(f"{prefix}issuer")
        if issuer is not None and not _identifiers(issuer, prefix, SCHAC):
            made = _identifier(issuer, prefix, SCHAC, known.hei_id)
            said = "is missing: the SCHAC identifier; give it in the ELMO or as issuer.hei_id"
            path = dotted("elmo.report", place, "issuer.identifier")
            yield _Lack(path, issuer, made, said, after=issuer.find(f"{prefix}country"))
        for number, los in enumerate(report.iter(f"{prefix}learningOpportunitySpecification")):
            yield from _lacking_course(los, prefix, dotted("elmo.report", place, "course", number))


def _lacking_course(los: etree._Element, prefix: str, path: str) -> Iterator[_Lack]:
    given = _identifiers(los, prefix, LOS_ID)
    course = given[0] if given else None
    if course is None:
        local = next(iter(_identifiers(los, prefix, LOCAL)), None)
        course = elmo_identifiers.los_id(local, los.findtext(f"{prefix}type"))
        said = "is missing: ewp-los-id, the identifier of the course, and no short local one to make it of"
        yield _Lack(f"{path}.identifier", los, _identifier(los, prefix, LOS_ID, course), said)
    loi = los.find(f"{prefix}specifies/{prefix}learningOpportunityInstance")
    if loi is None or _identifiers(loi, prefix, LOI_ID):
        return
    text = elmo_identifiers.loi_id(course, _begins(los, prefix))
    above = los.getparent()
    if text is None and above is not None and above.tag == f"{prefix}hasPart":
        return  # what is asked for are the courses that are recognised, and not the classes that they consist of
    said = "is missing: ewp-loi-id, the identifier of the course in this term, and nothing to make it of"
    yield _Lack(f"{path}.instance.identifier", loi, _identifier(loi, prefix, LOI_ID, text), said)


def _begins(los: etree._Element, prefix: str) -> str | None:
    """The day that a course or its term began, or that of the course it is a part of."""
    loi = f"{prefix}specifies/{prefix}learningOpportunityInstance"
    here: etree._Element | None = los
    while here is not None:
        for step in (f"academicTerm/{prefix}start", "start", "date"):
            if found := here.findtext(f"{loi}/{prefix}{step}"):
                return found
        here = here.getparent()
    return None


def _identifiers(parent: etree._Element, prefix: str, sort: str) -> list[str]:
    found = (one for one in parent.findall(f"{prefix}identifier") if (one.get("type") or "").strip() == sort)
    return [text for one in found if (text := "".join(map(str, one.itertext())).strip())]


def _identifier(parent: etree._Element, prefix: str, sort: str, text: str | None) -> etree._Element | None:
    made = _element(parent, f"{prefix}identifier", text)
    if made is not None:
        made.set("type", sort)
    return made


def _element(parent: etree._Element, tag: str, text: str | None) -> etree._Element | None:
    if not text:
        return None
    made = parent.makeelement(tag)
    made.text = text
    return made
