"""Writing our copy of an agreement with what the gateway knows beside the record: pure, no store is asked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw.model import iia_rules
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.model.new_record import NewRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.model.problems import Problem
    from ewpgw.preparing import Prepared
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


def judged(completed: NewRecord) -> tuple[Problem, ...]:
    """What is wrong with a record for what the gateway knows of the agreement, now that it has been added."""
    if completed.counterpart is None and not _KNOWN_BESIDE.search(completed.document):
        return ()
    return tuple(iia_rules.problems_when_completed(Iia.model_validate_json(completed.document)))


def as_judged(one: Prepared) -> Prepared:
    """The same record with what is wrong with it as it is, where nothing is known but what it says."""
    if one.new is None or one.new.entity != ENTITY:
        return one
    return with_problems(one, judged(one.new))


def with_problems(one: Prepared, problems: Sequence[Problem]) -> Prepared:
    """The record with what else is wrong with it, refused where that is a reason."""
    if not problems:
        return one
    is_refused = any(problem.severity == "refusal" for problem in problems)
    return replace(one, new=None if is_refused else one.new, problems=(*one.problems, *problems))


def has_former_values(document: str) -> bool:
    """Whether an agreement, as its stored JSON, holds a value that is not yet defined, or of version 6."""
    return '"not_yet_defined":true' in document or '"v6_value":"' in document


_KNOWN_BESIDE = re.compile(
    '"in_effect":true|"terminated_as_a_whole":true|"not_yet_defined":true|"v6_value":"|"isced_clarification":"[^"]'
)
"""Stands in every document that a rule about what the gateway knows can have something against: most need no reading.

Quotes in texts are escaped, so that no text looks like a field.
"""


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
