"""Our schemas against the published ones: both must accept and refuse the same documents."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ewpgw import resources
from ewpgw.documents.schemas import default


def test_our_schemas_agree_with_the_published_ones_on_samples_and_near_misses(shared: Path) -> None:
    command = [
        sys.executable,
        str(shared / "tools" / "schema_equivalence.py"),
        str(resources.folder("schemas")),
        "--count",
        "2",
        "--seed",
        "11",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    compared = [line for line in done.stdout.splitlines() if "missing" not in line]
    assert len(compared) >= 18
    assert all(line.split()[0].partition("/")[0] == line.split()[0].partition("/")[2] for line in compared)


SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # in the patterns of samples
@pytest.mark.parametrize("root", ["Signature", "KeyInfo", "X509Data", "PGPData", "DSAKeyValue", "Manifest"])
def test_the_schema_of_signatures_agrees_too(shared: Path, monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    """Signatures are so deep inside transcripts that samples of those hardly ever have one."""
    monkeypatch.syspath_prepend(str(shared / "tools"))
    references: Any = importlib.import_module("reference_schemas").ReferenceSchemas()
    samples: Any = importlib.import_module("sample_documents")
    published, ours = references.for_namespace(SIGNATURES), default().xsd(SIGNATURES)
    tried = 0
    for document in samples.Sampler(references, SIGNATURES, root).valid(1, seed=11):
        assert ours.validate(document), ours.error_log
        for change, twin in samples.near_misses(document, seed=11):
            assert ours.validate(twin) == published.validate(twin), (change, etree.tostring(twin))
            tried += 1
    assert tried > 20
