"""Outgoing Mobility Learning Agreements API 1: our learning agreements, for the institutions that receive the students.

Sources: ewp-specs-api-omobility-las, stable-v1. Either of the two institutions of an agreement is shown it, as soon as
student and sending institution have signed something in it that stands. Callers say whose agreements are meant; of
another institution than the one that the URL belongs to there are none here.
"""

from __future__ import annotations

from datetime import datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import CallRefused, Reply
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import academic_year_id, date_time
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.learning_agreements import sent
from ewpgw.model import learning_agreement_stats, learning_agreement_update
from ewpgw.model.entities import ENTITIES
from ewpgw.model.learning_agreement_index import student_key
from ewpgw.model.problems import DecodeProblem
from ewpgw.store import learning_agreements, records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["omobility-las"]
_RESPONSES = f"{EWP}ewp-specs-api-omobility-las/blob/stable-v1/endpoints"
_LARGEST_UPDATE = 2**20


async def get(call: Call) -> Reply:
    """The asked-for agreements that the caller may see; every other id is left out."""
    ids = call.parameters.all("omobility_id") if _meant(call) else ()
    version = _ENTITY.newest.version
    if call.hei_id in call.callers:
        found = await records.own_fragments(call.store, call.hei_id, _ENTITY.name, version, ids)
        return Reply(_ENTITY.newest.wrap(fragment for _, fragment in found))
    numbers = await learning_agreements.unfetched(call.store, call.hei_id, ids)  # before the rest: see fetched_by
    found = await records.fragments(call.store, call.hei_id, _ENTITY.name, version, ids, caller_heis=call.callers)
    news = {each: numbers[each] for each, _ in found if each in numbers}
    note = sent.fetched_by(call.hei_id, news, call.now) if news else None
    return Reply(_ENTITY.newest.wrap(fragment for _, fragment in found), note=note)


async def index(call: Call) -> bytes:
    """The ids of what ``get`` would serve this caller; each filter that is given must hold.

    The filters are those of ``model.learning_agreement_index.IndexFilter``.
    """
    ids: list[str] = []
    if _meant(call):
        partners = None if call.hei_id in call.callers else call.callers
        if receiving := frozenset(call.parameters.all("receiving_hei_id")):
            partners = receiving if partners is None else partners & receiving
        since = call.parameters.one("modified_since")
        global_id = _given(call, "global_id")
        ids = await learning_agreements.index(
            call.store,
            call.hei_id,
            partners,
            academic_year_id=_given(call, "receiving_academic_year_id"),
            mobility_type=_given(call, "mobility_type"),
            student=None if global_id is None else student_key(global_id),
            modified_since=since if isinstance(since, datetime) else None,
        )
    namespace = f"{_RESPONSES}/index-response.xsd"
    return document(namespace, "omobility-las-index-response", [("omobility-id", each) for each in ids])


async def update(call: Call) -> Reply:
    """Enters what the receiving institution answers to a proposal: its signature, or a comment.

    What does not exist for the caller, and what cannot be read, is a 400; an answer to an earlier proposal a 409
    (ewp-specs-api-omobility-las 1, update.md and update-request.xsd).
    """
    try:
        asked = learning_agreement_update.read(parse(call.document, max_bytes=_LARGEST_UPDATE))
    except MalformedDocument as problem:
        raise CallRefused(400, f"the body is no XML that can be read: {problem.reason}") from None
    except DecodeProblem as problem:
        raise CallRefused(400, "; ".join(str(each) for each in problem.problems)) from None
    refusal = await sent.update_received(call.writing(), call.hei_id, call.callers, asked, call.now)
    if refusal is not None:
        raise CallRefused(409 if refusal.conflict else 400, f"{refusal.code}: {refusal.words}", refusal.words)
    note = sent.decided_by(call.hei_id, asked.answer.omobility_id, call.now)
    return Reply(document(f"{_RESPONSES}/update-response.xsd", "omobility-las-update-response"), note=note)


async def stats(call: Call) -> bytes:
    """How many agreements of students who go out there are, by receiving academic year.

    Any member of the network may ask; letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
    """
    counted = await learning_agreements.counted(call.store, call.hei_id, sent=True)
    facts = chain.from_iterable(repeat(fact, number) for fact, number in counted)
    return learning_agreement_stats.outgoing_response(facts)


def _meant(call: Call) -> bool:
    """Whether agreements of the institution of this URL are meant."""
    return call.parameters.text("sending_hei_id") == call.hei_id


def _given(call: Call, name: str) -> str | None:
    """A parameter that may be given once."""
    return next(iter(call.parameters.all(name)), None)


_SENDING = Parameter("sending_hei_id", required=True)

OMOBILITY_LAS = Api(
    name="omobility-las",
    version="1.2.0",
    repository="ewp-specs-api-omobility-las",
    entry=("get-url", "index-url", "update-url", "stats-url", "max-omobility-ids"),
    endpoints=(
        Endpoint(
            "get",
            ("GET", "POST"),
            get,
            (_SENDING, Parameter("omobility_id", required=True, repeatable=True, limit="max-omobility-ids")),
        ),
        Endpoint(
            "index",
            ("GET", "POST"),
            index,
            (
                _SENDING,
                Parameter("receiving_hei_id", repeatable=True),
                Parameter("receiving_academic_year_id", academic_year_id),
                Parameter("global_id"),
                Parameter("mobility_type"),
                Parameter("modified_since", date_time),
            ),
        ),
        Endpoint("update", ("POST",), update, changes_state=True, document=True),
        Endpoint("stats", ("GET",), stats),
    ),
    entity="omobility-las",
    identifier="omobility_id",
    owner="sending_hei_id",
    pulled=True,
)
