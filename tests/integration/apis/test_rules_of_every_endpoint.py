"""PROTOCOL rules that hold for every EWP endpoint: methods, parameters, content types, errors, signatures of errors."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from support.authority import client_tls, key_of
from support.callers import Caller, calling
from support.nodes import RunningNode, running_node

from ewpgw.apis.declaration import Api, Endpoint
from ewpgw.apis.running import APIS
from ewpgw.documents.schemas import default as schemas
from ewpgw.security.keys import generate
from ewpgw.store import files
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.tables import file

SIGNED = [
    (api, endpoint) for api in APIS for endpoint in api.endpoints if not endpoint.anonymous and not endpoint.document
]
IDS = [f"{api.name}-{api.major}-{endpoint.name or 'url'}" for api, endpoint in SIGNED]
SAMPLE = {
    "hei_id": "north.example",
    "ounit_id": "u1",
    "iia_id": "a1",
    "file_id": "f1",
    "los_id": "CR/1",
    "omobility_id": "m1",
    "sending_hei_id": "south.example",
    "receiving_hei_id": "south.example",
}


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """These rules know no store; SQLite is enough."""
    return f"sqlite:///{tmp_path}/node.db"


@pytest.fixture(autouse=True)
async def a_file(node: RunningNode) -> None:
    """The file that is asked for: unlike other things, it cannot be left out of an answer."""
    content = {"content_type": "application/pdf", "size": 4, "sha256": "0" * 64, "body": b"%PDF"}
    async with node.store.transaction() as tx:
        await tx.execute(file.insert(), {"hei_id": "north.example", "id": "f1", "at": datetime.now(UTC), **content})
        await files.give(tx, "north.example", "f1", ["south.example"])


def good(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Parameters that the endpoint accepts."""
    names = [parameter.name for parameter in endpoint.parameters if parameter.required]
    return [(name, SAMPLE[name]) for name in (*names, *endpoint.exactly_one_of[:1])]


@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_every_declared_method_answers_with_a_valid_signed_document(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint
) -> None:
    for method in endpoint.methods:
        reply = await south.send(south.draft(node.url(api.path(endpoint)), good(endpoint), method=method))
        assert reply.status == 200, reply.body
        if api.name == "file":
            assert (reply.header("content-type"), reply.body) == ("application/pdf", b"%PDF")
            continue
        assert schemas().faults(reply.root) == []
        assert reply.header("content-type") == "application/xml; charset=utf-8"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_a_method_that_is_not_declared_is_refused_with_405(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint, method: str
) -> None:
    if method in endpoint.methods:
        return
    reply = await south.send(south.draft(node.url(api.path(endpoint)), good(endpoint), method=method))
    assert reply.status == 405
    assert reply.header("allow") == ", ".join(endpoint.methods)
    assert method in reply.developer_message
    assert schemas().faults(reply.root) == []


@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_a_missing_required_parameter_is_named_and_refused_with_400(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint
) -> None:
    for name, _ in good(endpoint):
        rest = [pair for pair in good(endpoint) if pair[0] != name]
        reply = await south.send(south.draft(node.url(api.path(endpoint)), rest, method=endpoint.methods[-1]))
        assert reply.status == 400
        assert name in reply.developer_message


@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_a_single_parameter_given_twice_is_refused_with_400(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint
) -> None:
    moment, year = "2026-01-01T00:00:00Z", "2026/2027"
    values = {**SAMPLE, "modified_since": moment, "receiving_academic_year_id": year, "global_id": "x"}
    values |= {"activity_attributes": "long-term", "lois_before": "2026-01-01", "lois_after": "2026-01-01"}
    values |= {"los_at_date": "2026-01-01", "mobility_type": "semester"}
    for parameter in endpoint.parameters:
        if parameter.repeatable:
            continue
        pairs = [p for p in good(endpoint) if p[0] != parameter.name] + [(parameter.name, values[parameter.name])] * 2
        reply = await south.send(south.draft(node.url(api.path(endpoint)), pairs, method=endpoint.methods[-1]))
        assert reply.status == 400
        assert f"{parameter.name} is given 2 times" in reply.developer_message


