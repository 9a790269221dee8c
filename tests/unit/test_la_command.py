"""``ewpgw la``: what it says of files that it cannot show. ``tests/acceptance/test_cli_la.py`` has what it shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.components import agreement_json, version
from typer.testing import CliRunner

from ewpgw.commands.la import app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "arguments", "code", "said"),
    [
        ("<x", ["diff"], 1, "line 1"),
        ("<x/>", ["diff"], 1, "holds no learning agreement"),
        ("<x><la/><la/></x>", ["pdf"], 1, "holds 2 learning agreements"),
        ("<la/>", ["pdf"], 1, "is la, not the element la"),
        ('{"omobility_id": ', ["diff"], 1, "is no JSON"),
        ('{"omobility_id": "m-1", "colour": "red"}', ["diff"], 1, "colour: "),
        ("[" * 10_000, ["diff"], 1, "agreement"),
        ('{"a":' * 100_000, ["diff"], 1, "is no JSON that can be read"),
        (json.dumps(agreement_json(first_version=version([]))), ["diff"], 1, "nothing is proposed"),
        (
            json.dumps(agreement_json(first_version=version([]))),
            ["pdf", "--state", "proposed", "-o", "x.pdf"],
            1,
            "ask for it as approved",
        ),
        ("{}", ["pdf", "--name", "north.example"], 2, "HEI=NAME"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_what_cannot_be_shown_is_said(tmp_path: Path, content: str, arguments: list[str], code: int, said: str) -> None:
    file = tmp_path / "agreement"
    file.write_text(content)
    done = CliRunner().invoke(app, [*arguments, str(file)])
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)
