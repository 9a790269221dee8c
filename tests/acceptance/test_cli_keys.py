"""``ewpgw keys``, ``ewpgw validate`` and ``ewpgw iia``, run as processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ewpgw.security.keys import generate, load_private_key, write_private_key

CONFIG = """\
network: {behind_proxy: true}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys:
      - {file: old.pem, sign_from: 2020-01-01T00:00:00Z}
      - {file: now.pem, sign_from: 2021-01-01T00:00:00Z}
      - {file: new.pem, sign_from: 2099-01-01T00:00:00Z}
"""

NS = "https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd"


def ewpgw(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program's exit code and what it wrote."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("EWPGW_")}
    command = [sys.executable, "-m", "ewpgw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=kept)


@pytest.mark.parametrize("bits", ["2048", "3072"])
def test_a_key_is_made_that_only_its_owner_may_read(tmp_path: Path, bits: str) -> None:
    out = tmp_path / "key.pem"
    done = ewpgw("keys", "generate", "--out", out, "--bits", bits)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    key = load_private_key(out).public
    assert key.bits == int(bits)
    assert key.fingerprint in done.stdout


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "key.pem"
    ewpgw("keys", "generate", "--out", out)
    before = out.read_bytes()
    done = ewpgw("keys", "generate", "--out", out)
    assert (done.returncode, done.stdout) == (1, "")
    assert "never overwritten" in done.stderr
    assert out.read_bytes() == before


@pytest.mark.parametrize("bits", ["1024", "2049", "many"])
def test_a_key_of_another_length_is_wrong_usage(tmp_path: Path, bits: str) -> None:
    assert ewpgw("keys", "generate", "--out", tmp_path / "key.pem", "--bits", bits).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("old", "now", "new"):
        write_private_key(tmp_path / f"{name}.pem", generate())
    path = tmp_path / "ewpgw.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_the_listing_shows_each_keys_fingerprint_and_which_one_signs(config: Path) -> None:
    done = ewpgw("keys", "list", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row.split()[-1].rpartition("/")[2]: row for row in done.stdout.splitlines()[1:]}
    for name, row in rows.items():
        assert load_private_key(config.parent / name).public.fingerprint in row
    assert " no longer " in rows["old.pem"]
    assert " now " in rows["now.pem"]
    assert " from 2099-01-01T00:00:00+00:00 " in rows["new.pem"]


def test_the_listing_is_json_for_programs(config: Path) -> None:
    rows = json.loads(ewpgw("keys", "list", "--json", "--config", config).stdout)
    assert [(row["hei_id"], Path(row["file"]).name, row["bits"], row["signs"], row["published"]) for row in rows] == [
        ("north.example", "old.pem", 2048, False, True),
        ("north.example", "now.pem", 2048, True, True),
        ("north.example", "new.pem", 2048, False, True),
    ]
    assert rows[0]["fingerprint"] == load_private_key(config.parent / "old.pem").public.fingerprint


def test_keys_of_a_wrong_configuration_are_not_listed(config: Path) -> None:
    (config.parent / "new.pem").chmod(0o644)
    done = ewpgw("keys", "list", "--config", config)
    assert (done.returncode, done.stdout) == (1, "")
    assert "chmod 600" in done.stderr


def _response(stated: str) -> str:
    return (
        f'<iias-get-response xmlns="{NS}"><iia><partner><hei-id>north.example</hei-id><iia-id>N-1</iia-id></partner>'
        "<partner><hei-id>south.example</hei-id></partner><in-effect>false</in-effect>"
        f"<cooperation-conditions/>{stated}</iia></iias-get-response>"
    )


def test_the_hash_of_an_agreement_is_compared_with_the_stated_one(tmp_path: Path) -> None:
    expected = sha256(b"_iia-id_1=N-1__iia-id_2=_").hexdigest()
    file = tmp_path / "iia.xml"
    file.write_text(_response(f"<iia-hash>{expected}</iia-hash>"), encoding="utf-8")
    done = ewpgw("iia", "hash", "--json", file)
    assert done.returncode == 0
    assert json.loads(done.stdout) == [
        {"iia_id": "N-1", "computed": expected, "stated": expected, "agree": True, "approvable": True}
    ]


def test_a_wrong_stated_hash_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "iia.xml"
    file.write_text(_response(f"<iia-hash>{'0' * 64}</iia-hash>"), encoding="utf-8")
    done = ewpgw("iia", "hash", file)
    assert done.returncode == 1
    assert "0" * 64 in done.stdout


def test_an_agreement_without_a_stated_hash_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "iia.xml"
    file.write_text(_response(""), encoding="utf-8")
    done = ewpgw("iia", "hash", file)
    assert done.returncode == 0
    assert "nothing stated" in done.stdout


@pytest.mark.parametrize("text", ["<not", "<other/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_a_document_without_agreements_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "iia.xml"
    file.write_text(text, encoding="utf-8")
    done = ewpgw("iia", "hash", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{file}: ")
    assert "Traceback" not in done.stderr


def test_a_file_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    assert ewpgw("iia", "hash", tmp_path / "gone.xml").returncode == 2
    assert ewpgw("validate", tmp_path / "gone.xml").returncode == 2


ECHO = '<response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-echo/tree/stable-v2">{}</response>'


def test_a_valid_document_is_named(tmp_path: Path) -> None:
    file = tmp_path / "echo.xml"
    file.write_text(ECHO.format("<hei-id>north.example</hei-id><echo>hello</echo>"), encoding="utf-8")
    done = ewpgw("validate", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: valid (")


def test_every_fault_of_an_invalid_document_is_told_with_its_place(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.xml", tmp_path / "wrong.xml"
    right.write_text(ECHO.format("<hei-id>north.example</hei-id>"), encoding="utf-8")
    wrong.write_text(ECHO.format("\n<oops/>"), encoding="utf-8")
    done = ewpgw("validate", right, wrong)
    assert done.returncode == 1
    assert f"{right}: valid" in done.stdout
    assert f"{wrong}: not valid" in done.stderr
    assert "line 2 /response/oops" in done.stderr


def test_a_validation_is_json_for_programs(tmp_path: Path) -> None:
    file = tmp_path / "echo.xml"
    file.write_text(ECHO.format("\n<oops/>"), encoding="utf-8")
    done = ewpgw("validate", "--json", file)
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)
    assert (row["file"], row["valid"]) == (str(file), False)
    assert row["faults"][0]["line"] == 2


def test_a_file_that_is_no_xml_is_not_valid(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<html><body>maintenance<br></body></html>", encoding="utf-8")
    done = ewpgw("validate", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(file) in done.stderr
