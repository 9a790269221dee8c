"""The exchange scenario that is published with the IIAs API (ewp-specs-api-iias, stable-v7, example-scenario), step by
step between two gateways.

Partner A is north.example, partner B south.example. From the scenario are the steps, the identifiers and numbers of the
two copies, what the conditions are about, and which document has a PDF. What its shortened files leave out (languages,
subjects, months) is filled in here, so its hashes cannot be met; and files get identifiers from the gateways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.closed_network import ClosedNetwork
from support.coordinators import Coordinator
from support.processes import ewpgw, until

from ewpgw.documents.parsing import parse
from ewpgw.model import iia_hash

A, B = "north.example", "south.example"
AS_ID, AS_CODE = "0f7a5682-faf7-49a7-9cc7-ec486c49a281", "2019/E+/23"
BS_ID, BS_CODE = "79364", "A-2019-78"


def students(sending: str, receiving: str) -> dict[str, Any]:
    """Two students a year, in the two years of the scenario, at the levels of master and doctor."""
    return {
        "sending_hei_id": sending,
        "receiving_hei_id": receiving,
        "receiving_first_academic_year_id": "2019/2020",
        "receiving_last_academic_year_id": "2020/2021",
        "mobilities_per_year": {"value": "2"},
        "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
        "subject_area": [{"isced_f_code": {"value": "0231"}}],
        "total_months_per_year": "20",
        "blended": False,
        "eqf_level": ["7", "8"],
    }


def agreement(owner: dict[str, str], other: dict[str, str], pdf_file: str) -> dict[str, Any]:
    """A copy: its owner comes first, in the list of partners as in the conditions."""
    both = [students(owner["hei_id"], other["hei_id"]), students(other["hei_id"], owner["hei_id"])]
    return {
        "partner": [owner, other],
        "in_effect": False,
        "cooperation_conditions": {"student_studies_mobility_spec": both},
        "pdf_file": pdf_file,
    }


class Scenario:
    """The two coordinators, and what has crossed the network between them."""

    def __init__(self, network: ClosedNetwork) -> None:
        self.a = Coordinator(network["north"].sis, A, B)
        self.b = Coordinator(network["south"].sis, B, A)

    def pdf(self, of: Coordinator, words: bytes) -> str:
        """A PDF in an institution's gateway; its identifier."""
        path = f"/api/v1/heis/{of.hei_id}/files"
        reply = of.sis.send("POST", path, b"%PDF-1.7 " + words, content_type="application/pdf")
        assert reply.status == 201, reply
        return str(reply.json["id"])

    def exchanged(self, caller: Coordinator, api: str, item: str, *, already: int = 0) -> Any:
        """The caller's newest call of an API about one agreement, answered with 200; ``already`` are earlier ones."""

        def answered() -> Any:
            calls = [each for each in caller.exchanges(api, "out", item) if each["status"] == 200]
            return calls[-1] if len(calls) > already else None

        return until(answered, f"{caller.hei_id} has called {api} about {item}")

    def downloaded(self, by: Coordinator, file_id: str) -> bytes:
        """A file of the partner."""
        reply = by.sis.request("GET", f"/api/v1/heis/{by.hei_id}/partner-files/{by.partner}/{file_id}")
        assert reply.status == 200, reply
        return reply.body


def response(exchange: Any) -> etree._Element:
    """The document that a call was answered with."""
    return parse(exchange["response"]["body"]["text"].encode())


def texts(root: etree._Element, name: str) -> list[str]:
    return [element.text or "" for element in root.iter(f"{{*}}{name}")]


@pytest.fixture(scope="module")
def scenario(network: ClosedNetwork) -> Scenario:
    return Scenario(network)


