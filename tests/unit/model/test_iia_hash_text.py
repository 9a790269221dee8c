"""The text of an agreement's hash, made of the record: the very text that a receiver gathers from the record's XML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import etree

from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.model.iia_hash import text_to_hash
from ewpgw.model.iia_hash_text import text_of

from .checking import accepted
from .strategies import iias

WHO: dict[str, Any] = {
    "sending_hei_id": "north.example",
    "receiving_hei_id": "south.example",
    "receiving_first_academic_year_id": "2027/2028",
    "receiving_last_academic_year_id": "2029/2030",
}
LANGUAGE = {"language": "fi", "cefr_level": "C1"}
CONTACT = {"contact_name": [{"value": "Office", "lang": "en"}], "email": ["office@north.example"]}


def agreement(attributes: dict[str, Any] | None = None, **kinds: Any) -> Iia:
    partners = [{"hei_id": "north.example", "iia_id": "n-1", "iia_code": "1"}, {"hei_id": "south.example"}]
    conditions = {
        **(attributes or {}),
        **{kind: [{**WHO, **one} for one in several] for kind, several in kinds.items()},
    }
    return Iia.model_validate({"partner": partners, "in_effect": False, "cooperation_conditions": conditions})


def made(record: Iia) -> str:
    conditions = record.cooperation_conditions
    ids = [partner.iia_id for partner in record.partner]
    return text_of(ids, conditions.terminated_as_a_whole, conditions.kinds())


def gathered(record: Iia) -> str:
    return text_to_hash(record.to_tree())


def test_every_kind_of_element_adds_what_it_adds_in_xml() -> None:
    record = agreement(
        student_studies_mobility_spec=[
            {
                "sending_ounit_id": "faculty",
                "sending_contact": [CONTACT],
                "receiving_contact": [CONTACT, CONTACT],
                "mobilities_per_year": "2",
                "recommended_language_skill": [
                    {**LANGUAGE, "subject_area": {"isced_f_code": "0613", "isced_clarification": ""}},
                    {"language": "en"},
                ],
                "subject_area": [
                    {"isced_f_code": "0314"},
                    {"isced_f_code": "0611", "isced_clarification": "a < b & c"},
                ],
                "other_info_terms": " \n one\r two ",
                "total_months_per_year": "5.0",
                "blended": False,
                "eqf_level": ["6", "7"],
            }
        ],
        staff_training_mobility_spec=[{"mobilities_per_year": 1, "total_days_per_year": 3.5}],
    )
    text = made(record)
    assert text == gathered(record)
    assert "_student-studies-mobility-spec.recommended-language-skill.cefr-level=C1_" in text
    assert "_recommended-language-skill.subject-area.isced-clarification=_" in text
    assert "_cooperation-conditions.student-studies-mobility-spec.blended=false_" in text
    assert "=6__cooperation-conditions.student-studies-mobility-spec.eqf-level=7_" in text
    assert "Office" not in text


@pytest.mark.parametrize("marked", [True, False, None])
def test_what_was_left_over_from_version_6_counts_as_it_does_in_xml(marked: bool | None) -> None:
    record = agreement(
        student_traineeship_mobility_spec=[
            {
                "mobilities_per_year": {"value": "2", "not_yet_defined": marked},
                "recommended_language_skill": [{**LANGUAGE, "not_yet_defined": marked}],
                "subject_area": [{"isced_f_code": {"value": "0610", "v6_value": "61"}}],
                "blended": True,
            }
        ],
    )
    text = made(record)
    assert text == gathered(record)
    assert ("mobilities-per-year=2" in text) is ("cefr-level=C1" in text) is (marked is not True)
    assert "isced-f-code=61_" in text


@pytest.mark.parametrize("terminated", [True, False, None])
def test_a_terminated_agreement_has_a_text_of_its_own(terminated: bool | None) -> None:
    record = agreement({"terminated_as_a_whole": terminated})
    assert made(record) == gathered(record)
    assert made(record).startswith("_@terminated-as-a-whole@__iia-id_1=n-1_") is (terminated is True)


@settings(max_examples=60, deadline=None)
@given(iias)
def test_any_agreement_has_the_text_of_its_xml(data: Any) -> None:
    record = accepted("iias", data)
    assert isinstance(record, Iia)
    assert made(record) == gathered(record)


def test_whatever_the_published_schema_allows_has_the_text_of_its_xml(
    published: Any, tools: Callable[[str], Any]
) -> None:
    newest = ENTITIES["iias"].newest
    sampler = tools("sample_documents").Sampler(published, newest.namespace)
    records = [newest.decode(element) for document in sampler.valid(25, seed=11) for element in document]
    assert records
    for record in records:
        assert isinstance(record, Iia)
        assert made(record) == gathered(record)
        served = etree.fromstring(newest.encode(record).fragment)
        assert text_to_hash(served) == made(record)
