"""Outgoing Mobilities API 3 and 2: our nominations, for the institutions that are to receive the students.

Sources: ewp-specs-api-omobilities, stable-v3 and stable-v2. A caller sees the nominations to an institution that it
covers. Version 2 also wants to be told whose nominations are meant; of another institution than the one that the URL
belongs to there are none here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import CallRefused, Reply
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import academic_year_id, date_time
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model import omobility_index, omobility_update
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility_states import NO_COMMENT
from ewpgw.model.problems import DecodeProblem
from ewpgw.nominations import sent
from ewpgw.store import nominations, records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["omobilities"]
_RESPONSES = f"{EWP}ewp-specs-api-omobilities/blob/stable-v{{}}/endpoints"
_LARGEST_UPDATE = 2**20


async def get(call: Call) -> Reply:
    """The asked-for nominations to an institution that the caller covers; every other id is left out."""
    shape = _ENTITY.shape(call.api.major)
    ids = call.parameters.all("omobility_id") if _meant(call) else ()
    numbers = await nominations.unfetched(call.store, call.hei_id, ids)  # before the rest: see fetched_by
    found = await records.fragments(call.store, call.hei_id, _ENTITY.name, shape.version, ids, caller_heis=call.callers)
    news = {each: numbers[each] for each, _ in found if each in numbers}
    note = sent.fetched_by(call.hei_id, news, call.now) if news else None
    return Reply(shape.wrap(fragment for _, fragment in found), note=note)


async def index(call: Call) -> bytes:
    """The ids of what ``get`` would serve this caller; each filter that is given must hold.

    The filters are those of ``model.omobility_index.IndexFilter``.
    """
    major, since = call.api.major, call.parameters.one("modified_since")
    ids: list[str] = []
    if _meant(call):
        years = call.parameters.all("receiving_academic_year_id")
        receiving = call.parameters.all("receiving_hei_id")
        codes = omobility_index.codes(
            next(iter(call.parameters.all("global_id")), None),
            next(iter(call.parameters.all("activity_attributes")), None),
        )
        ids = await records.index(
            call.store,
            call.hei_id,
            _ENTITY.name,
            call.callers & frozenset(receiving) if receiving else call.callers,
            modified_since=since if isinstance(since, datetime) else None,
            academic_years=years or None,
            codes=codes.among,
            code_begins=codes.begins,
            version=None if major == _ENTITY.newest.version else major,
        )
    namespace = f"{_RESPONSES.format(major)}/index-response.xsd"
    return document(namespace, "omobilities-index-response", [("omobility-id", each) for each in ids])


async def update(call: Call) -> Reply:
    """Enters what the receiving institution decided about a nomination.

    What does not exist for the caller, and what cannot be read, is a 400; what was decided about an earlier proposal a
    409 (ewp-specs-api-omobilities 3, update-request.xsd).
    """
    try:
        asked = omobility_update.read(parse(call.document, max_bytes=_LARGEST_UPDATE))
    except MalformedDocument as problem:
        raise CallRefused(400, f"the body is no XML that can be read: {problem.reason}") from None
    except DecodeProblem as problem:
        words = NO_COMMENT.words if any(each.path == "comment" for each in problem.problems) else None
        raise CallRefused(400, "; ".join(str(each) for each in problem.problems), words) from None
    refusal = await sent.update_received(call.writing(), call.hei_id, call.callers, asked, call.now)
    if refusal is not None:
        raise CallRefused(409 if refusal.conflict else 400, f"{refusal.code}: {refusal.words}", refusal.words)
    note = sent.decided_by(call.hei_id, asked.omobility_id, call.now)
    return Reply(document(f"{_RESPONSES.format(3)}/update-response.xsd", "omobilities-update-response"), note=note)


def _meant(call: Call) -> bool:
    """Whether nominations of the institution of this URL are meant; where none is named, they are."""
    return all(named == call.hei_id for named in call.parameters.all("sending_hei_id"))


_IDS = Parameter("omobility_id", required=True, repeatable=True, limit="max-omobility-ids")
_SENDING = Parameter("sending_hei_id", required=True)
_YEAR = Parameter("receiving_academic_year_id", academic_year_id)
_SINCE = Parameter("modified_since", date_time)

OMOBILITIES = Api(
    name="omobilities",
    version="3.0.0",
    repository="ewp-specs-api-omobilities",
    entry=("get-url", "index-url", "update-url", "max-omobility-ids"),
    endpoints=(
        Endpoint("get", ("GET", "POST"), get, (_IDS,)),
        Endpoint(
            "index",
            ("GET", "POST"),
            index,
            (_YEAR, Parameter("global_id"), Parameter("activity_attributes"), _SINCE),
        ),
        Endpoint("update", ("POST",), update, changes_state=True, document=True),
    ),
    entity="omobilities",
    identifier="omobility_id",
    pulled=True,
    expected_from="iias",
)

OMOBILITIES_2 = Api(
    name="omobilities",
    version="2.0.0",
    repository="ewp-specs-api-omobilities",
    entry=("get-url", "index-url", "max-omobility-ids", "sends-notifications"),
    endpoints=(
        Endpoint("get", ("GET", "POST"), get, (_SENDING, _IDS)),
        Endpoint(
            "index",
            ("GET", "POST"),
            index,
            (_SENDING, Parameter("receiving_hei_id", repeatable=True), _YEAR, _SINCE),
        ),
    ),
    entity="omobilities",
    identifier="omobility_id",
    owner="sending_hei_id",
    pulled=True,
    expected_from="iias",
    stated=(("sends-notifications", ""),),
)
