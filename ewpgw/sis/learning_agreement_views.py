"""The JSON of the SIS API's answers about learning agreements."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ewpgw.model.learning_agreement_diff import LearningAgreementDiff
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.model.learning_agreement_states import Move
from ewpgw.sis.errors import ProblemView
from ewpgw.sis.nomination_views import DecisionView, DeliveryView
from ewpgw.store.copies import CopyState


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PastView(_View):
    """A proposal that was answered."""

    proposal_id: str
    approved: bool = Field(description="True: it became part of the agreement. False: a comment ended it.")
    comment: str | None
    signer: str | None = Field(description="Who answered for the receiving institution.")
    answered_at: str | None = Field(description="When that was signed, as the signature says.")


class _StandingView(_View):
    omobility_id: str
    partner: str = Field(description="The other institution.")
    receiving_academic_year_id: str
    mobility_type: Literal["semester", "blended", "doctoral"]
    stage: Stage
    meaning: str = Field(description="The stage in words.")
    proposal_id: str | None = Field(description="The proposal that waits for an answer; null where none does.")
    comment: str | None = Field(description="What the receiving institution said to the latest version, if it did.")
    changed_at: datetime = Field(description="When it last came to stand elsewhere, as far as is known here.")


class SentAgreementView(_StandingView):
    """Where a learning agreement of ours stands."""

    delivered: DeliveryView | None = Field(
        description="Null as long as nobody can say that the partner knows of the agreement as it is now."
    )
    answered_at: datetime | None = Field(description="When the partner's answer to the latest version came.")
    answered_exchange: str | None = Field(description="The logged exchange in which it came.")
    shown: bool = Field(description="False: nothing in it stands that partners could be shown. Propose anew.")
    deletable: bool = Field(description="Whether its record can be deleted.")


class SentAgreementPage(_View):
    """Learning agreements in the order of their identifiers."""

    items: list[SentAgreementView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class ReceivedAgreementView(_StandingView):
    """Where a learning agreement of a partner's stands."""

    decision: DecisionView | None = Field(description="Our newest answer, and what became of it.")
    copy_state: CopyState = Field(
        description="`current`; `invalid`: a newer version cannot be used, this is the last that could; `gone`: the "
        "partner no longer shows it, as after a comment on the first version."
    )
    fetched_at: datetime
    moves: list[Move] = Field(description="What can be answered now.")


class ReceivedAgreementPage(_View):
    """Learning agreements by partner and identifier."""

    items: list[ReceivedAgreementView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class InFullView(_View):
    """An agreement with its changes applied, so that nobody has to work them out."""

    approved: JsonValue = Field(description="As it was approved last, table by table; null where nothing was.")
    proposed: JsonValue = Field(
        description="As it would stand if the proposal were approved; null where no proposal waits."
    )
    difference: LearningAgreementDiff | None = Field(
        description="What the proposal would change of that: component by component, in words; null where none waits."
    )


class SentAgreementDetailView(_View):
    """A learning agreement of ours, with all that is to be said of it."""

    agreement: SentAgreementView
    document: JsonValue = Field(description="The record; null once deleted.")
    in_full: InFullView
    warnings: list[ProblemView] = Field(description="What does not fit the nomination of the same identifier.")
    history: list[PastView] = Field(description="The proposals that were answered, the oldest first.")


class ReceivedAgreementDetailView(_View):
    """A learning agreement of a partner's, with all that is to be known before answering."""

    agreement: ReceivedAgreementView
    document: JsonValue = Field(description="The agreement as the partner served it last.")
    in_full: InFullView
    history: list[PastView] = Field(description="The proposals that were answered, as far as is known here.")


class AnsweredView(_View):
    """The answer is given, and on its way to the partner."""

    omobility_id: str
    verdict: str = Field(description="`approved` or `commented`.")
    already: bool = Field(description="It was so before; nothing was done.")
