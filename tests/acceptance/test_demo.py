"""``ewpgw demo``: the story for people and programs, the network that stays up, and its orderly end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from ssl import create_default_context
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from support.callers import Caller
from support.closed_network import listens
from support.processes import Running, alive, children, ewpgw, until
from support.sis import Sis

from ewpgw.security.keys import load_private_key

STORY_SECONDS = 150


def _steps(written: str) -> dict[str, dict[str, Any]]:
    """The steps by name, of output that must be one JSON object and nothing else."""
    (line,) = written.splitlines()
    told = json.loads(line)
    assert set(told) == {"ok", "steps"}
    for step in told["steps"]:
        assert set(step) == {"name", "ok", "seconds", "detail"}
        assert isinstance(step["seconds"], float)
        assert step["detail"]
    assert told["ok"] is all(step["ok"] for step in told["steps"])
    return {step["name"]: step for step in told["steps"]}


class Demo:
    """A demonstration as a process, with the processes that it started."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.state = folder / "state"
        self.output = folder / "output"
        self.process = Running(
            "demo", ["demo", "--json", "--state", str(self.state), *options], folder, stdout=self.output
        )

    def servers(self) -> dict[str, int]:
        """The process ids of the servers that run now, by the configuration they were started with."""
        running = children(self.process.pid)
        return {
            name: pid for pid, command in running for name in ("registry", "north", "south")
            if f"--config {name}.yaml" in command and "tokens" not in command
        }  # fmt: skip

    def network(self) -> Any:
        return json.loads((self.state / "network.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def staying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demonstration whose story has been told and whose network stays up."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    demo.process.start()

    def told() -> bool:
        demo.process.check()
        return demo.output.read_text().endswith("\n")

    try:
        until(told, "the story is told", STORY_SECONDS)
        yield demo
    finally:
        demo.process.put_away()


def test_the_story_is_one_json_object_for_programs(staying: Demo) -> None:
    steps = _steps(staying.output.read_text())
    assert [name for name, step in steps.items() if not step["ok"]] == []
    assert sum(name.startswith("Refused: ") for name in steps) == 7
    life = [
        "North writes a draft",
        "South answers with a counter-proposal",
        "Both see what differs",
        "South approves",
        "North approves; the agreement is in effect",
        "Both nominations are delivered",
        "South accepts Elina",
        "South rejects Mikko's nomination, and says why",
        "South accepts Mikko; both may come",
        "South comments on it",
        "South signs; the learning agreement is made",
        "Elina arrives",
        "South signs the change",
        "The transcript arrives at North",
        "North's statistics",
        "South's statistics",
        "North changes the agreement",
        "North goes back to what both approved",
        "North proposes to terminate the agreement",
        "Both approve; the agreement is terminated",
    ]
    assert [name for name in steps if name in life] == life
    assert "north.example says 3, south.example says 2" in steps["Both see what differs"]["detail"]
    assert "the approved version says 2, the version now says 4" in steps["North changes the agreement"]["detail"]
    change = steps["During the stay, Elina and North propose a change"]["detail"]
    assert "Discrete structures (CS-311): dropped (Timetable conflict)" in change
    assert "Big data processing: A → 5" in steps["North sees what the grades may be converted into"]["detail"]
    assert "without a result: Seminar" in steps["North sees the results beside the learning agreement"]["detail"]
    assert "nominations: 2 approved" in steps["North's statistics"]["detail"]
    assert "transcripts: 1 issued" in steps["South's statistics"]["detail"]


def test_the_story_ends_with_one_agreement_terminated_and_one_to_try(staying: Demo) -> None:
    north, south = (Sis(urlsplit(node["sis_api_url"]).port or 0, node["token"]) for node in staying.network()["nodes"])
    for sis, hei_id, iia_id in ((north, "north.example", "north-2026-017"), (south, "south.example", "south-17")):
        standing = sis.get(f"/api/v1/heis/{hei_id}/agreements/{iia_id}")["agreement"]
        assert standing["state"] == "terminated"
        kept = sis.get(f"/api/v1/heis/{hei_id}/agreements/{iia_id}/snapshots")["items"]
        assert [each["terminated"] for each in kept] == [True, False]
    folders = [Path(node["data_folder"]) for node in staying.network()["nodes"]]
    file, arrived = folders[0] / "iias" / "2026-018.json", folders[1] / "inbox/iias/north.example/north-2026-018.json"
    changed = json.loads(file.read_text(encoding="utf-8"))
    changed["partner"][0]["iia_code"] = "NORTH/2026/018/b"
    file.write_text(json.dumps(changed), encoding="utf-8")
    until(lambda: "NORTH/2026/018/b" in arrived.read_text(encoding="utf-8"), "South's system finds the change")


def test_what_became_of_the_students_can_be_looked_up(staying: Demo) -> None:
    north, south = (Sis(urlsplit(node["sis_api_url"]).port or 0, node["token"]) for node in staying.network()["nodes"])
    sent, received = "/api/v1/heis/north.example", "/api/v1/heis/south.example"
    for stay in ("N-2027-31", "N-2027-32"):
        assert north.get(f"{sent}/nominations/sent/{stay}")["nomination"]["status"] == "approved"
        seen = south.get(f"{received}/nominations/received/north.example/{stay}")["nomination"]
        assert (seen["status"], seen["decision"]["state"]) == ("approved", "made")
    agreement = north.get(f"{sent}/learning-agreements/sent/N-2027-31")
    assert [each["approved"] for each in agreement["history"]] == [False, True, True]
    transcript = north.get(f"{sent}/transcripts/received/south.example/N-2027-31")
    assert [course["grade"] for course in transcript["document"]["course"]] == ["A", "C", "B"]
    papers = sorted((staying.state / "papers").iterdir())
    assert [paper.name for paper in papers] == ["N-2027-31-north.pdf", "N-2027-31-south.pdf"]
    assert all(paper.read_bytes().startswith(b"%PDF-") for paper in papers)


def test_the_network_is_described_for_programs(staying: Demo) -> None:
    described = staying.network()
    assert (staying.state / "network.json").stat().st_mode & 0o077 == 0
    assert described["catalogue_url"].startswith("https://localhost:")
    assert Path(described["ca_certificate_file"]).is_file()
    assert described["tester"]["hei_id"] == "tester.example"
    key_file = Path(described["tester"]["private_key_file"])
    assert key_file.stat().st_mode & 0o077 == 0
    assert load_private_key(key_file).public.bits >= 2048
    assert [node["hei_id"] for node in described["nodes"]] == ["north.example", "south.example"]
    for node in described["nodes"]:
        assert node["manifest_url"].startswith(node["base_url"] + "/")
        assert node["sis_api_url"].startswith("http://127.0.0.1:")
        assert Path(node["data_folder"]).is_dir()


async def test_an_outside_client_can_call_both_nodes_with_the_testers_key(staying: Demo) -> None:
    described = staying.network()
    key = load_private_key(Path(described["tester"]["private_key_file"]))
    trust = create_default_context(cafile=described["ca_certificate_file"])
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust), timeout=aiohttp.ClientTimeout(total=20), auto_decompress=False
    ) as session:
        async with session.get(described["catalogue_url"]) as catalogue:
            listed = await catalogue.text()
        for node in described["nodes"]:
            member = node["hei_id"].partition(".")[0]
            server = load_private_key(staying.state / "keys" / f"{member}.pem").public
            assert server.fingerprint in listed
            caller = Caller(session, key, {server.fingerprint: server})
            echo = await caller.post(f"{node['base_url']}/echo/v2", ("echo", "from outside"))
            assert (echo.texts("hei-id"), echo.texts("echo")) == (["tester.example"], ["from outside"])
            index = await caller.get(f"{node['base_url']}/iias/v7/index")
            assert (index.status, index.texts("iia-id")) == (200, [])
            notified = await caller.post(f"{node['base_url']}/iia-cnr/v3", ("iia_id", "T-1"))
            assert notified.status == 200


