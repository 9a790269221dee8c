"""The hash of agreements: what it covers, and what it leaves out."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from lxml import etree

from ewpgw.model.iia import NAMESPACE
from ewpgw.model.iia_hash import iia_hash, of_response, text_to_hash, valid_for_approval


def agreement(conditions: str = "", attributes: str = "", partners: str | None = None) -> str:
    if partners is None:
        partners = "<partner><iia-id>n-1</iia-id></partner><partner><iia-id>s-9</iia-id></partner>"
    return (
        f'<iia xmlns="{NAMESPACE}">{partners}<in-effect>true</in-effect>'
        f"<cooperation-conditions {attributes}>{conditions}</cooperation-conditions></iia>"
    )


def spec(content: str) -> str:
    return f"<staff-training-mobility-spec>{content}</staff-training-mobility-spec>"


def text(conditions: str = "", attributes: str = "", partners: str | None = None) -> str:
    return text_to_hash(etree.fromstring(agreement(conditions, attributes, partners)))


def covered(content: str) -> str:
    """The text that one condition adds, without the academic years at its end."""
    years = "_receiving-first-academic-year-id=__receiving-last-academic-year-id=_"
    found = text(spec(content)).removeprefix("_iia-id_1=n-1__iia-id_2=s-9_")
    assert found.endswith(years)
    return found.removesuffix(years)


def test_the_published_vectors_are_met(shared: Path) -> None:
    vectors = json.loads((shared / "ewp-reference/vectors/iia-hash-v7.json").read_text())
    assert vectors
    for vector in vectors:
        found = [
            {
                "iia_id": hashed.iia_id,
                "text_to_hash": hashed.text,
                "iia_hash": hashed.iia_hash,
                "valid_for_approval": hashed.valid_for_approval,
            }
            for hashed in of_response(etree.fromstring(vector["xml"]))
        ]
        assert found == vector["expected"], vector["name"]


def test_the_hash_is_the_sha256_of_the_text_in_utf8() -> None:
    assert iia_hash("_ä_") == sha256("_ä_".encode()).hexdigest()


def test_identifiers_of_both_partners_come_first_and_may_be_empty() -> None:
    assert text(partners="<partner><iia-id> a </iia-id></partner><partner/>") == "_iia-id_1= a __iia-id_2=_"
    assert text() == "_iia-id_1=n-1__iia-id_2=s-9_"


def test_leaves_are_named_by_themselves_and_two_levels_above() -> None:
    assert covered("<sending-hei-id>n</sending-hei-id>") == (
        "_cooperation-conditions.staff-training-mobility-spec.sending-hei-id=n_"
    )
    assert covered("<a><b><c>1</c><d/></b></a>") == "_a.b.c=1__a.b.d=_"


def test_text_counts_as_it_stands() -> None:
    assert covered("<a><b> 5.00\n</b></a>") == "_staff-training-mobility-spec.a.b= 5.00\n_"
    assert (
        covered("<a><b>one<!-- two --> three<?four five?>.</b></a>") == "_staff-training-mobility-spec.a.b=one three._"
    )
    assert covered("<a><b>&#13;<![CDATA[<&]]></b></a>") == "_staff-training-mobility-spec.a.b=\r<&_"


def test_academic_years_follow_each_condition() -> None:
    years = (
        "<receiving-last-academic-year-id>2028/2029</receiving-last-academic-year-id>"
        "<receiving-first-academic-year-id>2026/2027</receiving-first-academic-year-id>"
    )
    assert text(spec(f"{years}<x>1</x>") + spec("<x>2</x>")).removeprefix("_iia-id_1=n-1__iia-id_2=s-9_") == (
        "_cooperation-conditions.staff-training-mobility-spec.x=1_"
        "_receiving-first-academic-year-id=2026/2027__receiving-last-academic-year-id=2028/2029_"
        "_cooperation-conditions.staff-training-mobility-spec.x=2_"
        "_receiving-first-academic-year-id=__receiving-last-academic-year-id=_"
    )


@pytest.mark.parametrize("name", ["sending-contact", "receiving-contact"])
def test_contacts_are_left_out_with_all_inside(name: str) -> None:
    assert covered(f"<{name}><contact-name xml:lang='en'>A</contact-name></{name}>") == ""


@pytest.mark.parametrize("flag", ["true", "1"])
def test_what_is_not_yet_defined_is_left_out_with_all_inside(flag: str) -> None:
    assert covered(f"<a not-yet-defined='{flag}' other='x'><b>1</b></a><c not-yet-defined='{flag}'>2</c>") == ""


def test_what_is_defined_after_all_counts_without_the_flag() -> None:
    assert covered("<a not-yet-defined='false'><b>1</b></a>") == "_staff-training-mobility-spec.a.b=1_"


def test_attributes_count_by_their_local_names_before_the_text() -> None:
    assert covered("<a xml:lang='en' z='2'>1</a>") == (
        "_@cooperation-conditions.staff-training-mobility-spec.a.lang=en@_"
        "_@cooperation-conditions.staff-training-mobility-spec.a.z=2@_"
        "_cooperation-conditions.staff-training-mobility-spec.a=1_"
    )


def test_a_code_gives_way_to_that_of_version_6() -> None:
    assert covered("<s><isced-f-code v6-value='031'>0314</isced-f-code></s>").endswith("isced-f-code=031_")
    assert covered("<s><isced-f-code v6-value=''>0314</isced-f-code></s>").endswith("isced-f-code=0314_")
    assert covered("<s><other v6-value='031'>0314</other></s>").endswith("other=0314_")


@pytest.mark.parametrize(
    ("flag", "counts"), [("true", True), ("1", True), ("false", False), ("0", False), ("yes", False)]
)
def test_termination_counts_only_where_it_is_true(flag: str, counts: bool) -> None:
    assert text(attributes=f"terminated-as-a-whole='{flag}'").startswith("_@terminated-as-a-whole@_") is counts


def test_one_terminated_agreement_changes_all_others_of_its_response() -> None:
    ended, other = agreement(attributes="terminated-as-a-whole='true'"), agreement()
    response = etree.fromstring(f"<r>{other}{ended}</r>")
    assert [hashed.text.startswith("_@") for hashed in of_response(response)] == [True, True]
    assert text_to_hash(response[0]) == text()
    assert iia_hash(text()) != next(of_response(response)).iia_hash


def test_one_left_over_of_version_6_makes_a_whole_response_unfit_for_approval() -> None:
    old = agreement(spec("<s><isced-f-code v6-value='031'>0314</isced-f-code></s>"))
    response = etree.fromstring(f"<r>{agreement()}{old}</r>")
    assert [hashed.valid_for_approval for hashed in of_response(response)] == [False, False]
    assert valid_for_approval(response[0])
    assert not valid_for_approval(response[1])


@pytest.mark.parametrize(
    ("content", "valid"),
    [
        ("<a not-yet-defined='true'/>", False),
        ("<a not-yet-defined='1'/>", False),
        ("<a not-yet-defined='false'/>", True),
        ("<a v6-value='1'/>", False),
        ("<a v6-value=''/>", True),
    ],
)
def test_marks_of_version_6_forbid_approval(content: str, valid: bool) -> None:
    assert valid_for_approval(etree.fromstring(agreement(spec(content)))) is valid


def test_a_mark_around_the_agreement_leaves_everything_out_but_the_years() -> None:
    inside = agreement(spec("<x>1</x>"))
    (hashed,) = of_response(etree.fromstring(f"<r not-yet-defined='true'>{inside}</r>"))
    assert "x=1" not in hashed.text
    assert hashed.text.endswith("_receiving-first-academic-year-id=__receiving-last-academic-year-id=_")


def test_each_agreement_of_a_response_is_told_by_its_owners_identifier() -> None:
    response = etree.fromstring(f"<r>{agreement()}{agreement(partners='<partner/>')}</r>")
    assert [hashed.iia_id for hashed in of_response(response)] == ["n-1", ""]
    assert [hashed.element for hashed in of_response(response)] == list(response)
