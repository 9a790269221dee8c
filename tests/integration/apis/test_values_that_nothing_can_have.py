"""Values that no identifier, code or institution can have: merely unknown, in every database, or a 400; never a 500."""

from __future__ import annotations

import pytest
from support.callers import Caller
from support.nodes import RunningNode

from ewpgw.apis.declaration import Api, Endpoint
from ewpgw.apis.running import APIS
from ewpgw.apis.values import sought
from ewpgw.documents.schemas import default as schemas

NEEDED = {
    "hei_id": "north.example",
    "ounit_id": "u1",
    "iia_id": "a1",
    "file_id": "f1",
    "los_id": "CR/1",
    "omobility_id": "m1",
    "sending_hei_id": "north.example",
    "receiving_hei_id": "north.example",
}
ENDPOINTS = [
    pytest.param(api, endpoint, id=f"{api.name}-{api.major}-{endpoint.name or 'url'}")
    for api in APIS
    for endpoint in api.endpoints
    if any(parameter.parse is sought for parameter in endpoint.parameters)
]
IMPOSSIBLE = ["a\x00b", "\x00", "\x01", "\ufffe", "\U0001f600", "x" * 3000, "", " ", "a\nb", "%00"]


@pytest.mark.parametrize(("api", "endpoint"), ENDPOINTS)
async def test_an_impossible_value_is_unknown_or_a_bad_request_whatever_the_database(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint
) -> None:
    for parameter in endpoint.parameters:
        if parameter.parse is not sought:
            continue
        others = [other.name for other in endpoint.parameters if other.required and other.name != parameter.name]
        if parameter.name not in endpoint.exactly_one_of:
            others += endpoint.exactly_one_of[:1]
        for value in IMPOSSIBLE:
            pairs = [(name, NEEDED[name]) for name in others] + [(parameter.name, value)]
            for method in endpoint.methods:
                reply = await south.send(south.draft(node.url(api.path(endpoint)), pairs, method=method))
                assert reply.status in (200, 400, 404), (parameter.name, value, method, reply.body)
                assert schemas().faults(reply.root) == []
