"""What the gateway adds to our copies of agreements is what their own encoding would give."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.sides import IIAS

from ewpgw.agreements.completing import as_new, with_derived
from ewpgw.model.iia import Iia
from ewpgw.model.new_record import NewRecord
from ewpgw.store.records import Record

from .strategies import OWNER, iias

TEXT = 'they wrote "in_effect":false and <in-effect>false</in-effect> and <!-- -->&lt;in-effect>'


def new_record(document: dict[str, Any]) -> NewRecord:
    """What is stored of an agreement when it is put."""
    record = Iia.model_validate(document).completed()
    return NewRecord(
        hei_id=OWNER,
        entity="iias",
        id=record.record_id(),
        document=record.json_text(),
        encodings={IIAS.newest.version: IIAS.newest.encode(record).fragment},
        partners=record.partners(OWNER),
        source="test",
        academic_years=record.academic_years(),
        code=record.code(),
        files=record.files(),
        counterpart=record.counterpart(),
    )


def read_again(new: NewRecord) -> NewRecord:
    """The record as it comes out of the store, to be written anew."""
    stored = Record(
        new.key, 1, datetime.now(UTC), False, new.document, new.partners, new.academic_years, source=new.source
    )
    return as_new(stored, new.document, new.encodings[IIAS.newest.version])


def with_texts(document: dict[str, Any]) -> dict[str, Any]:
    """The agreement with texts in it that look like the flag."""
    document["partner"][0]["iia_code"] = TEXT
    for conditions in document["cooperation_conditions"].values():
        for condition in conditions if isinstance(conditions, list) else ():
            condition["other_info_terms"] = TEXT
    return document


@settings(max_examples=50, deadline=None)
@given(iias, st.booleans(), st.sampled_from([None, "s-1", "s-2", "kept"]), st.booleans())
def test_a_stored_copy_is_completed_as_if_it_were_read_and_encoded_anew(
    document: dict[str, Any], in_effect: bool, wanted: str | None, comes_into_effect: bool
) -> None:
    former = new_record({**with_texts(document), "in_effect": in_effect})
    assert read_again(former) == former
    their_id = former.counterpart if wanted == "kept" else wanted
    found = with_derived(read_again(former), their_id, comes_into_effect)
    expected = json.loads(former.document)
    expected["in_effect"], expected["partner"][1]["iia_id"] = in_effect or comes_into_effect, their_id
    assert found == new_record(expected)


@settings(max_examples=20, deadline=None)
@given(iias, st.booleans())
def test_a_copy_that_says_all_that_already_is_left_as_it_is(document: dict[str, Any], in_effect: bool) -> None:
    former = new_record({**document, "in_effect": in_effect})
    assert with_derived(former, former.counterpart, in_effect=False) is former
    assert (with_derived(former, former.counterpart, in_effect=True) is former) is in_effect
