"""Where two copies of an agreement differ: conditions matched by what they say, and words for people."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content
from ewpgw.model.iia_diff import Difference, IiaDiff, differences
from ewpgw.model.iia_pairing import MOST_COMPARED

from .checking import OTHER, OWNER, condition
from .strategies import iias

STUDIES = "cooperation_conditions.student_studies_mobility_spec"
Json = dict[str, Any]


def diff(a: Json, b: Json) -> IiaDiff:
    return differences(Iia.model_validate(a), Iia.model_validate(b))


def agreement(*studies: Json, owner: str = OWNER, **kinds: list[Json]) -> Json:
    partners = [{"hei_id": OWNER, "iia_id": "n-1"}, {"hei_id": OTHER, "iia_id": "s-9"}]
    return {
        "partner": partners if owner == OWNER else partners[::-1],
        "in_effect": False,
        "cooperation_conditions": {"student_studies_mobility_spec": list(studies), **kinds},
    }


def theirs(*studies: Json, **kinds: list[Json]) -> Json:
    return agreement(*studies, owner=OTHER, **kinds)


def out(**changes: Any) -> Json:
    return condition(OWNER, OTHER, **changes)


def area(*codes: str) -> list[Json]:
    return [{"isced_f_code": code} for code in codes]


def only(found: IiaDiff) -> Difference:
    [one] = found.differences
    return one


@settings(max_examples=40, deadline=None)
@given(iias, st.randoms(use_true_random=False))
def test_a_copy_in_another_order_does_not_differ(data: Json, order: random.Random) -> None:
    other = deepcopy(data)
    other["partner"].reverse()
    for listed in other["cooperation_conditions"].values():
        order.shuffle(listed)
    found = diff(data, other)
    assert not found.prevents_approval
    assert {each.outcome for each in found.conditions} <= {"same"}


@settings(max_examples=40, deadline=None)
@given(iias, iias)
def test_copies_that_differ_in_nothing_that_counts_have_the_same_content(a: Json, b: Json) -> None:
    for change in ("cooperation_conditions", "partner"):
        mixed = deepcopy(a) | {change: deepcopy(b[change])}
        one, other = Iia.model_validate(a), Iia.model_validate(mixed)
        found = [
            each
            for each in differences(one, other).differences
            if each.prevents_approval and not (each.field == "iia_id" and None in (each.a, each.b))
        ]
        assert same_content(one, other) == (found == [])


@settings(max_examples=40, deadline=None)
@given(iias, iias)
def test_every_condition_of_both_copies_is_accounted_for_once(a: Json, b: Json) -> None:
    found = diff(a, b)
    for side, data in (("paths_a", a), ("paths_b", b)):
        paths = [path for each in found.conditions for path in getattr(each, side)]
        expected = [
            f"cooperation_conditions.{kind}.{position}"
            for kind, listed in data["cooperation_conditions"].items()
            for position in range(len(listed))
        ]
        assert sorted(paths) == sorted(expected)


def test_a_difference_names_field_values_and_places() -> None:
    mine = agreement(out(subject_area=area("0613")), out(subject_area=area("0314"), mobilities_per_year=3))
    other = theirs(out(subject_area=area("0314"), mobilities_per_year="04"), out(subject_area=area("0613")))
    found = diff(mine, other)
    assert only(found) == Difference(
        path_a=f"{STUDIES}.1.mobilities_per_year",
        path_b=f"{STUDIES}.0.mobilities_per_year",
        field="mobilities_per_year",
        a="3",
        b="4",
        prevents_approval=True,
        about="Students: studies, north.example → south.example (0314): People a year",
        words="Students: studies, north.example → south.example (0314): People a year: "
        "north.example says 3, south.example says 4",
    )
    assert [each.outcome for each in found.conditions] == ["same", "different"]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("sending_ounit_id", "u-1", "u-1"),
        ("receiving_ounit_id", "u-2", "u-2"),
        ("receiving_first_academic_year_id", "2027/2028", "2027/2028"),
        ("receiving_last_academic_year_id", "2027/2028", "2027/2028"),
        ("recommended_language_skill", [{"language": "fi"}, {"language": "sv", "cefr_level": "C1"}], "fi, sv C1"),
        ("subject_area", [{"isced_f_code": "0314", "isced_clarification": "Nordic"}], "0314 Nordic"),
        ("other_info_terms", "By  April", "By April"),
        ("total_months_per_year", "7.50", "7.5"),
        ("blended", True, "yes"),
        ("eqf_level", ["07"], "7"),
    ],
)
def test_every_term_of_a_condition_prevents_approval_where_it_differs(field: str, value: Any, shown: str) -> None:
    found = only(diff(agreement(out()), theirs(out(**{field: value}))))
    assert (found.field, found.b, found.prevents_approval) == (field, shown, True)
    assert found.path_b == f"{STUDIES}.0.{field}"


def test_conditions_are_matched_with_as_few_differences_as_possible() -> None:
    """The first of ours is near to both of theirs; only the pairing as a whole decides."""
    mine = agreement(out(subject_area=area("0314"), eqf_level=[6]), out(subject_area=area("0314"), eqf_level=[7]))
    other = theirs(
        out(subject_area=area("0314"), eqf_level=[7], mobilities_per_year=2),
        out(subject_area=area("0314"), eqf_level=[6], mobilities_per_year=2),
    )
    found = diff(mine, other)
    assert {each.field for each in found.differences} == {"mobilities_per_year"}
    assert [(each.paths_a, each.paths_b) for each in found.conditions] == [
        ((f"{STUDIES}.0",), (f"{STUDIES}.1",)),
        ((f"{STUDIES}.1",), (f"{STUDIES}.0",)),
    ]


def test_a_condition_that_one_side_lacks_is_named_with_what_it_says() -> None:
    extra = condition(OTHER, OWNER, mobilities_per_year=4)
    found = diff(agreement(out(), extra), theirs(out()))
    missing = only(found)
    assert (missing.path_a, missing.path_b, missing.field, missing.b) == (f"{STUDIES}.1", None, "condition", None)
    assert missing.words == (
        "Students: studies, south.example → north.example (0314): north.example has a condition (people a year: 4, "
        "2026/2027 to 2028/2029 (0314)), south.example does not"
    )
    turned = only(diff(agreement(out()), theirs(extra, out())))
    assert (turned.path_a, turned.path_b, turned.a) == (None, f"{STUDIES}.0", None)


def test_conditions_that_have_little_in_common_are_not_called_changed() -> None:
    mine = out(subject_area=area("0314"), eqf_level=[6])
    other = out(
        subject_area=area("0715"),
        eqf_level=[8],
        receiving_first_academic_year_id="2020/2021",
        receiving_last_academic_year_id="2021/2022",
        mobilities_per_year=40,
        recommended_language_skill=[{"language": "fr"}],
    )
    assert [each.outcome for each in diff(agreement(mine), theirs(other)).conditions] == ["only in a", "only in b"]


def test_a_mistaken_kind_is_named_as_such() -> None:
    found = diff(agreement(out()), theirs(student_traineeship_mobility_spec=[out()]))
    kind = only(found)
    assert (kind.field, kind.a, kind.b) == ("kind", "Students: studies", "Students: traineeships")
    assert kind.path_b == "cooperation_conditions.student_traineeship_mobility_spec.0"


def test_a_mistaken_direction_is_named_as_such() -> None:
    found = diff(agreement(out()), theirs(condition(OTHER, OWNER)))
    assert [each.field for each in found.differences] == ["sending_hei_id", "receiving_hei_id"]


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (
            {"subject_area": area("0314", "0613"), "mobilities_per_year": 5},
            [
                {"subject_area": area("0613"), "mobilities_per_year": 3},
                {"subject_area": area("0314"), "mobilities_per_year": 2},
            ],
        ),
        (
            {},
            [
                {"receiving_last_academic_year_id": "2026/2027"},
                {"receiving_first_academic_year_id": "2027/2028"},
            ],
        ),
        ({"eqf_level": [6, 7, 8]}, [{"eqf_level": [6]}, {"eqf_level": [7]}, {"eqf_level": [8]}]),
        ({"mobilities_per_year": 5}, [{"mobilities_per_year": 3}, {"mobilities_per_year": 2}]),
        ({}, [{"sending_ounit_id": "a"}, {"sending_ounit_id": "b"}]),
    ],
)
def test_3_a_condition_split_into_several_is_recognised_either_way_round(whole: Json, parts: list[Json]) -> None:
    one, several = agreement(out(**whole)), theirs(*(out(**part) for part in parts))
    found = diff(one, several)
    split = only(found)
    assert (split.field, split.a, split.prevents_approval) == ("condition", "one condition", True)
    assert split.path_b == ", ".join(f"{STUDIES}.{position}" for position in range(len(parts)))
    assert f"south.example says {len(parts)} conditions" in split.words
    assert [each.outcome for each in found.conditions] == ["split in b"]
    assert any("must have the same number" in note for note in found.notes)
    merged = diff(agreement(*(out(**part) for part in parts)), theirs(out(**whole)))
    assert [each.outcome for each in merged.conditions] == ["split in a"]


def test_numbers_of_a_split_that_do_not_add_up_are_named() -> None:
    mine = agreement(out(subject_area=area("0314", "0613"), mobilities_per_year=5))
    parts = [out(subject_area=area(code), mobilities_per_year=3) for code in ("0314", "0613")]
    fields = {each.field: (each.a, each.b) for each in diff(mine, theirs(*parts)).differences}
    assert fields["mobilities_per_year"] == ("5", "3 + 3")
    assert "total_months_per_year" not in fields


@pytest.mark.parametrize(
    "parts",
    [
        [{"receiving_last_academic_year_id": "2026/2027"}, {"receiving_first_academic_year_id": "2028/2029"}],
        [{"eqf_level": [6]}, {"eqf_level": []}],
        [{"mobilities_per_year": 1}, {"mobilities_per_year": 8}],
        [{"subject_area": area("0314")}, {"subject_area": area("0314")}],
    ],
)
def test_conditions_that_are_not_the_whole_together_are_no_split(parts: list[Json]) -> None:
    mine = agreement(out(subject_area=area("0314", "0613"), mobilities_per_year=10))
    shares = [out(**{"subject_area": area("0314", "0613"), "mobilities_per_year": 6} | part) for part in parts]
    assert {each.outcome for each in diff(mine, theirs(*shares)).conditions} == {"different", "only in b"}


def test_3_an_agreement_split_into_several_is_noted() -> None:
    whole, part = agreement(out(), condition(OTHER, OWNER)), theirs(out())
    assert any("split into several" in note for note in diff(whole, part).notes)
    assert any("split into several" in note for note in diff(part, whole).notes)
    then = agreement(out())
    assert not any("split into several" in note for note in diff(whole, then).notes)


def test_what_each_side_has_of_its_own_is_named_but_prevents_nothing() -> None:
    def contact(name: str) -> Json:
        return {"contact_name": [name]}

    mine, other = agreement(out(sending_contact=[contact("A")])), theirs(out(sending_contact=[contact("B")]))
    for copy, mark in ((mine, "1"), (other, "2")):
        for partner in copy["partner"]:
            partner |= {
                "iia_code": f"No {mark}",
                "signing_date": f"2026-01-0{mark}",
                "signing_contact": contact(f"signer {mark}"),
                "contact": [contact(f"office {mark}")],
            }
        copy["pdf_file"] = f"file-{mark}"
    other["in_effect"] = True
    mine["partner"][0]["ounit_id"] = "u-1"
    found = diff(mine, other)
    assert not found.prevents_approval
    own = {"iia_code", "signing_date", "signing_contact", "contact"}
    assert {each.field for each in found.differences} == own | {"ounit_id", "in_effect", "sending_contact"}
    assert [each.outcome for each in found.conditions] == ["same"]


@pytest.mark.parametrize(
    ("field", "ours", "there", "prevents"),
    [
        ("iia_id", "n-1", "n-2", True),
        ("iia_id", "n-1", None, True),
        ("ounit_id", "u-1", "u-2", True),
        ("ounit_id", "u-1", None, False),
    ],
)
def test_partners_are_compared_whichever_comes_first(field: str, ours: str, there: str | None, prevents: bool) -> None:
    mine, other = agreement(out()), theirs(out())
    mine["partner"][0][field] = ours
    other["partner"][1][field] = there
    found = only(diff(mine, other))
    assert (found.path_a, found.path_b) == (f"partner.0.{field}", f"partner.1.{field}")
    assert (found.a, found.b, found.prevents_approval) == (ours, there, prevents)


def test_agreements_with_other_institutions_say_so() -> None:
    other = theirs()
    other["partner"][0]["hei_id"] = "west.example"
    found = diff(agreement(), other)
    assert [(each.path_a, each.path_b, each.a, each.b) for each in found.differences] == [
        ("partner.1", None, OTHER, None),
        (None, "partner.0", None, "west.example"),
    ]
    assert found.prevents_approval


def test_termination_of_one_copy_prevents_approval() -> None:
    other = theirs(out())
    other["cooperation_conditions"]["terminated_as_a_whole"] = True
    found = only(diff(agreement(out()), other))
    assert (found.field, found.a, found.b, found.prevents_approval) == ("terminated_as_a_whole", "no", "yes", True)


def test_two_versions_of_one_copy_are_called_first_and_second() -> None:
    found = diff(agreement(out()), agreement(out(blended=True)))
    assert only(found).words.endswith("Blended mobility: the first copy says no, the second copy says yes")


def test_left_overs_of_version_6_are_noted() -> None:
    old = out(mobilities_per_year={"value": "1", "not_yet_defined": True})
    [note] = diff(agreement(old), theirs(old)).notes[:1]
    assert f"{STUDIES}.0.mobilities_per_year" in note
    assert "cannot be approved" in note


def test_lists_that_nobody_could_read_are_compared_all_the_same() -> None:
    count = MOST_COMPARED + 50
    mine = [out(subject_area=area(f"{number:04}"), mobilities_per_year=number + 1) for number in range(count)]
    other = [spec | {"total_months_per_year": 9} for spec in mine]
    random.Random(1).shuffle(other)
    found = diff(agreement(*mine), theirs(*other))
    assert len(found.conditions) == count
    assert {each.field for each in found.differences} == {"total_months_per_year"}
