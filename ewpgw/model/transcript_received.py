"""Transcripts of partners as records: what is known of one, beside the ELMO that it came as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ewpgw.model import transcript_tor
from ewpgw.model.elmo import BadElmo
from ewpgw.model.problems import DecodeProblem, from_validation
from ewpgw.model.rules import refusal
from ewpgw.model.transcript import Transcript

if TYPE_CHECKING:
    from lxml import etree

SOURCES = {
    version: f"ewp-specs-api-imobility-tors {version}, get-response.xsd" for version in transcript_tor.NAMESPACES
}


@dataclass(frozen=True, slots=True)
class ReceivedTranscript:
    """A transcript that a partner serves.

    ``record`` says what the simple record can say; ``elmo`` is the document as it came; ``unplaced`` names the parts of
    it that the record does not repeat, such as ``report/resultOfRecognition``.
    """

    record: Transcript
    elmo: str
    unplaced: tuple[str, ...]


def received(element: etree._Element) -> ReceivedTranscript:
    """The transcript in an element of either version of the API. Raises DecodeProblem."""
    try:
        decoded = transcript_tor.decode(element)
        record = Transcript.model_validate(decoded.fields)
    except BadElmo as error:
        raise DecodeProblem([refusal("elmo", error.words, SOURCES[3])]) from error
    except ValidationError as error:
        raise DecodeProblem(tuple(from_validation(error, Transcript, SOURCES[3]))) from error
    return ReceivedTranscript(record, decoded.elmo, decoded.unplaced)


def decoded(element: etree._Element) -> Transcript:
    """The same as a record alone. Raises DecodeProblem."""
    return received(element).record
