"""Files and factsheets between two gateways: given to one's SIS API, taken from the other's."""

from __future__ import annotations

import json
from pathlib import Path

from support.closed_network import ClosedNetwork
from support.documents import factsheet, iia
from support.processes import ewpgw, until

PDF = b"%PDF-1.7 \x00\xff\r\n the agreement"
NORTH, SOUTH = "north.example", "south.example"


def test_the_pdf_of_an_agreement_reaches_the_partner_and_nobody_else(network: ClosedNetwork, tmp_path: Path) -> None:
    north, south = network["north"], network["south"]
    uploaded = north.sis.send("POST", f"/api/v1/heis/{NORTH}/files", PDF, content_type="application/pdf")
    assert uploaded.status == 201, uploaded
    file_id = uploaded.json["id"]
    put = north.sis.put(NORTH, "iias", "with-pdf", {**iia("with-pdf"), "pdf_file": file_id})
    assert put.status == 201, put
    until(lambda: south.sis.copy(SOUTH, NORTH, "with-pdf") is not None, "south has the agreement")
    named = south.sis.get(f"/api/v1/heis/{SOUTH}/partner-copies/iias/{NORTH}/with-pdf")["document"]["pdf_file"]
    fetched = south.sis.request("GET", f"/api/v1/heis/{SOUTH}/partner-files/{NORTH}/{named}")
    assert (fetched.status, fetched.body, fetched.headers["Content-Type"]) == (200, PDF, "application/pdf")
    other = south.sis.request("GET", f"/api/v1/heis/hibo.no/partner-files/{NORTH}/{named}")
    assert (other.status, other.json["error"]["code"]) == (404, "unknown-file")

    kept = tmp_path / "agreement.pdf"
    arguments = ["call", NORTH, "file", "", f"file_id={file_id}", "--as", SOUTH, "--config", south.config_file]
    done = ewpgw(*arguments, "--output", kept)
    assert (done.returncode, done.stderr) == (0, "")
    assert kept.read_bytes() == PDF
    shown = ewpgw(*arguments, "--json")
    assert {**json.loads(shown.stdout), "url": ""} == {
        "status": 200,
        "signed": True,
        "url": "",
        "content_type": "application/pdf",
        "body": None,
    }


def test_a_factsheet_is_fetched_when_it_is_asked_for(network: ClosedNetwork) -> None:
    north, south = network["north"], network["south"]
    assert north.sis.put(NORTH, "factsheet", NORTH, factsheet(NORTH)).status == 201
    asked = south.sis.request("POST", f"/api/v1/heis/{SOUTH}/refreshes", {"entity": "factsheet", "partner": NORTH})
    assert asked.status == 202
    until(lambda: south.sis.copy(SOUTH, NORTH, NORTH, "factsheet") is not None, "south has the factsheet")
    assert b"<decision-weeks-limit>4<" in south.sis.received(SOUTH, NORTH, NORTH, "factsheet")


def test_what_is_asked_for_of_agreements_is_asked_for_of_approvals_too(network: ClosedNetwork) -> None:
    south = network["south"]
    asked = south.sis.request("POST", f"/api/v1/heis/{SOUTH}/refreshes", {"entity": "iias", "partner": NORTH})
    assert asked.status == 202

    def pulled() -> set[str]:
        found = south.sis.get(f"/api/v1/heis/{SOUTH}/work?kind=pull&partner={NORTH}&state=done&limit=1000")
        return {row["api"] for row in found["items"]}

    until(lambda: pulled() >= {"iias", "iias-approval"}, "both are pulled")
