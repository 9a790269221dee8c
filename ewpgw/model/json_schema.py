"""The JSON Schema of each record, for editors and for programs that write records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.examples import example
from ewpgw.model.reference import guide

if TYPE_CHECKING:
    from ewpgw.model.entity import EntityType

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(entity: EntityType) -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a record.

    It accepts whatever the gateway can read as such a record. What it cannot say remains to the gateway: rules that
    reach over several fields, dates of the calendar, characters that XML does not have.
    """
    schema = entity.model.model_json_schema(mode="validation")
    return {
        "$schema": DIALECT,
        **schema,
        "title": guide(entity).title,
        "examples": [example(entity.name)],
    }
