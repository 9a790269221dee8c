"""The documentation holds: its commands run, its examples are accepted, its links lead somewhere, its lists are true.

``support.pages`` says how a page marks commands that do not run here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.authority import authority
from support.closed_network import ClosedNetwork, closed_network, free_port
from support.documents import iia
from support.pages import Reader, blocks, curl_goes, fenced
from support.processes import until
from support.sis import Sis
from support.threads import in_thread
from typer.core import TyperGroup
from typer.main import get_command

from ewpgw.apis.running import APIS
from ewpgw.cli import app
from ewpgw.config import load, load_other
from ewpgw.registry.settings import RegistrySettings
from ewpgw.security.keys import generate, write_private_key
from ewpgw.store import Store
from ewpgw.store.tables import metadata

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[ExitStack]:
    """Whatever has to be ended after a test."""
    with ExitStack() as stack:
        yield stack


def issue_certificate(folder: Path, *names: str) -> None:
    """A certificate as the reader has been given one."""
    folder.mkdir(parents=True, exist_ok=True)
    issued = authority().issue_cert(*names)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(folder / "chain.pem"), append=number > 0)


def test_the_quick_start_leads_from_the_download_to_the_first_exchange(tmp_path: Path, apart: ExitStack) -> None:
    """The registry and the partner are processes of the test; the registry lists the reader's node when it answers."""
    network = apart.enter_context(closed_network(tmp_path / "network"))
    (tmp_path / "network").mkdir()
    network.gateway("south", "south.example")
    home, port, sis_port = tmp_path / "home", free_port(), free_port()
    issue_certificate(home / "ewpgw" / "tls", "ewp.north.example", "localhost")
    manifests = [*network["south"].manifest_urls, f"https://localhost:{port}/north.example/discovery/v6"]
    start_registry(network, manifests)
    network["south"].start()
    ca_file = tmp_path / "network" / "tls" / "ca.pem"
    curl_goes(home, f"ewp.north.example:8443:127.0.0.1:{port}", f"127.0.0.1:8080:127.0.0.1:{sis_port}", ca_file=ca_file)
    settings = {
        "EWPGW_NETWORK__PORT": str(port),
        "EWPGW_NETWORK__CA_FILE": str(ca_file),
        "EWPGW_SIS__PORT": str(sis_port),
        "EWPGW_REGISTRY__CATALOGUE_URL": network.catalogue_url,
        "EWPGW_REGISTRY__REFRESH_FLOOR_SECONDS": "1",
        "EWPGW_REGISTRY__REFRESH_SECONDS": "1",
    }
    # "make demo" uses the environment that runs the tests
    make = {"MAKEFLAGS": f"--old-file={sys.prefix}/.ready -- VENV={sys.prefix}"}
    waits = {
        "health/ready": lambda: Sis(sis_port, "").ready().status == 200,
        "ewpgw call": lambda: network["south"].knows(2),
    }
    reader = Reader(home, make, cwd=ROOT, settings=settings, waits=waits)
    assert reader.run(DOCS / "quick-start.md") >= 10


def start_registry(network: ClosedNetwork, manifests: list[str]) -> None:
    (network.folder / "registry.yaml").write_text(
        yaml.safe_dump(
            {
                "port": network.registry_port,
                "tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
                "public_url": f"https://localhost:{network.registry_port}",
                "ca_file": "tls/ca.pem",
                "refresh_seconds": 1,
                "manifest_urls": manifests,
            }
        )
    )
    network.registry.start()


def test_the_commands_of_the_life_of_an_agreement_work(tmp_path: Path, network: ClosedNetwork) -> None:
    north, south = network["north"], network["south"]
    theirs = iia("S-0042", owner="south.example", partner="north.example")
    assert south.sis.put("south.example", "iias", "S-0042", theirs).status in (200, 201)
    copies = "/api/v1/heis/north.example/partner-copies/iias?partner=south.example"
    until(lambda: "S-0042" in [copy["id"] for copy in north.sis.get(copies)["items"]], "north has the copy")
    environ = {"GATEWAY": f"http://127.0.0.1:{north.sis_port}", "TOKEN": north.sis.token}
    reader = Reader(tmp_path / "home", environ, cwd=tmp_path)
    assert reader.run(DOCS / "agreements.md") >= 9
    notified = "/api/v1/heis/north.example/work?kind=delivery&state=done"
    until(lambda: "2026-17" in [row["item"] for row in north.sis.get(notified)["items"]], "south was notified")


