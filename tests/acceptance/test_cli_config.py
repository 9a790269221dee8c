"""``ewpgw config``, ``ewpgw tokens`` and the program itself, run as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ewpgw import __version__
from ewpgw.security import keys

CONFIG = """\
network: {behind_proxy: true}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys: [{file: north.pem}]
"""


def ewpgw(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """The program's exit code and what it wrote."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("EWPGW_")}
    command = [sys.executable, "-m", "ewpgw", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**kept, "COLUMNS": "200", **environ}
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    keys.write_private_key(tmp_path / "north.pem", keys.generate())
    path = tmp_path / "ewpgw.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_the_version_is_said() -> None:
    assert ewpgw("--version").stdout == f"ewpgw {__version__}\n"


def test_help_names_the_commands_without_loading_what_they_need() -> None:
    shown = ewpgw("--help").stdout
    assert all(name in shown for name in ("config", "keys", "tokens", "validate", "iia"))
    heavy = "{'pydantic', 'lxml', 'sqlalchemy', 'aiohttp', 'cryptography'}"
    probe = f"import sys, ewpgw.cli; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert loaded.stdout == "[]\n"


def test_a_command_that_does_not_exist_is_wrong_usage() -> None:
    assert ewpgw("fly").returncode == 2


def test_a_right_configuration_is_summed_up(config: Path) -> None:
    done = ewpgw("config", "check", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "north.example" in done.stdout
    assert "https://ewp.north.example/north.example" in done.stdout
    assert f"sqlite:///{config.parent}/ewpgw.db" in done.stdout


def test_faults_of_mapping_files_are_told_with_their_file_and_line(config: Path) -> None:
    folder = config.parent
    (folder / "mappings").mkdir()
    mapping = folder / "mappings" / "units.yaml"
    lines = [
        "entity: organizational-units",
        "source: {}",
        "key: code",
        "record:",
        "  ounit_id: code",
        "  ounit_code: code",
    ]
    mapping.write_text("\n".join([*lines, "  nam: title"]), encoding="utf-8")
    config.write_text(CONFIG + "    adapter: {kind: folder, path: records, mappings: mappings}\n", encoding="utf-8")
    done = ewpgw("config", "check", "--config", config)
    assert (done.returncode, done.stdout) == (1, "")
    said = f"{mapping}: record.nam (line 7): is not a field of the record here; did you mean name?"
    assert said in done.stderr.splitlines()
    faults = json.loads(ewpgw("config", "check", "--config", config, "--json").stdout)["faults"]
    assert [(fault["file"], fault["line"]) for fault in faults if fault["line"] == 7] == [(str(mapping), 7)]
    mapping.write_text("\n".join([*lines, "  name: title"]), encoding="utf-8")
    assert ewpgw("config", "check", "--config", config).returncode == 0


def test_every_fault_is_one_line_on_standard_error(config: Path) -> None:
    config.write_text(CONFIG.replace("https:", "http:") + "nonsense: 1\n", encoding="utf-8")
    done = ewpgw("config", "check", "--config", config)
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{config}: heis[0].public_url (line 4): ")
    assert second.startswith(f"{config}: nonsense (line 9): is not a known key; ")


def test_faults_are_json_for_programs(config: Path) -> None:
    config.write_text(CONFIG.replace("north.pem", "gone.pem"), encoding="utf-8")
    done = ewpgw("config", "check", "--json", "--config", config)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    (fault,) = answer["faults"]
    assert answer["ok"] is False
    assert (fault["file"], fault["key_path"], fault["line"]) == (str(config), "heis[0].keys[0].file", 8)


def test_a_right_configuration_is_json_for_programs(config: Path) -> None:
    done = ewpgw("config", "check", "--json", "--config", config)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"ok": True, "faults": [], "heis": ["north.example"]}


def test_api_names_and_adapter_options_are_checked(config: Path) -> None:
    config.write_text(CONFIG + "    apis: [curses]\n    adapter: {kind: folder, paht: x}\n", encoding="utf-8")
    said = ewpgw("config", "check", "--config", config).stderr
    assert "heis[0].apis[0] (line 9): 'curses' is not an API that ewpgw offers" in said
    assert "heis[0].adapter.paht (line 10): is not a known key; did you mean 'path'?" in said


def test_the_environment_names_the_file_and_overrides_its_keys(config: Path) -> None:
    done = ewpgw("config", "check", EWPGW_CONFIG=str(config), EWPGW_SIS__PORT="9999")
    assert (done.returncode, done.stderr) == (0, "")
    assert "127.0.0.1:9999" in done.stdout


