"""Which answers the signed client believes, and what it makes of errors (ewp-specs-sec-srvauth-httpsig)."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from uuid import uuid4

import pytest
from support.authority import key_of
from support.outgoing import Outgoing, agreement
from support.partners import FakePartner, Says, catalogue_with, error, with_server_keys, without_method

from ewpgw.network.client import Answer
from ewpgw.network.failures import CallFailed, ErrorAnswer, Unreachable, UntrustedAnswer, UnusableAnswer
from ewpgw.store.exchanges import Exchange

GET = "iias/v7/get"


async def failure_of(caller: Outgoing) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await caller.call_iias("get", ("iia_id", "s1"))
    return raised.value


async def only_exchange(caller: Outgoing) -> Exchange:
    (exchange,) = await caller.exchanged()
    return exchange


async def untrusted(caller: Outgoing, south: FakePartner, says: Says) -> str:
    """Why an answer is not believed; the exchange log says so too, and it would be asked for again."""
    south.script(GET, says)
    failure = await failure_of(caller)
    assert isinstance(failure, UntrustedAnswer), failure
    assert (failure.retryable, failure.status) == (True, says.status)
    assert (await only_exchange(caller)).verdict == failure.reason
    return failure.reason


async def test_an_unsigned_answer_is_refused_where_the_entry_promises_signatures(
    caller: Outgoing, south: FakePartner
) -> None:
    assert "signature does not hold" in await untrusted(caller, south, Says(agreement(), signed=False))


async def test_an_unsigned_answer_is_taken_where_the_entry_promises_tls_alone(
    caller: Outgoing, south: FakePartner
) -> None:
    caller.catalogue = catalogue_with(without_method(south.manifest(), "server-auth", "httpsig"))
    south.script(GET, Says(agreement(), signed=False))
    answer = await caller.call_iias("get", ("iia_id", "s1"))
    assert isinstance(answer, Answer)
    assert (answer.signed, answer.body) == (False, agreement())
    assert (await only_exchange(caller)).verdict == "unsigned, over verified TLS"


async def test_a_bad_signature_is_refused_even_where_none_was_promised(caller: Outgoing, south: FakePartner) -> None:
    caller.catalogue = catalogue_with(without_method(south.manifest(), "server-auth", "httpsig"))
    assert "body" in await untrusted(caller, south, Says(agreement(), sent_body=agreement(people=6)))


async def test_a_key_that_only_another_host_lists_is_refused(caller: Outgoing, south: FakePartner) -> None:
    west = key_of("west.example")
    other = with_server_keys(south.manifest(), west.public)
    caller.catalogue = catalogue_with(south.manifest(), other)
    assert caller.catalogue.server_key(caller.catalogue.hosts("south.example")[1], west.public.fingerprint)
    reason = await untrusted(caller, south, Says(agreement(), key=west))
    assert "does not list as a server key of the host" in reason


async def test_a_client_key_of_the_very_host_does_not_sign_its_answers(caller: Outgoing, south: FakePartner) -> None:
    caller.catalogue = catalogue_with(with_server_keys(south.manifest(), key_of("west.example").public))
    assert "server key" in await untrusted(caller, south, Says(agreement()))


async def test_a_tampered_body_is_refused(caller: Outgoing, south: FakePartner) -> None:
    reason = await untrusted(caller, south, Says(agreement(), sent_body=agreement().replace(b"5", b"6")))
    assert "not the one that was signed" in reason


async def test_a_tampered_header_is_refused(caller: Outgoing, south: FakePartner) -> None:
    says = Says(agreement(), signed_headers={"X-Note": "signed"}, headers={"X-Note": "changed"})
    assert "does not match its headers" in await untrusted(caller, south, says)


async def test_an_answer_to_another_request_is_refused(caller: Outgoing, south: FakePartner) -> None:
    assert "x-request-id" in (await untrusted(caller, south, Says(agreement(), request_id=str(uuid4())))).lower()


async def test_an_answer_to_another_signature_is_refused(caller: Outgoing, south: FakePartner) -> None:
    says = Says(agreement(), request_signature="c29tZXRoaW5nIGVsc2U=")
    assert "x-request-signature" in (await untrusted(caller, south, says)).lower()


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_stale_answer_and_one_from_the_future_are_refused(
    caller: Outgoing, south: FakePartner, minutes: int
) -> None:
    assert "date" in await untrusted(caller, south, Says(agreement(), age=timedelta(minutes=minutes)))


@pytest.mark.parametrize("minutes", [-4, 4])
async def test_a_clock_a_few_minutes_off_is_forgiven(caller: Outgoing, south: FakePartner, minutes: int) -> None:
    south.script(GET, Says(agreement(), age=timedelta(minutes=minutes)))
    assert isinstance(await caller.call_iias("get", ("iia_id", "s1")), Answer)


async def test_a_body_packed_by_a_proxy_after_signing_is_refused(caller: Outgoing, south: FakePartner) -> None:
    says = Says(agreement(), sent_body=gzip.compress(agreement()), headers={"Content-Encoding": "gzip"})
    assert "not the one that was signed" in await untrusted(caller, south, says)


async def test_a_body_packed_before_signing_is_refused_by_its_coding(caller: Outgoing, south: FakePartner) -> None:
    """The request asked for none; and what is not unpacked here cannot be a bomb."""
    says = Says(gzip.compress(agreement()), signed_headers={"Content-Encoding": "gzip"})
    assert "Content-Encoding" in await untrusted(caller, south, says)


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (502, True)])
async def test_a_packed_error_page_is_still_an_error_answer(
    caller: Outgoing, south: FakePartner, status: int, retryable: bool
) -> None:
    page = gzip.compress(b"<html>no</html>")
    south.script(GET, Says(page, status, signed=False, headers={"Content-Encoding": "gzip"}))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert (failure.status, failure.retryable) == (status, retryable)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 415, 429, 500, 502, 503])
async def test_an_error_status_is_told_with_the_partners_words_and_repeated_only_for_5xx_and_429(
    caller: Outgoing, south: FakePartner, status: int
) -> None:
    south.script(GET, error(status, "the database is being painted", "Come back tomorrow"))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert (failure.status, failure.server_message) == (status, "the database is being painted")
    assert failure.user_messages == ("Come back tomorrow",)
    assert failure.reason == f"the partner answered with HTTP {status}: the database is being painted"
    assert failure.retryable == (status >= 500 or status == 429)
    exchange = await only_exchange(caller)
    assert (exchange.status, exchange.verdict) == (status, "verified")


async def test_an_unsigned_error_is_still_an_error_answer(caller: Outgoing, south: FakePartner) -> None:
    """A server that fails early may not be able to sign (ewp-specs-sec-intro, Authentication of Error Responses)."""
    south.script(GET, error(403, "unknown key").but(signed=False))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert failure.server_message == "unknown key"
    assert (await only_exchange(caller)).verdict == "unsigned, over verified TLS"


async def test_an_error_whose_signature_does_not_hold_is_not_believed(caller: Outgoing, south: FakePartner) -> None:
    """A 400 would end the retries: nobody on the way may say it in the partner's name."""
    says = error(400, "never again").but(key=key_of("west.example"))
    assert "server key" in await untrusted(caller, south, says)


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><h1>Bad Gateway</h1></html>",
        b"",
        b"\x00\xff",
        b"{}",
        b"<error-response>mine</error-response>",
    ],
    ids=["html", "empty", "binary", "json", "another namespace"],
)
async def test_an_error_without_an_error_response_says_so(caller: Outgoing, south: FakePartner, page: bytes) -> None:
    south.script(GET, Says(page, 502, signed=False, content_type="text/html"))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert (failure.server_message, failure.retryable) == (None, True)
    assert failure.reason == "the partner answered with HTTP 502 without an error-response"
    assert (await only_exchange(caller)).response_body == page


