"""How alike two agreements are, for proposing which belong together."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content
from ewpgw.model.iia_likeness import Likeness, likeness, split_over

from .checking import OTHER, OWNER, condition
from .strategies import iias

few = settings(max_examples=40, deadline=None)
shuffles = st.randoms(use_true_random=False)
Json = dict[str, Any]


def model(data: Json) -> Iia:
    return Iia.model_validate(data)


def agreement(*studies: Json, other: str = OTHER, **kinds: list[Json]) -> Iia:
    return model(
        {
            "partner": [{"hei_id": OWNER}, {"hei_id": other}],
            "in_effect": False,
            "cooperation_conditions": {"student_studies_mobility_spec": list(studies), **kinds},
        }
    )


def shuffled(data: Json, order: random.Random) -> Json:
    copy = deepcopy(data)
    copy["partner"].reverse()
    for listed in copy["cooperation_conditions"].values():
        order.shuffle(listed)
    return copy


def like(a: Json, b: Json) -> Likeness:
    return likeness(agreement(a), agreement(b))


@few
@given(iias, iias)
def test_likeness_is_symmetric_and_a_score(a: Json, b: Json) -> None:
    one, other = model(a), model(b)
    found = likeness(one, other)
    assert 0 <= found.score <= 1
    assert found == likeness(other, one)
    assert found.reasons


@few
@given(iias, shuffles)
def test_the_same_content_is_wholly_alike(data: Json, order: random.Random) -> None:
    assert likeness(model(data), model(shuffled(data, order))).score == 1


@few
@given(iias, iias, shuffles)
def test_the_order_of_conditions_is_irrelevant(a: Json, b: Json, order: random.Random) -> None:
    assert likeness(model(a), model(b)) == likeness(model(shuffled(a, order)), model(shuffled(b, order)))


@few
@given(iias, iias)
def test_only_the_same_content_is_wholly_alike(a: Json, b: Json) -> None:
    one, other = model(a), model(b)
    assert (likeness(one, other).score == 1) == same_content(one, other)


def test_agreements_between_other_institutions_are_not_alike_at_all() -> None:
    one = condition(OWNER, OTHER)
    found = likeness(agreement(one), agreement(one, other="west.example"))
    assert found == Likeness(0.0, ("they are between other institutions",))


@pytest.mark.parametrize(
    ("nearer", "further"),
    [
        ({"mobilities_per_year": 2}, {"mobilities_per_year": 9}),
        ({"receiving_last_academic_year_id": "2027/2028"}, {"receiving_last_academic_year_id": "2026/2027"}),
        ({"subject_area": [{"isced_f_code": "0313"}]}, {"subject_area": [{"isced_f_code": "0321"}]}),
        ({"subject_area": [{"isced_f_code": "0321"}]}, {"subject_area": [{"isced_f_code": "0715"}]}),
        ({"subject_area": [{"isced_f_code": "0314"}, {"isced_f_code": "0313"}]}, {"subject_area": []}),
        (
            {"mobilities_per_year": 2, "subject_area": [{"isced_f_code": "0715"}]},
            {"sending_hei_id": OTHER, "receiving_hei_id": OWNER},
        ),
    ],
)
def test_the_nearer_agreement_has_the_higher_score(nearer: Json, further: Json) -> None:
    ours = condition(OWNER, OTHER)
    assert 1 > like(ours, ours | nearer).score > like(ours, ours | further).score


def test_a_flow_that_only_one_has_lowers_the_score() -> None:
    out, back = condition(OWNER, OTHER), condition(OTHER, OWNER)
    found = likeness(agreement(out, back), agreement(out))
    assert found.score == 0.5
    assert "only one has Students: studies, south.example → north.example" in found.reasons


def test_how_conditions_are_divided_hardly_matters() -> None:
    areas = [{"isced_f_code": "0314"}, {"isced_f_code": "0613"}]
    whole = condition(OWNER, OTHER, subject_area=areas, mobilities_per_year=4)
    parts = [condition(OWNER, OTHER, subject_area=[area], mobilities_per_year=2) for area in areas]
    found = likeness(agreement(whole), agreement(*parts))
    assert 0.95 < found.score < 1
    assert "conditions: 1 and 2" in found.reasons


def test_reasons_are_for_people() -> None:
    ours = condition(OWNER, OTHER)
    assert like(ours, ours | {"mobilities_per_year": 3, "receiving_last_academic_year_id": "2027/2028"}).reasons == (
        "both are between north.example and south.example",
        "both have Students: studies, north.example → south.example",
        "the academic years overlap",
        "the fields of education are the same",
        "people a year: 1 and 3",
        "as many conditions: 1",
    )


def test_a_copy_that_names_another_agreement_is_hardly_proposed() -> None:
    ours, theirs = (agreement(condition(OWNER, OTHER)) for _ in range(2))
    named = [partner.model_copy(update={"iia_id": name}) for partner, name in zip(ours.partner, "ab", strict=True)]
    other = [partner.model_copy(update={"iia_id": name}) for partner, name in zip(ours.partner, "ac", strict=True)]
    found = likeness(ours.model_copy(update={"partner": named}), theirs.model_copy(update={"partner": other}))
    assert found.score <= 0.25
    assert any("other identifiers" in reason for reason in found.reasons)


def test_3_one_agreement_split_into_several_is_found() -> None:
    out, back = condition(OWNER, OTHER), condition(OTHER, OWNER)
    others = [
        agreement(back),
        agreement(condition(OWNER, OTHER, mobilities_per_year=9)),
        agreement(out),
        agreement(out),
    ]
    assert split_over(agreement(out, back), others) == (0, 2)
    assert split_over(agreement(out, back), others[1:]) == ()
    assert split_over(agreement(out), others) == ()
    assert split_over(agreement(out, back), [agreement(out, other="west.example"), agreement(back)]) == ()
