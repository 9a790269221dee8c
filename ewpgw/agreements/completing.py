"""Writing our copy of an agreement with what the gateway knows beside the record: pure, no store is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.store.record_writes import NewRecord

if TYPE_CHECKING:
    from ewpgw.store.records import Record

ENTITY = "iias"
SHAPE = ENTITIES[ENTITY].newest


def with_derived(new: NewRecord, their_id: str | None, in_effect: bool) -> NewRecord:
    """A record of an agreement, naming this copy of the partner and no other, and in effect where it once came so."""
    if new.counterpart == their_id and not in_effect:
        return new
    if new.counterpart == their_id:
        return _now_in_effect(new)
    document = json.loads(new.document)
    document["partner"][1]["iia_id"] = their_id
    document["in_effect"] = in_effect or document["in_effect"]
    record = Iia.model_validate(document).completed()
    return replace(
        new,
        document=record.json_text(),
        encodings={**new.encodings, SHAPE.version: SHAPE.encode(record).fragment},
        counterpart=their_id,
    )


def _now_in_effect(new: NewRecord) -> NewRecord:
    """The same record, in effect. The hash does not cover that, and quotes and brackets in texts are escaped."""
    fragment = new.encodings[SHAPE.version].replace(_NOT_IN_EFFECT, _IN_EFFECT)
    if fragment == new.encodings[SHAPE.version]:
        return new
    document = new.document.replace('"in_effect":false', '"in_effect":true')
    return replace(new, document=document, encodings={**new.encodings, SHAPE.version: fragment})


_NOT_IN_EFFECT, _IN_EFFECT = b"<in-effect>false</in-effect>", b"<in-effect>true</in-effect>"


def as_new(stored: Record, document: str, fragment: bytes) -> NewRecord:
    """A stored record of an agreement with its ``document`` and what it is served as, to be written anew.

    What was found out when it was stored is not found out again: reading an agreement takes milliseconds.
    """
    read = json.loads(document)
    return NewRecord(
        hei_id=stored.key.hei_id,
        entity=ENTITY,
        id=stored.key.id,
        document=document,
        encodings={SHAPE.version: fragment},
        partners=stored.partners,
        source=stored.source,
        academic_years=stored.academic_years,
        files={"pdf_file": read["pdf_file"]} if "pdf_file" in read else {},
        counterpart=read["partner"][1].get("iia_id"),
    )
