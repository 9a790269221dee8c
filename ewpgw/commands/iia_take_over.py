"""``ewpgw iia take-over-v6``: agreements approved under version 6 of the IIAs API, with their approvals."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import iia_v6, terminal

if TYPE_CHECKING:
    from ewpgw.agreements.legacy import ApprovedCopy, FormerAgreement, TakenOver
    from ewpgw.config import Settings

_HASH = re.compile("[0-9a-f]{64}")

Ours = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="Our copy that the partner approved."
    ),
]
Theirs = Annotated[
    Path | None,
    typer.Option(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The partner's that we approved."),
]
ByPartner = Annotated[
    str | None,
    typer.Option(metavar="HASH|FILE", help="The conditions-hash that the partner approved, or its approval response."),
]
ByUs = Annotated[
    str | None,
    typer.Option(metavar="HASH|FILE", help="The conditions-hash that we approved, or our approval response."),
]
By = Annotated[str | None, typer.Option(metavar="PERSON", help="Who approved for us; kept with the approval.")]


def take_over_v6(
    hei: Annotated[str, typer.Argument(metavar="HEI_ID", help="The institution of ours.")],
    config: terminal.ConfigFile,
    ours: Ours = None,
    approved_by_partner: ByPartner = None,
    theirs: Theirs = None,
    approved_by_us: ByUs = None,
    isced: iia_v6.Codes = None,
    by: By = None,
) -> None:
    """Take an approved agreement over into the gateway, with one approval or both, which keep counting.

    Each copy is the get-response of version 6 as it was approved. Nobody is notified; taking over twice does no harm.
    """
    from ewpgw.agreements.legacy import FormerAgreement
    from ewpgw.agreements.service import MoveRefused
    from ewpgw.store.errors import StoreProblem

    settings = terminal.load_settings(config)
    if hei not in {each.id for each in settings.heis}:
        terminal.fail(f"{hei} is not a HEI of this configuration")
    former = FormerAgreement(
        _copy("--ours", ours, "--approved-by-partner", approved_by_partner),
        _copy("--theirs", theirs, "--approved-by-us", approved_by_us),
        dict(map(iia_v6.code, isced or ())),
        by,
    )
    try:
        taken = asyncio.run(_take_over(settings, hei, former))
    except MoveRefused as refused:
        for problem in refused.problems:
            terminal.complain(f"{problem.severity}: {problem}")
        terminal.fail(f"not taken over: {refused.refusal.words}")
    except StoreProblem as problem:
        terminal.fail(problem)
    for each in taken.problems:
        terminal.complain(f"{each.severity}: {each}")
    made = "its record was made" if taken.created else "its record stays as it is"
    terminal.say(f"{taken.standing.our_id} is {taken.standing.state}; {made}")


def _copy(option: str, file: Path | None, of_approval: str, approval: str | None) -> ApprovedCopy | None:
    """A copy with its approval; both or neither are given."""
    from ewpgw.agreements.legacy import ApprovedCopy

    if file is None and approval is None:
        return None
    if file is None or approval is None:
        raise typer.BadParameter(f"give {option} and {of_approval} together")
    if _HASH.fullmatch(approval):
        return ApprovedCopy(file.read_bytes(), approval.encode())
    try:
        return ApprovedCopy(file.read_bytes(), Path(approval).read_bytes())
    except OSError as error:
        words = f"{approval} is no hash of 64 hexadecimal digits, and no file that can be read: {error.strerror}"
        raise typer.BadParameter(words, param_hint=of_approval) from None


async def _take_over(settings: Settings, hei: str, former: FormerAgreement) -> TakenOver:
    from ewpgw import logs
    from ewpgw.agreements.service import Agreements
    from ewpgw.apis.running import notifications
    from ewpgw.config import LogSettings
    from ewpgw.intake import intake
    from ewpgw.store import Store

    logs.set_up(LogSettings(format="console", level="error"))  # what was done is said here in words
    store = await Store.open(settings.store.url.get_secret_value())
    try:
        way_in = intake(store, notifications(), _now, lambda: None)
        agreements = Agreements(store, way_in.records, way_in.settling, _now)
        return await agreements.take_over(hei, former, source="command line")
    finally:
        await store.close()


def _now() -> datetime:
    return datetime.now(UTC)