@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_as_many_ids_as_the_limit_are_taken_and_one_more_is_refused_with_400(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint
) -> None:
    for parameter in endpoint.parameters:
        if parameter.limit is None:
            continue
        most = node.node.limits[parameter.limit]
        others = [p for p in good(endpoint) if p[0] != parameter.name and p[0] not in endpoint.exactly_one_of]
        pairs = others + [(parameter.name, f"unknown-{number}") for number in range(most)]
        url = node.url(api.path(endpoint))
        taken = await south.send(south.draft(url, pairs))
        assert taken.status == 200, "unknown ids are left out, never an error"
        assert len(taken.root) == 0
        refused = await south.send(south.draft(url, [*pairs, (parameter.name, "one-more")]))
        assert refused.status == 400
        assert parameter.limit in refused.developer_message


@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_unknown_parameters_are_ignored(node: RunningNode, south: Caller, api: Api, endpoint: Endpoint) -> None:
    pairs = [*good(endpoint), ("something_new", "1"), ("something_new", "2")]
    reply = await south.send(south.draft(node.url(api.path(endpoint)), pairs, method=endpoint.methods[-1]))
    assert reply.status == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/xml", "multipart/form-data; boundary=x", ""])
@pytest.mark.parametrize(("api", "endpoint"), SIGNED, ids=IDS)
async def test_a_post_of_another_content_type_is_refused_with_415(
    node: RunningNode, south: Caller, api: Api, endpoint: Endpoint, content_type: str
) -> None:
    if "POST" not in endpoint.methods:
        return
    draft = south.draft(node.url(api.path(endpoint)), good(endpoint), content_type=content_type or "x/y")
    if not content_type:
        draft = draft.but(headers={k: v for k, v in draft.headers.items() if k != "Content-Type"})
    reply = await south.send(draft)
    assert reply.status in ((415,) if content_type else (400, 415))
    assert reply.developer_message


async def test_the_form_content_type_may_carry_a_charset(node: RunningNode, south: Caller) -> None:
    content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
    reply = await south.send(south.draft(node.url("/echo/v2"), [("echo", "ä")], content_type=content_type))
    assert reply.texts("echo") == ["ä"]


async def test_parameters_of_a_post_in_the_query_are_not_read(node: RunningNode, south: Caller) -> None:
    reply = await south.send(south.draft(node.url("/echo/v2") + "?echo=query", [("echo", "body")]))
    assert reply.texts("echo") == ["body"]


async def test_parameters_that_are_not_utf_8_are_refused_with_400(node: RunningNode, south: Caller) -> None:
    for body in (b"echo=%FF%FE", b"echo=\xff"):
        reply = await south.send(south.draft(node.url("/echo/v2"), body=body))
        assert reply.status == 400
        assert "UTF-8" in reply.developer_message


async def test_a_value_that_xml_cannot_carry_is_refused_with_400(node: RunningNode, south: Caller) -> None:
    reply = await south.post(node.url("/echo/v2"), ("echo", "a\x00b"))
    assert reply.status == 400


async def test_more_parameters_than_anybody_needs_are_refused_with_400(node: RunningNode, south: Caller) -> None:
    reply = await south.send(south.draft(node.url("/echo/v2"), body=b"&".join([b"echo=1"] * 10_001)))
    assert reply.status == 400


async def test_an_unknown_hei_in_the_path_is_404_with_an_error_response(node: RunningNode, south: Caller) -> None:
    url = node.url("/echo/v2").replace("north.example", "nowhere.example")
    reply = await south.send(south.draft(url), verify=False)
    assert reply.status == 404
    assert "no institution" in reply.developer_message
    assert schemas().faults(reply.root) == []


async def test_an_unknown_path_of_a_known_hei_is_404_and_signed(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url("/iias/v6/get"))
    assert reply.status == 404
    assert "manifest" in reply.developer_message