def test_the_commands_about_nominations_work(tmp_path: Path, network: ClosedNetwork) -> None:
    north = network["north"]
    environ = {"GATEWAY": f"http://127.0.0.1:{north.sis_port}", "TOKEN": north.sis.token}
    assert Reader(tmp_path / "home", environ, cwd=tmp_path).run(DOCS / "nominations.md") >= 4
    (nomination,) = north.sis.get("/api/v1/heis/north.example/nominations/sent")["items"]
    assert (nomination["omobility_id"], nomination["status"]) == ("2026-301", "pending")


def test_the_commands_about_transcripts_work(tmp_path: Path, network: ClosedNetwork) -> None:
    north, south = network["north"], network["south"]
    environ = {"GATEWAY": f"http://127.0.0.1:{north.sis_port}", "TOKEN": north.sis.token}
    assert Reader(tmp_path / "home", environ, cwd=tmp_path).run(DOCS / "transcripts.md") >= 4
    theirs = "/api/v1/heis/south.example/transcripts/received?state=current"
    until(lambda: "S-2026-88" in [one["omobility_id"] for one in south.sis.get(theirs)["items"]], "south has it")


def test_the_commands_of_the_deployment_work(tmp_path: Path, network: ClosedNetwork, postgres_server: str) -> None:
    """With the service's folders below a folder of the test."""
    home, north = tmp_path / "home", network["north"]
    reader = Reader(
        home,
        {"PGHOST": postgres_server, "PGUSER": "ewpgw"},
        cwd=tmp_path,
        moved=("/etc/ewpgw", "/var/lib/ewpgw", "/var/backups"),
    )
    curl_goes(home, f"127.0.0.1:8080:127.0.0.1:{north.sis_port}")
    write_private_key_for(home / "etc/ewpgw/keys/north.pem")
    (home / "etc/ewpgw/ewpgw.yaml").write_text(yaml.safe_dump(minimal(home / "etc/ewpgw")))
    database = home / "var/lib/ewpgw/ewpgw.db"
    in_thread(_make(f"sqlite:///{database}"))
    subprocess.run(["createdb", "-h", postgres_server, "-U", "ewpgw", "ewpgw"], check=True, timeout=60)
    try:
        in_thread(_make(f"postgresql://ewpgw@/ewpgw?host={postgres_server}"))
        assert reader.run(DOCS / "deployment.md") >= 5
        dump = (home / "var/backups/ewpgw.dump").read_bytes()
    finally:
        subprocess.run(["dropdb", "-h", postgres_server, "-U", "ewpgw", "ewpgw"], check=True, timeout=60)
    assert b"partner_copy" in dump
    in_thread(_open(f"sqlite:///{home / 'var/backups/ewpgw.db'}"))
    assert (home / "etc/ewpgw/keys/north-2027.pem").exists()


async def _make(url: str) -> None:
    await (await Store.open(url)).close()


async def _open(url: str) -> None:
    """Opens a database that must be whole and up to date."""
    await (await Store.open(url, migrate=False)).close()


