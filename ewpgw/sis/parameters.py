"""The path and query parameters of the SIS API: names, types, bounds and the words that document them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ewpgw.store.copies import CopyState
from ewpgw.store.work import WorkKind, WorkState

_HeiId = Annotated[
    str, Field(description="A HEI that this gateway covers, by its SCHAC id.", examples=["north.example"])
]
_Entity = Annotated[str, Field(description="The kind of record.", examples=["iias"])]
# Identifiers are 1 to 64 visible ASCII characters (ewp-specs-architecture, common-types.xsd, AsciiPrintableIdentifier).
_Identifier = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
# Records of what partners named have the partner's id before its identifier: no domain has a colon.
_OfRecord = Annotated[str, StringConstraints(pattern=r"^([!-~]{1,64}|[!-9;-~]{1,255}:[!-~]{1,64})$")]
_RecordId = Annotated[_OfRecord, Field(description="The record's id, percent-encoded.", examples=["2024/17"])]
Partner = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]{1,255}$"),
    Field(description="The partner, by its SCHAC id.", examples=["south.example"]),
]
_PartnerItemId = Annotated[
    _Identifier, Field(description="The item's id at the partner, percent-encoded.", examples=["S-0042"])
]
_FileId = Annotated[
    str,
    StringConstraints(pattern=r"^[ -~]{1,255}$"),
    Field(description="The file's id, percent-encoded.", examples=["4a483112-d306-4e77-87ff-05b823fb0e0f"]),
]
_Limit = Annotated[int, Field(ge=1, le=1000, description="How many items to answer at most.")]
_Cursor = Annotated[
    str | None,
    StringConstraints(min_length=1, max_length=1024, pattern=r"^[ -~]+$"),
    Field(description="Where to go on: the `next` of the page before."),
]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class HeiPath(_Parameters):
    """Paths of one covered HEI."""

    hei_id: _HeiId


class EntityPath(HeiPath):
    """Paths of one kind of record."""

    entity: _Entity


class RecordPath(EntityPath):
    """Paths of one record."""

    id: _RecordId


class CopyPath(EntityPath):
    """Paths of one item of a partner."""

    partner: Partner
    id: _PartnerItemId


class ExchangePath(HeiPath):
    """Paths of one logged exchange."""

    exchange_id: Annotated[
        str,
        StringConstraints(pattern=r"^[!-~]{1,128}$"),
        Field(description="Its id.", examples=["8a4c2f0e-7d56-4f7b-9c1d-2b3a4c5d6e7f"]),
    ]


class FilePath(HeiPath):
    """Paths of one file of ours."""

    file_id: _FileId


class PartnerFilePath(FilePath):
    """Paths of one file of a partner."""

    partner: Partner


class Page(_Parameters):
    """Lists in pages."""

    after: _Cursor = None
    limit: _Limit = 100


class RefusalsQuery(Page):
    """Refused versions, of all kinds of records or one."""

    entity: _Entity | None = Field(default=None, description="Only records of this kind.")


class CopiesQuery(Page):
    """Partner copies, of all partners or one."""

    partner: Partner | None = Field(default=None, description="Only copies from this partner.")
    state: CopyState | None = Field(default=None, description="Only copies in this state.")


class ReceivedQuery(_Parameters):
    """Which bytes of a partner copy."""

    version: Literal["current", "invalid"] = Field(
        default="current",
        description="`current` is the newest version that could be used, `invalid` the newest one that could not.",
    )


class ChangesQuery(_Parameters):
    """The feed of changes."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] = Field(
        default="0", description="The `cursor` of the answer before; 0 starts at the oldest change that is kept."
    )
    limit: _Limit = 100
    wait: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = Field(
        default=0, description="How many seconds to wait for a change where there is none yet."
    )


class WorkQuery(Page):
    """Rows of work."""

    state: WorkState | None = Field(
        default=None,
        description="`due`: under way or to be tried again; `failed`: the partner refused; `expired`: given up.",
    )
    kind: WorkKind | None = Field(
        default=None,
        description="`delivery`: notify a partner; `refresh`: fetch one thing; `pull`: go through a partner's index.",
    )
    partner: Partner | None = Field(default=None, description="Only work with this partner.")


class ExchangesQuery(Page):
    """Logged requests and responses."""

    partner: Partner | None = Field(default=None, description="Only exchanges with this partner.")
    api: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")] | None = Field(
        default=None, description="Only exchanges of this API."
    )
    direction: Literal["in", "out"] | None = Field(
        default=None, description="`in`: the partner called; `out`: the gateway called."
    )


class RefreshRequest(_Parameters):
    """What to fetch from a partner."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    entity: str = Field(description="The kind of record.", examples=["iias"])
    partner: Partner
    id: _Identifier | None = Field(
        default=None,
        description="One item, as the partner numbers it; without it, everything in the partner's index, where there "
        "is one.",
    )


class NotificationRequest(_Parameters):
    """Which record's partners to notify once more."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    entity: str = Field(description="The kind of record.", examples=["iias"])
    id: _OfRecord = Field(description="The record's id.", examples=["2024/17"])
