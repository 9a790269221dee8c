"""From what a source gives to what can be stored: a record of ours is read, checked, encoded and validated."""

from __future__ import annotations

import marshal
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ewpgw.documents.parsing import MalformedDocument, parse, parse_written
from ewpgw.documents.signed_elmo import signed
from ewpgw.model import elmo
from ewpgw.model.entities import ENTITIES
from ewpgw.model.entity import Checked, EntityType, Shape
from ewpgw.model.knowledge import NOTHING
from ewpgw.model.new_record import NewRecord
from ewpgw.model.problems import Problem, dotted
from ewpgw.prints.transcript_attachment import as_served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.base import XmlRecord
    from ewpgw.model.knowledge import Knowledge

IDENTIFIERS = "ewp-specs-architecture 1, Identifiers"
FILES = "ewp-specs-api-file 1, file_id"
BY_MAPPING = "the mapping"
"""The source of a problem that arose while a row was mapped."""
VALUE = "; the value is "
"""What stands in a problem before the value that it quotes."""
Handed = tuple[str | None, object, bytes | None, bytes | None, str, str]
"""An Incoming in plain values."""
_BY_SCHEMA = " (schema)"
_VALUES = 4
"""So many values of JSON may stand for one XML element."""


class Incoming:
    """A record as a source gives it: either ``document`` (parsed JSON) or ``xml``.

    - ``id``: what the source says the id is; None where only the record itself says it
    - ``xml``: one entity element, or a whole get-response with exactly one
    - ``raw``: the text that is kept where the record is refused
    - ``place``: where it stands at its source, such as a file name; empty where it has no place of its own
    """

    __slots__ = ("_document", "_packed", "id", "place", "raw", "xml")

    def __init__(
        self,
        id: str | None,  # noqa: A002  (the protocol's name)
        document: object | None = None,
        xml: bytes | None = None,
        raw: str = "",
        place: str = "",
    ) -> None:
        self.id = id
        self.xml = xml
        self.raw = raw
        self.place = place
        self._document = document
        self._packed: bytes | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Incoming) and self._values() == other._values()

    def __repr__(self) -> str:
        return f"Incoming({self.id!r}, place={self.place!r})"

    __hash__ = None  # type: ignore[assignment]  # a document has none

    @property
    def document(self) -> object | None:
        """The record as parsed JSON; made anew each time where it has been packed."""
        return self._document if self._packed is None else marshal.loads(self._packed)  # noqa: S302  (packed here)

    def pack(self) -> None:
        """Hold the document as bytes: a tenth of the room, and next to nothing to hand on or to write to a file.

        An adapter's own sort of objects stays as it is.
        """
        document: Any = self._document
        if document is not None:
            with suppress(ValueError):
                self._packed, self._document = marshal.dumps(document), None

    def at(self, place: str) -> Incoming:
        """The same record, standing at this place."""
        return Incoming.handed(*self.as_handed()[:-1], place)

    def as_handed(self, *, raw: bool = True) -> Handed:
        """What it consists of, for a file or another process; without ``raw`` for one that keeps nothing."""
        return self.id, self._document, self._packed, self.xml, self.raw if raw else "", self.place

    @classmethod
    def handed(
        cls,
        id: str | None,  # noqa: A002  (the protocol's name)
        document: object | None,
        packed: bytes | None,
        xml: bytes | None,
        raw: str,
        place: str,
    ) -> Incoming:
        """A record of what ``as_handed`` gave."""
        made = cls(id, document, xml, raw, place)
        made._packed = packed
        return made

    def _values(self) -> tuple[object, ...]:
        return self.id, self.document, self.xml, self.raw, self.place


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record after all checks that need no store. ``new`` is None where it is refused.

    ``origin`` is the source with the place there: what the stored record says it came from.
    """

    incoming: Incoming
    origin: str
    id: str | None
    new: NewRecord | None
    problems: tuple[Problem, ...]

    def refused_for(self, problem: Problem) -> Prepared:
        """The same record, refused for a further reason."""
        return Prepared(self.incoming, self.origin, self.id, None, (*self.problems, problem))

    @property
    def refusal_key(self) -> str:
        """What a refusal of it is kept under: its id, or its origin where that cannot be told."""
        return self.id or self.origin


def origin_of(source: str, place: str) -> str:
    """What a record from this place of a source is said to come from: ``folder:iias/7.json``, or ``sis``."""
    return f"{source}:{place}" if place else source


def prepare(
    entity: EntityType,
    hei_id: str,
    incoming: Incoming,
    schemas: Schemas,
    source: str,
    known: Knowledge = NOTHING,
) -> Prepared:
    """Read, complete, check and encode a record, and validate what would be served of it. Needs no store."""
    origin = origin_of(source, incoming.place)
    checked, claimed = _checked(entity, hei_id, incoming, known)
    problems = checked.problems
    if incoming.id is not None and claimed is not None and claimed != incoming.id:
        where = dotted(*entity.id_path)
        problems += (refusal(where, f"is {claimed}, but the record was given as {incoming.id}", IDENTIFIERS),)
    record_id = incoming.id if incoming.id is not None else claimed
    record = checked.record
    if record is None or record_id is None or any(problem.severity == "refusal" for problem in problems):
        return Prepared(incoming, origin, record_id, None, problems)
    served, missing = as_served(checked.served or record, known)
    encodings, faults = encoded(entity, served, schemas, known)
    problems += (*missing, *faults)
    if encodings is None:
        return Prepared(incoming, origin, record_id, None, problems)
    new = _new(entity, hei_id, record_id, record, encodings, origin)
    return Prepared(incoming, origin, record_id, new, problems)


def _checked(entity: EntityType, hei_id: str, incoming: Incoming, known: Knowledge) -> tuple[Checked, str | None]:
    """The record as the model sees it, and the id that the document itself claims, if only there."""
    path = entity.id_path
    if entity.bulky and (crowd := _crowd(incoming, known.most_elements)):
        return Checked(None, (refusal("", crowd, entity.source),)), None
    if incoming.xml is None:
        document = incoming.document
        checked = entity.from_json(hei_id, document, known)
        claimed = _at(document, path)
    else:
        element = _element(entity, incoming.xml, known.largest_document)
        if isinstance(element, Problem):
            return Checked(None, (element,)), None
        checked = entity.from_xml(hei_id, element, known)
        claimed = _in_element(element, path)
    if checked.record is not None:
        try:
            return checked, entity.record_id(checked.record)
        except ValueError as error:
            problem = refusal(dotted(*path), f"is required: {error}", IDENTIFIERS)
            return replace(checked, problems=(*checked.problems, problem)), None
    # Where the partner gives the identifiers, that alone does not name a record of ours.
    return checked, None if entity.foreign_ids else claimed


def encoded(
    entity: EntityType, record: XmlRecord, schemas: Schemas, known: Knowledge = NOTHING
) -> tuple[dict[int, bytes] | None, tuple[Problem, ...]]:
    """What partners are served of a record, by the versions of its API, and what the schemas have against it.

    None where the newest version cannot have it. Where only an older one cannot, it is left out and warned of:
    partners with that version do not see the record.
    """
    encodings: dict[int, bytes] = {}
    problems: tuple[Problem, ...] = ()
    for shape in entity.shapes:
        fragment = shape.encode(record).fragment
        if known.signing is not None:
            fragment = signed(fragment, known.signing)
        if not (faults := _faults(shape, fragment, schemas, known.largest_document)):
            encodings[shape.version] = fragment
        elif shape is entity.newest:
            return None, faults
        else:
            hidden = f"is not served to partners with version {shape.version} of the API, who cannot be told"
            problems += tuple(
                Problem(fault.path, f"{hidden}: {fault.message}", "warning", fault.source) for fault in faults
            )
    return encodings, problems


class CannotBeServed(ValueError):
    """What the gateway itself would make of a record cannot be served; ``problem`` says why."""

    def __init__(self, new: NewRecord, problem: Problem) -> None:
        super().__init__(f"{new.entity} {new.id} of {new.hei_id} cannot be served: {problem.path}")
        self.problem = problem


def rewritten(new: NewRecord, record: XmlRecord, schemas: Schemas) -> NewRecord:
    """A record on its way into the store, with other content of the same partners, years and files.

    For what the gateway itself changes in records that were accepted. Raises CannotBeServed.
    """
    encodings, faults = encoded(ENTITIES[new.entity], record, schemas)
    if encodings is None:
        raise CannotBeServed(new, faults[0])
    return replace(new, document=record.json_text(), encodings=encodings)


def as_new(hei_id: str, entity: str, record: XmlRecord, source: str, schemas: Schemas) -> NewRecord:
    """A record of the gateway's own making as it is to be stored. ``source`` is where it came from."""
    return rewritten(_new(ENTITIES[entity], hei_id, record.record_id(), record, {}, source), record, schemas)


