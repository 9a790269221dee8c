"""The pages of docs/records: every record and every field, for people who never saw the network's documents."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model import shape
from ewpgw.model.base import HttpWithOptionalLang, StringWithOptionalLang
from ewpgw.model.entities import ENTITIES
from ewpgw.model.entity import EntityType
from ewpgw.model.examples import HEI, RARE, example
from ewpgw.model.iia import IscedFCode
from ewpgw.model.omobility import ReceivingHei, SendingHei
from ewpgw.model.problems import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ewpgw.model.base import XmlModel

SHARED = "shared.md"
_LONGEST_EXAMPLE = 60

_HEADINGS: Mapping[type[XmlModel], str] = {
    StringWithOptionalLang: "Text and its language",
    HttpWithOptionalLang: "Web address and its language",
    IscedFCode: "ISCED-F code",
    SendingHei: "Sending institution",
    ReceivingHei: "Receiving institution",
}


@dataclass(frozen=True, slots=True)
class Guide:
    """What a record is, for somebody who hears of it for the first time.

    ``title`` is what people call such records, ``about`` what one is and what becomes of it.
    """

    title: str
    about: str


GUIDES: Mapping[str, Guide] = {
    "institutions": Guide(
        "The institution",
        """\
Who you are: names, addresses, contacts, the pages that students and partners look for. Every gateway publishes one such
record for each institution it covers, open to the whole network. Where you send none, partners see the names and
identifiers of the gateway's configuration.""",
    ),
    "organizational-units": Guide(
        "Organizational units",
        """\
Faculties, departments, offices: the parts of your institution that partners have to tell apart. Agreements may point at
them. Send a record for each unit that you mention anywhere else, and no more than that; the units may form a tree,
whose root stands for the institution as a whole. Every member of the network may see them.""",
    ),
    "iias": Guide(
        "Inter-institutional agreements",
        """\
An agreement says who sends how many people to whom, in which years. You and your partner have a copy each, under
numbers of your own; the network compares the two copies and carries the approvals. What you send here is **your** copy,
so you are always the first of the two partners. Only the partner sees it. Each direction and each sort of mobility is
a a condition of its own: students there and students back are two.""",
    ),
    "factsheet": Guide(
        "The factsheet",
        """\
What your partners' students have to know before they come: deadlines, whom to ask about the application, housing, visas
and insurance, what they have to bring. One for each institution. Partners show it to their students.""",
    ),
    "courses": Guide(
        "Courses",
        """\
What can be studied at your institution: courses, their classes, and the modules and degree programmes that they are
part of, each as a record of its own. A record says what it is in general, and under `specifies` when it is held: in
which term, for how many credits, with which results. Learning agreements and transcripts may refer to courses by their
identifiers. Every member of the network may see them, and may ask for all that changed. Partners always get a record
as it stands now, also where they ask how it looked on a day in the past.""",
    ),
    "omobilities": Guide(
        "Nominations",
        """\
A nomination says that you would send a student to a partner: who it is, for which term, to study what, under which
agreement. The partner approves or rejects it, and the gateway keeps the decision with your record. A change of
`nomination` makes a new proposal, which the partner decides anew; a change of the student's own data does not. Only the
partner sees it. A student who does not go after all is no deletion: give the status `cancelled`.""",
    ),
    "imobilities": Guide(
        "Arrivals and departures",
        """\
What became of a student whom a partner nominated to you: the days the student really came and left. The nomination is
the partner's, and so is its identifier; the record is yours, and is kept under both the partner and the identifier,
such as `south.example:S-2026-88`. Only the partner sees it. Decisions are made with the nominations that you received;
the gateway puts them here for partners who look for them here.""",
    ),
    "omobility-las": Guide(
        "Learning agreements",
        """\
What a student is to study at a partner, and what of that you recognize. You propose it, signed by the student and by
you; the partner signs it, or comments on it, and the gateway keeps what it signed with your record. So hand in what is
proposed under `changes_proposal`: the first version or, once the partner has signed one, a list of **all** changes to
it. `first_version` and `approved_changes` are for agreements that were signed before the gateway had them. The
identifier is that of the nomination for the same stay. Only the partner sees it.""",
    ),
    "imobility-tors": Guide(
        "Transcripts of records",
        """\
What a student whom a partner sent to you has achieved: the courses with their results. The gateway makes the documents
of it that partners read, and adds what your institution has configured: who you are, and how often each grade is given.
A system that writes ELMO itself hands that in under `elmo` instead. Nothing is served before `ready_for_recognition` is
true; the partner alone sees it then. The stay is named by the partner's identifier, so the record is kept under both,
such as `south.example:S-2026-88`. A later version replaces an earlier one, which the gateway keeps as evidence.""",
    ),
}

_INDEX_HEAD = """\
# Records

What an institution's system hands to the gateway: each page has the fields of one kind of record, what they mean, and a
complete example. The fields are the same whether a record comes through the [SIS API](../sis-api.md), as a file in a
[folder](../adapters/folder.md), from a mapped [database](../adapters/sql.md) or [service](../adapters/rest.md), or from
an [adapter of your own](../adapters/python.md). [Connect your system](../adapters/connect.md) says which of these suits
you.

| Records | Name here | Known by | Seen by |
|---|---|---|---|
"""

