"""The paths of nominations, and what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from ewpgw.nominations.received import load
from ewpgw.sis.errors import ApiError
from ewpgw.sis.parameters import HeiPath, Partner

if TYPE_CHECKING:
    from ewpgw.nominations.received import ReceivedNomination
    from ewpgw.store.engine import Store

SENT: Final = "/api/v1/heis/{hei_id}/nominations/sent"
SENT_ONE: Final = SENT + "/{omobility_id}"
RECEIVED: Final = "/api/v1/heis/{hei_id}/nominations/received"
RECEIVED_ONE: Final = RECEIVED + "/{partner}/{omobility_id}"
TAG: Final = "Nominations"

_OmobilityId = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,64}$"),
    Field(description="The sending institution's identifier of the nomination.", examples=["2026-301"]),
]


class SentPath(HeiPath):
    """Paths of one nomination of ours."""

    omobility_id: _OmobilityId


class ReceivedPath(HeiPath):
    """Paths of one nomination of a partner's."""

    partner: Partner
    omobility_id: _OmobilityId


async def find_received(store: Store, path: ReceivedPath) -> ReceivedNomination:
    """The nomination that the path names, refused (404) where there is none."""
    known = await load(store, path.hei_id, path.partner, path.omobility_id)
    if known is None:
        raise unknown_received()
    return known


def unknown_sent() -> ApiError:
    """The answer for a nomination of ours that is not there."""
    return ApiError(404, "unknown-nomination", "there is no such nomination of ours; put its record first")


def unknown_received() -> ApiError:
    """The answer for a nomination of a partner's that was never received."""
    return ApiError(
        404,
        "unknown-nomination",
        "no such nomination that can be read has come from this partner; POST …/refreshes asks for it",
    )
