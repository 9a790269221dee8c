"""The JSON of the SIS API's answers about agreements."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ewpgw.model.iia_states import MappingState, Move, State
from ewpgw.sis.errors import ProblemView


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RefusedMoveView(_View):
    """A move that is not possible now."""

    move: Move
    code: str = Field(description="A fixed word for programs.")
    words: str = Field(description="Why, for people.")


class AgreementView(_View):
    """Where an agreement stands."""

    iia_id: str = Field(description="Our identifier.")
    partner: str = Field(description="The other institution; empty for a draft, whose content is not checked.")
    their_id: str | None = Field(description="The partner's identifier of its copy: the one mapped, or the last one.")
    mapping: MappingState = Field(
        description="`open`: no copy of the partner is known to be of it; `mapped`: one is; `vanished`: the partner "
        "deleted it; `cut`: a person said that it is of something else."
    )
    how: str | None = Field(description='How the mapping came about: "their copy", "our record" or "person".')
    state: State = Field(description="See the table of states in the documentation of agreements.")
    meaning: str = Field(description="The state in words.")
    next: str = Field(description="What has to be done next, and by whom, in words.")
    conflict: str | None = Field(description="Where the state is `conflict`: what contradicts what, in words.")
    copies_equal: bool | None = Field(
        description="Whether both copies say the same, as far as approval goes; null where there are not two."
    )
    our_hash: str | None = Field(description="The iia-hash of our copy; null for a draft.")
    their_hash: str | None = Field(description="That of the partner's copy as received: the one to approve.")
    our_approval: str | None = Field(description="The hash of the partner's copy that we approved last.")
    their_approval: str | None = Field(description="The hash of our copy that the partner approved last.")
    approved_by_us: bool = Field(description="Our approval counts: the partner's copy has that hash now.")
    approved_by_partner: bool = Field(description="The partner's approval counts: our copy has that hash now.")
    ever_approved_by_both: bool = Field(description="A version that both approved is kept, and can be gone back to.")
    draft: bool = Field(description="A draft is kept, which the partner does not see.")
    moves: list[Move] = Field(description="What can be done now. Approving also takes the hash that was seen.")


class AgreementPage(_View):
    """Agreements in the order of our identifiers, drafts among them."""

    items: list[AgreementView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class TheirCopyView(_View):
    """The partner's copy that an agreement is mapped to."""

    iia_id: str
    valid: bool = Field(description="False: its newest version cannot be used; this is the last one that could.")
    iia_hash: str
    our_id: str | None = Field(description="The agreement of ours that it names.")
    approvable: bool = Field(description="False: it holds values that are not yet defined, or of version 6.")
    document: JsonValue


class AgreementDetailView(_View):
    """An agreement with both copies."""

    agreement: AgreementView
    refused_moves: list[RefusedMoveView]
    ours: JsonValue = Field(description="Our copy as the partner sees it; null where it sees none.")
    theirs: TheirCopyView | None = Field(description="Null where no copy is mapped, or it was not fetched yet.")
    draft: JsonValue = Field(description="The draft; null where there is none.")


class DifferenceView(_View):
    """One thing that two versions do not say alike."""

    path_a: str | None = Field(description="Where in a; null where it has no such place.")
    path_b: str | None
    field: str
    a: str | None = Field(description="What a says; null for nothing.")
    b: str | None
    prevents_approval: bool
    words: str = Field(description="The whole of it as a sentence.")


class ComparedConditionView(_View):
    """Conditions that belong together, matched by what they say."""

    title: str
    outcome: str
    paths_a: list[str]
    paths_b: list[str]


class HashPartingView(_View):
    """The first place where the texts part that the two hashes are computed from."""

    condition: int = Field(description="The number of the condition, from 1; 0: before the conditions.")
    before: str
    a: str
    b: str
    words: str


class ComparisonView(_View):
    """What two versions of an agreement say differently."""

    a: str = Field(description="The name of the first, as the sentences have it.")
    b: str
    prevents_approval: bool
    differences: list[DifferenceView]
    conditions: list[ComparedConditionView] = Field(description="Every condition of both, the equal ones included.")
    notes: list[str]
    hash_parting: HashPartingView | None = Field(description="Null where the texts are the same.")


class MappingProposalView(_View):
    """A copy of the partner that may be of the agreement."""

    iia_id: str = Field(description="As the partner numbers it.")
    iia_code: str | None = Field(description="The partner's number for people.")
    iia_hash: str
    score: float = Field(description="0: nothing in common; 1: all conditions say the same.")
    reasons: list[str]


class MappingProposalsView(_View):
    """The copies that may be of the agreement, the likeliest first."""

    items: list[MappingProposalView]
    split: list[str] = Field(
        description="Copies that together have exactly the conditions of ours: the partner has split it, which it "
        "must not."
    )


class UnmappedCopyView(_View):
    """A copy that a partner serves, and that is of no agreement of ours as far as is known."""

    partner: str
    iia_id: str
    iia_code: str | None
    our_id: str | None = Field(description="The agreement that it names: one that is not there, or has another copy.")


class UnmappedCopiesView(_View):
    """Copies by partner and identifier, up to a thousand."""

    items: list[UnmappedCopyView]


class MovedView(_View):
    """The move is made."""

    iia_id: str
    move: Move


class TakenOverView(_View):
    """An agreement of version 6 is taken over."""

    iia_id: str
    state: State = Field(description="Where it stands now.")
    created: bool = Field(description="Its record was made of the copy; false: there was one, which stays as it is.")
    problems: list[ProblemView] = Field(description="Warnings: what was filled in, or left out, of the new record.")


class DraftView(_View):
    """The draft is kept."""

    iia_id: str
    problems: list[ProblemView] = Field(description="What would keep it from being proposed now, and warnings.")


class SnapshotView(_View):
    """A version that both sides approved."""

    number: int
    at: datetime
    partner: str
    their_id: str
    our_hash: str
    their_hash: str
    terminated: bool
    approved_by_us_at: datetime
    approved_by: str | None = Field(description="Who approved for us, as it was said then.")
    approved_by_partner_at: datetime = Field(description="When we learnt of it.")
    their_copy_exchange: str | None = Field(description="The logged exchange in which the partner's copy came.")
    their_approval_exchange: str | None = Field(description="The one in which the partner's approval came.")
    our_approval_exchange: str | None = Field(
        description="The first in which the partner fetched our approval; null until it has."
    )


class SnapshotsView(_View):
    """The newest first."""

    items: list[SnapshotView]


class SnapshotDetailView(_View):
    """A version that both sides approved, with both copies."""

    snapshot: SnapshotView
    ours: JsonValue
    theirs: JsonValue
