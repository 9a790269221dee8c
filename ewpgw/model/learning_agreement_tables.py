"""The rules of the learning agreement template for its tables: which there are, and what stands in each.

Sources: ewp-specs-api-omobility-las 1, get-response.xsd; CHANGELOG.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.learning_agreement_parts import (
    REASONS,
    TABLES,
    ComponentStatus,
    MobilityType,
    Proposal,
    TermId,
    Version,
)
from ewpgw.model.problems import dotted
from ewpgw.model.rules import refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.learning_agreement_parts import Component, Components, Credit
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-omobility-las 1, get-response.xsd"
_TERM = "ewp-specs-types-academic-term 2, schema.xsd, TermId"
_STUDIED, _RECOGNIZED, _VIRTUAL, _BLENDED, _DOCTORAL = TABLES
_ALONE = (_BLENDED, _DOCTORAL)
_WITH_TERM = (_STUDIED, _RECOGNIZED)
_WITHOUT_DESCRIPTION = (_STUDIED, _RECOGNIZED)
_ECTS = "ects"


def first_version_problems(path: str, version: Version) -> Iterator[Problem]:
    """What is wrong with the tables of a first version, or of what is proposed as such."""
    yield from _which_tables(path, version)
    given = version.tables()
    if version.mobility_type is MobilityType.SEMESTER:
        for name in (_STUDIED, _RECOGNIZED):
            if name not in given:
                said = f"is required: {TABLES[name]} is part of every agreement on one or more semesters"
                yield refusal(dotted(path, name), said, f"{_SOURCE}, {_dashed(name)}")
            elif not given[name]:
                said = f"is empty, so {TABLES[name]} of the agreement says nothing"
                yield warning(dotted(path, name), said, f"{_SOURCE}, {_dashed(name)}")
    for name, position, component in version.components():
        here = dotted(path, name, position)
        if component.status is not None:
            said = "is given, but only components of a list of changes have one"
            yield refusal(dotted(here, "status"), said, f"{_SOURCE}, status")
        yield from _component(here, name, component)
    yield from _tables(path, version)


def changes_problems(path: str, version: Version, first: Version | None) -> Iterator[Problem]:
    """What is wrong with the tables of a list of changes to the version ``first``; None where that is not known."""
    yield from _which_tables(path, version)
    kind = version.mobility_type if first is None else first.mobility_type
    if kind is not MobilityType.SEMESTER:
        said = f"is not possible: a {kind} agreement is not changed once its first version is agreed on"
        yield refusal(path, said, f"{_SOURCE}, changes-proposal")
    elif version.mobility_type is not kind:
        said = f"is of another kind of stay ({version.mobility_type}) than the first version ({kind})"
        yield refusal(path, said, f"{_SOURCE}, approved-changes")
    for name, position, component in version.components():
        here = dotted(path, name, position)
        if component.status is None:
            said = "is required in a list of changes: inserted or deleted"
            yield refusal(dotted(here, "status"), said, f"{_SOURCE}, status")
        elif component.status == ComponentStatus.DELETED and first is not None:
            yield from _deletion(here, name, component, first)
        yield from _component(here, name, component)
    yield from _tables(path, version)


def are_changes(version: Version) -> bool:
    """Whether a version looks like a list of changes: some component of it says that it is inserted or deleted."""
    return any(component.status is not None for _, _, component in version.components())


def _which_tables(path: str, version: Version) -> Iterator[Problem]:
    given = version.tables()
    if not given and not (isinstance(version, Proposal) and version.student is not None):
        yield refusal(path, "must have at least one table", "ewp-specs-api-omobility-las 1, CHANGELOG, 0.5.0")
    for name in _ALONE:
        if name not in given:
            continue
        others = [other for other in given if other != name]
        if others:
            said = f"excludes all other tables, but there is {' and '.join(others)} too"
            yield refusal(dotted(path, name), said, f"{_SOURCE}, {_dashed(name)}")
        if not given[name]:
            yield refusal(dotted(path, name), "must have at least one component", f"{_SOURCE}, {_dashed(name)}")


def _tables(path: str, version: Version) -> Iterator[Problem]:
    blended = version.blended_mobility_components
    if blended and not any((component.short_description or "").strip() for component in blended):
        said = "must have a component with a short_description: a blended stay always has a virtual component"
        yield refusal(dotted(path, _BLENDED), said, f"{_SOURCE}, short-description")
    for name, table in version.tables().items():
        yield from _repeated(dotted(path, name), table)


def _repeated(path: str, table: Components) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, component in enumerate(table):
        said = component.model_dump_json()
        if said in seen:
            yield warning(dotted(path, position), "repeats an earlier component of the table", f"{_SOURCE}, component")
        seen.add(said)


def _component(path: str, table: str, component: Component) -> Iterator[Problem]:
    if not component.title.strip():
        yield refusal(dotted(path, "title"), "is blank: the component needs a title", f"{_SOURCE}, title")
    yield from _reason(path, table, component)
    yield from _term(path, table, component.term_id)
    for position, credit in enumerate(component.credit):
        yield from _credit(dotted(path, "credit", position), credit)
    yield from _conditions(dotted(path, "recognition_conditions"), table, component.recognition_conditions)
    yield from _description(dotted(path, "short_description"), table, component.short_description)


def _reason(path: str, table: str, component: Component) -> Iterator[Problem]:
    code, text = component.reason_code, (component.reason_text or "").strip()
    if component.status is None:
        if code is not None or text:
            said = "is given, but nothing is inserted or deleted here"
            field = "reason_code" if code is not None else "reason_text"
            yield warning(dotted(path, field), said, f"{_SOURCE}, {_dashed(field)}")
        return
    if code is None:
        if not text:
            said = f"should be said, here or in reason_text: why is the component {component.status}?"
            yield warning(dotted(path, "reason_code"), said, f"{_SOURCE}, reason-code")
        return
    fits = REASONS[code][0]
    if component.status != fits:
        said = f"is {code}, which is only for components that are {fits}"
        yield refusal(dotted(path, "reason_code"), said, f"{_SOURCE}, reason-code")
    elif code == "adding-virtual-component" and table != _VIRTUAL:
        said = f"is {code}, but virtual components stand in virtual_components"
        yield warning(dotted(path, "reason_code"), said, f"{_SOURCE}, reason-code")


def _term(path: str, table: str, term: TermId | None) -> Iterator[Problem]:
    if term is None:
        if table in _WITH_TERM:
            said = f"is required for each component of {TABLES[table]}"
            yield refusal(dotted(path, "term_id"), said, f"{_SOURCE}, term-id")
        return
    number, total = int(term.term_number), int(term.total_terms)
    if not 1 <= number <= total:
        said = f"is term {number} of {total}, which there cannot be"
        yield refusal(dotted(path, "term_id"), said, _TERM)


def _credit(path: str, credit: Credit) -> Iterator[Problem]:
    scheme = credit.scheme.strip()
    if not scheme:
        said = "is blank: say what credits these are, such as ects"
        yield refusal(dotted(path, "scheme"), said, f"{_SOURCE}, credit")
    elif scheme.lower() == _ECTS and credit.scheme != _ECTS:
        said = f"is {credit.scheme!r}; it is not understood as ECTS unless it is written as {_ECTS}"
        yield warning(dotted(path, "scheme"), said, f"{_SOURCE}, credit")
    if credit.value.strip().startswith("-") and float(credit.value) < 0:
        yield refusal(dotted(path, "value"), "is below zero", f"{_SOURCE}, credit")


def _conditions(path: str, table: str, conditions: str | None) -> Iterator[Problem]:
    if conditions is None:
        return
    if table == _STUDIED:
        said = f"must be left out in {TABLES[table]}; they belong to what is recognized"
        yield refusal(path, said, f"{_SOURCE}, recognition-conditions")
    elif not conditions.strip():
        said = "is blank, and says all the same that the component is not recognized automatically; leave it out"
        yield warning(path, said, f"{_SOURCE}, recognition-conditions")


def _description(path: str, table: str, description: str | None) -> Iterator[Problem]:
    source = f"{_SOURCE}, short-description"
    if table in _WITHOUT_DESCRIPTION:
        if description is not None:
            yield refusal(path, f"must be left out in {TABLES[table]}", source)
    elif description is None:
        if table == _VIRTUAL:
            yield refusal(path, "is required for every virtual component", source)
    elif not description.strip():
        judged = refusal if table == _VIRTUAL else warning
        yield judged(path, "is blank: say in a sentence what the virtual component is", source)


def _deletion(path: str, table: str, component: Component, first: Version) -> Iterator[Problem]:
    """A warning where what is deleted was not there. Which components are the same can be guessed only."""
    there = first.tables().get(table) or ()
    if not any(_alike(component, other) for other in there):
        said = "is deleted, but the table of the first version has no such component"
        yield warning(path, said, f"{_SOURCE}, status")


def _alike(one: Component, other: Component) -> bool:
    names = ("loi_id", "los_id", "los_code", "title")
    return any((mine := getattr(one, name)) is not None and mine == getattr(other, name) for name in names)


def _dashed(field: str) -> str:
    return field.replace("_", "-")
