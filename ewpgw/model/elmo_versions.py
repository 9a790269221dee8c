"""Whole ELMO documents brought from version 1 to 2 and back, for partners whose version of the API has the other one.

A signature covers the text as it was, so it does not survive; that is said, never passed over. Sources: the schemas of
ELMO 1 and 2.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from ewpgw.model.elmo import LOCAL, NAMESPACES, SIGNATURE, text_of, version_of
from ewpgw.model.elmo_countries import COUNTRIES_OF_ELMO_1
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.model.problems import Problem

_EQF: Mapping[str, str] = MappingProxyType({"Bachelor": "6", "Master": "7", "PhD": "8"})
_TYPES_OF_1: Final = frozenset(
    {
        "Diploma",
        "Diploma Supplement",
        "Transcript of Records",
        "EMREX transcript",
        "Micro Credential",
        "Letter of Nomination",
        "Certificate of Training",
        "Learning Agreement",
        "Other",
    }
)
_SOURCES: Mapping[int, str] = MappingProxyType({1: "ELMO 1, schema.xsd", 2: "ELMO 2, schema.xsd"})
_ONLY_IN_2: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "learner": ("alternativeName", "countryOfBirth"),
        "report": ("resultOfRecognition", "status"),
        "learningOpportunitySpecification": ("documentType",),
        "learningOpportunityInstance": ("enrolment", "duration", "gradingSchemeExternalId"),
    }
)


@dataclass(frozen=True, slots=True)
class Converted:
    """An ELMO document in the other version, and warnings of what that version has no place for."""

    root: etree._Element
    unsaid: tuple[Problem, ...]

    @property
    def text(self) -> str:
        """The document as text, without XML declaration."""
        return text_of(self.root)


def converted(root: etree._Element, version: int) -> Converted:
    """A copy of an ELMO document in another version. Raises BadElmo where it is none."""
    given = version_of(root)
    copy = deepcopy(root)
    if given == version:
        return Converted(copy, ())
    unsaid: list[Problem] = []
    for signature in copy.findall(SIGNATURE):
        said = f"is left out for partners that get ELMO {version}: a signature holds for the text it was made of"
        unsaid.append(warning("elmo.Signature", said, _SOURCES[version]))
        copy.remove(signature)
    change = _Change(copy, given, version, unsaid)
    (change.newer if version > given else change.older)()
    return Converted(_renamed(copy, NAMESPACES[given], NAMESPACES[version]), tuple(unsaid))


class _Change:
    def __init__(self, root: etree._Element, given: int, version: int, unsaid: list[Problem]) -> None:
        self.root = root
        self.prefix = f"{{{NAMESPACES[given]}}}"
        self.source = _SOURCES[version]
        self.unsaid = unsaid

    def newer(self) -> None:
        """What ELMO 2 demands or calls otherwise."""
        for learner in self._all("learner"):
            names = [learner.findtext(f"{self.prefix}{name}") or "" for name in ("givenNames", "familyName")]
            family = learner.find(f"{self.prefix}familyName")
            if family is not None:
                family.addnext(self._element("alternativeName", " ".join(" ".join(names).split())))
            for birth in learner.findall(f"{self.prefix}bday"):
                birth.tag = f"{self.prefix}dateOfBirth"
        for country in self._countries():
            country.set("type", "ISO")
        for place, los in enumerate(self._all("learningOpportunitySpecification")):
            if los.find(f"{self.prefix}identifier") is None:
                identifier = self._element("identifier", f"course-{place + 1}")
                identifier.set("type", LOCAL)
                los.insert(0, identifier)
        for loi in self._all("learningOpportunityInstance"):
            self._levels(loi)

    def older(self) -> None:
        """What ELMO 1 does not have, or calls otherwise."""
        self._lose_what_is_new()
        for learner in self._all("learner"):
            modern = learner.find(f"{self.prefix}dateOfBirth")
            if modern is not None:
                for birth in learner.findall(f"{self.prefix}bday"):
                    learner.remove(birth)
                modern.tag = f"{self.prefix}bday"
        for country in list(self._countries()):
            country.attrib.pop("type", "")
            if " ".join((country.text or "").split()) not in COUNTRIES_OF_ELMO_1:
                self._lose(country)
        for sort in self.root.iterfind(f".//{self.prefix}attachment/{self.prefix}type"):
            if " ".join((sort.text or "").split()) not in _TYPES_OF_1:
                self.unsaid.append(warning("elmo.attachment.type", "is told as Other in ELMO 1", self.source))
                sort.text = "Other"
        for name in ("groupType", "group"):
            for group in self._all(name):
                for title in group.findall(f"{self.prefix}title")[1:]:
                    self._lose(title)

    def _lose_what_is_new(self) -> None:
        for above, names in _ONLY_IN_2.items():
            for parent in self._all(above):
                for name in names:
                    for found in parent.findall(f"{self.prefix}{name}"):
                        self._lose(found)

    def _levels(self, loi: etree._Element) -> None:
        """The level of credits, which is a level of the course in ELMO 2."""
        given = loi.findall(f"{self.prefix}credit")
        known = {level.findtext(f"{self.prefix}type") for level in loi.findall(f"{self.prefix}level")}
        for credit in given:
            for level in credit.findall(f"{self.prefix}level"):
                credit.remove(level)
                eqf = _EQF.get(" ".join((level.text or "").split()))
                if eqf is not None and "EQF" not in known:
                    known.add("EQF")
                    moved = self._element("level", None)
                    moved.append(self._element("type", "EQF"))
                    moved.append(self._element("value", eqf))
                    given[-1].addnext(moved)

    def _countries(self) -> list[etree._Element]:
        return [*self._all("citizenship"), *self._all("country"), *self._all("countryOfBirth")]

    def _all(self, name: str) -> list[etree._Element]:
        return list(self.root.iter(f"{self.prefix}{name}"))

    def _element(self, name: str, text: str | None) -> etree._Element:
        made = self.root.makeelement(f"{self.prefix}{name}")
        made.text = text
        return made

    def _lose(self, element: etree._Element) -> None:
        parent = element.getparent()
        if parent is None:
            return
        name = f"elmo.{etree.QName(parent).localname}.{etree.QName(element).localname}"
        if not any(problem.path == name for problem in self.unsaid):
            self.unsaid.append(warning(name, "is left out: ELMO 1 has no place for it", self.source))
        parent.remove(element)


def _renamed(element: etree._Element, old: str, new: str, parent: etree._Element | None = None) -> etree._Element:
    """The element with all below it, made anew with another namespace: a tree keeps the declarations it came with."""
    if not isinstance(element.tag, str):
        made = deepcopy(element)
        if parent is not None:
            parent.append(made)
        return made
    name = etree.QName(element)
    tag = f"{{{new}}}{name.localname}" if name.namespace == old else element.tag
    # lxml's type stubs do not know that the default namespace has the prefix None.
    declared: Any = {prefix: new if uri == old else uri for prefix, uri in element.nsmap.items()}
    attributes = {str(key): str(value) for key, value in element.attrib.items()}
    if parent is None:
        made = etree.Element(tag, attributes, nsmap=declared)
    else:
        made = etree.SubElement(parent, tag, attributes, nsmap=declared)
    made.text = element.text
    for child in element:
        _renamed(child, old, new, made).tail = child.tail
    return made
