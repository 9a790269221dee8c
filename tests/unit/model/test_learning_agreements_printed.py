"""Any agreement that the schema allows can be printed in the states that it is in."""

from __future__ import annotations

from hypothesis import given as whatever
from hypothesis import settings

from ewpgw.model.learning_agreement_after import as_approved, as_proposed
from ewpgw.prints.learning_agreement import learning_agreement_pdf

from .stays import Json, agreements, read


@settings(max_examples=25, deadline=None)
@whatever(agreements)
def test_whatever_the_schema_allows_can_be_printed(given: Json) -> None:
    record = read(given)
    if as_approved(record) is not None:
        assert learning_agreement_pdf(record, state="approved", names={}).startswith(b"%PDF-")
    if as_proposed(record) is not None:
        assert learning_agreement_pdf(record, state="proposed", names={}).startswith(b"%PDF-")
