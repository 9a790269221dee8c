"""The first place where the texts that two hashes cover are unlike."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from lxml import etree

from ewpgw.model.iia import Iia
from ewpgw.model.iia_diff import HashParting, hash_texts_part
from ewpgw.model.iia_hash import hashed_parts, text_to_hash

from .checking import OTHER, OWNER, condition
from .strategies import iias


def copy(*studies: dict[str, Any], owner: str = OWNER, ids: tuple[str, str] = ("n-1", "s-9"), **flags: bool) -> Any:
    partners = [{"hei_id": OWNER, "iia_id": ids[0]}, {"hei_id": OTHER, "iia_id": ids[1]}]
    data = {
        "partner": partners if owner == OWNER else partners[::-1],
        "in_effect": True,
        "cooperation_conditions": {"student_studies_mobility_spec": list(studies), **flags},
    }
    return Iia.model_validate(data).to_tree()


def parted(a: Any, b: Any) -> HashParting:
    found = hash_texts_part(a, b)
    assert found is not None
    return found


@settings(max_examples=40, deadline=None)
@given(iias, iias)
def test_the_texts_have_the_part_before_in_common_and_differ_after_it(a: Any, b: Any) -> None:
    one, other = (Iia.model_validate(data).to_tree() for data in (a, b))
    texts = text_to_hash(one), text_to_hash(other)
    found = hash_texts_part(one, other)
    if found is None:
        assert texts[0] == texts[1]
        return
    assert texts[0][: found.offset] == texts[1][: found.offset]
    assert texts[0][: found.offset].endswith(found.before)
    assert texts[0][found.offset :].startswith(found.a)
    assert texts[1][found.offset :].startswith(found.b)
    assert found.a != found.b


def test_the_parts_make_up_the_text() -> None:
    tree = copy(condition(OWNER, OTHER), terminated_as_a_whole=True)
    assert "".join(hashed_parts(tree)) == text_to_hash(tree)
    assert hashed_parts(tree)[:3] == ["_@terminated-as-a-whole@_", "_iia-id_1=n-1_", "_iia-id_2=s-9_"]


def test_the_order_of_the_partners_does_not_part_the_texts_of_two_sides() -> None:
    mine, other = copy(condition(OWNER, OTHER)), copy(condition(OWNER, OTHER), owner=OTHER)
    assert text_to_hash(mine) != text_to_hash(other)
    assert hash_texts_part(mine, other) is None


def test_identifiers_part_the_texts_before_the_conditions() -> None:
    mine, other = copy(condition(OWNER, OTHER)), copy(condition(OWNER, OTHER), owner=OTHER, ids=("n-1", "s-8"))
    found = parted(mine, other)
    assert (found.condition, found.before, found.a, found.b) == (
        0,
        "_iia-id_1=n-1_",
        "_iia-id_2=s-9_",
        "_iia-id_2=s-8_",
    )
    assert found.words == "before the conditions: iia-id_2"


def test_the_place_is_told_by_condition_and_element() -> None:
    one, two = condition(OWNER, OTHER), condition(OTHER, OWNER)
    found = parted(copy(one, two), copy(one, two | {"total_months_per_year": "5.00"}))
    name = "cooperation-conditions.student-studies-mobility-spec.total-months-per-year"
    assert (found.condition, found.a, found.b) == (2, f"_{name}=5_", f"_{name}=5.00_")
    assert found.words == f"in condition 2: {name}"


def test_blanks_that_nobody_sees_are_named() -> None:
    one = condition(OWNER, OTHER, other_info_terms="By April")
    found = parted(copy(one), copy(one | {"other_info_terms": "By  April"}))
    assert found.words == "in condition 1: the two differ in blanks only"


def test_another_element_in_the_place_is_named() -> None:
    found = parted(copy(condition(OWNER, OTHER)), copy(condition(OWNER, OTHER, subject_area=[])))
    assert found.words == "in condition 1: not the same element follows"


def test_a_text_that_goes_on_is_named() -> None:
    one = condition(OWNER, OTHER)
    assert parted(copy(one, one), copy(one)).words == "in condition 2: the second text ends here, the first goes on"
    assert parted(copy(one), copy(one, one)).words == "in condition 2: the first text ends here, the second goes on"


def test_termination_parts_the_texts_at_the_very_beginning() -> None:
    found = parted(copy(terminated_as_a_whole=True), copy())
    assert (found.offset, found.condition, found.a) == (0, 0, "_@terminated-as-a-whole@_")


def test_two_texts_that_are_alike_by_chance_of_their_parts_do_not_part() -> None:
    def tree(content: str) -> etree._Element:
        return etree.fromstring(f"<iia><cooperation-conditions><x>{content}</x></cooperation-conditions></iia>")

    one, other = tree("<a>1__cooperation-conditions.x.b=2</a>"), tree("<a>1</a><b>2</b>")
    assert hashed_parts(one) != hashed_parts(other)
    assert hash_texts_part(one, other) is None
