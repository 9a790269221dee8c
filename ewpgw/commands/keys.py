"""``ewpgw keys``: making and listing the institutions' keys."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ewpgw.config import HeiSettings, Settings

app = typer.Typer(no_args_is_help=True, help="Make and list the institutions' RSA keys.")


class Bits(StrEnum):
    """Lengths of a new key."""

    SHORT = "2048"
    MIDDLE = "3072"
    LONG = "4096"


BitsOption = Annotated[Bits, typer.Option("--bits", help="Length; longer keys sign slower.")]


@app.command()
def generate(out: terminal.NewFile, bits: BitsOption = Bits.SHORT) -> None:
    """Make a key in a new file that only its owner may read, and say its fingerprint."""
    from ewpgw.security.keys import KeyProblem, generate, write_private_key

    try:
        key = generate(int(bits.value))
        write_private_key(out, key)
    except KeyProblem as problem:
        terminal.fail(problem)
    terminal.say(f"file         {out}")
    terminal.say(f"bits         {key.public.bits}")
    terminal.say(f"fingerprint  {key.public.fingerprint}")


@app.command(name="list")
def list_keys(config: terminal.ConfigFile, as_json: terminal.Json = False) -> None:
    """List every institution's keys: fingerprints as the catalogue writes them, and which key signs now."""
    rows = list(_rows(terminal.load_settings(config)))
    if as_json:
        terminal.say_json(rows)
        return
    terminal.table(
        ("HEI", "fingerprint", "bits", "signs", "published", "file"),
        (
            [
                row["hei_id"],
                row["fingerprint"],
                row["bits"],
                _signs(row),
                "yes" if row["published"] else "no",
                row["file"],
            ]
            for row in rows
        ),
    )


def _rows(settings: Settings) -> Iterator[dict[str, object]]:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for hei in settings.heis:
        yield from _rows_of(hei, now)


def _rows_of(hei: HeiSettings, now: datetime) -> Iterator[dict[str, object]]:
    signing = hei.signing_key(now)
    for entry, (key, sign_from) in zip(hei.keys, hei.load_keys(), strict=True):
        yield {
            "hei_id": hei.id,
            "fingerprint": key.public.fingerprint,
            "bits": key.public.bits,
            "signs": entry is signing,
            "sign_from": sign_from.isoformat() if sign_from else None,
            "waiting": sign_from is not None and sign_from > now,
            # the manifest carries every key that the settings list and that could be loaded
            "published": True,
            "file": str(entry.file),
        }


def _signs(row: dict[str, object]) -> str:
    if row["signs"]:
        return "now"
    return f"from {row['sign_from']}" if row["waiting"] else "no longer"
