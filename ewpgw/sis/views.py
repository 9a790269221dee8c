"""The JSON of the SIS API's answers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ewpgw.sis.errors import ProblemView
from ewpgw.store.copies import CopyState
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKind, WorkState


class _View(BaseModel):
    # built at the first use, as all models of this API: most of them are never used, and an idle gateway stays small
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


_NEXT = Field(description="Give it as `after` to get the next page; null on the last one.")


class HeiView(_View):
    """A HEI that this gateway covers."""

    hei_id: str
    public_url: str = Field(description="The base of its endpoints in the network.")
    names: dict[str, str] = Field(description='By language; "" where the language is not known.')
    entities: list[str] = Field(description="The kinds of records that can be put here.")


class HeisView(_View):
    """The covered HEIs."""

    items: list[HeiView]


class RecordSummary(_View):
    """A record without its content."""

    id: str
    revision: int = Field(description="Grows by one with every change; it is also the ETag.")
    modified_at: datetime
    partners: list[str] | None = Field(description="The HEIs that may see it; null: everyone.")
    source: str = Field(description="Who wrote it last.")
    refused: bool = Field(description="Whether a newer version was refused; partners still see this revision.")


class RecordPage(_View):
    """Records in the order of their ids."""

    items: list[RecordSummary]
    next: str | None = _NEXT


class RecordView(_View):
    """A record as partners see it. Whether a newer version was refused is in the list and among the refusals."""

    id: str
    revision: int
    modified_at: datetime
    partners: list[str] | None = Field(description="The HEIs that may see it; null: everyone.")
    source: str = Field(description="Who wrote it last.")
    document: JsonValue = Field(description="By the schema of its kind.")


class PutView(_View):
    """What became of a record."""

    id: str
    result: str = Field(description="`created`, `changed`, or `unchanged` (the same content was there already).")
    revision: int
    warnings: list[ProblemView] = Field(description="What is allowed, but will trouble somebody.")


class BulkItemView(_View):
    """What became of one record of several."""

    index: int = Field(description="Its place in the list that was sent, from 0.")
    id: str | None = Field(description="Null where no id could be read.")
    result: str = Field(description="`created`, `changed`, `unchanged`, `refused` or `retired`.")
    revision: int | None
    problems: list[ProblemView] = Field(description="Reasons and warnings.")


class BulkView(_View):
    """What became of each record, in the order in which they were sent."""

    items: list[BulkItemView]


class RefusalView(_View):
    """A record whose newest version was refused, with the reasons."""

    entity: str
    key: str = Field(description="The record's id, or where it came from when no id could be read.")
    at: datetime
    source: str
    problems: list[ProblemView]
    document: str = Field(description="What was refused, as text.")


class RefusalPage(_View):
    """Refused versions that are not yet replaced by accepted ones."""

    items: list[RefusalView]
    next: str | None = _NEXT


class InvalidView(_View):
    """The newest version that the partner served cannot be used."""

    at: datetime
    problems: list[ProblemView]


class CopyView(_View):
    """What a partner serves."""

    partner: str
    id: str = Field(description="As the partner numbers it.")
    state: CopyState = Field(
        description="`current`; `invalid`: the newest version cannot be used (the last good one is kept); "
        "`gone`: the partner does not serve it any more."
    )
    revision: int
    fetched_at: datetime = Field(description="When the gateway last looked.")
    changed_at: datetime = Field(description="When the gateway last saw something new.")
    our_id: str | None = Field(description="Our record's id, where the partner names it.")
    hash: str | None = Field(description="Of the content as received; for agreements the iia-hash.")
    document: JsonValue = Field(description="The last good version, decoded; null where there never was one.")
    invalid: InvalidView | None = Field(description="Where the newest version cannot be used: why.")


class CopyPage(_View):
    """Partner copies in the order of partner and id."""

    items: list[CopyView]
    next: str | None = _NEXT


class FileView(_View):
    """A file of ours, without its bytes."""

    id: str = Field(description="Made by the gateway; what a record names it by.")
    content_type: str
    size: int = Field(description="In bytes.")
    sha256: str = Field(description="Digest of the bytes, in hexadecimal digits.")
    at: datetime = Field(description="When it was uploaded.")


class FilePage(_View):
    """Files in the order of their ids."""

    items: list[FileView]
    next: str | None = _NEXT


class ChangeView(_View):
    """One thing that the student information system has to hear."""

    cursor: str
    at: datetime
    kind: FeedKind
    entity: str
    partner: str | None = Field(description="Null where it is about a record of ours alone.")
    id: str | None = Field(
        description="Of the partner's item where kind begins with `copy` or `refresh`, else of ours."
    )
    revision: int | None = Field(description="Of that item, where it has one.")


class ChangesView(_View):
    """Changes in the order in which they happened; none is left out."""

    items: list[ChangeView]
    cursor: str = Field(description="Give it as `after` the next time, also when there are no items.")


class RefreshView(_View):
    """The fetch is asked for; the result arrives in the changes."""

    entity: str
    partner: str
    id: str | None


class NotificationView(_View):
    """The notifications are asked for."""

    entity: str
    id: str
    deliveries: int = Field(description="How many calls to partners are due because of this.")


class WorkView(_View):
    """Something that the gateway does until it is done."""

    kind: WorkKind
    partner: str
    api: str
    item: str = Field(description="The id that it is about; empty where it is about everything.")
    state: WorkState = Field(description="`due`, `done`, `failed` (the partner refused) or `expired` (given up).")
    attempts: int = Field(description="Failed ones since it was last asked for.")
    wanted: int = Field(description="How often it was asked for.")
    done: int = Field(description="Up to which of these it is done; the same number: nothing is left to do.")
    first_wanted_at: datetime
    next_attempt_at: datetime | None = Field(description="Null unless it is due.")
    last_at: datetime | None
    last_error: str | None
    last_status: int | None = Field(description="The HTTP status of the partner's last answer.")


class WorkPage(_View):
    """Rows of work."""

    items: list[WorkView]
    next: str | None = _NEXT


class ExchangeSummaryView(_View):
    """A request and its response, without headers and bodies."""

    id: str
    at: datetime
    direction: str = Field(description="`in`: the partner called; `out`: the gateway called.")
    partner: str | None
    api: str | None
    endpoint: str | None
    method: str
    url: str
    status: int | None = Field(description="Null where no answer came.")
    verdict: str = Field(description="What was made of the signatures, or why it failed.")
    request_id: str | None
    milliseconds: int | None


class ExchangePage(_View):
    """Exchanges, the newest first."""

    items: list[ExchangeSummaryView]
    next: str | None = _NEXT


class BodyView(_View):
    """A body: exactly one of the two is set."""

    text: str | None = Field(description="Where the bytes are UTF-8.")
    base64: str | None = Field(description="Otherwise.")


class MessageView(_View):
    """A request or a response as it crossed the network."""

    headers: list[tuple[str, str]] = Field(description="Names and values, in their order.")
    body: BodyView


class ExchangeView(ExchangeSummaryView):
    """A request and its response."""

    request: MessageView
    response: MessageView


class CheckView(_View):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str


class ReadinessView(_View):
    """Whether the gateway can do its work."""

    ok: bool
    checks: list[CheckView]


class LivenessView(_View):
    """The process answers."""

    ok: bool = True
