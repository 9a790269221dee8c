"""The settings of transcripts: what is accepted, what it becomes, and what is wrong with the rest."""

from __future__ import annotations

import pytest
from support.configurations import Case

from ewpgw.model.grade_tables import GradeCount
from ewpgw.transcripts.configured import Configuration

SECTION = """\
    transcripts:
      signing: {certificate: chain.pem, key: tls.pem}
      trusted_certificates: [ca.pem]
      grade_distributions:
        - isced_code: "0613"
          grades:
            - {label: 5, count: 30}
            - {label: 0, count: 20, passing: false}
      partner_scales: [{hei_id: far.example, best_first: true}]
      make_pdf: false
      overlapping_grades: highest
"""


def test_the_settings_become_values_to_work_with(case: Case, right: str) -> None:
    settings = case.load(f"{right}{SECTION}transcripts: {{max_attachment_bytes: 100000, max_elements: 2000}}\n")
    configuration = Configuration.of(settings)
    north = configuration.hei("north.example")
    (distribution,) = north.distributions
    assert distribution.isced_code == "0613"
    assert distribution.grades == (GradeCount("5", 30), GradeCount("0", 20, passing=False))
    assert north.best_first == {"far.example": True}
    assert len(north.trusted) == 1
    assert (north.makes_pdf, north.overlap) == (False, "highest")
    assert north.signing is not None
    assert north.signing.key not in repr(north).encode()
    assert (configuration.limits.largest_attachment, configuration.limits.most_elements) == (100000, 2000)
    assert configuration.hei("else.example").signing is None


def test_a_pdf_is_made_and_the_middle_grade_suggested_unless_the_settings_say_otherwise(case: Case, right: str) -> None:
    north = Configuration.of(case.load(right)).hei("north.example")
    assert (north.makes_pdf, north.overlap) == (True, "middle")


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("key: tls.pem", "key: north.pem", "heis[0].transcripts.signing", "not that of the key"),
        ("key: tls.pem", "key: gone.pem", "heis[0].transcripts.signing.key", "there is no file"),
        ("[ca.pem]", "[north.pem]", "heis[0].transcripts.trusted_certificates[0]", "holds no certificate"),
        ("label: 0, count: 20", "label: 5, count: 20", "heis[0].transcripts.grade_distributions[0].grades", "twice"),
        ('"0613"', '"613X"', "heis[0].transcripts.grade_distributions[0].isced_code", ""),
        ("grades: highest", "grades: best", "heis[0].transcripts.overlapping_grades", "lowest"),
        ("make_pdf: false", "make_pdf: 0", "heis[0].transcripts.make_pdf", ""),
        ("best_first: true", "best_first: maybe", "heis[0].transcripts.partner_scales[0].best_first", ""),
    ],
)
def test_a_fault_is_told_by_its_key(case: Case, right: str, old: str, new: str, key: str, said: str) -> None:
    assert old in SECTION
    fault = case.fault(right + SECTION.replace(old, new))
    assert fault.key_path == key
    assert said in str(fault)