def test_a_misspelt_variable_is_a_fault(config: Path) -> None:
    done = ewpgw("config", "check", "--config", config, EWPGW_SIS__PROT="9999")
    assert done.returncode == 1
    assert done.stderr.startswith("environment: EWPGW_SIS__PROT: is not a known setting; did you mean 'port'?")


def test_a_password_is_never_shown(config: Path) -> None:
    url = "postgresql://ewpgw:hunter2@db.example/ewpgw"
    done = ewpgw("config", "check", "--config", config, EWPGW_STORE__URL=url)
    assert done.returncode == 0
    assert "postgresql://ewpgw:***@db.example/ewpgw" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_configuration_file_must_be_named() -> None:
    done = ewpgw("config", "check")
    assert done.returncode == 2
    assert "--config" in done.stderr


def test_a_configuration_file_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    done = ewpgw("config", "check", "--config", tmp_path / "gone.yaml")
    assert done.returncode == 1
    assert "there is no such file" in done.stderr


def test_the_schema_is_json() -> None:
    assert json.loads(ewpgw("config", "schema").stdout)["title"] == "ewpgw configuration"


def test_the_page_is_made_by_a_command() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
    assert ewpgw("config", "docs").stdout == page.read_text(encoding="utf-8")


def test_a_token_is_shown_once_and_stored_as_its_digest(config: Path) -> None:
    done = ewpgw("tokens", "create", "sis", "--config", config)
    assert done.returncode == 0
    secret = done.stdout.strip()
    assert len(secret) >= 43
    listed = ewpgw("tokens", "list", "--config", config)
    assert "sis" in listed.stdout
    assert secret not in listed.stdout
    assert all(secret.encode() not in path.read_bytes() for path in config.parent.glob("ewpgw.db*"))


def test_a_token_can_only_look_unless_it_is_given_more(config: Path) -> None:
    assert ewpgw("tokens", "create", "looker", "--config", config).returncode == 0
    done = ewpgw(
        *("tokens", "create", "sis", "--scope", "decide", "--scope", "read", "--hei", "north.example"),
        *("--expires", "2099-12-31", "--config", config),
    )
    assert done.returncode == 0, done.stderr
    looker, sis = json.loads(ewpgw("tokens", "list", "--json", "--config", config).stdout)
    assert (looker["scopes"], looker["heis"], looker["expires_at"]) == (["read"], None, None)
    assert (sis["scopes"], sis["heis"]) == (["read", "decide"], ["north.example"])
    assert sis["expires_at"] == "2099-12-31T00:00:00+00:00"
    listed = ewpgw("tokens", "list", "--config", config).stdout
    assert "read decide" in listed
    assert "2099-12-31" in listed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scope", "everything"], "everything"),
        (["--hei", "south.example"], "north.example"),
        (["--expires", "2020-01-01"], "future"),
        (["--expires", "soon"], "soon"),
    ],
)
def test_a_token_that_would_open_nothing_is_not_made(config: Path, options: list[str], said: str) -> None:
    done = ewpgw("tokens", "create", "sis", *options, "--config", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert json.loads(ewpgw("tokens", "list", "--json", "--config", config).stdout) == []


def test_a_tokens_name_is_used_once(config: Path) -> None:
    ewpgw("tokens", "create", "sis", "--config", config)
    done = ewpgw("tokens", "create", "sis", "--config", config)
    assert (done.returncode, done.stdout) == (1, "")
    assert "'sis'" in done.stderr


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\nb"])
def test_a_token_needs_a_name_that_can_be_listed(config: Path, name: str) -> None:
    assert ewpgw("tokens", "create", name, "--config", config).returncode == 2


def test_a_revoked_token_stays_listed(config: Path) -> None:
    ewpgw("tokens", "create", "sis", "--config", config)
    assert ewpgw("tokens", "revoke", "sis", "--config", config).returncode == 0
    (listed,) = json.loads(ewpgw("tokens", "list", "--json", "--config", config).stdout)
    assert listed["name"] == "sis"
    assert listed["created_at"] <= listed["revoked_at"]
    again = ewpgw("tokens", "revoke", "sis", "--config", config)
    assert again.returncode == 1
    assert "no valid token named 'sis'" in again.stderr


def test_tokens_need_a_store_that_can_be_opened(config: Path) -> None:
    done = ewpgw("tokens", "list", "--config", config, EWPGW_STORE__URL="sqlite:////nowhere/at/all.db")
    assert done.returncode == 1
    assert "/nowhere/at/all.db" in done.stderr
    assert "Traceback" not in done.stderr
