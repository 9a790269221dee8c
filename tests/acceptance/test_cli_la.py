"""``ewpgw la pdf`` and ``ewpgw la diff`` as processes, and the page about them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from support.components import added, agreement_json, component, dropped, proposal, version
from support.pages import Reader
from support.processes import environment, ewpgw

from ewpgw.model.learning_agreement import ENVELOPE, LearningAgreement
from ewpgw.model.learning_agreement_parts import NAMESPACE

DOCS = Path(__file__).resolve().parents[2] / "docs"


def agreed_and_changing() -> LearningAgreement:
    """Changes are approved, and others proposed in their place."""
    kept = [component(title, credit=[{"scheme": "ects", "value": "6"}]) for title in ("Analysis", "Algebra")]
    return LearningAgreement.model_validate(
        agreement_json(
            first_version=version([component("Set Theory"), component("Mechanics")], components_recognized=kept),
            approved_changes=version([added("Topology", los_code="P-200")]),
            changes_proposal=proposal(
                [
                    dropped("Set Theory"),
                    dropped("Mechanics", reason_code=None),
                    added("Mechanics", credit=[{"scheme": "ects", "value": "7.5"}]),
                    added("Knot [Theory]"),
                ]
            ),
        ),
        extra="forbid",
    )


@pytest.fixture
def xml(tmp_path: Path) -> Path:
    file = tmp_path / "agreement.xml"
    fragment = agreed_and_changing().encoded().decode()
    file.write_text(f'<{ENVELOPE} xmlns="{NAMESPACE}">{fragment}</{ENVELOPE}>')
    return file


@pytest.fixture
def as_json(tmp_path: Path) -> Path:
    file = tmp_path / "agreement.json"
    file.write_text(agreed_and_changing().json_text())
    return file


def test_a_coordinator_is_told_what_a_proposal_would_change(xml: Path) -> None:
    done = ewpgw("la", "diff", xml)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "Table A Set Theory dropped Timetable conflict" in lines
    assert "Table A Mechanics changed Credits: 6 ECTS → 7.5 ECTS; Substituting a deleted component" in lines
    assert "Table A P-200 Topology dropped the proposal no longer adds it" in lines
    assert "Table A Knot [Theory] added Substituting a deleted component" in lines
    assert "Components that stay as they are: 2." in lines
    assert "Credits of Table A: 18 ECTS before, 13.5 after." in lines


def test_xml_and_json_of_an_agreement_give_the_same_differences(xml: Path, as_json: Path) -> None:
    told = [json.loads(ewpgw("la", "diff", "--json", file).stdout) for file in (xml, as_json)]
    assert told[0] == told[1]
    assert {each["outcome"] for each in told[0]["components"]} == {"added", "dropped", "changed", "same"}


def test_the_paper_goes_to_a_file_and_overwrites_nothing(tmp_path: Path, as_json: Path) -> None:
    target = tmp_path / "agreement.pdf"
    done = ewpgw("la", "pdf", as_json, "--output", target, "--state", "approved", "--name", "north.example=Pohjoinen")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = PdfReader(target).pages[0].extract_text()
    assert "Pohjoinen (north.example)" in text
    assert "PROPOSAL" not in text
    again = ewpgw("la", "pdf", as_json, "--output", target)
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_the_paper_goes_to_standard_output_and_is_of_the_proposal_where_there_is_one(xml: Path) -> None:
    command = [sys.executable, "-m", "ewpgw", "la", "pdf", str(xml)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment())
    assert done.stdout.startswith(b"%PDF-")
    target = xml.with_suffix(".pdf")
    target.write_bytes(done.stdout)
    assert "PROPOSAL, NOT APPROVED" in PdfReader(target).pages[0].extract_text()


def test_the_commands_of_the_page_work(tmp_path: Path, xml: Path) -> None:
    page = DOCS / "learning-agreements.md"
    assert Reader(tmp_path / "home", {}, cwd=tmp_path).run(page) == 3
    assert (tmp_path / "agreement.pdf").read_bytes().startswith(b"%PDF-")
