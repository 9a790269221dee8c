"""The JSON of the SIS API's answers about nominations."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import Move
from ewpgw.sis.errors import ProblemView
from ewpgw.store.copies import CopyState
from ewpgw.store.decisions import DecisionState


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class DeliveryView(_View):
    """When the partner learnt of a thing as it is now."""

    at: datetime
    how: Literal["notified", "fetched"] = Field(
        description="`notified`: it took the notification; `fetched`: it asked for the thing by itself."
    )
    exchange: str | None = Field(description="The logged exchange that proves it.")


class SentView(_View):
    """Where a nomination of ours stands."""

    omobility_id: str
    partner: str = Field(description="The receiving institution.")
    receiving_academic_year_id: str
    status: Status
    meaning: str = Field(description="The status in words.")
    comment: str | None = Field(description="Why the partner rejected it.")
    proposal_id: str = Field(description="Another one as soon as the content is another.")
    delivered: DeliveryView | None = Field(
        description="Null as long as nobody can say that the partner knows of the nomination as it is now."
    )
    decided_at: datetime | None = Field(
        description="When the partner's decision came; null where the status is not its doing."
    )
    decided_exchange: str | None = Field(description="The logged exchange in which it came.")
    changed_at: datetime = Field(description="When it was last changed, cancelled or submitted here.")
    moves: list[Move] = Field(description="What can be done now. Records are put and deleted as records.")


class SentPage(_View):
    """Nominations in the order of their identifiers."""

    items: list[SentView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class PlacesView(_View):
    """The places that the agreement has for such nominations in that year."""

    agreed: int
    taken: int = Field(description="By the other nominations that are not rejected or cancelled.")
    left: int = Field(description="Below zero where there are too many.")


class DatesView(_View):
    """When the student came and left."""

    actual_arrival_date: str | None
    actual_departure_date: str | None
    revision: int | None = Field(description="Of our record with these dates, for If-Match; null where there is none.")


class StayView(_View):
    """The time of the stay, as both institutions name it."""

    sending_term: str | None = Field(description="As the sending one does; null where the stay lies in no single term.")
    receiving_term: str | None = Field(
        description="The same time as the receiving one names it; null where the settings do not have both calendars."
    )
    receiving_year: str


class SentDetailView(_View):
    """A nomination of ours, with all that is to be said of it."""

    nomination: SentView
    document: JsonValue = Field(description="The record, as it is served.")
    stay: StayView
    warnings: list[ProblemView] = Field(description="What of it does not fit the agreement it names.")
    places: PlacesView | None = Field(description="Null where no condition of the agreement covers it.")
    partner_version: int | None = Field(
        description="The version of the omobilities API that is used with this partner; null: it has none."
    )
    not_told: list[ProblemView] = Field(description="What that version has no place for, so the partner is not told.")
    arrival: DatesView | None = Field(description="As the partner tells; null where it has told nothing yet.")


class DecisionView(_View):
    """Our newest decision about a nomination or learning agreement, and what became of it."""

    verdict: str = Field(description="`approved`; `rejected` (nominations), `commented` (learning agreements).")
    comment: str | None
    by: str | None = Field(description="Who decided, as it was said then.")
    at: datetime
    proposal_id: str
    current: bool = Field(description="False: another proposal, or none, waits by now; this is about what there was.")
    state: DecisionState = Field(
        description="`waiting`: on its way; `made`: the partner has it; `refused`: the partner does not take it; "
        "`overtaken`: the thing changed before the partner heard of it, so look at it again."
    )
    words: str | None = Field(description="Why it was refused or overtaken.")
    answered_at: datetime | None
    exchange: str | None = Field(description="The logged exchange in which the partner answered.")


class ReceivedView(_View):
    """Where a nomination of a partner's stands."""

    omobility_id: str
    partner: str = Field(description="The sending institution.")
    receiving_academic_year_id: str
    status: Status = Field(description="With a decision of ours as soon as the partner has it.")
    meaning: str
    comment: str | None = Field(description="Why we rejected it.")
    proposal_id: str = Field(description="Name it with a decision: that is what was seen.")
    decision: DecisionView | None
    published: bool = Field(
        description="True: the partner has an older version of the API. Decisions are not sent to it; it fetches them."
    )
    copy_state: CopyState = Field(
        description="`current`; `invalid`: a newer version cannot be used, this is the last that could; `gone`: the "
        "partner has deleted it."
    )
    fetched_at: datetime
    changed_at: datetime
    moves: list[Move] = Field(description="What can be decided now.")


class ReceivedPage(_View):
    """Nominations by partner and identifier."""

    items: list[ReceivedView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class ReceivedDetailView(_View):
    """A nomination of a partner's, with all that is to be known before deciding."""

    nomination: ReceivedView
    document: JsonValue
    stay: StayView
    warnings: list[ProblemView] = Field(description="What of it does not fit the agreement it names.")
    places: PlacesView | None = Field(description="Null where no condition of the agreement covers it.")
    agreement: str | None = Field(description="Our identifier of the agreement it names, where there is such a one.")
    not_told: list[ProblemView] = Field(
        description="What the partner's older version of the omobilities API does not tell, so ask for it where it "
        "matters; empty where it has the newest."
    )
    arrival: DatesView | None = Field(description="As we tell the partner; null where nothing is told.")


class DecidedView(_View):
    """The decision is taken."""

    omobility_id: str
    status: Status
    how: Literal["sent", "published"] = Field(
        description="`sent`: it is on its way to the partner; `published`: the partner is told to fetch it."
    )
    already: bool = Field(description="It was so before; nothing was done.")


class SentMoveView(_View):
    """The move is made."""

    omobility_id: str
    move: Move
    already: bool = Field(description="It was so before; nothing was done, and nobody told.")
