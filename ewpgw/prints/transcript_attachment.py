"""The transcript as PDF, put among the attachments of a transcript that comes without one."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from ewpgw.model.base import StringWithOptionalLang
from ewpgw.model.problems import Problem
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_parts import TRANSCRIPT, TranscriptAttachment

if TYPE_CHECKING:
    from ewpgw.model.base import XmlRecord
    from ewpgw.model.knowledge import Knowledge

_SOURCE = "ewp-specs-api-imobility-tors 3, get-response.xsd, elmo"


def lacks_pdf(record: Transcript) -> bool:
    """Whether a transcript comes without one as a document for people.

    An attachment without a type may well be one, so that there is none made beside it. An ELMO that was handed in is
    served to the letter.
    """
    return record.elmo is None and not any(
        one.type is None or one.type.strip() == TRANSCRIPT for one in record.attachment
    )


def as_served(record: XmlRecord, known: Knowledge) -> tuple[XmlRecord, tuple[Problem, ...]]:
    """What is served of a record: a transcript with a PDF of itself, where the institution wants one made.

    The record that is kept goes without. Any other record is served as it is.
    """
    if known.makes_pdf and isinstance(record, Transcript) and lacks_pdf(record):
        return _with_pdf(record, known.largest_attachment)
    return record, ()


def _with_pdf(record: Transcript, largest: int) -> tuple[Transcript, tuple[Problem, ...]]:
    """The transcript with a PDF of itself as its last attachment, and a warning where none can be made.

    ``largest``: the most bytes that an attachment may have. Takes a tenth of a second and more.
    """
    from ewpgw.prints.transcript import TooManyCourses, transcript_pdf  # takes long, and many commands print nothing

    try:
        pdf = transcript_pdf(record)
    except TooManyCourses as many:
        return record, (_not_made(str(many)),)
    if len(pdf) > largest:
        return record, (_not_made(f"it would have {len(pdf)} bytes, and at most {largest} are accepted"),)
    made = TranscriptAttachment(
        title=[StringWithOptionalLang(value="Transcript of Records", lang="en")],
        type=TRANSCRIPT,
        description=[StringWithOptionalLang(value="Made of the data of this transcript.", lang="en")],
        media_type="application/pdf",
        language="en",
        content=b64encode(pdf).decode("ascii"),
    )
    return record.model_copy(update={"attachment": [*record.attachment, made]}), ()


def _not_made(why: str) -> Problem:
    return Problem("attachment", f"has no transcript as PDF, and none is made: {why}", "warning", _SOURCE)