def test_an_outside_client_can_use_both_sis_apis_with_their_tokens(staying: Demo) -> None:
    for node in staying.network()["nodes"]:
        sis = Sis(urlsplit(node["sis_api_url"]).port or 0, node["token"])
        assert [hei["hei_id"] for hei in sis.get("/api/v1/heis")["items"]] == [node["hei_id"]]
        assert len(sis.records(node["hei_id"])) == {"north.example": 2, "south.example": 1}[node["hei_id"]]
        assert sis.ready().status == 200
        assert Sis(sis.port, "another").request("GET", "/api/v1/heis").status == 401


def test_ctrl_c_ends_every_process_of_the_network(staying: Demo) -> None:
    servers = staying.servers()
    assert set(servers) == {"registry", "north", "south"}
    described = staying.network()
    urls = [described["catalogue_url"], *(node["base_url"] for node in described["nodes"])]
    staying.process.signal(signal.SIGINT)
    assert staying.process.wait() == 0
    assert [name for name, pid in servers.items() if alive(pid)] == []
    assert not any(listens(urlsplit(url).port or 0) for url in urls)
    assert _steps(staying.output.read_text())
    assert "Traceback" not in staying.process.tail(200)


def test_once_ends_by_itself_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = ewpgw("demo", "--once", seconds=STORY_SECONDS, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done
    assert "From a draft to an agreement in effect" in done.stdout
    assert "✓ Both approve; the agreement is terminated" in done.stdout
    assert "✗" not in done.stdout
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_end_in_the_middle_of_the_story_ends_every_process(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.process.start()
    try:
        until(lambda: "south" in demo.servers(), "the servers have been started", STORY_SECONDS)
        servers = demo.servers()
        demo.process.signal(signal.SIGTERM)
        assert demo.process.wait() == 1
        assert [name for name, pid in servers.items() if alive(pid)] == []
        assert "Traceback" not in demo.process.tail(200)
    finally:
        demo.process.put_away()


def test_a_demo_that_is_killed_takes_its_servers_with_it(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.process.start()
    try:
        until(lambda: "south" in demo.servers(), "the servers have been started", STORY_SECONDS)
        servers = demo.servers()
        demo.process.kill()
        until(lambda: not any(alive(pid) for pid in servers.values()), "the servers have ended")
    finally:
        demo.process.put_away()


def test_a_node_that_dies_fails_the_story(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.process.start()
    try:
        until(lambda: "south" in demo.servers(), "the servers have been started", STORY_SECONDS)
        servers = demo.servers()
        os.kill(servers["south"], signal.SIGKILL)
        assert demo.process.wait(STORY_SECONDS) == 1
        steps = _steps(demo.output.read_text())
        *_, last = steps.values()
        assert last["ok"] is False
        assert [name for name, pid in servers.items() if alive(pid)] == []
        assert "Traceback" not in demo.process.tail(200)
    finally:
        demo.process.put_away()


def test_a_state_folder_that_cannot_be_made_fails_the_story(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = ewpgw("demo", "--once", "--json", "--state", tmp_path / "file" / "state", cwd=tmp_path)
    assert done.returncode == 1
    (step,) = _steps(done.stdout).values()
    assert step["ok"] is False
    assert str(tmp_path / "file" / "state") in step["detail"]
    assert "Traceback" not in done.stderr
