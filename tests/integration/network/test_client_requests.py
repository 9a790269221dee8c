"""What the signed client sends (ewp-specs-sec-cliauth-httpsig and -srvauth-httpsig, Implementing a client)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from support.authority import key_of
from support.outgoing import NORTH, SOUTH, Clock, Outgoing, agreement
from support.partners import FakePartner, Says, catalogue_with, with_url

from ewpgw.network.client import Answer
from ewpgw.security.dates import format_http_date
from ewpgw.security.requests import VerifiedRequest


async def test_what_is_sent_verifies_as_ours(caller: Outgoing, south: FakePartner) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "s1"))
    verified = south.received[0].verified
    assert isinstance(verified, VerifiedRequest), verified
    assert verified.key_id == key_of(NORTH).public.fingerprint


async def test_the_headers_are_those_of_the_specification(caller: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "s1"))
    sent = south.received[0]
    assert sent.header("host") == f"localhost:{south.port}"
    assert sent.header("date") == format_http_date(clock())
    assert sent.header("want-digest") == "SHA-256"
    assert sent.header("accept-signature") == "rsa-sha256"
    assert sent.header("accept-encoding") == "identity", "a body packed after signing could not be verified"
    assert sent.header("content-type") == "application/x-www-form-urlencoded"
    assert (sent.header("digest") or "").startswith("SHA-256=")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sent.header("x-request-id") or "")


async def test_every_header_that_could_matter_is_signed(caller: Outgoing, south: FakePartner) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "s1"))
    sent = south.received[0]
    assert isinstance(sent.verified, VerifiedRequest)
    unsigned = {name.lower() for name, _ in sent.headers} - set(sent.verified.headers)
    assert unsigned <= {"authorization", "content-length"}


async def test_each_call_has_a_request_id_of_its_own(caller: Outgoing, south: FakePartner) -> None:
    south.script("iias/v7/get", Says(agreement()))
    for _ in range(3):
        await caller.call_iias("get", ("iia_id", "s1"))
    assert len({sent.header("x-request-id") for sent in south.received}) == 3


async def test_parameters_of_a_post_travel_in_the_body_and_never_in_the_url(
    caller: Outgoing, south: FakePartner
) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "a b&c=ä+%"), ("iia_id", "2"))
    (sent,) = south.received
    assert (sent.method, sent.target) == ("POST", "/south.example/iias/v7/get")
    assert sent.parameters == [("iia_id", "a b&c=ä+%"), ("iia_id", "2")]


async def test_parameters_of_a_get_are_part_of_the_signed_target(caller: Outgoing, south: FakePartner) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "a b&c=ä+%"), method="GET")
    (sent,) = south.received
    assert (sent.method, sent.body) == ("GET", b"")
    assert sent.target == "/south.example/iias/v7/get?iia_id=a+b%26c%3D%C3%A4%2B%25"
    assert isinstance(sent.verified, VerifiedRequest)


async def test_a_post_without_parameters_verifies_too(caller: Outgoing, south: FakePartner) -> None:
    south.script("echo/v2", Says(b"<echo/>"))
    await caller.client.call(NORTH, SOUTH, "echo", 2, "")
    (sent,) = south.received
    assert (sent.body, sent.header("content-length")) == (b"", "0")
    assert isinstance(sent.verified, VerifiedRequest)


@pytest.mark.parametrize(
    "rest", ["/south.example/a%2fb/%7Euser/c%20d", "/south.example/x?node=1&empty=", "/south.example//double/./dot", ""]
)
async def test_the_url_is_called_exactly_as_the_catalogue_has_it(
    caller: Outgoing, south: FakePartner, rest: str
) -> None:
    url = f"https://localhost:{south.port}{rest}"
    caller.catalogue = catalogue_with(with_url(south.manifest(), "echo", "url", url))
    south.script(rest.partition("?")[0] or "/", Says(b"<echo/>"))
    await caller.client.call(NORTH, SOUTH, "echo", 2, "", [("echo", "1")])
    (sent,) = south.received
    assert sent.target == (rest or "/")
    assert isinstance(sent.verified, VerifiedRequest)


async def test_parameters_of_a_get_join_a_query_that_the_url_has_already(caller: Outgoing, south: FakePartner) -> None:
    url = f"https://localhost:{south.port}/south.example/echo/v2?node=1"
    caller.catalogue = catalogue_with(with_url(south.manifest(), "echo", "url", url))
    south.script("echo/v2", Says(b"<echo/>"))
    await caller.client.call(NORTH, SOUTH, "echo", 2, "", [("echo", "1")], method="GET")
    (sent,) = south.received
    assert sent.target == "/south.example/echo/v2?node=1&echo=1"
    assert isinstance(sent.verified, VerifiedRequest)


async def test_a_signed_answer_is_verified_and_given_as_it_came(caller: Outgoing, south: FakePartner) -> None:
    body = agreement() + b"<!-- kept -->"
    south.script("iias/v7/get", Says(body))
    answer = await caller.call_iias("get", ("iia_id", "s1"))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.signed) == (200, body, True)
    assert answer.url == f"https://localhost:{south.port}/south.example/iias/v7/get"


async def test_a_later_call_is_dated_later(caller: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script("iias/v7/get", Says(agreement()))
    await caller.call_iias("get", ("iia_id", "s1"))
    clock.pass_(hours=1)
    await caller.call_iias("get", ("iia_id", "s1"))
    dates = [sent.header("date") for sent in south.received]
    assert dates == [format_http_date(clock() - timedelta(hours=1)), format_http_date(clock())]
