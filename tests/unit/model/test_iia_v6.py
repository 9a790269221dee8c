"""Agreements approved under version 6: their hashes, and the form they take in version 7."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from support.former import CONDITIONS_HASH, IIA_HASH, document

from ewpgw.documents import schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.model.iia_hash import iia_hash, valid_for_approval
from ewpgw.model.iia_hash import text_to_hash as text_of_7
from ewpgw.model.iia_terms import left_overs
from ewpgw.model.iia_v6 import ImportedIia, bring_to_version_7
from ewpgw.model.iia_v6_hash import NAMESPACE, HashedFormerIia, is_former, of_response, text_to_hash

STUDIES = "cooperation_conditions.student_studies_mobility_spec.0"
PEOPLE, LANGUAGE = f"{STUDIES}.mobilities_per_year", f"{STUDIES}.recommended_language_skill.0"


def former(*changes: tuple[str, str]) -> HashedFormerIia:
    [found] = of_response(etree.fromstring(document(*changes)))
    return found


def imported(*changes: tuple[str, str], codes: Mapping[str, str] | None = None) -> ImportedIia:
    return bring_to_version_7(former(*changes), codes or {})


def record(*changes: tuple[str, str], codes: Mapping[str, str] | None = None) -> Iia:
    found = imported(*changes, codes=codes)
    assert not found.refused, found.problems
    assert found.record is not None
    return found.record


def said(found: ImportedIia) -> set[tuple[str, str]]:
    return {(problem.severity, problem.path) for problem in found.problems}


USUAL = {
    ("warning", PEOPLE),
    ("warning", LANGUAGE),
    ("warning", f"{STUDIES}.subject_area"),
    ("warning", f"{STUDIES}.subject_area.0.isced_clarification"),
    ("warning", "cooperation_conditions.staff_training_mobility_spec.0.recommended_language_skill"),
}


def test_the_hash_is_what_the_published_transformation_gives() -> None:
    found = former()
    assert found.iia_hash == IIA_HASH
    assert found.iia_id == "n-1"
    assert found.text.startswith("_iia-id_1=n-1__iia-id_2=s-9__cooperation-conditions.student-studies-mobility-spec.")


PUBLISHED_HASH = "87b33170d7a6c6d894215641f39e7b7de36501265479e5ab3922f32d5b225033"


def test_the_hash_of_the_published_example_is_the_published_one() -> None:
    """An agreement with the values of the example in ewp-specs-api-iias 7, resources/xsltKit; its hash is in
    ewp-specs-api-iias-approval 2, README, "Upgrade to v2 steps"."""

    def tags(*pairs: tuple[str, object]) -> str:
        return "".join(f"<{name}>{value}</{name}>" for name, value in pairs)

    def years(first: int, last: int) -> list[tuple[str, object]]:
        return [("receiving-academic-year-id", f"{year}/{year + 1}") for year in range(first, last + 1)]

    sender = [("sending-hei-id", "uw.edu.pl"), ("sending-ounit-id", 140)]
    area = tags(("isced-f-code", "031"), ("isced-clarification", "Social and behavioural sciences"))
    studies = tags(*sender, ("receiving-hei-id", "hibo.no"), *years(2014, 2020), ("subject-area", area))
    studies += tags(("total-months-per-year", 5), ("blended", "false"), ("eqf-level", 7), ("eqf-level", 8))
    skill, area = tags(("language", "en"), ("cefr-level", "C1")), tags(("isced-f-code", "0314"))
    teaching = tags(*sender, ("receiving-hei-id", "hibo.no"), *years(2016, 2017), ("mobilities-per-year", 2))
    teaching += tags(("recommended-language-skill", skill), ("subject-area", area), ("total-days-per-year", 8))
    conditions = tags(("student-studies-mobility-spec", studies), ("staff-teacher-mobility-spec", teaching))
    one = tags(("hei-id", "uw.edu.pl"), ("iia-id", "0f7a5682-faf7-49a7-9cc7-ec486c49a281"))
    other = tags(("hei-id", "hibo.no"), ("iia-id", 1954991))
    iia = tags(("partner", one), ("partner", other), ("in-effect", "true"), ("cooperation-conditions", conditions))
    [found] = of_response(
        etree.fromstring(f'<iias-get-response xmlns="{NAMESPACE}">{tags(("iia", iia))}</iias-get-response>')
    )
    assert found.iia_hash == PUBLISHED_HASH


def test_what_was_approved_under_version_6_is_computed_from_the_bytes() -> None:
    found = former()
    assert (found.stated, found.conditions_hash) == (CONDITIONS_HASH, CONDITIONS_HASH)
    without_contacts = former(("<c:email>iro@north.example</c:email>", ""), ("Office", "Buro"))
    assert without_contacts.conditions_hash == CONDITIONS_HASH
    assert former(("<eqf-level>6</eqf-level>", "<eqf-level>7</eqf-level>")).conditions_hash != CONDITIONS_HASH
    assert former(("        <eqf-level>", "<eqf-level>")).conditions_hash != CONDITIONS_HASH


def test_the_approval_keeps_counting_in_version_7() -> None:
    served = etree.fromstring(ENTITIES["iias"].newest.encode(record()).fragment)
    assert iia_hash(text_of_7(served)) == IIA_HASH
    assert not valid_for_approval(served)


def test_the_form_of_version_7_is_valid() -> None:
    entity = ENTITIES["iias"]
    document = etree.fromstring(entity.newest.wrap([entity.newest.encode(record()).fragment]))
    assert schemas.default().faults(document) == []


def test_what_version_7_needs_and_version_6_had_not_is_marked() -> None:
    found = imported()
    assert said(found) == USUAL
    assert found.record is not None
    [studies] = found.record.cooperation_conditions.student_studies_mobility_spec
    assert studies.mobilities_per_year.not_yet_defined
    assert [skill.not_yet_defined for skill in studies.recommended_language_skill] == [True]
    years = studies.receiving_first_academic_year_id, studies.receiving_last_academic_year_id
    assert years == ("2021/2022", "2023/2024")
    codes = [(area.isced_f_code.value, area.isced_f_code.v6_value) for area in studies.subject_area]
    assert codes == [("0610", "061"), ("0314", None)]
    assert list(left_overs(found.record)) == [
        PEOPLE,
        LANGUAGE,
        f"{STUDIES}.subject_area.0.isced_f_code",
        "cooperation_conditions.staff_training_mobility_spec.0.recommended_language_skill.0.subject_area.isced_f_code",
    ]


def test_what_version_6_had_stays_as_it_stands() -> None:
    [training] = record().cooperation_conditions.staff_training_mobility_spec
    assert training.mobilities_per_year.not_yet_defined is None
    assert training.mobilities_per_year.value == "2"
    [studies] = record().cooperation_conditions.student_studies_mobility_spec
    assert (studies.total_months_per_year, studies.other_info_terms) == ("5.00", "By\nApril")
    assert studies.sending_contact[0].email == ["iro@north.example"]


def test_people_choose_the_code_where_the_old_one_is_of_another_list() -> None:
    old = ("<isced-f-code>061<", "<isced-f-code>48<")
    assert ("refusal", f"{STUDIES}.subject_area") in said(imported(old))
    [studies] = record(old, codes={"48": "0613"}).cooperation_conditions.student_studies_mobility_spec
    code = studies.subject_area[0].isced_f_code
    assert (code.value, code.v6_value) == ("0613", "48")
    [studies] = record(codes={"061": "0612"}).cooperation_conditions.student_studies_mobility_spec
    assert studies.subject_area[0].isced_f_code.value == "0612"


@pytest.mark.parametrize("code", ["", "0314 ", "6.1", "06135"])
def test_a_code_that_version_7_cannot_keep_is_refused(code: str) -> None:
    found = imported(("<isced-f-code>061<", f"<isced-f-code>{code}<"))
    assert found.refused
    assert any("approved anew" in problem.message for problem in found.problems)


@pytest.mark.parametrize(
    "change",
    [
        ("<blended>false<", "<blended>0<"),
        ("<eqf-level>6</eqf-level>", "<eqf-level>6</eqf-level><wishes>warm rooms</wishes>"),
    ],
)
def test_an_agreement_whose_hash_would_change_is_refused(change: tuple[str, str]) -> None:
    found = imported(change)
    assert ("refusal", "iia_hash") in said(found)
    assert any("it has to be approved anew" in problem.message for problem in found.problems)


@pytest.mark.parametrize(
    ("years", "warned"),
    [
        (("2021/2022", "2022/2023", "2024/2025"), True),
        (("2021/2021", "2022/2022", "2023/2023"), False),
        (("2021/2022", "2021/2022", "2022/2023"), True),
    ],
)
def test_years_with_a_gap_are_warned_of(years: tuple[str, ...], warned: bool) -> None:
    listed = [f"<receiving-academic-year-id>{year}</receiving-academic-year-id>\n" for year in years]
    old = "".join(
        f"        <receiving-academic-year-id>{year}/{year + 1}</receiving-academic-year-id>\n"
        for year in range(2021, 2024)
    )
    found = imported((old, "".join(listed)))
    assert (("warning", f"{STUDIES}.receiving_last_academic_year_id") in said(found)) is warned


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ((f"    <conditions-hash>{CONDITIONS_HASH}</conditions-hash>\n", ""), ""),
        (("        <eqf-level>", "<eqf-level>"), ""),
        (("<iia-id>s-9</iia-id>", ""), "partner"),
        (("</conditions-hash>", "</conditions-hash><pdf>JVBERg==</pdf>"), "pdf_file"),
    ],
)
def test_people_are_warned_of_what_makes_the_approval_doubtful(change: tuple[str, str], path: str) -> None:
    assert ("warning", path) in said(imported(change)) - USUAL
    assert not imported(change).refused


def test_the_pdf_is_handed_out() -> None:
    found = imported(("</conditions-hash>", "</conditions-hash><pdf>JVBERg==</pdf>"))
    assert found.pdf == "JVBERg=="
    assert found.record is not None
    assert found.record.pdf_file is None
    assert imported().pdf is None


def test_what_was_never_approved_is_refused_where_it_would_need_marks() -> None:
    found = imported(("<in-effect>true<", "<in-effect>false<"))
    assert ("warning", "in_effect") in said(found)
    assert ("refusal", f"{PEOPLE}.not_yet_defined") in said(found)


def test_an_agreement_that_is_no_agreement_is_refused_in_words() -> None:
    found = imported(("<blended>false</blended>", ""))
    assert found.record is None
    assert ("refusal", f"{STUDIES}.blended") in said(found)


def test_documents_tell_their_version() -> None:
    response = etree.fromstring(document())
    assert is_former(response)
    assert is_former(response[0])
    assert not is_former(record().to_tree())


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from(["5", "05.50", ".5", " 7 "]), st.sampled_from(["2", "007"]))
def test_nothing_that_was_agreed_changes_on_the_way(terms: str, months: str, people: str) -> None:
    tree = etree.fromstring(document())
    for name, text in (("other-info-terms", terms), ("total-months-per-year", months), ("mobilities-per-year", people)):
        found = tree.find(f".//{{*}}{name}")
        assert found is not None
        found.text = text
    [iia] = of_response(tree)
    result = bring_to_version_7(iia, {})
    assert not result.refused, result.problems
    assert result.record is not None
    assert text_of_7(result.record.to_tree()) == text_to_hash(iia.element)
