"""Bad input from an institution's own system: refused with a place and a reason, and never to a partner's harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.authority import key_of
from support.callers import calling
from support.closed_network import ClosedNetwork, Gateway
from support.documents import iia
from support.processes import until


@pytest.fixture(scope="module")
def north(network: ClosedNetwork) -> Gateway:
    return network["north"]


@pytest.fixture(scope="module")
def folder(north: Gateway) -> Path:
    return north.data("north.example") / "iias"


def _refusal(north: Gateway, key: str) -> Any:
    """What is refused under this key, with its reasons, as soon as the gateway has seen it."""

    def found() -> Any:
        items = north.sis.get("/api/v1/heis/north.example/refusals?limit=1000")["items"]
        return next((item for item in items if item["key"] == key or item["source"].endswith(key)), None)

    return until(found, f"a refusal of {key}")


async def _served(north: Gateway, iia_id: str) -> list[str]:
    """The numbers of people that south.example is served for an agreement; none where it is served none."""
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        reply = await caller.post(north.url("/iias/v7/get"), ("iia_id", iia_id))
    assert reply.status == 200
    return reply.texts("mobilities-per-year")


def _bad(iia_id: str) -> dict[str, Any]:
    document = iia(iia_id, people=99)
    document["cooperation_conditions"]["student_studies_mobility_spec"][1]["sending_hei_id"] = "no domain"
    return document


async def test_a_refused_record_leaves_the_last_good_version_served(north: Gateway) -> None:
    assert north.sis.put("north.example", "iias", "kept", iia("kept", people=4)).status == 201
    reply = north.sis.put("north.example", "iias", "kept", _bad("kept"))
    assert reply.status == 422
    (problem,) = [each for each in reply.json["problems"] if each["severity"] == "refusal"]
    assert problem["path"] == "cooperation_conditions.student_studies_mobility_spec.1.sending_hei_id"
    assert problem["message"]
    assert await _served(north, "kept") == ["4", "4", "1"]
    listed = north.sis.records("north.example")["kept"]
    assert (listed["revision"], listed["refused"]) == (1, True)
    assert north.sis.put("north.example", "iias", "kept", iia("kept", people=5)).status == 200
    assert north.sis.records("north.example")["kept"]["refused"] is False
    assert await _served(north, "kept") == ["5", "5", "1"]


async def test_a_file_made_worse_leaves_the_last_good_version_served(north: Gateway, folder: Path) -> None:
    file = folder / "worse.json"
    file.write_text(json.dumps(iia("worse", people=6)))
    until(lambda: "worse" in north.sis.records("north.example"), "the good version is taken")
    file.write_text(json.dumps(_bad("worse")))
    refusal = _refusal(north, "worse")
    assert refusal["source"].endswith("iias/worse.json")
    assert [problem["path"] for problem in refusal["problems"] if problem["severity"] == "refusal"] == [
        "cooperation_conditions.student_studies_mobility_spec.1.sending_hei_id"
    ]
    assert await _served(north, "worse") == ["6", "6", "1"]


def _bomb() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return f"<!DOCTYPE iia [{entities}]><iia>&e9;</iia>".encode()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("large.xml", b"<iia>" + b" " * (6 * 2**20) + b"</iia>", "larger than the 5 MiB"),
        ("large.json", b'"' + b"x" * (6 * 2**20) + b'"', "larger than the 5 MiB"),
        ("broken.xml", b"<iia><partner></iia>", "not usable XML"),
        ("deep.xml", b"<a>" * 5000 + b"</a>" * 5000, "not usable XML"),
        ("bomb.xml", _bomb(), "not usable XML"),
        ("outside.xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "not usable XML"),
        ("other.xml", b"<html><body>maintenance</body></html>", "expected iia"),
        ("half.json", b'{"partner": [', "is not JSON"),
        ("deep.json", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ("latin.json", '{"partner": "Bodø"}'.encode("latin-1"), "not UTF-8"),
        ("note.txt", b"hello", "none of .json, .xml, .csv, .xlsx"),
    ],
)
def test_a_file_that_cannot_be_read_is_shown_with_its_reason(
    north: Gateway, folder: Path, name: str, content: bytes, reason: str
) -> None:
    (folder / name).write_bytes(content)
    refusal = _refusal(north, f"iias/{name}")
    assert reason in " ".join(problem["message"] for problem in refusal["problems"])
    assert north.sis.ready().status == 200
    (folder / name).unlink()
    path = "/api/v1/heis/north.example/refusals?limit=1000"
    until(lambda: name not in north.sis.get(path).__repr__(), f"the refusal of {name} is forgotten with its file")


async def test_hostile_files_do_not_keep_good_ones_from_being_served(north: Gateway, folder: Path) -> None:
    (folder / "a-bomb.xml").write_bytes(_bomb())
    (folder / "b-good.json").write_text(json.dumps(iia("good", people=7)))
    (folder / "c-broken.xml").write_bytes(b"<")
    until(lambda: "good" in north.sis.records("north.example"), "the good one among them is taken")
    assert await _served(north, "good") == ["7", "7", "1"]
    assert north.sis.ready().status == 200
    north.process.check()


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused_in_words(north: Gateway, body: bytes) -> None:
    reply = north.sis.send("PUT", "/api/v1/heis/north.example/records/iias/x", body)
    assert reply.status == 400
    assert reply.json["error"]["code"] == "bad-json"
    assert "x" not in north.sis.records("north.example")
