"""What the gateway adds to our copies of agreements is what their own encoding would give."""

from __future__ import annotations

import json

import pytest
from support.sides import IIAS, NORTH, SOUTH, iia

from ewpgw.agreements.completing import as_new, with_derived
from ewpgw.model.iia import Iia
from ewpgw.store.record_writes import NewRecord

TEXT = 'they wrote "in_effect":false and <in-effect>false</in-effect>'


def stored(*, in_effect: bool = False) -> NewRecord:
    document = iia(NORTH, "n1", SOUTH, their_id="s1", in_effect=in_effect)
    document["cooperation_conditions"]["student_traineeship_mobility_spec"][0]["other_info_terms"] = TEXT
    record = Iia.model_validate(document).completed()
    return as_new(NORTH, record.json_text(), IIAS.newest.encode(record).fragment, "test")


@pytest.mark.parametrize("their_id", ["s1", "s2", None])
def test_a_copy_comes_into_effect_as_if_it_were_encoded_anew(their_id: str | None) -> None:
    former = stored()
    found = with_derived(former, their_id, in_effect=True)
    document = json.loads(former.document)
    document["in_effect"], document["partner"][1]["iia_id"] = True, their_id
    anew = Iia.model_validate(document).completed()
    assert found.document == anew.json_text()
    assert found.encodings == {IIAS.newest.version: IIAS.newest.encode(anew).fragment}
    assert found.counterpart == their_id
    assert TEXT in json.loads(found.document)["cooperation_conditions"]["student_traineeship_mobility_spec"][0].values()


def test_a_copy_that_says_all_that_already_is_left_as_it_is() -> None:
    for former, in_effect in ((stored(), False), (stored(in_effect=True), True), (stored(in_effect=True), False)):
        assert with_derived(former, "s1", in_effect) is former
