"""What an entity type is: how its records are read, checked, encoded, found and shown to whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lxml import etree
from pydantic import ValidationError
from pydantic_xml.errors import ParsingError

from ewpgw.model.base import XmlRecord
from ewpgw.model.knowledge import NOTHING
from ewpgw.model.problems import DecodeProblem, Problem, from_validation
from ewpgw.model.rules import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ewpgw.model.knowledge import Knowledge

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a record that was handed in.

    ``record`` is None where its shape does not allow to read it. A record may be there and be refused by a rule all
    the same. ``served`` is what partners are told, where that has more than what is kept as the record.
    """

    record: XmlRecord | None
    problems: tuple[Problem, ...]
    served: XmlRecord | None = None

    @property
    def refused(self) -> bool:
        """Whether the record must not be served."""
        return self.record is None or any(problem.severity == "refusal" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as one version of its API has it: the stand-alone element in UTF-8, without XML declaration.

    ``unsaid`` are warnings about what that version has no place for.
    """

    fragment: bytes
    unsaid: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What records look like on the wire in one major version of their API.

    ``namespace``, ``envelope`` and ``element`` say how a get-response carries them: an envelope with one element for
    each. ``source`` names the specification. ``encode`` makes the element, always the same bytes for the same record.
    ``decode`` reads that of a partner, unknown elements passed over, and raises DecodeProblem. ``understood`` gives a
    partner's document, before it is validated, without values that the specification tells clients to pass over.
    """

    version: int
    namespace: str
    envelope: str
    element: str
    source: str
    encode: Callable[[XmlRecord], Encoded]
    decode: Callable[[etree._Element], XmlRecord]
    understood: Callable[[etree._Element], etree._Element] = lambda document: document

    def wrap(self, fragments: Iterable[bytes]) -> bytes:
        """The whole get-response with encoded records in the order given; none at all makes a valid, empty response."""
        start = f'<?xml version="1.0" encoding="UTF-8"?>\n<{self.envelope} xmlns="{self.namespace}">'
        return b"".join((start.encode(), *fragments, f"</{self.envelope}>\n".encode()))


def reads(model: type[XmlRecord], source: str) -> Callable[[etree._Element], XmlRecord]:
    """How elements of partners are read that are those of a model. It raises DecodeProblem."""

    def read(element: etree._Element) -> XmlRecord:
        try:
            return model.from_tree(element)
        except ValidationError as error:
            raise DecodeProblem(tuple(from_validation(error, model, source))) from error
        except ParsingError as error:
            expected = f"{model.__xml_tag__} of {(model.__xml_nsmap__ or {}).get('', 'no namespace')}"
            raise DecodeProblem([refusal("", f"is {element.tag}, not the element {expected}", source)]) from error

    return read


def plain(model: type[XmlRecord], *, version: int, namespace: str, envelope: str, element: str, source: str) -> Shape:
    """The shape of a version whose elements are the records themselves."""
    return Shape(
        version,
        namespace,
        envelope,
        element,
        source,
        encode=lambda record: Encoded(record.encoded()),
        decode=reads(model, source),
    )


@dataclass(frozen=True, slots=True)
class Completed:
    """A record with what the institution knows beside it: as it is kept, and as it is served."""

    record: XmlRecord
    served: XmlRecord


class Rules(Protocol):
    """What a schema cannot say."""

    def __call__(self, hei_id: str, record: XmlRecord, known: Knowledge = NOTHING, /) -> Iterator[Problem]:
        """What is wrong with a record of the institution ``hei_id``."""


def _as_it_is(record: XmlRecord, _known: Knowledge) -> Completed:
    return Completed(record, record)


@dataclass(frozen=True, slots=True)
class EntityType:
    """One kind of record.

    ``api`` is the name of its API in manifests, ``shapes`` the versions of it, the newest first: that one has all that
    the record has, older ones may lack some. ``id_path`` is where a record's identifier stands in its JSON. ``rules``
    yields what a schema cannot say. ``foreign_ids``: the identifiers are given by the partner that the record is about,
    so a record of ours is named by that partner and the identifier (``seamk.fi:123``). ``complete`` adds what the
    institution knows, before the rules. ``bulky``: a record may have megabytes, so that few are held at a time.
    """

    name: str
    api: str
    model: type[XmlRecord]
    id_path: tuple[str | int, ...]
    shapes: tuple[Shape, ...]
    rules: Rules
    foreign_ids: bool = False
    complete: Callable[[XmlRecord, Knowledge], Completed] = _as_it_is
    bulky: bool = False

    @property
    def newest(self) -> Shape:
        """The shape that has all that a record has."""
        return self.shapes[0]

    @property
    def source(self) -> str:
        """The specification of the newest shape."""
        return self.newest.source

    def shape(self, version: int) -> Shape:
        """The shape of a major version. Raises KeyError where the entity has none."""
        for shape in self.shapes:
            if shape.version == version:
                return shape
        raise KeyError(f"{self.name} has no version {version}")

    def from_json(self, hei_id: str, data: object, known: Knowledge = NOTHING) -> Checked:
        """Read, complete and check a record of ``hei_id`` from JSON-like data. Unknown fields are refused."""
        try:
            record = self.model.model_validate(data, extra="forbid")
        except ValidationError as error:
            return Checked(None, tuple(from_validation(error, self.model, self.source)))
        return self._checked(hei_id, record, known)

    def from_xml(self, hei_id: str, element: etree._Element, known: Knowledge = NOTHING) -> Checked:
        """The same from an element of the newest shape. Surplus elements are refused."""
        try:
            record = reads(self.model, self.source)(element)
        except DecodeProblem as error:
            return Checked(None, error.problems)
        surplus = [
            refusal(path, "is not known here, stands in the wrong place or is given too often", self.source)
            for path in _surplus(element, record.to_tree())
        ]
        checked = self._checked(hei_id, record, known)
        return replace(checked, problems=(*surplus, *checked.problems))

    def encodings(self, record: XmlRecord) -> dict[int, Encoded]:
        """The record in all versions, the newest first."""
        return {shape.version: shape.encode(record) for shape in self.shapes}

    def record_id(self, record: XmlRecord) -> str:
        """The identifier by which the record is kept. Raises ValueError where the record has none."""
        return record.record_id()

    def told_id(self, record_id: str) -> str:
        """The identifier by which partners are told of a record of ours."""
        return record_id.partition(":")[2] if self.foreign_ids else record_id

    def partners(self, hei_id: str, record: XmlRecord) -> frozenset[str] | None:
        """The HEIs that may see a record of ``hei_id``, its owner aside; None: all of the network."""
        return record.partners(hei_id)

    def _checked(self, hei_id: str, record: XmlRecord, known: Knowledge) -> Checked:
        made = self.complete(record, known)
        problems = tuple(self.rules(hei_id, made.served, known))
        record = made.record.completed()
        return Checked(record, problems, record if made.served is made.record else made.served.completed())


def _surplus(given: etree._Element, kept: etree._Element) -> Iterator[str]:
    """The paths of elements, attributes and texts a record does not keep, without what is inside such elements."""
    lost = Counter(_paths(given, "")) - Counter(_paths(kept, ""))
    for path in lost:
        steps = path.split(".")
        if not any(".".join(steps[:depth]) in lost for depth in range(1, len(steps))):
            yield path.replace("-", "_")


def _paths(element: etree._Element, above: str) -> Iterator[str]:
    for attribute in map(str, element.attrib):
        if not attribute.startswith(_XSI):
            yield f"{above}{etree.QName(attribute).localname}"
    if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
        yield f"{above}(text)"
    for child in element.iterchildren("{*}*"):
        path = f"{above}{etree.QName(child).localname}"
        yield path
        yield from _paths(child, f"{path}.")
