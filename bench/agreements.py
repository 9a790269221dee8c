"""Agreements to serve and to tell of: with three conditions and contacts, between three and four KB as served."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import update

from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.new_record import NewRecord
from ewpgw.preparing import Incoming, prepare
from ewpgw.store import record_writes, sources, work
from ewpgw.store.sources import SourceItem
from ewpgw.store.tables import work as work_table
from ewpgw.store.work import WorkKey, WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.site import Gateway
    from ewpgw.store.engine import Store

_IIAS = ENTITIES["iias"]
_CHUNK = 500
_CONTACT: dict[str, object] = {
    "contact_name": [{"value": "International Relations Office", "lang": "en"}],
    "email": ["international.relations@university.example"],
    "role_description": [{"value": "Questions about nominations and the academic calendar.", "lang": "en"}],
}
_STUDIES: dict[str, object] = {
    "receiving_first_academic_year_id": "2027/2028",
    "receiving_last_academic_year_id": "2029/2030",
    "mobilities_per_year": {"value": "3"},
    "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
    "subject_area": [{"isced_f_code": {"value": "0613"}, "isced_clarification": "Software development"}],
    "other_info_terms": "Nominations by the fifteenth of April.",
    "total_months_per_year": "30",
    "blended": False,
    "eqf_level": ["6", "7"],
}


def iia_id(number: int) -> str:
    """The identifier of the n-th agreement."""
    return f"iia-{number:05}"


def document(hei_id: str, partner: str, number: int, revision: int = 1) -> dict[str, object]:
    """The n-th agreement as a university's system would give it; another ``revision`` is another content."""
    studies = [
        {"sending_hei_id": one, "receiving_hei_id": other, "sending_contact": [_CONTACT], **copy.deepcopy(_STUDIES)}
        for one, other in ((hei_id, partner), (partner, hei_id))
    ]
    teaching = {name: value for name, value in _STUDIES.items() if name not in ("blended", "eqf_level")}
    teaching["total_days_per_year"] = str(8 + revision)
    del teaching["total_months_per_year"]
    signer = {
        "contact_name": [{"value": "Aino Virtanen"}],
        "person_given_names": [{"value": "Aino"}],
        "person_family_name": [{"value": "Virtanen"}],
        "email": ["agreements@university.example"],
    }
    return {
        "partner": [
            {"hei_id": hei_id, "iia_id": iia_id(number), "iia_code": f"{number}/2026", "signing_contact": signer},
            {"hei_id": partner},
        ],
        "in_effect": False,
        "cooperation_conditions": {
            "student_studies_mobility_spec": studies,
            "staff_teacher_mobility_spec": [{"sending_hei_id": hei_id, "receiving_hei_id": partner, **teaching}],
        },
    }


async def fill(store: Store, gateway: Gateway, partners: Sequence[str], count: int) -> None:
    """Lets a gateway hold agreements as if its adapter had imported them long ago and its partners had been told.

    The agreements are shared out among the partners. One for each partner is encoded; the others differ from it in
    nothing but their numbers, since ten thousand encodings would take a minute.
    """
    hei_id, now = gateway.hei_id, datetime.now(UTC)
    patterns = [_pattern(hei_id, partner) for partner in partners[:count]]
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(start + _CHUNK, count))
        records = [_numbered(patterns[n % len(patterns)], n) for n in numbers]
        told = [WorkKey(WorkKind.DELIVERY, hei_id, partners[n % len(partners)], "iia-cnr", iia_id(n)) for n in numbers]
        async with store.transaction() as tx:
            await record_writes.put_many(tx, records, now)
            await sources.put_items(tx, hei_id, "folder", [_file(gateway.folder, new) for new in records])
            await work.want_many(tx, told, now)
            done = {"state": WorkState.DONE.value, "done": work_table.c.wanted, "done_at": now, "last_at": now}
            await tx.execute(update(work_table).values(done))


def _pattern(hei_id: str, partner: str) -> NewRecord:
    """An agreement with the partner, checked and encoded as any other."""
    incoming = Incoming(id=iia_id(0), document=document(hei_id, partner, 0))
    found = prepare(_IIAS, hei_id, incoming, schemas(), "folder")
    assert found.new is not None, found.problems
    size = len(found.new.encodings[_IIAS.newest.version])
    assert 3000 <= size <= 4096, f"the fragment has {size} bytes"
    return found.new


def _numbered(pattern: NewRecord, number: int) -> NewRecord:
    ours, theirs = iia_id(0), iia_id(number)
    return replace(
        pattern,
        id=theirs,
        document=pattern.document.replace(ours, theirs),
        encodings={
            _IIAS.newest.version: pattern.encodings[_IIAS.newest.version].replace(ours.encode(), theirs.encode())
        },
        source=f"folder:iias/{theirs}.json",
    )


def _file(folder: Path, record: NewRecord) -> SourceItem:
    """Writes the record's file into the adapter's folder; what the adapter remembers of a file that it imported."""
    key, content = f"iias/{record.id}.json", record.document.encode()
    (folder / key).write_bytes(content)
    return SourceItem(key, record.entity, record.id, sha256(content).hexdigest())