async def test_an_answer_is_signed_only_when_the_caller_asks_for_it(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/echo/v2"))
    # Accept-Signature is covered by the request's signature, so a client that does not want it signs without it.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client_tls())) as session:
        async with session.post(draft.url, data=b"") as response:
            assert response.status == 401
            assert "Signature" not in response.headers
    assert (await south.send(south.draft(node.url("/echo/v2")))).header("signature")


async def test_an_unsigned_request_is_401_and_told_what_to_do(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/echo/v2"))
    bare = {name: value for name, value in draft.headers.items() if name != "Authorization"}
    reply = await south.send(draft.but(headers=bare), verify=False)
    assert reply.status == 401
    assert reply.header("www-authenticate") == 'Signature realm="EWP"'
    assert reply.header("want-digest") == "SHA-256"
    assert reply.header("signature"), "errors are signed too"
    assert "not signed" in reply.developer_message


async def test_a_key_that_the_catalogue_does_not_list_is_403(node: RunningNode) -> None:
    async with calling(generate(), key_of("north.example").public) as stranger:
        reply = await stranger.post(node.url("/echo/v2"))
    assert reply.status == 403
    assert "catalogue" in reply.developer_message


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_date_more_than_five_minutes_off_is_400(node: RunningNode, south: Caller, minutes: int) -> None:
    when = datetime.now(UTC) + timedelta(minutes=minutes)
    reply = await south.send(south.draft(node.url("/echo/v2"), now=when))
    assert reply.status == 400
    assert "date" in reply.developer_message.lower()


@pytest.mark.parametrize("minutes", [-4, 4])
async def test_a_date_up_to_five_minutes_off_is_taken(node: RunningNode, south: Caller, minutes: int) -> None:
    when = datetime.now(UTC) + timedelta(minutes=minutes)
    assert (await south.send(south.draft(node.url("/echo/v2"), now=when))).status == 200


async def test_a_changed_body_is_400(node: RunningNode, south: Caller) -> None:
    reply = await south.send(south.draft(node.url("/iia-cnr/v3"), [("iia_id", "a")]).but(body=b"iia_id=b"))
    assert reply.status == 400
    assert "digest" in reply.developer_message.lower()


async def test_a_changed_target_is_400(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/iias/v7/get"), [("iia_id", "a")], method="GET")
    reply = await south.send(draft.but(url=draft.url.replace("iia_id=a", "iia_id=b")))
    assert reply.status == 400
    assert "signature does not match" in reply.developer_message


async def test_a_request_for_another_host_is_400(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/echo/v2").replace("localhost", "elsewhere.example"))
    reply = await south.send(draft.but(url=node.url("/echo/v2")))
    assert reply.status == 400
    assert "elsewhere.example" in reply.developer_message


async def test_a_replayed_read_is_400_within_the_process(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/echo/v2"))
    assert (await south.send(draft)).status == 200
    again = await south.send(draft)
    assert again.status == 400
    assert draft.request_id in again.developer_message


async def test_the_target_is_verified_as_the_client_wrote_it(node: RunningNode, south: Caller) -> None:
    url = node.url("/echo/v2") + "?echo=a%2fb&echo=%7E&echo=c+d&"
    reply = await south.send(south.draft(url, method="GET"))
    assert reply.texts("echo") == ["a/b", "~", "c d"]


async def test_echo_names_the_hei_whose_host_lists_the_key(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url("/echo/v2"))
    assert reply.texts("hei-id") == ["south.example"]


async def test_bytes_that_are_no_text_in_the_target_do_no_harm(node: RunningNode, south: Caller) -> None:
    reader, writer = await asyncio.open_connection("localhost", node.port, ssl=client_tls())
    writer.write(b"GET /north.example/echo/v2?echo=\xff\xfe HTTP/1.1\r\nHost: localhost\r\nX-Odd: \xff\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
    assert answer.split()[1] in (b"400", b"401")
    assert b"<error-response" in answer
    await node.evidence.flush()
    assert (await south.post(node.url("/echo/v2"), ("echo", "still here"))).status == 200
    await node.evidence.flush()
    assert node.evidence.dropped == 0


async def test_a_fault_of_our_own_is_500_and_logged_with_request_id_and_hei(
    node: RunningNode, south: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> object:
        raise RuntimeError("a fault")

    monkeypatch.setattr(node.store, "fetch", broken)
    draft = south.draft(node.url("/iias/v7/index"))
    with capture_logs(processors=[merge_contextvars]) as logs:
        reply = await south.send(draft)
    assert reply.status == 500
    assert "a fault" not in reply.developer_message
    (event,) = [entry for entry in logs if entry["event"] == "request.failed"]
    assert (event["request_id"], event["hei_id"]) == (draft.request_id, "north.example")


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back(
    node: RunningNode, south: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> object:
        raise StoreUnavailable("postgresql://…", "connection refused")

    monkeypatch.setattr(node.store, "fetch", away)
    reply = await south.get(node.url("/iias/v7/index"))
    assert reply.status == 503
    assert reply.header("retry-after") == "60"
    assert "refused" not in reply.developer_message


async def test_a_node_without_a_catalogue_says_503(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/empty.db", tmp_path, others=(), listed=False) as node:
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            reply = await south.get(node.url("/echo/v2"))
            assert reply.status == 503
            assert "catalogue" in reply.developer_message
