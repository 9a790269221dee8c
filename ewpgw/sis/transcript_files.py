"""Documents of transcripts and their attachments, as files to be saved."""

from __future__ import annotations

import asyncio
import re

from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import Answer
from ewpgw.transcripts import received

# What a partner says goes into a header of ours only where it is of the usual form.
_USUAL_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_UNKNOWN_TYPE = "application/octet-stream"
_PDF = "application/pdf"


def xml(body: bytes, name: str) -> Answer:
    """A document as a file to be saved; the name says nothing of the partner's id, which may hold any character."""
    headers = {"Content-Type": "application/xml", "Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(body=body, headers=headers)


async def attachment(body: bytes, place: int) -> Answer:
    """The file at a place among the attachments of the transcript in a get-response. Raises ApiError (404)."""
    found = await asyncio.to_thread(received.attachment, body, place)
    if found is None:
        raise ApiError(404, "unknown-attachment", "there is no such attachment with a content; see the document")
    usual = _USUAL_TYPE.fullmatch(found.media_type.partition(";")[0].strip())
    media_type = usual.group().lower() if usual else _UNKNOWN_TYPE
    name = "transcript.pdf" if media_type == _PDF else "attachment"
    # Never to be shown by a browser as a page of this server, whatever the partner says that it is.
    headers = {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(body=found.content, headers=headers)
