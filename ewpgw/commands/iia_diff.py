"""``ewpgw iia diff``: where two copies of an agreement differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import iia_files, terminal

if TYPE_CHECKING:
    from lxml import etree

    from ewpgw.model.iia import Iia
    from ewpgw.model.iia_diff import HashParting, IiaDiff

Copy = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A get-response, or one <iia>."),
]


def diff(a: Copy, b: Copy, as_json: terminal.Json = False) -> None:
    """Compare two copies of an agreement: either side's, or one side's then and now.

    Ends with exit code 1 where a difference prevents approval.
    """
    from ewpgw.model.iia_diff import differences, hash_texts_part

    one, other = _copy(a), _copy(b)
    found, parting = differences(one.record, other.record), hash_texts_part(one.element, other.element)
    if as_json:
        terminal.say_json(
            {
                **asdict(found),
                "prevents_approval": found.prevents_approval,
                "hash_texts_part": {**asdict(parting), "words": parting.words} if parting else None,
            }
        )
    else:
        _tell(found)
        _tell_parting(parting)
    if found.prevents_approval:
        raise typer.Exit(terminal.WRONG)


@dataclass(frozen=True, slots=True)
class _Copy:
    record: Iia
    element: etree._Element


def _copy(file: Path) -> _Copy:
    """The one agreement in a file; one of version 6 in the form of version 7."""
    from ewpgw.model import iia_v6, iia_v6_hash
    from ewpgw.model.iia import Iia

    document = iia_files.parsed(file)
    element = iia_files.only_one(file, list(document.iter("{*}iia")))
    if iia_v6_hash.is_former(document):
        imported = iia_v6.bring_to_version_7(next(iia_v6_hash.of_response(document)), {})
        if imported.record is None or imported.refused:
            terminal.fail(f"{file}: of version 6; bring it to version 7 first, with ewpgw iia import-v6")
        return _Copy(imported.record, imported.record.to_tree())
    return _Copy(_decoded(file, element, Iia), element)


def _decoded(file: Path, element: etree._Element, model: type[Iia]) -> Iia:
    from ewpgw.model.entities import ENTITIES
    from ewpgw.model.problems import DecodeProblem

    try:
        record = ENTITIES["iias"].newest.decode(element)
    except DecodeProblem as error:
        terminal.fail("\n".join(f"{file}: {problem}" for problem in error.problems))
    if not isinstance(record, model):
        raise TypeError(f"the entity iias has records of type {type(record).__name__}")
    return record


def _tell(found: IiaDiff) -> None:
    if found.differences:
        terminal.table(
            ("what", found.a, found.b, "prevents approval"),
            (
                [each.about, each.a or "—", each.b or "—", "yes" if each.prevents_approval else "no"]
                for each in found.differences
            ),
        )
        terminal.say("")
    outcomes = Counter(each.outcome for each in found.conditions)
    counts = ", ".join(f"{count} {_named(outcome, found)}" for outcome, count in outcomes.items())
    terminal.say(f"Conditions: {counts or 'none'}.")
    for note in found.notes:
        terminal.say(f"Note: {note}.")
    preventing = sum(each.prevents_approval for each in found.differences)
    if preventing:
        terminal.say(f"Approval is prevented by {preventing} difference{'' if preventing == 1 else 's'}.")
    else:
        terminal.say("No difference prevents approval.")


def _named(outcome: str, found: IiaDiff) -> str:
    """An outcome with the names of the copies in it."""
    words = {
        "same": "the same in both",
        "only in a": f"only in {found.a}",
        "only in b": f"only in {found.b}",
        "split in a": f"split into several in {found.a}",
        "split in b": f"split into several in {found.b}",
    }
    return words.get(outcome, outcome)


def _tell_parting(parting: HashParting | None) -> None:
    if parting is None:
        terminal.say("The texts that the hashes cover are alike.")
        return
    terminal.say(f"The texts that the hashes cover part {parting.words}.")
    for part in (parting.a, parting.b):
        terminal.say(f"  {part!r}")