def test_the_published_scenario_step_by_step(scenario: Scenario, tmp_path: Path) -> None:
    a, b = scenario.a, scenario.b

    # 1: A has prepared an agreement and sends a notification with its identifier.
    as_pdf = scenario.pdf(a, b"signed by A")
    as_copy = agreement({"hei_id": A, "iia_id": AS_ID, "iia_code": AS_CODE}, {"hei_id": B}, as_pdf)
    assert a.put(AS_ID, as_copy) == "created"
    scenario.exchanged(a, "iia-cnr", AS_ID)

    # 2: B fetches it. The answer has A's hash, and no identifier of B's.
    first = response(scenario.exchanged(b, "iias", AS_ID))
    assert texts(first, "iia-id") == [AS_ID]
    assert texts(first, "iia-code") == [AS_CODE]
    assert texts(first, "hei-id") == [A, B]
    assert texts(first, "sending-hei-id") == texts(first, "receiving-hei-id")[::-1] == [A, B]
    assert texts(first, "receiving-first-academic-year-id") == ["2019/2020"] * 2
    assert texts(first, "receiving-last-academic-year-id") == ["2020/2021"] * 2
    assert texts(first, "mobilities-per-year") == ["2", "2"]
    assert texts(first, "eqf-level") == ["7", "8", "7", "8"]
    assert texts(first, "pdf-file") == [as_pdf]
    assert texts(first, "iia-hash") == [next(iia_hash.of_response(first)).iia_hash]
    assert scenario.downloaded(b, as_pdf) == b"%PDF-1.7 signed by A"

    # 3: B has entered the agreement too and sends a notification with its own identifier.
    bs_pdf = scenario.pdf(b, b"signed by B")
    bs_owner = {"hei_id": B, "iia_id": BS_ID, "iia_code": BS_CODE}
    bs_copy = agreement(bs_owner, {"hei_id": A, "iia_id": AS_ID}, bs_pdf)
    assert b.put(BS_ID, bs_copy) == "created"
    scenario.exchanged(b, "iia-cnr", BS_ID)

    # 4: A fetches B's copy, which names A's: the two are of one agreement.
    second = response(scenario.exchanged(a, "iias", BS_ID))
    assert texts(second, "iia-id") == [BS_ID, AS_ID]
    assert texts(second, "hei-id") == [B, A]
    assert texts(second, "sending-hei-id") == texts(second, "receiving-hei-id")[::-1] == [B, A]
    assert texts(second, "iia-code") == [BS_CODE]
    assert texts(second, "iia-hash") == [next(iia_hash.of_response(second)).iia_hash]

    # 5: A names B's identifier in its copy, without its system's doing, and sends a notification.
    found = a.reaches(AS_ID, "proposed", mapping="mapped", their_id=BS_ID, how="their copy", copies_equal=True)
    bs_hash = found["their_hash"]
    scenario.exchanged(a, "iia-cnr", AS_ID, already=1)
    until(lambda: b.copy(AS_ID)["our_id"] == BS_ID, "B has A's copy with its own identifier")
    unmapped = a.sis.get(f"/api/v1/heis/{A}/unmapped-copies")["items"]
    assert BS_ID not in [each["iia_id"] for each in unmapped]

    # 6: B agrees with A's version, whose hash was computed from the bytes received, and says so.
    as_hash = b.standing(BS_ID)["their_hash"]
    received = b.sis.received(B, A, AS_ID)
    assert next(iia_hash.of_response(parse(received))).iia_hash == as_hash == a.standing(AS_ID)["our_hash"]
    (tmp_path / "from-a.xml").write_bytes(received)
    assert f'"computed": "{as_hash}"' in ewpgw("iia", "hash", "--json", tmp_path / "from-a.xml").stdout
    b_signed = scenario.pdf(b, b"signed by A and by B")
    b.approves(BS_ID, iia_hash=as_hash, by="B's coordinator", pdf_file=b_signed)
    scenario.exchanged(b, "iia-approval-cnr", AS_ID)

    # 7: A asks for B's approval, sees that it is of the newest version, and keeps the answer.
    approval = scenario.exchanged(a, "iias-approval", AS_ID)
    third = response(approval)
    assert (texts(third, "iia-id"), texts(third, "iia-hash")) == ([AS_ID], [as_hash])
    assert texts(third, "pdf-file") == [b_signed]
    assert scenario.downloaded(a, b_signed) == b"%PDF-1.7 signed by A and by B"
    a.reaches(AS_ID, "approved-by-partner", their_approval=as_hash, approved_by_partner=True)
    assert b.standing(BS_ID)["state"] == "approved-by-us"

    # 8: A agrees with B's version, and says so.
    received = a.sis.received(A, B, BS_ID)
    assert next(iia_hash.of_response(parse(received))).iia_hash == bs_hash == b.standing(BS_ID)["our_hash"]
    a_signed = scenario.pdf(a, b"signed by B and by A")
    a.approves(AS_ID, iia_hash=bs_hash, by="A's coordinator", pdf_file=a_signed)
    scenario.exchanged(a, "iia-approval-cnr", BS_ID)

    # 9: B asks for A's approval, sees that it is of the newest version, and keeps the answer.
    fourth = response(scenario.exchanged(b, "iias-approval", BS_ID))
    assert (texts(fourth, "iia-id"), texts(fourth, "iia-hash")) == ([BS_ID], [bs_hash])
    assert texts(fourth, "pdf-file") == [a_signed]

    # What the scenario leads to: the agreement is in effect, and each side has kept the other's word for it.
    b.reaches(BS_ID, "mutually-approved", our_hash=bs_hash, their_hash=as_hash)
    a.reaches(AS_ID, "mutually-approved", our_hash=as_hash, their_hash=bs_hash)
    (kept,) = a.snapshots(AS_ID)
    assert (kept["our_hash"], kept["their_hash"], kept["approved_by"]) == (as_hash, bs_hash, "A's coordinator")
    assert kept["their_approval_exchange"] == approval["id"]
    assert a.evidence(AS_ID, 1, "their-approval").decode() == approval["response"]["body"]["text"]
    assert a.evidence(AS_ID, 1, "their-copy") == received
    assert texts(parse(b.evidence(BS_ID, 1, "their-approval")), "iia-hash") == [bs_hash]
    assert 'keyId="' in dict(approval["response"]["headers"]).get("Signature", "")
