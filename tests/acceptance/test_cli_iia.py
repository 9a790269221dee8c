"""``ewpgw iia diff``, ``iia import-v6`` and ``iia hash`` of version 6, as processes; and the pages about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.authority import authority
from support.documents import iia
from support.former import CONDITIONS_HASH, IIA_HASH, approval, document, partners
from support.pages import Reader, blocks
from support.processes import ewpgw

from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.security.keys import generate, write_private_key

DOCS = Path(__file__).resolve().parents[2] / "docs"


def write(file: Path, data: dict[str, Any]) -> Path:
    entity = ENTITIES["iias"]
    file.write_bytes(entity.newest.wrap([entity.newest.encode(Iia.model_validate(data)).fragment]))
    return file


def copies(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """Ours, and the partner's copy of it with changes to its first condition and its own order."""
    ours = iia("n-1", partner_iia_id="s-9")
    theirs = iia("n-1", partner_iia_id="s-9")
    theirs["partner"] = [
        {"hei_id": "south.example", "iia_id": "s-9", "iia_code": "S/9"},
        {"hei_id": "north.example", "iia_id": "n-1"},
    ]
    studies = theirs["cooperation_conditions"]["student_studies_mobility_spec"]
    studies[0] |= changes
    studies.reverse()
    return write(folder / "ours.xml", ours), write(folder / "theirs.xml", theirs)


@pytest.fixture
def former(tmp_path: Path) -> Path:
    file = tmp_path / "approved-v6.xml"
    file.write_bytes(document())
    return file


def test_1_two_copies_that_differ_are_shown_field_by_field(tmp_path: Path) -> None:
    """The first thing that breaks in the field: two copies differ, and nobody can see where."""
    done = ewpgw("iia", "diff", *copies(tmp_path, mobilities_per_year="4"))
    assert done.returncode == 1
    assert "Students: studies, north.example → south.example (0613): People a year  3" in done.stdout
    assert "Approval is prevented by 1 difference." in done.stdout
    assert "Conditions: 1 different, 2 the same in both." in done.stdout


def test_copies_that_agree_are_no_error_whatever_their_order(tmp_path: Path) -> None:
    done = ewpgw("iia", "diff", "--json", *copies(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["a"], found["b"], found["prevents_approval"]) == ("north.example", "south.example", False)
    assert found["differences"] == []
    assert {each["outcome"] for each in found["conditions"]} == {"same"}
    assert found["hash_texts_part"]["condition"] == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<x", "line 1"),
        ("<x/>", "holds no agreement"),
        ("<x><iia/><iia/></x>", "holds 2 agreements"),
        ("<iia/>", "is iia, not the element iia of"),
    ],
)
def test_a_file_without_one_agreement_is_an_error(tmp_path: Path, content: str, said: str) -> None:
    ours, theirs = copies(tmp_path)
    theirs.write_text(content)
    done = ewpgw("iia", "diff", ours, theirs)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{theirs}: " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_agreement_of_version_6_becomes_a_record_whose_approval_counts(tmp_path: Path, former: Path) -> None:
    done = ewpgw("iia", "import-v6", former)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["iia_hash"] == IIA_HASH
    assert "warning: cooperation_conditions.student_studies_mobility_spec.0.mobilities_per_year" in done.stderr
    hashed = json.loads(ewpgw("iia", "hash", "--json", former).stdout)
    stated = {"conditions_hash": CONDITIONS_HASH, "stated": CONDITIONS_HASH, "agree": True}
    assert hashed == [{"iia_id": "n-1", "iia_hash": IIA_HASH, **stated}]


def test_the_pdf_of_version_6_is_written_and_overwrites_nothing(tmp_path: Path, former: Path) -> None:
    former.write_bytes(document(("</conditions-hash>", "</conditions-hash><pdf>JVBE\nRg==</pdf>")))
    target = tmp_path / "agreement.pdf"
    assert ewpgw("iia", "import-v6", "--pdf", target, former).returncode == 0
    assert target.read_bytes() == b"%PDF"
    again = ewpgw("iia", "import-v6", "--pdf", target, former)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ([("stable-v6", "stable-v7")], [], "is not a get-response of version 6"),
        ([("<isced-f-code>061<", "<isced-f-code>31<")], [], "none of ISCED-F 2013"),
        ([], ["--pdf", "agreement.pdf"], "has no PDF"),
        ([("<conditions-hash>", "<conditions-hash>0")], ["--isced", "061"], "OLD=NEW"),
    ],
)
def test_what_cannot_be_imported_is_said(
    former: Path, changes: list[tuple[str, str]], options: list[str], said: str
) -> None:
    former.write_bytes(document(*changes))
    done = ewpgw("iia", "import-v6", *options, former)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert said in done.stderr


def test_the_commands_of_the_comparison_work(tmp_path: Path) -> None:
    copies(tmp_path, mobilities_per_year="4")
    assert Reader(tmp_path / "home", {}, cwd=tmp_path).run(DOCS / "comparing-agreements.md") == 2


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A configuration of north.example, and what it approved of South's under version 6."""
    for folder in ("keys", "tls"):
        (tmp_path / folder).mkdir()
    write_private_key(tmp_path / "keys/north.pem", generate())
    authority().issue_cert("north.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls/all.pem"))
    config = yaml.safe_load((DOCS.parent / "config/ewpgw.minimal.yaml").read_text())
    config["network"]["tls"] = {"certificate": "tls/all.pem", "key": "tls/all.pem"}
    (tmp_path / "ewpgw.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "their-copy-v6.xml").write_bytes(partners())
    (tmp_path / "our-approval-v1.xml").write_bytes(approval("s-9"))
    return tmp_path / "ewpgw.yaml"


def test_the_commands_for_version_6_work(tmp_path: Path, former: Path, configured: Path) -> None:
    page = DOCS / "legacy-agreements.md"
    assert Reader(tmp_path / "home", {}, cwd=tmp_path).run(page) == len(blocks(page)) == 6
    assert json.loads((tmp_path / "n-1.json").read_text())["iia_hash"] == IIA_HASH
    again = ewpgw(
        *("iia", "take-over-v6", "north.example", "-c", configured),
        *("--ours", former, "--approved-by-partner", CONDITIONS_HASH),
    )
    assert (again.returncode, again.stdout) == (0, "n-1 is mutually-approved; its record stays as it is\n")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (
            ["--approved-by-partner", "0" * 64, "--ours", "approved-v6.xml"],
            1,
            "not taken over: the approved conditions",
        ),
        (["--approved-by-partner", "yes", "--ours", "approved-v6.xml"], 2, "no hash of 64 hexadecimal digits"),
        (["--ours", "approved-v6.xml"], 2, "--approved-by-partner together"),
        ([], 1, "give our copy that the partner approved"),
    ],
)
def test_what_is_not_taken_over_is_said(
    former: Path, configured: Path, options: list[str], code: int, said: str
) -> None:
    given = [str(former) if option == former.name else option for option in options]
    done = ewpgw("iia", "take-over-v6", "north.example", "-c", configured, *given)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in " ".join(done.stderr.replace("│", "").split())
