"""The paths of agreements, and the agreement that a path names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from ewpgw.agreements.known import load
from ewpgw.sis.errors import ApiError
from ewpgw.sis.parameters import HeiPath

if TYPE_CHECKING:
    from ewpgw.agreements.known import Known
    from ewpgw.store.engine import Store

ALL: Final = "/api/v1/heis/{hei_id}/agreements"
ONE: Final = ALL + "/{iia_id}"
TAG: Final = "Agreements"

_IiaId = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,64}$"), Field(description="Our identifier.", examples=["2024/17"])
]


class AgreementPath(HeiPath):
    """Paths of one agreement of ours."""

    iia_id: _IiaId


async def find(store: Store, path: AgreementPath) -> Known:
    """The agreement that the path names, refused (404) where there is none."""
    known = (await load(store, path.hei_id, [path.iia_id])).get(path.iia_id)
    if known is None:
        raise unknown()
    return known


def unknown() -> ApiError:
    """The answer for an agreement that is not there."""
    return ApiError(404, "unknown-agreement", "there is no such agreement of ours, and no draft of one")
