"""The examples of learning agreements are fit to be served as they are, by any two institutions."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ewpgw.model import learning_agreement_examples as examples
from ewpgw.model import shape
from ewpgw.model.learning_agreement import ENVELOPE, LearningAgreement
from ewpgw.model.learning_agreement_parts import NAMESPACE, Signature
from ewpgw.model.learning_agreement_rules import problems
from ewpgw.model.learning_agreement_states import Moved, put

from .stays import BLENDED, CHANGED, DOCTORAL, SEMESTER, read


@pytest.mark.parametrize("kind", [SEMESTER, CHANGED, BLENDED, DOCTORAL])
@pytest.mark.parametrize("hei_id", ["north.example", "uni.example"])
def test_each_example_passes_all_checks_without_a_warning(
    kind: str, hei_id: str, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    data = getattr(examples, kind)(hei_id, "south.example")
    assert json.loads(json.dumps(data)) == data
    record = read(data)
    assert list(problems(hei_id, record)) == []
    outcome = put(None, record)
    assert isinstance(outcome, Moved)
    assert outcome.record == record
    assert outcome.warnings == ()
    envelope = f'<{ENVELOPE} xmlns="{NAMESPACE}">'.encode()
    assert_published_schema_accepts(envelope + record.encoded() + f"</{ENVELOPE}>".encode())


def test_the_example_of_changes_has_every_field_but_the_rare_ones() -> None:
    shown = shape.values(LearningAgreement, examples.changed("north.example", "south.example"))
    for model in shape.parts(LearningAgreement):
        for field in shape.fields(model):
            assert (model, field.name) in shown or field.name in examples.RARE, (model, field.name)


def test_the_receiving_institution_signs_with_all_that_is_needed() -> None:
    signed = Signature.model_validate(examples.signature("south.example", "2026-05-20T09:00:00+01:00"))
    assert None not in signed.model_dump().values()