def _new(
    entity: EntityType, hei_id: str, record_id: str, record: XmlRecord, encodings: Mapping[int, bytes], source: str
) -> NewRecord:
    return NewRecord(
        hei_id=hei_id,
        entity=entity.name,
        id=record_id,
        document=record.json_text(),
        encodings=encodings,
        partners=entity.partners(hei_id, record),
        source=source,
        academic_years=record.academic_years(),
        code=record.code(),
        files=record.files(),
        counterpart=record.counterpart(),
    )


def _faults(shape: Shape, fragment: bytes, schemas: Schemas, largest: int) -> tuple[Problem, ...]:
    """What the schema has against the response that would be served."""
    try:
        root = parse_written(shape.wrap([fragment]), max_bytes=largest)
    except MalformedDocument as error:
        return (refusal("", f"cannot be served as XML: {error.reason}", shape.source),)
    return tuple(refusal(fault.path, fault.message, f"{shape.source}{_BY_SCHEMA}") for fault in schemas.faults(root))


def _crowd(incoming: Incoming, most_elements: int) -> str | None:
    """Why a record that may have megabytes is not to be read at all: it has too many parts for a thing of its sort."""
    if incoming.xml is not None:
        return elmo.crowded(incoming.xml, most_elements)
    most, waiting, count = _VALUES * most_elements, [incoming.document], 0
    while waiting:
        here = waiting.pop()
        inside = here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
        count += len(inside)
        if count > most:
            return f"has more than {most} values; that is more than a record of {most_elements} XML elements needs"
        waiting.extend(inside)
    return None