async def test_an_error_response_under_status_200_is_a_failure_with_its_words(
    caller: Outgoing, south: FakePartner
) -> None:
    south.script(GET, error(200, "not today"))
    failure = await failure_of(caller)
    assert isinstance(failure, UnusableAnswer)
    assert "not today" in failure.reason
    assert (failure.status, failure.server_message) == (200, None)


async def test_the_words_error_response_in_another_document_are_no_error(caller: Outgoing, south: FakePartner) -> None:
    body = b"<!-- not an error-response -->" + agreement().partition(b"?>")[2]
    south.script(GET, Says(body))
    answer = await caller.call_iias("get", ("iia_id", "s1"))
    assert isinstance(answer, Answer)
    assert answer.body == body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(caller: Outgoing, south: FakePartner, status: int) -> None:
    south.script("elsewhere", Says(agreement()))
    where = f"https://localhost:{south.port}/south.example/elsewhere"
    south.script(GET, Says(status=status, signed_headers={"Location": where}))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert (failure.status, failure.retryable) == (status, False)
    assert len(south.received) == 1


async def test_an_unsigned_redirect_is_not_believed(caller: Outgoing, south: FakePartner) -> None:
    says = Says(status=302, signed=False, headers={"Location": "https://localhost:1/"})
    await untrusted(caller, south, says)
    assert len(south.received) == 1


@pytest.mark.parametrize("status", [201, 202, 204])
async def test_another_status_of_success_is_no_success(caller: Outgoing, south: FakePartner, status: int) -> None:
    south.script(GET, Says(b"" if status == 204 else agreement(), status))
    failure = await failure_of(caller)
    assert isinstance(failure, ErrorAnswer)
    assert failure.status == status


async def test_an_answer_over_the_bound_is_refused_before_it_is_read_whole(
    caller: Outgoing, south: FakePartner
) -> None:
    south.script(GET, Says(b"<a>" + b" " * (8 * 2**20) + b"</a>"))
    failure = await failure_of(caller)
    assert isinstance(failure, Unreachable)
    assert failure.reason == f"the answer is larger than {2**20} bytes"
    assert failure.status == 200, "an answer had come, and the Monitoring API wants its status"
    exchange = await only_exchange(caller)
    assert (exchange.status, exchange.verdict, exchange.response_body) == (200, failure.reason, b"")


async def test_an_answer_just_within_the_bound_is_taken(caller: Outgoing, south: FakePartner) -> None:
    body = b"<a>" + b" " * (2**20 - 7) + b"</a>"
    south.script(GET, Says(body))
    answer = await caller.call_iias("get", ("iia_id", "s1"))
    assert isinstance(answer, Answer)
    assert len(answer.body) == 2**20


async def test_cookies_of_a_partner_are_never_sent_back(caller: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement(), headers={"Set-Cookie": "trace=1; Path=/"}))
    for _ in range(2):
        await caller.call_iias("get", ("iia_id", "s1"))
    assert south.received[1].header("cookie") is None


async def test_answers_that_cross_each_other_reach_their_own_callers(caller: Outgoing, south: FakePartner) -> None:
    late = asyncio.Event()
    south.script(GET, lambda sent: Says(agreement(dict(sent.parameters)["iia_id"]), held=late))
    calls = [asyncio.create_task(caller.call_iias("get", ("iia_id", f"s{number}"))) for number in range(5)]
    late.set()
    for number, answer in enumerate(await asyncio.gather(*calls)):
        assert isinstance(answer, Answer)
        assert answer.body == agreement(f"s{number}")
