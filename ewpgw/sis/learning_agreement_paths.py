"""The paths of learning agreements, and what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from ewpgw.learning_agreements.received import load
from ewpgw.sis.errors import ApiError
from ewpgw.sis.parameters import HeiPath, Partner

if TYPE_CHECKING:
    from ewpgw.learning_agreements.received import ReceivedAgreement
    from ewpgw.store.engine import Store

SENT: Final = "/api/v1/heis/{hei_id}/learning-agreements/sent"
SENT_ONE: Final = SENT + "/{omobility_id}"
RECEIVED: Final = "/api/v1/heis/{hei_id}/learning-agreements/received"
RECEIVED_ONE: Final = RECEIVED + "/{partner}/{omobility_id}"
TAG: Final = "Learning agreements"

_OmobilityId = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,64}$"),
    Field(description="The sending institution's identifier of the stay.", examples=["2026-301"]),
]


class SentAgreementPath(HeiPath):
    """Paths of one learning agreement of ours."""

    omobility_id: _OmobilityId


class ReceivedAgreementPath(HeiPath):
    """Paths of one learning agreement of a partner's."""

    partner: Partner
    omobility_id: _OmobilityId


async def find_received(store: Store, path: ReceivedAgreementPath) -> ReceivedAgreement:
    """The agreement that the path names, refused (404) where there is none."""
    known = await load(store, path.hei_id, path.partner, path.omobility_id)
    if known is None:
        raise unknown_received()
    return known


def unknown_sent() -> ApiError:
    """The answer for an agreement of ours that is not there."""
    return ApiError(404, "unknown-agreement", "there is no such learning agreement of ours; put its record first")


def unknown_received() -> ApiError:
    """The answer for an agreement of a partner's that was never received."""
    return ApiError(
        404,
        "unknown-agreement",
        "no such learning agreement that can be read has come from this partner; POST …/refreshes asks for it",
    )
