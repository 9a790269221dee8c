"""A record of ours that is ready to be stored, and what names it.

Here and not in the store, so that the processes that only prepare records need not load a database library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class RecordKey(NamedTuple):
    """What names a record of ours: the covered HEI, the entity (``iias``) and the identifier.

    A tuple, since an import makes, sorts and looks up several for each of its records.
    """

    hei_id: str
    entity: str
    id: str


@dataclass(frozen=True)  # without slots: those make it slow to hand from process to process
class NewRecord:
    """A record of ours to be stored, already checked and encoded.

    ``document`` is JSON text; ``encodings`` maps each major version of the API to the fragment that is served;
    ``partners`` are the HEIs that may see it, None means everyone; ``source`` says where it came from (an adapter's
    file name, ``sis``); ``academic_years`` are those in which it is valid, for entities whose index filters by them;
    ``code`` is the natural key, for entities that are asked for by it (EWP architecture, "Identifiers"); ``files`` are
    the ids of files of ours that it refers to and that exist, by the JSON path where it does; ``counterpart`` is the
    partner's identifier of the same thing, which the document names.
    """

    hei_id: str
    entity: str
    id: str
    document: str
    encodings: Mapping[int, bytes]
    partners: frozenset[str] | None
    source: str
    academic_years: frozenset[str] = field(default=frozenset())
    code: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    counterpart: str | None = None

    @property
    def key(self) -> RecordKey:
        return RecordKey(self.hei_id, self.entity, self.id)
