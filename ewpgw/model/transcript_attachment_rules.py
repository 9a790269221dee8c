"""Rules for the attachments of a transcript, and the bytes in them."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import TYPE_CHECKING

from ewpgw.model.rules import refusal, warning
from ewpgw.model.transcript_parts import TRANSCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.problems import Problem
    from ewpgw.model.transcript_parts import TranscriptAttachment

_SOURCE = "ELMO 2, schema.xsd, Attachment"
_PDF = "application/pdf"
_MEDIA_TYPE = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:;[A-Za-z0-9!#$&^_.+-]+=[A-Za-z0-9!#$&^_.+-]+)*"
)


def content_of(attachment: TranscriptAttachment) -> bytes | None:
    """The file itself; None where there is none, or no base64."""
    if attachment.content is None:
        return None
    try:
        return b64decode("".join(attachment.content.split()), validate=True)
    except (NotBase64, ValueError):
        return None


def attachment_problems(
    path: str, attachment: TranscriptAttachment, largest: int, *, received: bool = False
) -> Iterator[Problem]:
    """What is wrong with one attachment; ``largest``: the most bytes it may have.

    One that was read from an ELMO (``received``) may be without a content, which then is of a kind not known here.
    """
    given = attachment.content
    if given is not None and attachment.file is not None and not received:
        yield refusal(f"{path}.file", "is given beside a content; one of them is enough", _SOURCE)
    if given is None:
        if attachment.file is None and not received:
            yield refusal(f"{path}.content", "is required, or the id of an uploaded file", _SOURCE)
        return
    if len(given) * 3 // 4 > largest + len(given) // 32:  # line breaks are no content
        yield refusal(f"{path}.content", _too_large(len(given) * 3 // 4, largest), _SOURCE)
        return
    data = content_of(attachment)
    if data is None:
        yield refusal(f"{path}.content", "must be the file in base64", _SOURCE)
        return
    if len(data) > largest:
        yield refusal(f"{path}.content", _too_large(len(data), largest), _SOURCE)
    media_type = (attachment.media_type or _PDF).strip()
    if not _MEDIA_TYPE.fullmatch(media_type):
        yield refusal(f"{path}.media_type", "must be a media type such as application/pdf", _SOURCE)
    elif media_type.lower() != _PDF:
        said = "is no PDF: many systems do not show other files"
        yield warning(f"{path}.media_type", said, _SOURCE)
    elif b"%PDF-" not in data[:1024]:
        what = "the transcript" if attachment.type == TRANSCRIPT else "the file"
        yield warning(
            f"{path}.content", f"does not begin as a PDF does: people may not be able to open {what}", _SOURCE
        )


def _too_large(size: int, largest: int) -> str:
    return f"has about {size} bytes; at most {largest} are accepted"