def _element(entity: EntityType, xml: bytes, largest: int) -> etree._Element | Problem:
    try:
        root = parse(xml, max_bytes=largest)
    except MalformedDocument as error:
        line = f" (line {error.line})" if error.line is not None else ""
        return refusal("", f"is not usable XML: {error.reason}{line}", entity.source)
    shape = entity.newest
    tag = f"{{{shape.namespace}}}{shape.element}"
    if root.tag == tag:
        return root
    if root.tag != f"{{{shape.namespace}}}{shape.envelope}":
        known = f"{shape.element} or {shape.envelope} of {shape.namespace}"
        return refusal("", f"is {root.tag}; expected {known}", entity.source)
    elements = root.findall(tag)
    if len(elements) != 1:
        return refusal("", f"holds {len(elements)} elements {shape.element}; expected one", entity.source)
    return elements[0]


def _at(document: object, path: Sequence[str | int]) -> str | None:
    """The identifier at a path of a JSON document whose shape is not known yet."""
    here = document
    for step in path:
        if isinstance(step, str) and isinstance(here, dict):
            here = here.get(step)
        elif isinstance(step, int) and isinstance(here, list) and len(here) > step:
            here = here[step]
        else:
            return None
    return _usable(here)


def _in_element(element: etree._Element, path: Sequence[str | int]) -> str | None:
    """The identifier at a path of an element whose shape is not known yet."""
    here = element
    for number, step in enumerate(path):
        if isinstance(step, str):
            following = path[number + 1] if number + 1 < len(path) else 0
            position = following if isinstance(following, int) else 0
            found = here.findall("{*}" + step.replace("_", "-"))
            if len(found) <= position:
                return None
            here = found[position]
    return _usable(here.text) if path else None


def _usable(value: object) -> str | None:
    """The value where it can serve as the key of a refusal."""
    return value if isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable() else None


def without_content(problem: Problem) -> str:
    """A problem as a log may have it: what a schema says quotes the document, so only its path is told.

    A value that is quoted stands at the end.
    """
    if problem.source.endswith(_BY_SCHEMA):
        return f"{problem.path}: breaks the schema"
    return storable(str(problem).partition(VALUE)[0])


def storable(text: str) -> str:
    """Any text as one that databases and logs can hold: half characters and NULs become replacement characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def refusal(path: str, message: str, source: str) -> Problem:
    """A reason not to serve a record."""
    return Problem(path, message, "refusal", source)
