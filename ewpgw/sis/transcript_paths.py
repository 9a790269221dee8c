"""The paths of transcripts, and what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from ewpgw.sis.errors import ApiError
from ewpgw.sis.parameters import HeiPath, Partner
from ewpgw.store import copies
from ewpgw.store.copies import CopyKey
from ewpgw.store.transcripts import ENTITY

if TYPE_CHECKING:
    from ewpgw.store.copies import Copy
    from ewpgw.store.engine import Store

ISSUED: Final = "/api/v1/heis/{hei_id}/transcripts/issued"
ISSUED_ONE: Final = ISSUED + "/{partner}/{omobility_id}"
RECEIVED: Final = "/api/v1/heis/{hei_id}/transcripts/received"
RECEIVED_ONE: Final = RECEIVED + "/{partner}/{omobility_id}"
TAG: Final = "Transcripts"

_OmobilityId = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,64}$"),
    Field(description="The sending institution's identifier of the stay.", examples=["S-2026-88"]),
]


class TranscriptPath(HeiPath):
    """Paths of one transcript."""

    partner: Partner
    omobility_id: _OmobilityId

    @property
    def record_id(self) -> str:
        """The identifier of the record, where the transcript is ours."""
        return f"{self.partner}:{self.omobility_id}"


class VersionPath(TranscriptPath):
    """Paths of one version of a transcript."""

    number: Annotated[int, Field(ge=1, le=10**9, description="Which version; the first is 1.")]


class AttachmentPath(TranscriptPath):
    """Paths of one attachment of a transcript."""

    place: Annotated[int, Field(ge=0, le=10**6, description="Which attachment of the record; the first is 0.")]


async def find_received(store: Store, path: TranscriptPath) -> Copy:
    """The partner's transcript that the path names, refused (404) where none that can be read has come."""
    copy = await copies.get(store, CopyKey(path.hei_id, ENTITY, path.partner, path.omobility_id))
    if copy is None or copy.document is None or copy.body is None:
        raise ApiError(
            404,
            "unknown-transcript",
            "no such transcript that can be read has come from this partner; POST …/refreshes asks for it",
        )
    return copy


def unknown_issued() -> ApiError:
    """The answer for a transcript of ours that is not there."""
    return ApiError(404, "unknown-transcript", "there is no such transcript of ours; put its record first")


def unknown_version() -> ApiError:
    """The answer for a version that never was."""
    return ApiError(404, "unknown-version", "there is no such version of the transcript")
