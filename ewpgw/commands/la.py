"""``ewpgw la``: looking at learning agreements."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_diff import LearningAgreementDiff

app = typer.Typer(no_args_is_help=True, help="Look at learning agreements.")

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="One learning agreement: a get-response or a lone <la>, or a record as JSON.",
    ),
]
State = Annotated[
    Literal["approved", "proposed"] | None,
    typer.Option(
        "--state",
        help="As it was approved last, or as it would stand with its proposal. Unless given, proposed where there is "
        "a proposal.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="The file to make, never overwritten; else standard output."),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="HEI=NAME", help="The name of an institution, for the paper. May be repeated."),
]

_MOST_BYTES = 20 * 2**20
_SOURCE = "ewp-specs-api-omobility-las 1, get-response.xsd"


@app.command()
def pdf(file: File, state: State = None, output: Output = None, name: Names = None) -> None:
    """Make a paper of an agreement, laid out like the official template."""
    from ewpgw.prints.learning_agreement import NoSuchState, learning_agreement_pdf

    names = dict(map(_name, name or ()))
    agreement = _read(file)
    wanted = state or ("approved" if agreement.changes_proposal is None else "proposed")
    if output is None and sys.stdout.isatty():
        terminal.fail("a PDF file is nothing for a terminal; name a file with --output", code=2)
    try:
        paper = learning_agreement_pdf(agreement, state=wanted, names=names)
    except NoSuchState as error:
        terminal.fail(f"{file}: {error}")
    if output is None:
        sys.stdout.buffer.write(paper)
        return
    try:
        with output.open("xb") as out:
            out.write(paper)
    except FileExistsError:
        terminal.fail(f"{output}: exists already; give another name")
    except OSError as error:
        terminal.fail(f"{output}: cannot be written: {error.strerror}")


@app.command()
def diff(file: File, as_json: terminal.Json = False) -> None:
    """Show what the proposal in an agreement would change of what was approved last."""
    from ewpgw.model.learning_agreement_diff import differences

    found = differences(_read(file))
    if found is None:
        terminal.fail(f"{file}: nothing is proposed in this agreement")
    if as_json:
        terminal.say_json(found.to_json())
    else:
        _tell(found)


def _name(given: str) -> tuple[str, str]:
    hei_id, equals, name = given.partition("=")
    if not (hei_id and equals and name):
        raise typer.BadParameter(f"{given!r} is not of the form HEI=NAME", param_hint="--name")
    return hei_id, name


def _tell(found: LearningAgreementDiff) -> None:
    if found.first:
        terminal.say("Nothing was approved so far: this is the first version.")
    rows = [
        [each.about, each.code or "", each.title, each.outcome, "; ".join(filter(None, (each.how, each.reason)))]
        for each in found.components
        if each.outcome != "same"
    ]
    rows += [
        ["Student", "", each.about, "changed", f"{each.before or 'nothing'} → {each.after or 'nothing'}"]
        for each in found.student
    ]
    if rows:
        terminal.table(("table", "code", "what", "change", "why and how"), rows)
        terminal.say("")
    same = sum(each.outcome == "same" for each in found.components)
    terminal.say(f"Components that stay as they are: {same}.")
    for total in found.credits:
        terminal.say(f"Credits of {total.about}: {total.before} {total.scheme} before, {total.after} after.")
    for note in found.notes:
        terminal.say(f"Note: {note}.")


def _read(file: Path) -> LearningAgreement:
    """The one agreement in a file, or the end of the command."""
    from ewpgw.model.problems import DecodeProblem

    if file.stat().st_size > _MOST_BYTES:
        terminal.fail(f"{file}: is larger than any agreement, {_MOST_BYTES} bytes at most")
    content = file.read_bytes()
    try:
        return _from_json(file, content) if content.lstrip()[:1] == b"{" else _from_xml(file, content)
    except DecodeProblem as error:
        terminal.fail("\n".join(f"{file}: {problem}" for problem in error.problems))


def _from_json(file: Path, content: bytes) -> LearningAgreement:
    from pydantic import ValidationError

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.problems import DecodeProblem, from_validation

    try:
        data = json.loads(content)
    except json.JSONDecodeError as error:
        terminal.fail(f"{file}: line {error.lineno}: is no JSON: {error.msg}")
    except (UnicodeDecodeError, RecursionError):
        terminal.fail(f"{file}: is no JSON that can be read")
    try:
        return LearningAgreement.model_validate(data, extra="forbid")
    except ValidationError as error:
        raise DecodeProblem(tuple(from_validation(error, LearningAgreement, _SOURCE))) from error


def _from_xml(file: Path, content: bytes) -> LearningAgreement:
    from ewpgw.documents.parsing import MalformedDocument, parse
    from ewpgw.model.entity import reads
    from ewpgw.model.learning_agreement import ELEMENT, LearningAgreement

    try:
        document = parse(content, max_bytes=_MOST_BYTES)
    except MalformedDocument as problem:
        terminal.fail(f"{file}: {problem}")
    found = list(document.iter(f"{{*}}{ELEMENT}"))
    if len(found) != 1:
        how_many = f"{len(found)} learning agreements" if found else "no learning agreement"
        terminal.fail(f"{file}: holds {how_many}; give a get-response with one, a lone <la>, or a record as JSON")
    record = reads(LearningAgreement, _SOURCE)(found[0])
    if not isinstance(record, LearningAgreement):
        raise TypeError(f"a learning agreement was read as {type(record).__name__}")
    return record
