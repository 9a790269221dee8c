"""Transcripts of partners: what is found out when one comes, and what is in the document that is kept.

The simple record repeats what most people need. The document itself stays as it came, with its attachments and its
signature; what the record does not repeat is named.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from lxml import etree

from ewpgw.documents.parsing import parse
from ewpgw.model import elmo
from ewpgw.model.transcript import ELEMENT, Transcript
from ewpgw.model.transcript_attachment_rules import content_of
from ewpgw.model.transcript_received import received
from ewpgw.security.elmo_signature import Verdict, verify
from ewpgw.store import copies, transcripts
from ewpgw.store.effects import Effects
from ewpgw.store.transcripts import Ended, VersionKey, VersionSummary

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.copies import Copy, CopyKey
    from ewpgw.transcripts.configured import Configuration

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a transcript: its media type as the partner says it, and its bytes."""

    media_type: str
    content: bytes


class Looking:
    """Looks at transcripts that come: what else is to be kept of each. Takes long, so call it in a thread."""

    def __init__(self, configuration: Configuration, now: Callable[[], datetime]) -> None:
        self._configuration = configuration
        self._now = now

    def __call__(self, element: etree._Element, hei_id: str, partner: str) -> str:
        """The findings about a valid transcript of a partner's, as JSON text.

        ``signature``: the report about it; ``unplaced``: the parts that the record does not repeat; ``warnings``: what
        a person should know.
        """
        found, now = received(element), self._now()
        trusted = self._configuration.hei(hei_id).trusted
        report = verify(elmo.inside(element), trusted=trusted, at=now)
        signature = json.loads(json.dumps({**asdict(report), "checked_at": now}, default=_text))
        return json.dumps(
            {
                "signature": signature,
                "unplaced": list(found.unplaced),
                "warnings": list(_warnings(found.record, partner, report.verdict)),
            }
        )


def content_hash(element: etree._Element) -> str:
    """A digest of what a transcript says: the same where only the moment of its making differs.

    Partners that make the document for each request say the time and sign it anew each time.
    """
    copy = etree.fromstring(etree.tostring(element, with_tail=False))
    inner = elmo.inside(copy)
    signed = inner.find(elmo.SIGNATURE) is not None
    for found in (inner.find("{*}generatedDate"), inner.find(elmo.SIGNATURE)):
        if found is not None:
            inner.remove(found)
    canonical = etree.tostring(copy, method="c14n", exclusive=True, with_comments=False)
    return sha256(canonical + (b"signed" if signed else b"")).hexdigest()


async def transcript_changed(tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
    """A partner's transcript was fetched, or is gone: the version that came is kept for good.

    That there is something new, changed or gone is told where the copy is stored.
    """
    copy = await copies.get(tx, key)
    if copy is None or copy.content_hash is None or copy.body is None:
        return Effects()
    versions = VersionKey(key.hei_id, False, key.partner, key.id)
    last = next(iter(await transcripts.versions(tx, versions)), None)
    if copy.state is copies.CopyState.GONE:
        if last is not None:
            await transcripts.end_version(tx, versions, last.number, Ended.WITHDRAWN, now)
        return Effects()
    if last is not None and last.ended is None:
        if last.content_hash == copy.content_hash:
            return Effects()
        await transcripts.end_version(tx, versions, last.number, Ended.REPLACED, now)
    number = 1 if last is None else last.number + 1
    new = VersionSummary(versions, number, now, copy.content_hash, copy.exchange_id)
    await transcripts.add_version(tx, new, copy.body)
    return Effects()


def findings(copy: Copy) -> JsonObject:
    """What was found out about a copy when it came."""
    known: JsonObject = json.loads(copy.findings) if copy.findings is not None else {}
    return known


def record_of(copy: Copy) -> Transcript | None:
    """What the copy says, without the contents of attachments; None where nothing could be read."""
    return Transcript.model_validate_json(copy.document) if copy.document is not None else None


def original(body: bytes) -> str:
    """The ELMO in a partner's answer, which was read before, as a document of its own, comments too. Takes long."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    return elmo.text_of(elmo.inside(next(etree.fromstring(body, parser).iterchildren(f"{{*}}{ELEMENT}"))))


def attachment(body: bytes, place: int) -> Attachment | None:
    """The file at a place among the attachments of the record; None where there is none. Takes long."""
    record = received(_element(body)).record
    if not 0 <= place < len(record.attachment):
        return None
    found = record.attachment[place]
    content = content_of(found)
    return None if content is None else Attachment((found.media_type or "application/pdf").strip(), content)


def without_contents(record: Transcript) -> Transcript:
    """A transcript whose attachments are only described: their contents stay in the document."""
    if not any(one.content is not None for one in record.attachment):
        return record
    described = [one.model_copy(update={"content": None}) for one in record.attachment]
    return record.model_copy(update={"attachment": described})


def _element(body: bytes) -> etree._Element:
    return next(parse(body, max_bytes=len(body)).iterchildren(f"{{*}}{ELEMENT}"))


def _warnings(record: Transcript, partner: str, verdict: Verdict) -> list[str]:
    found = []
    issuer = record.issuer.hei_id if record.issuer is not None else None
    if issuer is None:
        found.append(f"The document does not say by a SCHAC identifier who issued it; {partner} served it.")
    elif issuer != partner:
        found.append(f"The document says that {issuer} issued it, but {partner} served it.")
    if verdict is Verdict.INVALID:
        found.append("The signature in the document is not valid. Ask the partner before you rely on it.")
    return found


def _text(value: object) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
