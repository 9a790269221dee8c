"""What records look like as XML, and how tolerantly the XML of partners is read."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from ewpgw.model import iia as iia_module
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.model.iia_hash import text_to_hash
from ewpgw.model.organizational_unit import OrganizationalUnit
from ewpgw.model.problems import DecodeProblem

from .checking import OTHER, OWNER, accepted, accepted_iia, check, condition

IIAS = ENTITIES["iias"]
IIA = f"{{{iia_module.NAMESPACE}}}"


def encoded(data: Any) -> etree._Element:
    return etree.fromstring(IIAS.newest.encode(accepted_iia(data)).fragment)


def decoded(element: etree._Element) -> Iia:
    record = IIAS.newest.decode(element)
    assert isinstance(record, Iia)
    return record


def test_a_fragment_declares_only_the_namespaces_it_uses(iia_json: dict[str, Any], unit_json: dict[str, Any]) -> None:
    assert encoded(iia_json).nsmap == {None: iia_module.NAMESPACE}
    iia_json["partner"][0]["contact"] = [{"contact_name": ["Office"]}]
    fragment = IIAS.newest.encode(accepted_iia(iia_json)).fragment
    assert fragment.count(b"xmlns:c=") == 1
    assert fragment.count(b"xmlns") == 2
    units = ENTITIES["organizational-units"].newest
    assert units.encode(accepted("organizational-units", unit_json)).fragment == (
        b'<ounit xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-ounits/tree/stable-v2">'
        b'<ounit-id>science</ounit-id><ounit-code>SCI</ounit-code><name xml:lang="en">Science</name>'
        b"<parent-ounit-id>root</parent-ounit-id></ounit>"
    )


@pytest.mark.parametrize("name", ENTITIES)
def test_a_response_without_records_is_an_empty_envelope(name: str) -> None:
    entity = ENTITIES[name]
    root = etree.fromstring(entity.newest.wrap([]))
    assert root.tag == f"{{{entity.newest.namespace}}}{entity.newest.envelope}"
    assert len(root) == 0


def test_numbers_stay_as_they_were_written(iia_json: dict[str, Any]) -> None:
    (first, second) = iia_json["cooperation_conditions"]["student_studies_mobility_spec"]
    first.update(mobilities_per_year="05", total_months_per_year="5.00", eqf_level=["07"])
    second.update(mobilities_per_year=5.0, total_months_per_year=2.50, eqf_level=[7])
    root = encoded(iia_json)
    for tag, texts in (
        ("mobilities-per-year", ["05", "5"]),
        ("total-months-per-year", ["5.00", "2.5"]),
        ("eqf-level", ["07", "7"]),
    ):
        assert [element.text for element in root.iter(f"{IIA}{tag}")] == texts


def test_an_empty_clarification_is_kept_apart_from_none(iia_json: dict[str, Any]) -> None:
    first = iia_json["cooperation_conditions"]["student_studies_mobility_spec"][0]
    first["subject_area"][0]["isced_clarification"] = ""
    root = encoded(iia_json)
    assert "isced-clarification=_" in text_to_hash(root)
    assert len(list(root.iter(f"{IIA}isced-clarification"))) == 1
    conditions = decoded(root).cooperation_conditions.student_studies_mobility_spec
    assert [condition.subject_area[0].isced_clarification for condition in conditions] == ["", None]


@pytest.mark.parametrize(
    "text", [" padded ", "two\r\nlines\r", "tab\tand\nbreak", " ", "<&]]>\"'", "\u0085\u2028\U0001d518"]
)
def test_texts_survive_exactly(text: str, iia_json: dict[str, Any]) -> None:
    specs = iia_json["cooperation_conditions"]["student_studies_mobility_spec"]
    specs[0]["other_info_terms"] = text
    conditions = decoded(encoded(iia_json)).cooperation_conditions
    assert conditions.student_studies_mobility_spec[0].other_info_terms == text


def test_a_hash_that_was_handed_in_is_replaced(iia_json: dict[str, Any]) -> None:
    right = encoded(iia_json).findtext(f"{IIA}iia-hash")
    assert encoded({**iia_json, "iia_hash": "0" * 64}).findtext(f"{IIA}iia-hash") == right
    assert check("iias", {**iia_json, "iia_hash": "0" * 64}).record == accepted_iia(iia_json)


def test_unknown_elements_of_a_partner_are_passed_over(iia_json: dict[str, Any]) -> None:
    expected = accepted_iia(iia_json)
    element = encoded(iia_json)
    for parent in list(element.iter(etree.Element)):
        if len(parent):
            parent.insert(0, etree.fromstring("<new xmlns='urn:x'><deep/></new>"))
            parent.append(etree.fromstring(f"<newer xmlns='{iia_module.NAMESPACE}' a='b'>text</newer>"))
    assert decoded(element) == expected


def test_unknown_elements_of_our_own_are_refused(iia_json: dict[str, Any]) -> None:
    element = encoded(iia_json)
    specification = element.find(f".//{IIA}student-studies-mobility-spec")
    assert specification is not None
    specification.append(etree.fromstring(f"<blended xmlns='{iia_module.NAMESPACE}'>true</blended>"))
    specification.append(etree.fromstring(f"<other-terms xmlns='{iia_module.NAMESPACE}'><deep/></other-terms>"))
    specification.set("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation", "a b")
    checked = IIAS.from_xml(OWNER, element)
    assert checked.refused
    path = "cooperation_conditions.student_studies_mobility_spec"
    assert {problem.path for problem in checked.problems} == {f"{path}.blended", f"{path}.other_terms"}


def test_text_where_no_text_belongs_is_refused_in_our_own(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][0]["contact"] = [{"contact_name": ["Office"], "email": ["a@b.c"], "phone_number": [{}]}]
    element = encoded(iia_json)
    (number,) = element.iter("{*}phone-number")
    number.text = "+358 20 123456"
    checked = IIAS.from_xml(OWNER, element)
    assert checked.refused
    assert "partner.contact.phone_number.(text)" in {problem.path for problem in checked.problems}


def test_comments_inside_a_text_do_not_cut_it(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][0]["iia_code"] = "N 2026/1"
    fragment = IIAS.newest.encode(accepted_iia(iia_json)).fragment.replace(b"N 2026/1", b"N <!-- c -->2026<?p i?>/1")
    element = etree.fromstring(fragment)
    assert decoded(element).partner[0].iia_code == "N 2026/1"
    assert etree.tostring(element) == fragment


def test_a_partners_element_of_another_shape_is_a_decode_problem_with_places(iia_json: dict[str, Any]) -> None:
    element = encoded(iia_json)
    for blended in list(element.iter(f"{IIA}blended")):
        blended.text = "perhaps"
    with pytest.raises(DecodeProblem) as caught:
        IIAS.newest.decode(element)
    assert {problem.path for problem in caught.value.problems} == {
        f"cooperation_conditions.student_studies_mobility_spec.{position}.blended" for position in (0, 1)
    }
    assert "must be true or false (line 1)" in str(caught.value)


def test_the_element_of_another_entity_is_a_decode_problem(unit_json: dict[str, Any]) -> None:
    units = ENTITIES["organizational-units"].newest
    fragment = units.encode(accepted("organizational-units", unit_json)).fragment
    with pytest.raises(DecodeProblem, match="ounit, not the element iia"):
        IIAS.newest.decode(etree.fromstring(fragment))
    assert IIAS.from_xml(OWNER, etree.fromstring(fragment)).refused


def test_a_document_that_is_wrong_everywhere_gives_a_bounded_report(iia_json: dict[str, Any]) -> None:
    iia_json["cooperation_conditions"]["student_studies_mobility_spec"] = [
        condition(OWNER, OTHER, mobilities_per_year=0) for _ in range(250)
    ]
    problems = check("iias", iia_json).problems
    assert len(problems) == 101
    assert problems[-1].message == "has 150 more problems of this sort"


def test_records_are_found_and_shown_by_their_own_identifiers(
    iia_json: dict[str, Any], institution_json: dict[str, Any], unit_json: dict[str, Any]
) -> None:
    given = {"iias": iia_json, "institutions": institution_json, "organizational-units": unit_json}
    records = {name: (ENTITIES[name], accepted(name, data)) for name, data in given.items()}
    assert {name: entity.record_id(record) for name, (entity, record) in records.items()} == {
        "iias": "n-1",
        "institutions": OWNER,
        "organizational-units": "science",
    }
    assert {name: entity.partners(OWNER, record) for name, (entity, record) in records.items()} == {
        "iias": frozenset({OTHER}),
        "institutions": None,
        "organizational-units": None,
    }


def test_an_agreement_without_its_owners_identifier_has_no_record_id(iia_json: dict[str, Any]) -> None:
    del iia_json["partner"][0]["iia_id"]
    record = check("iias", iia_json).record
    assert record is not None
    with pytest.raises(ValueError, match="no iia_id"):
        IIAS.record_id(record)


def test_rules_of_one_entity_do_not_judge_another(unit_json: dict[str, Any]) -> None:
    unit = OrganizationalUnit.model_validate(unit_json)
    with pytest.raises(TypeError, match="Iia"):
        IIAS.rules(OWNER, unit)
