"""What transcripts of ours are completed with before they are checked: from the settings, and from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.institution import Institution
from ewpgw.model.knowledge import NOTHING, Knowledge
from ewpgw.model.transcript_parts import TranscriptIssuer, TypedIdentifier
from ewpgw.store import files, records
from ewpgw.store.records import RecordKey
from ewpgw.store.transcripts import ENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.preparing import Incoming
    from ewpgw.store.engine import Store
    from ewpgw.transcripts.configured import Configuration


class Knowing:
    """Says what is known for records; only of transcripts there is anything."""

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration

    async def about(self, hei_id: str, entity: str, incoming: Sequence[Incoming]) -> Knowledge:
        """What these records of the institution are completed with."""
        if entity != ENTITY:
            return NOTHING
        configured, limits = self._configuration.hei(hei_id), self._configuration.limits
        return Knowledge(
            issuer=await self._issuer(hei_id),
            distributions=configured.distributions,
            files=await self._files(hei_id, frozenset(_named(incoming))),
            signing=configured.signing,
            makes_pdf=configured.makes_pdf,
            largest_attachment=limits.largest_attachment,
            largest_elmo=limits.largest_elmo,
            largest_document=limits.largest_document,
            most_elements=limits.most_elements,
        )

    async def _issuer(self, hei_id: str) -> TranscriptIssuer | None:
        """The institution as its own record describes it; None where that has no web page, or is not there."""
        stored = await records.get(self._store, RecordKey(hei_id, "institutions", hei_id))
        if stored is None or stored.document is None:
            return None
        institution = Institution.model_validate_json(stored.document)
        if not institution.website_url:
            return None
        address = institution.street_address or institution.mailing_address
        return TranscriptIssuer(
            hei_id=hei_id,
            identifier=[TypedIdentifier(value=other.value, type=other.type) for other in institution.other_id],
            title=institution.name,
            url=institution.website_url[0].value,
            country=address.country if address is not None else None,
        )

    async def _files(self, hei_id: str, ids: frozenset[str]) -> dict[str, tuple[str, bytes]]:
        found = {}
        for file_id in sorted(ids):
            file = await files.get(self._store, hei_id, file_id)
            if file is not None:
                found[file_id] = (file.content_type, file.body)
        return found


def _named(incoming: Sequence[Incoming]) -> Iterator[str]:
    """The files that records in JSON name as attachments, whatever else is wrong with them."""
    for one in incoming:
        given = one.document.get("attachment") if isinstance(one.document, dict) else None
        for attached in given if isinstance(given, list) else []:
            file = attached.get("file") if isinstance(attached, dict) else None
            if isinstance(file, str):
                yield file
