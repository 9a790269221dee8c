"""Incoming Mobility Transcripts of Records API 3 and 2: what students of partners have achieved here.

Sources: ewp-specs-api-imobility-tors, stable-v3 and stable-v2. Transcripts are named by the identifiers of the
institutions that sent the students; each of these sees its own, once it is ready for recognition. Version 2 also wants
to be told which institution issued them; of another than the one that the URL belongs to there are none here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import Reply
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import date_time
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records, transcripts
from ewpgw.transcripts.issued import fetched_by

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["imobility-tors"]
_INDEX = f"{EWP}ewp-specs-api-imobility-tors/blob/stable-v{{}}/endpoints/index-response.xsd"
_MOST_KEPT = 2**20
"""Larger answers are not kept once more with the exchange: what they hold is among the versions of the transcripts."""


async def get(call: Call) -> Reply:
    """The asked-for transcripts of the caller's students; every other id is left out."""
    shape = _ENTITY.shape(call.api.major)
    asked = call.parameters.all("omobility_id") if _meant(call) else ()
    ids = [f"{caller}:{each}" for each in asked for caller in sorted(call.callers)]
    numbers = await transcripts.unfetched(call.store, call.hei_id, ids)  # before the rest: see fetched_by
    found = await records.fragments(call.store, call.hei_id, _ENTITY.name, shape.version, ids, caller_heis=call.callers)
    body = shape.wrap(fragment for _, fragment in found)
    news = {each: numbers[each] for each, _ in found if each in numbers}
    note = fetched_by(call.hei_id, news, call.now) if news else None
    return Reply(body, kept=len(body) <= _MOST_KEPT, note=note)


async def index(call: Call) -> bytes:
    """The ids of what ``get`` would serve this caller; each filter that is given must hold."""
    major, since = call.api.major, call.parameters.one("modified_since")
    sending = call.parameters.all("sending_hei_id")
    callers = call.callers & frozenset(sending) if sending else call.callers
    ids: list[str] = []
    if callers and _meant(call):
        ids = await records.index(
            call.store,
            call.hei_id,
            _ENTITY.name,
            callers,
            modified_since=since if isinstance(since, datetime) else None,
            version=None if major == _ENTITY.newest.version else major,
        )
    told = dict.fromkeys(_ENTITY.told_id(each) for each in ids)
    return document(_INDEX.format(major), "imobility-tors-index-response", [("omobility-id", each) for each in told])


def _meant(call: Call) -> bool:
    """Whether transcripts of the institution of this URL are meant; where none is named, they are."""
    return all(named == call.hei_id for named in call.parameters.all("receiving_hei_id"))


_IDS = Parameter("omobility_id", required=True, repeatable=True, limit="max-omobility-ids")
_RECEIVING = Parameter("receiving_hei_id", required=True)
_KNOWN = Parameter("receiving_hei_id")
_FILTERS = (Parameter("sending_hei_id", repeatable=True), Parameter("modified_since", date_time))

IMOBILITY_TORS = Api(
    name="imobility-tors",
    version="3.0.0",
    repository="ewp-specs-api-imobility-tors",
    entry=("get-url", "index-url", "max-omobility-ids"),
    endpoints=(
        Endpoint("get", ("GET", "POST"), get, (_KNOWN, _IDS)),
        Endpoint("index", ("GET", "POST"), index, (_KNOWN, *_FILTERS)),
    ),
    entity="imobility-tors",
    identifier="omobility_id",
    pulled=True,
    expected_from="omobilities",
)

IMOBILITY_TORS_2 = Api(
    name="imobility-tors",
    version="2.0.0",
    repository="ewp-specs-api-imobility-tors",
    entry=("get-url", "index-url", "max-omobility-ids", "sends-notifications"),
    endpoints=(
        Endpoint("get", ("GET", "POST"), get, (_RECEIVING, _IDS)),
        Endpoint("index", ("GET", "POST"), index, (_RECEIVING, *_FILTERS)),
    ),
    entity="imobility-tors",
    identifier="omobility_id",
    owner="receiving_hei_id",
    pulled=True,
    expected_from="omobilities",
    stated=(("sends-notifications", ""),),
)
