"""Nominations: where each stands, ours and those of partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ewpgw.model.entities import ENTITIES
from ewpgw.model.imobility import Imobility
from ewpgw.model.omobility import Omobility, Status
from ewpgw.model.omobility_states import ALLOWED, MEANINGS, Move
from ewpgw.model.omobility_v2 import untold
from ewpgw.nominations import checking
from ewpgw.nominations.received import with_decisions
from ewpgw.nominations.writing import ARRIVALS, NOMINATIONS
from ewpgw.sis import conditions, cursors, shown
from ewpgw.sis.nomination_paths import (
    RECEIVED,
    RECEIVED_ONE,
    SENT,
    SENT_ONE,
    TAG,
    ReceivedPath,
    SentPath,
    find_received,
    unknown_sent,
)
from ewpgw.sis.nomination_views import (
    DatesView,
    DecisionView,
    DeliveryView,
    PlacesView,
    ReceivedDetailView,
    ReceivedPage,
    ReceivedView,
    SentDetailView,
    SentPage,
    SentView,
    StayView,
)
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page, Partner
from ewpgw.store import copies, nominations, received_nominations, records
from ewpgw.store.copies import CopyKey
from ewpgw.store.decisions import DecisionState
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from ewpgw.model.omobility import KnownOmobility
    from ewpgw.model.omobility_checks import Places
    from ewpgw.nominations.received import ReceivedNomination
    from ewpgw.sis.services import SisServices
    from ewpgw.store.decisions import Decision
    from ewpgw.store.mobility_deliveries import Delivered
    from ewpgw.store.nominations import SentNomination

_PIECE = 200
_OWN_MOVES = (Move.CANCEL, Move.RESUBMIT)


class NominationsQuery(Page):
    """Nominations in all states or one, with all partners or one."""

    partner: Partner | None = Field(default=None, description="Only nominations with this partner.")
    status: Status | None = Field(default=None, description="Only nominations in this state.")


async def _list_sent(call: Call[HeiPath, NominationsQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    found = await nominations.list_page(
        store, hei_id, partner=query.partner, status=query.status, after=query.after, limit=query.limit + 1
    )
    page, last = cursors.cut(found, query.limit)
    delivered = await nominations.deliveries(store, hei_id, [one.omobility_id for one in page])
    return Answer(
        body=SentPage(
            items=[_sent(one, delivered.get(one.omobility_id)) for one in page],
            next=None if last is None else last.omobility_id,
        )
    )


async def _get_sent(call: Call[SentPath, Nothing, None]) -> Answer:
    services, path = call.services, call.path
    store, hei_id, omobility_id = services.store, path.hei_id, path.omobility_id
    one = await nominations.get(store, hei_id, omobility_id)
    stored = await records.get(store, RecordKey(hei_id, NOMINATIONS, omobility_id))
    if one is None or stored is None or stored.document is None:
        raise unknown_sent()
    record = Omobility.model_validate_json(stored.document)
    checked = (await checking.sent(store, hei_id, [record]))[omobility_id]
    version = services.nominations.speaks(one.partner, NOMINATIONS)
    unsaid = ENTITIES[NOMINATIONS].shape(version).encode(record).unsaid if version is not None else ()
    delivered = await nominations.deliveries(store, hei_id, [omobility_id])
    return Answer(
        body=SentDetailView(
            nomination=_sent(one, delivered.get(omobility_id)),
            document=shown.document(stored.document),
            stay=_stay(services, hei_id, record),
            warnings=shown.problems(checked.problems),
            places=_places(checked.places),
            partner_version=version,
            not_told=shown.problems(unsaid),
            arrival=await _told_dates(services, hei_id, one),
        ),
        headers={"ETag": conditions.etag(stored.revision)},
    )


async def _list_received(call: Call[HeiPath, NominationsQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    behind: tuple[str, str] | None = None
    if query.after is not None:
        partner, item = cursors.decode(query.after, 2)
        behind = (partner, item)
    found: list[ReceivedNomination] = []
    while (missing := query.limit + 1 - len(found)) > 0:
        most = min(missing, _PIECE)
        keys = await received_nominations.list_page(
            store, hei_id, partner=query.partner, status=query.status, after=behind, limit=most
        )
        known = await with_decisions(store, await copies.get_many(store, hei_id, NOMINATIONS, keys, bodies=False))
        found += [one for one in known if query.status in (None, one.standing.status)]
        if len(keys) < most:
            break
        behind = keys[-1]
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=ReceivedPage(
            items=[received_view(one) for one in page],
            next=None if last is None else cursors.encode(last.copy.key.partner, last.copy.key.id),
        )
    )


async def _get_received(call: Call[ReceivedPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    known = await find_received(store, path)
    checked = await checking.received(store, path.hei_id, path.partner, known.record)
    return Answer(
        body=ReceivedDetailView(
            nomination=received_view(known),
            document=shown.document(known.copy.document),
            stay=_stay(call.services, path.hei_id, known.record),
            warnings=shown.problems(checked.problems),
            places=_places(checked.places),
            agreement=checked.iia_id,
            not_told=shown.problems(untold(known.record) if known.by_publishing else ()),
            arrival=await _our_dates(call.services, path),
        )
    )


def _sent(one: SentNomination, delivered: Delivered | None) -> SentView:
    status = one.standing.status
    return SentView(
        omobility_id=one.omobility_id,
        partner=one.partner,
        receiving_academic_year_id=one.terms.receiving_academic_year_id,
        status=status,
        meaning=MEANINGS[status],
        comment=one.standing.comment,
        proposal_id=one.standing.proposal_id,
        delivered=delivery_view(delivered) if delivered is not None and delivered.number == one.number else None,
        decided_at=one.decided_at,
        decided_exchange=one.decided_exchange_id,
        changed_at=one.changed_at,
        moves=[move for move in _OWN_MOVES if move in ALLOWED[status] and not _made(move, status)],
    )


def _made(move: Move, status: Status) -> bool:
    """Whether a move would change nothing."""
    return (move, status) in ((Move.CANCEL, Status.CANCELLED), (Move.RESUBMIT, Status.PENDING))


def delivery_view(delivered: Delivered) -> DeliveryView | None:
    """What came first: the notification that was taken, or the fetching."""
    told = [
        DeliveryView(at=at, how=how, exchange=exchange)
        for at, how, exchange in (
            (delivered.notified_at, "notified", delivered.notified_exchange_id),
            (delivered.fetched_at, "fetched", delivered.fetched_exchange_id),
        )
        if at is not None
    ]
    return min(told, key=lambda one: one.at, default=None)


def received_view(known: ReceivedNomination) -> ReceivedView:
    """A nomination of a partner's, as lists have it."""
    here, key = known.standing, known.copy.key
    status = here.status
    return ReceivedView(
        omobility_id=key.id,
        partner=key.partner,
        receiving_academic_year_id=known.record.nomination.receiving_academic_year_id,
        status=status,
        meaning=MEANINGS[status],
        comment=here.comment,
        proposal_id=here.proposal_id,
        decision=decision_view(known.decision, known.record.proposal_id) if known.decision is not None else None,
        published=known.by_publishing,
        copy_state=known.copy.state,
        fetched_at=known.copy.fetched_at,
        changed_at=known.copy.changed_at,
        moves=_decisions(known),
    )