def write_private_key_for(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private_key(path, generate())


def minimal(folder: Path) -> dict[str, Any]:
    """The shipped minimal configuration, with files that exist."""
    issue_certificate(folder / "tls", "ewp.north.example")
    document = yaml.safe_load((ROOT / "config/ewpgw.minimal.yaml").read_text())
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("page", ["adapters/folder.md", "configuration.md"])
def test_the_commands_that_check_a_configuration_work(tmp_path: Path, page: str) -> None:
    document = minimal(tmp_path)
    (tmp_path / "records/iias").mkdir(parents=True)
    document["heis"][0]["adapter"] = {"kind": "folder", "path": "records"}
    write_private_key_for(tmp_path / "keys/north.pem")
    (tmp_path / "ewpgw.yaml").write_text(yaml.safe_dump(document))
    assert Reader(tmp_path / "home", {}, cwd=tmp_path).run(DOCS / page) == 1


def test_the_configurations_of_the_deployment_are_accepted(tmp_path: Path) -> None:
    examples = [yaml.safe_load(each) for each in fenced(DOCS / "deployment.md", "yaml")]
    assert len(examples) >= 4
    for name in ("north", "north-2027"):
        write_private_key_for(tmp_path / "keys" / f"{name}.pem")
    for example in examples:
        document = minimal(tmp_path)
        if "keys" in example:
            document["heis"][0] |= example
        else:
            document |= example
        path = tmp_path / "ewpgw.yaml"
        path.write_text(yaml.safe_dump(document))
        load(path, environ={})


class _Unit(ConfigParser):
    """A unit of systemd, which minds the case of names."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def test_the_configurations_of_the_closed_network_are_accepted_and_its_table_has_every_key(tmp_path: Path) -> None:
    registry, gateway = (yaml.safe_load(each) for each in fenced(DOCS / "closed-network.md", "yaml"))
    for host in ("registry.example", "ewp.north.example"):
        issue_certificate(tmp_path / host, host)
        for kind, name in (("chain.pem", f"{host}.pem"), ("key.pem", f"{host}.key")):
            (tmp_path / "tls" / name).parent.mkdir(exist_ok=True)
            (tmp_path / host / kind).rename(tmp_path / "tls" / name)
    authority().cert_pem.write_to_path(str(tmp_path / "tls" / "ca.pem"))
    document = minimal(tmp_path) | gateway
    write_private_key_for(tmp_path / "keys/north.pem")
    for name, each in (("registry.yaml", registry), ("ewpgw.yaml", document)):
        (tmp_path / name).write_text(yaml.safe_dump(each))
    assert load_other(tmp_path / "registry.yaml", RegistrySettings).manifest_urls
    load(tmp_path / "ewpgw.yaml", environ={})
    table = re.findall(r"^\| `([a-z_]+)` \|", (DOCS / "closed-network.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert table == list(RegistrySettings.model_fields)


def test_the_service_runs_as_a_user_of_its_own_and_only_known_commands() -> None:
    (text,) = fenced(DOCS / "deployment.md", "ini")
    unit = _Unit(interpolation=None)
    unit.read_string(text)
    service = unit["Service"]
    assert service["User"] == "ewpgw"
    assert service["Restart"] == "on-failure"
    assert service["ExecStartPre"] == "/opt/ewpgw/bin/ewpgw config check"
    assert service["ExecStart"] == "/opt/ewpgw/bin/ewpgw serve"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"


def test_every_command_of_the_pages_is_run_by_a_test_or_says_why_not() -> None:
    run = {"quick-start.md", "agreements.md", "deployment.md", "folder.md", "configuration.md", "sis-api.md"}
    run |= {"connect.md", "sql.md"}
    run |= {"nominations.md", "transcripts.md"}
    run |= {"comparing-agreements.md", "legacy-agreements.md"}  # test_cli_iia.py
    run |= {"learning-agreements.md"}  # test_cli_la.py
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(blocks(page)) == text.count("```sh"), f"{page.name} has a comment or a block that is not understood"
        if page.name not in run:
            assert [each.commands for each in blocks(page) if each.mark != "not run"] == [], page.name


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    for target in ("demo", "test"):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_every_command_that_the_pages_name_exists() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    known: set[tuple[str, ...]] = {(name,) for name in group.commands}
    for name, command in group.commands.items():
        known |= {(name, each) for each in getattr(command, "commands", {})}
    for page in PAGES:
        for words in re.findall(r"`ewpgw ([a-z][a-z ]*)[^`]*`", page.read_text(encoding="utf-8")):
            named = tuple(words.split())
            assert named[:1] in known or named[:2] in known, f"{page.name}: ewpgw {words}"


def anchors(page: Path) -> set[str]:
    """The names that headings have as places to link to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_within_the_pages_leads_somewhere() -> None:
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            if target.startswith("https://"):
                continue
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), f"{page.name} links to {target}"
            if anchor:
                assert anchor in anchors(found), f"{page.name} links to {target}"


def test_the_architecture_page_names_every_table() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in metadata.tables if f"`{name}`" not in text] == []


def test_rooms_import_only_from_rooms_below_them() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    [listing] = [each for each in fenced(DOCS / "architecture.md", "text") if each.startswith("cli ")]
    layers = [line.partition("  ")[0].split() for line in listing.splitlines()]
    level = {room: number for number, rooms in enumerate(layers) for room in rooms}
    assert "At run time a room imports only from rooms in lower lines" in text
    top = {path.stem for path in (ROOT / "ewpgw").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert top - {"__init__", "__main__"} == set(level)
    for path in (ROOT / "ewpgw").rglob("*.py"):
        room = path.relative_to(ROOT / "ewpgw").parts[0].removesuffix(".py")
        for imported in run_time_imports(ast.parse(path.read_text(encoding="utf-8"))):
            if room in level and imported in level and imported != room:
                assert level[imported] > level[room], f"{path} imports from {imported}, which is not below {room}"


def run_time_imports(node: ast.AST) -> Iterator[str]:
    """The rooms that a module imports from, but for the type checker's sake."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom) and child.module and child.module.split(".")[0] == "ewpgw":
            yield from ((f"{child.module}.{alias.name}").split(".")[1] for alias in child.names)
        yield from run_time_imports(child)


def test_the_readme_names_every_api_that_runs_with_its_version() -> None:
    table = re.findall(r"^\| ([a-z-]+) \| (\d+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert table == [(api.name, str(api.major)) for api in APIS]
