"""Reading ELMO 1 or 2, of whoever wrote it, as the fields of the simple record.

What the record has no place for is passed over and named, so that nobody takes the record for the whole; the original
stays beside it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lxml import etree
from pydantic import JsonValue, TypeAdapter, ValidationError

from ewpgw.model import elmo
from ewpgw.model.lexical import CountryCode, Date, Gender, Language
from ewpgw.model.transcript_parts import AttachmentType, Count, CourseStatus, CourseType, DateTime, Number

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, JsonValue]

_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_IGNORED = frozenset({"{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"})
_MOST_NAMED = 50
_DEEPEST_PARTS = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """The fields of a transcript that an ELMO has, as JSON, and the paths of what has no place among them.

    A path names elements by their local names and counts those that repeat from 1: ``report[2]``.
    """

    fields: JsonObject
    unplaced: tuple[str, ...]


def read(root: etree._Element, issuer_hei_id: str | None = None) -> Reading:
    """The fields that an ELMO element of version 1 or 2 has. Unknown elements do no harm.

    Of several reports that of ``issuer_hei_id`` is read, or else the first.
    """
    copy = deepcopy(root)
    etree.strip_tags(copy, etree.Comment, etree.PI)
    reader = _Reader(etree.QName(copy).namespace or "")
    fields = reader.elmo(copy, issuer_hei_id)
    return Reading(fields, tuple(_unplaced(copy, reader.seen)))


class _Reader:
    def __init__(self, namespace: str) -> None:
        self.prefix = f"{{{namespace}}}"
        self.seen: dict[etree._Element, set[str]] = {}

    def elmo(self, root: etree._Element, issuer_hei_id: str | None) -> JsonObject:
        self._see(root)
        fields: JsonObject = {}
        generated = self._one(root, "generatedDate")
        if (learner := self._one(root, "learner")) is not None:
            fields["student"] = self._student(learner)
        report = self._report(root, issuer_hei_id)
        attachments: list[JsonValue] = []
        if report is not None:
            self._see(report)
            if (issuer := self._one(report, "issuer")) is not None:
                fields["issuer"] = self._issuer(issuer)
            fields["course"] = [self._course(los) for los in self._all(report, "learningOpportunitySpecification")]
            fields["issue_date"] = self._value(report, "issueDate", DateTime)
            fields["grading_scheme"] = [self._scheme(scheme) for scheme in self._all(report, "gradingScheme")]
            attachments += [found for one in self._all(report, "attachment") for found in self._attachments(one)]
        if fields.get("issue_date") is None and generated is not None:
            fields["issue_date"] = self._valid(generated, DateTime)
        attachments += [found for one in self._all(root, "attachment") for found in self._attachments(one)]
        fields["attachment"] = attachments
        return _present(fields)

    def _report(self, root: etree._Element, issuer_hei_id: str | None) -> etree._Element | None:
        reports = list(root.iterchildren(f"{self.prefix}report"))
        for report in reports:
            path = f"{self.prefix}issuer/{self.prefix}identifier[@type='{elmo.SCHAC}']"
            if issuer_hei_id is not None and issuer_hei_id in (token(found) for found in report.findall(path)):
                return report
        return reports[0] if reports else None

    def _student(self, learner: etree._Element) -> JsonObject:
        known, others = self._identifiers(learner, elmo.ESI)
        given, family = self._text(learner, "givenNames") or "", self._text(learner, "familyName") or ""
        alternative = next(iter(self._texts(learner, "alternativeName", collapsed=False)), None)
        if isinstance(alternative, dict) and alternative == {"value": f"{given} {family}".strip()}:
            alternative = None  # what is written where there is no other name
        birth = self._value(learner, "dateOfBirth", Date)
        older = self._value(learner, "bday", Date)
        return _present(
            {
                "given_names": given,
                "family_name": family,
                "alternative_name": alternative,
                "global_id": known.get(elmo.ESI),
                "identifier": others,
                "birth_date": birth or older,
                "citizenship": self._value(learner, "citizenship", CountryCode, {"type"}),
                "place_of_birth": self._text(learner, "placeOfBirth"),
                "country_of_birth": self._value(learner, "countryOfBirth", CountryCode, {"type"}),
                "birth_name": self._text(learner, "birthName"),
                "gender": self._value(learner, "gender", Gender),
            }
        )

    def _issuer(self, issuer: etree._Element) -> JsonObject:
        known, others = self._identifiers(issuer, elmo.SCHAC)
        return _present(
            {
                "hei_id": known.get(elmo.SCHAC),
                "identifier": others,
                "title": self._texts(issuer, "title"),
                "url": self._text(issuer, "url") or "",
                "country": self._value(issuer, "country", CountryCode, {"type"}),
            }
        )

    def _course(self, los: etree._Element, depth: int = 0) -> JsonObject:
        self._see(los)
        known, others = self._identifiers(los, elmo.LOS_ID, elmo.LOCAL)
        course: JsonObject = {
            "los_id": known.get(elmo.LOS_ID),
            "code": known.get(elmo.LOCAL),
            "identifier": others,
            "title": self._texts(los, "title"),
            "type": self._value(los, "type", CourseType),
            "subject_area": self._text(los, "subjectArea"),
            "isced_code": self._text(los, "iscedCode"),
            "url": self._text(los, "url"),
            "description": self._texts(los, "description", collapsed=False),
        }
        specifies = self._one(los, "specifies")
        instance = self._one(specifies, "learningOpportunityInstance") if specifies is not None else None
        if instance is not None:
            course |= self._instance(instance)
        parts: list[JsonValue] = []
        if depth < _DEEPEST_PARTS:
            for has in self._all(los, "hasPart"):
                inner = self._all(has, "learningOpportunitySpecification")
                parts += [self._course(part, depth + 1) for part in inner]
        course["part"] = parts
        return _present(course)

    def _instance(self, loi: etree._Element) -> JsonObject:
        known, _ = self._identifiers(loi, elmo.LOI_ID, others=False)
        ects: JsonValue = None
        others: list[JsonValue] = []
        for credit in self._all(loi, "credit"):
            scheme, value = self._text(credit, "scheme") or "", self._value(credit, "value", Number)
            if scheme.lower() == "ects" and ects is None and value is not None:
                ects = value
            else:
                others.append(_present({"scheme": scheme, "value": value}))
        return {
            "loi_id": known.get(elmo.LOI_ID),
            "start_date": self._value(loi, "start", Date),
            "end_date": self._value(loi, "date", Date),
            "term": self._term(loi),
            "status": self._value(loi, "status", CourseStatus),
            "grading_scheme": self._text(loi, "gradingSchemeLocalId"),
            "grade": self._text(loi, "resultLabel"),
            "shortened_grading": self._comparison(loi),
            "result_distribution": self._distribution(loi),
            "ects": ects,
            "credit": others,
            "level": [self._level(level) for level in self._all(loi, "level")],
            "language_of_instruction": self._text(loi, "languageOfInstruction"),
            "hours": self._value(loi, "engagementHours", Number),
        }

    def _term(self, loi: etree._Element) -> JsonValue:
        term = next(loi.iterchildren(f"{self.prefix}academicTerm"), None)
        dates = (
            [next(term.iterchildren(f"{self.prefix}{end}"), None) for end in ("start", "end")]
            if term is not None
            else []
        )
        if term is None or any(found is None or not _fits(token(found), Date) for found in dates):
            return None
        self._see(term)
        return {
            "title": self._texts(term, "title"),
            "start_date": self._value(term, "start", Date),
            "end_date": self._value(term, "end", Date),
        }

    def _comparison(self, loi: etree._Element) -> JsonValue:
        given = next(loi.iterchildren(f"{self.prefix}shortenedGrading"), None)
        if given is None:
            return None
        names = {"percentage_lower": "percentageLower", "percentage_equal": "percentageEqual"}
        names["percentage_higher"] = "percentageHigher"
        values: JsonObject = {field: self._value(given, name, Number) for field, name in names.items()}
        if None in values.values():
            return None
        self._see(given)
        return values

    def _distribution(self, loi: etree._Element) -> JsonValue:
        given = self._one(loi, "resultDistribution")
        if given is None:
            return None
        categories: list[JsonValue] = []
        for category in given.iterchildren(f"{self.prefix}category"):
            label, count = category.get("label"), category.get("count")
            if label is not None and count is not None and _fits(count, Count):
                self._see(category, "label", "count")
                categories.append({"label": " ".join(label.split()), "count": count})
        found: JsonObject = {"category": categories, "description": self._texts(given, "description", collapsed=False)}
        return _present(found) if categories else None

    def _level(self, level: etree._Element) -> JsonObject:
        self._see(level)
        described = self._texts(level, "description", collapsed=False)
        return _present(
            {
                "type": self._text(level, "type") or "",
                "value": self._text(level, "value"),
                "description": described[0] if described else None,
            }
        )

    def _scheme(self, scheme: etree._Element) -> JsonObject:
        self._see(scheme, "localId")
        identifier = " ".join((scheme.get("localId") or "").split())
        return _present({"id": identifier, "description": self._texts(scheme, "description", collapsed=False)})

    def _attachments(self, attachment: etree._Element) -> Iterator[JsonObject]:
        """An attachment once for each of its contents, which differ in their languages."""
        self._see(attachment)
        about: JsonObject = {
            "title": self._texts(attachment, "title"),
            "type": self._value(attachment, "type", AttachmentType),
            "description": self._texts(attachment, "description", collapsed=False),
        }
        contents: list[JsonObject] = []
        for content in attachment.iterchildren(f"{self.prefix}content"):
            head, comma, data = (content.text or "").strip().partition(",")
            if comma and head[:5].lower() == "data:" and head[-7:].lower() == ";base64":
                self._see(content, _LANG)
                kept = data if not any(blank in data for blank in " \t\r\n") else "".join(data.split())
                contents.append({"media_type": head[5:-7], "language": content.get(_LANG), "content": kept})
        for found in contents or [{}]:
            yield _present({**about, **found})

    def _identifiers(
        self, parent: etree._Element, *types: str, others: bool = True
    ) -> tuple[dict[str, str], list[JsonValue]]:
        """The first identifier of each of some types, and all others."""
        known: dict[str, str] = {}
        rest: list[JsonValue] = []
        for identifier in parent.iterchildren(f"{self.prefix}identifier"):
            sort, value = " ".join((identifier.get("type") or "").split()), token(identifier)
            if sort in types and sort not in known and value:
                known[sort] = value
            elif others and sort:
                rest.append({"type": sort, "value": value})
            else:
                continue
            self._see(identifier, "type")
        return known, rest

    def _all(self, parent: etree._Element, name: str) -> Iterator[etree._Element]:
        for child in parent.iterchildren(f"{self.prefix}{name}"):
            self._see(child)
            yield child

    def _one(self, parent: etree._Element, name: str) -> etree._Element | None:
        found = next(parent.iterchildren(f"{self.prefix}{name}"), None)
        if found is not None:
            self._see(found)
        return found

    def _text(self, parent: etree._Element, name: str) -> str | None:
        found = self._one(parent, name)
        return token(found) if found is not None else None

    def _texts(self, parent: etree._Element, name: str, *, collapsed: bool = True) -> list[JsonValue]:
        texts: list[JsonValue] = []
        for found in parent.iterchildren(f"{self.prefix}{name}"):
            language = found.get(_LANG)
            if language is not None and not _fits(language, Language):
                language = None
                self._see(found)
            else:
                self._see(found, _LANG)
            texts.append(_present({"value": token(found) if collapsed else found.text or "", "lang": language}))
        return texts

    def _value(self, parent: etree._Element, name: str, kind: Any, attributes: set[str] | None = None) -> str | None:
        """The text of an element where it is of the kind that the record takes; seen only then."""
        found = next(parent.iterchildren(f"{self.prefix}{name}"), None)
        value = self._valid(found, kind) if found is not None else None
        if found is not None and value is not None:
            self._see(found, *(attributes or ()))
        return value

    def _valid(self, found: etree._Element, kind: Any) -> str | None:
        value = token(found)
        return value if _fits(value, kind) else None

    def _see(self, element: etree._Element, *attributes: str) -> None:
        self.seen.setdefault(element, set()).update(attributes)


def token(element: etree._Element) -> str:
    """The text of an element, blanks as xs:token has them."""
    return " ".join((element.text or "").split())


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _fits(value: str, kind: object) -> bool:
    try:
        _adapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _present(fields: JsonObject) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None and value != []}


def _unplaced(root: etree._Element, seen: dict[etree._Element, set[str]]) -> Iterator[str]:
    named = 0
    for element, path in _with_paths(root, seen):
        attributes = seen.get(element)
        if attributes is None:
            lost = [path]
        else:
            left = (name for name in map(str, element.attrib) if name not in attributes and name not in _IGNORED)
            lost = [f"{path}/@{etree.QName(name).localname}" for name in left]
        for one in lost:
            if named == _MOST_NAMED:
                yield "more than these"
                return
            named += 1
            yield one


def _with_paths(root: etree._Element, seen: dict[etree._Element, set[str]]) -> Iterator[tuple[etree._Element, str]]:
    """Elements with their paths, those inside what was not seen left out."""
    waiting = [(root, "")]
    while waiting:
        element, path = waiting.pop()
        yield element, path
        if element not in seen:
            continue
        names = [etree.QName(child).localname for child in element.iterchildren("*")]
        counts: dict[str, int] = {}
        inner: list[tuple[etree._Element, str]] = []
        many = {name for name in set(names) if names.count(name) > 1} if len(names) < 100 else set(names)
        for child, name in zip(element.iterchildren("*"), names, strict=True):
            counts[name] = counts.get(name, 0) + 1
            step = f"{name}[{counts[name]}]" if name in many else name
            inner.append((child, f"{path}/{step}" if path else step))
        waiting.extend(reversed(inner))