def _decisions(known: ReceivedNomination) -> list[Move]:
    """What can be decided now, and would change something."""
    here, decision = known.standing, known.decision
    if here.deleted or (decision is not None and decision.state is DecisionState.WAITING):
        return []
    if here.status is Status.PENDING:
        return [Move.APPROVE, Move.REJECT]
    # what is published can be taken back as long as the partner has not gone on by it
    return [Move.APPROVE] if known.by_publishing and here.status is Status.REJECTED else []


def decision_view(decision: Decision, proposal_id: str | None) -> DecisionView:
    """A decision of ours, beside the proposal that there is now."""
    return DecisionView(
        verdict=decision.verdict,
        comment=decision.comment,
        by=decision.by,
        at=decision.at,
        proposal_id=decision.proposal_id,
        current=decision.proposal_id == proposal_id,
        state=decision.state,
        words=decision.words,
        answered_at=decision.answered_at,
        exchange=decision.exchange_id,
    )


def _stay(services: SisServices, hei_id: str, record: KnownOmobility) -> StayView:
    stay = services.nominations.calendars.stay(hei_id, record.nomination)
    return StayView(
        sending_term=stay.sending_term, receiving_term=stay.receiving_term, receiving_year=stay.receiving_year
    )


def _places(places: Places | None) -> PlacesView | None:
    return None if places is None else PlacesView(agreed=places.agreed, taken=places.taken, left=places.left)


async def _told_dates(services: SisServices, hei_id: str, one: SentNomination) -> DatesView | None:
    copy = await copies.get(services.store, CopyKey(hei_id, ARRIVALS, one.partner, one.omobility_id))
    if copy is None or copy.document is None or copy.state is copies.CopyState.GONE:
        return None
    return _dates(copy.document, None)


async def _our_dates(services: SisServices, path: ReceivedPath) -> DatesView | None:
    item = f"{path.partner}:{path.omobility_id}"
    stored = await records.get(services.store, RecordKey(path.hei_id, ARRIVALS, item))
    return None if stored is None or stored.document is None else _dates(stored.document, stored.revision)


def _dates(document: str, revision: int | None) -> DatesView:
    record = Imobility.model_validate_json(document)
    return DatesView(
        actual_arrival_date=record.actual_arrival_date,
        actual_departure_date=record.actual_departure_date,
        revision=revision,
    )


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_sent_nominations",
        "GET",
        SENT,
        _list_sent,
        tag=TAG,
        summary="See where nominations of ours stand",
        description="What they say is among the records; this is what has become of them.",
        parameters=HeiPath,
        query=NominationsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of nominations.", SentPage)],
    ),
    operation(
        "get_sent_nomination",
        "GET",
        SENT_ONE,
        _get_sent,
        tag=TAG,
        summary="See one nomination of ours",
        description="With what does not fit the agreement, what the partner is not told, and whether the student came.",
        parameters=SentPath,
        query=Nothing,
        body=NO_BODY,
        responses=[
            Response(200, "The nomination.", SentDetailView, headers={"ETag": "The revision of its record, in quotes."})
        ],
        errors={404: "There is no such nomination."},
    ),
    operation(
        "list_received_nominations",
        "GET",
        RECEIVED,
        _list_received,
        tag=TAG,
        summary="See which students partners nominate",
        parameters=HeiPath,
        query=NominationsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of nominations.", ReceivedPage)],
    ),
    operation(
        "get_received_nomination",
        "GET",
        RECEIVED_ONE,
        _get_received,
        tag=TAG,
        summary="See one nomination of a partner's",
        description="With what does not fit the agreement, the places that are left, and what was decided.",
        parameters=ReceivedPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The nomination.", ReceivedDetailView)],
        errors={404: "No such nomination has come."},
    ),
)
