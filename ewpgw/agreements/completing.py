"""Writing our copy of an agreement with what the gateway knows beside the record: pure, no store is asked."""

from __future__ import annotations

import json
from dataclasses import replace

from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.store.record_writes import NewRecord

ENTITY = "iias"
KIND = ENTITIES[ENTITY]


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
        encodings={**new.encodings, KIND.version: KIND.encode(record)},
        counterpart=their_id,
    )


def _now_in_effect(new: NewRecord) -> NewRecord:
    """The same record, in effect. The hash does not cover that, and quotes and brackets in texts are escaped."""
    fragment = new.encodings[KIND.version].replace(_NOT_IN_EFFECT, _IN_EFFECT)
    if fragment == new.encodings[KIND.version]:
        return new
    document = new.document.replace('"in_effect":false', '"in_effect":true')
    return replace(new, document=document, encodings={**new.encodings, KIND.version: fragment})


_NOT_IN_EFFECT, _IN_EFFECT = b"<in-effect>false</in-effect>", b"<in-effect>true</in-effect>"


def as_new(hei_id: str, stored: str, fragment: bytes, source: str) -> NewRecord:
    """A stored record of an agreement, with what it is served as, to be written anew."""
    record = Iia.model_validate_json(stored)
    return NewRecord(
        hei_id=hei_id,
        entity=ENTITY,
        id=record.record_id(),
        document=stored,
        encodings={KIND.version: fragment},
        partners=record.partners(hei_id),
        source=source,
        academic_years=record.academic_years(),
        code=record.code(),
        files=record.files(),
        counterpart=record.counterpart(),
    )