_INDEX_FOOT = """
The [parts that several records share](shared.md), such as contacts and addresses, have a page of their own.

## How to read the tables

A record is a JSON object. *Required* says what every record must have; where an object itself is optional, its own
required fields count only where it is there. A field that you have nothing for is left out, or `null`.

- A **list** is written in brackets, also with a single item: `["unit-17"]`.
- **Texts are kept exactly as you send them**, blanks included, because partners compare them.
- **Numbers** may be written as numbers or as texts. They keep the notation that you give them.
- A field the tables do not have is refused, with the field you may have meant.

`ewpgw records schema iias` writes the same as JSON Schema, for editors and programs; `ewpgw records example iias`
writes the complete example. Rules that reach over several fields (years in order, both partners named) are told with
each record that breaks them: see `ewpgw adapter check`.

## Words

| Word | Meaning |
|---|---|
| HEI | A higher education institution: a member of the network. |
| SCHAC identifier | How members are named: by their domain on the internet, such as `north.example`. |
| identifier | A name for computers: up to 64 visible ASCII characters. It never changes, and is never used again for \
something else, not even after a deletion. |
| code, number | A name for people. It may change, and partners show it to their staff. |
| ISCED-F | UNESCO's list of the fields of education; four digits, such as 0613 for software development. |
| EQF level | Level of study by the European Qualifications Framework: 6 bachelor, 7 master, 8 doctorate. |
| CEFR level | Level of a language, from A1 to C2. |
"""


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    shared = _shared()
    found = {"index.md": _index()}
    for entity in ENTITIES.values():
        found[f"{entity.name}.md"] = _entity_page(entity, shared)
    found[SHARED] = _shared_page(shared)
    return found


def guide(entity: EntityType) -> Guide:
    """What to say of a kind of record."""
    known = GUIDES.get(entity.name)
    return known or Guide(shape.title(entity.model), shape.about(entity.model))


def heading(model: type[XmlModel]) -> str:
    """A model's name in words."""
    return _HEADINGS.get(model) or shape.title(model)


def _shared() -> list[type[XmlModel]]:
    """The models that records of several kinds are made of."""
    met = Counter(part for entity in ENTITIES.values() for part in shape.parts(entity.model))
    return [part for part, times in met.items() if times > 1]


def _index() -> str:
    rows = (
        f"| [{guide(entity).title}]({entity.name}.md) | `{entity.name}` | `{dotted(*entity.id_path)}` "
        f"| {_seen_by(entity)} |"
        for entity in ENTITIES.values()
    )
    return _INDEX_HEAD + "\n".join(rows) + "\n" + _INDEX_FOOT


def _seen_by(entity: EntityType) -> str:
    record = entity.from_json(HEI, example(entity.name)).record
    return "everyone" if record is None or entity.partners(HEI, record) is None else "the partner"


def _versions(entity: EntityType) -> str:
    """The versions of an entity's API, in words."""
    older = [str(shape.version) for shape in entity.shapes[1:]]
    return f"version {entity.newest.version}" + (
        f" (and {', '.join(older)}, by partners that have no newer one)" if older else ""
    )


def _entity_page(entity: EntityType, shared: list[type[XmlModel]]) -> str:
    words = guide(entity)
    document = example(entity.name)
    given = shape.values(entity.model, document)
    lines = [
        f"# {words.title}",
        "",
        words.about,
        "",
        f"Name of the records here: `{entity.name}`. The identifier is in `{dotted(*entity.id_path)}`. Partners get",
        f"them through the API `{entity.api}`, {_versions(entity)}. [How to read the tables](index.md).",
        "",
    ]
    for part in shape.parts(entity.model):
        if part not in shared:
            name = "Fields" if part is entity.model else heading(part)
            lines += [f"## {name}", "", shape.about(part), "", *_table(part, given, shared, ""), ""]
    lines += ["## A complete example", "", "```json", json.dumps(document, indent=2, ensure_ascii=False), "```"]
    return "\n".join(lines) + "\n"


def _shared_page(shared: list[type[XmlModel]]) -> str:
    given: dict[tuple[type[XmlModel], str], object] = {}
    for entity in ENTITIES.values():
        given = {**shape.values(entity.model, example(entity.name)), **given}
    lines = ["# Shared parts", "", "What records of several kinds are made of. [How to read the tables](index.md).", ""]
    for part in shared:
        lines += [f"## {heading(part)}", "", shape.about(part), "", *_table(part, given, shared, SHARED), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(
    model: type[XmlModel],
    given: Mapping[tuple[type[XmlModel], str], object],
    shared: list[type[XmlModel]],
    here: str,
) -> Iterator[str]:
    yield "| Field | Type | Required | Meaning | Example |"
    yield "|---|---|---|---|---|"
    for field in shape.fields(model):
        required = "yes" if field.required else ""
        value = given.get((model, field.name), RARE.get(field.name))
        shown = _shown(value, field)
        yield f"| `{field.name}` | {_type(field, shared, here)} | {required} | {field.about} | {shown} |"


def _type(field: shape.FieldShape, shared: list[type[XmlModel]], here: str) -> str:
    words = field.words
    if field.model is not None:
        anchor = heading(field.model).lower().replace(" ", "-")
        page = SHARED if field.model in shared and here != SHARED else ""
        link = f"[{heading(field.model)}]({page}#{anchor})"
        words = f"{field.plain}, or {link}" if field.plain else link
    if not field.repeated:
        return words
    if field.at_least and field.at_least == field.at_most:
        return f"list of {field.at_least}: {words}"
    if field.at_most is not None:
        return f"list, at most {field.at_most}: {words}"
    return f"list: {words}"


def _shown(value: object, field: shape.FieldShape) -> str:
    """An example value as it stands in the record; none where it would fill the table."""
    if value is None:
        return ""
    shortened = value[:1] if isinstance(value, list) else value
    for candidate in (value, shortened):
        text = json.dumps(candidate, ensure_ascii=False)
        if len(text) <= _LONGEST_EXAMPLE or field.model is None:
            return f"`{text}`"
    return ""
