"""Failed calls are told to the Stats Portal, once and without waiting (ewp-specs-api-monitoring)."""

from __future__ import annotations

import asyncio

import pytest
from support.authority import key_of
from support.outgoing import NORTH, NOTIFIED, PORTAL, SOUTH, Clock, Outgoing, agreement, delivery
from support.partners import (
    FakePartner,
    Says,
    catalogue_with,
    error,
    with_monitoring,
    without_method,
)
from support.waiting import eventually

from ewpgw.network.failures import CallFailed, ErrorAnswer
from ewpgw.security.requests import VerifiedRequest

GET, CNR = "iias/v7/get", "iia-cnr/v3"


async def fail(side: Outgoing, api: str = "iias", major: int = 7, endpoint: str = "get", partner: str = SOUTH) -> None:
    with pytest.raises(CallFailed):
        await side.client.call(NORTH, partner, api, major, endpoint, [("iia_id", "s1")])


async def report_of(portal: FakePartner) -> dict[str, str]:
    """The only report; each parameter was given once."""
    await eventually(lambda: portal.received)
    (sent,) = portal.calls("monitoring")
    parameters = dict(sent.parameters)
    assert len(parameters) == len(sent.parameters)
    return parameters


async def settled(side: Outgoing) -> None:
    """Every report under way has ended."""
    await side.monitoring.close()


async def test_an_error_answer_is_reported_with_its_status_and_the_partners_words(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, error(400, "iia_id is unknown", "Ask the international office"))
    await fail(reporting)
    assert await report_of(portal) == {
        "server_hei_id": SOUTH,
        "api_name": "iias",
        "endpoint_name": "get",
        "http_code": "400",
        "server_message": "iia_id is unknown",
    }


async def test_a_report_is_a_signed_post_in_our_name(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, error(500, "broken"))
    await fail(reporting)
    await report_of(portal)
    (sent,) = portal.received
    assert (sent.method, sent.target) == ("POST", f"/{PORTAL}/monitoring")
    assert sent.header("content-type") == "application/x-www-form-urlencoded"
    assert isinstance(sent.verified, VerifiedRequest)
    assert sent.verified.key_id == key_of(NORTH).public.fingerprint


async def test_an_endpoint_without_a_name_is_not_named(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(CNR, error(500, "broken"))
    await fail(reporting, "iia-cnr", 3, "")
    report = await report_of(portal)
    assert report["api_name"] == "iia-cnr"
    assert "endpoint_name" not in report


async def test_an_error_without_an_error_response_is_reported_in_our_words(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, Says(b"<html>maria@private.example</html>", 502, signed=False))
    await fail(reporting)
    report = await report_of(portal)
    assert report["http_code"] == "502"
    assert "server_message" not in report
    assert report["client_message"] == "the partner answered with HTTP 502 without an error-response"


@pytest.mark.parametrize(
    ("says", "status"),
    [
        (Says(agreement(), signed=False), "200"),
        (Says(agreement(), sent_body=b"tampered"), "200"),
        (error(200, "an error in disguise"), "200"),
        (Says(agreement(), cut_after=10), "200"),
        (Says(b"x" * (2**20 + 1)), "200"),
        (error(302, "elsewhere"), "302"),
        (Says(cut_after=-1), None),
    ],
    ids=["unsigned", "tampered", "error under 200", "cut off", "too large", "redirect", "no answer"],
)
async def test_what_is_wrong_otherwise_is_reported_with_the_status_if_there_was_one_and_in_our_words(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, says: Says, status: str | None
) -> None:
    south.script(GET, says)
    await fail(reporting)
    report = await report_of(portal)
    assert report.get("http_code") == status
    assert "server_message" not in report, "that is for 4xx and 5xx alone"
    assert report["client_message"]


async def test_an_api_that_the_catalogue_does_not_list_is_reported(reporting: Outgoing, portal: FakePartner) -> None:
    await fail(reporting, "iias", 6)
    report = await report_of(portal)
    assert "lists no iias API" in report["client_message"]
    assert "http_code" not in report


async def test_our_words_are_never_the_partners_since_those_may_be_private(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, error(500, "cannot save Maria Kowalska"))
    await fail(reporting)
    report = await report_of(portal)
    assert "client_message" not in report
    assert report["server_message"] == "cannot save Maria Kowalska", "the specification demands it as it came"


async def test_an_error_in_disguise_is_reported_without_what_the_partner_says(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, error(200, "cannot save Maria Kowalska"))
    await fail(reporting)
    report = await report_of(portal)
    assert report["client_message"] == "the partner answered with HTTP 200 and an error-response in it"
    assert "Kowalska" not in str(report)


async def test_a_call_that_goes_well_is_not_reported(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, Says(agreement()))
    await reporting.call_iias("get", ("iia_id", "s1"))
    await settled(reporting)
    assert portal.received == []


@pytest.mark.parametrize(("api", "major"), [("echo", 2), ("discovery", 6), ("registry", 1), ("monitoring", 0)])
async def test_calls_of_echo_discovery_registry_and_monitoring_are_never_reported(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, api: str, major: int
) -> None:
    south.script("echo/v2", error(500, "broken"))
    await fail(reporting, api, major, "")
    await settled(reporting)
    assert portal.received == []


async def test_calls_to_the_portal_itself_are_never_reported(reporting: Outgoing, portal: FakePartner) -> None:
    portal.script(GET, error(500, "broken"))
    await fail(reporting, partner=PORTAL)
    await settled(reporting)
    assert portal.calls("monitoring") == []


async def test_each_failed_call_is_reported_once_also_through_the_work_loop(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, clock: Clock
) -> None:
    south.script(CNR, error(500, "broken"), error(500, "still broken"), Says(NOTIFIED))
    await reporting.want(delivery())
    for _ in range(3):
        await reporting.work_off()
        clock.pass_(hours=2)
    await settled(reporting)
    assert len(south.received) == 3
    said = sorted(dict(sent.parameters)["server_message"] for sent in portal.calls("monitoring"))
    assert said == ["broken", "still broken"]


@pytest.mark.parametrize(
    "answer",
    [error(500, "broken"), error(400, "no"), Says(cut_after=-1), Says(b"", signed=False)],
    ids=["500", "400", "closed", "unsigned"],
)
async def test_a_report_that_fails_is_neither_repeated_nor_reported_nor_noticed_by_the_caller(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, answer: Says
) -> None:
    """Call and forget."""
    portal.script("monitoring", answer)
    south.script(GET, error(404, "gone"))
    with pytest.raises(ErrorAnswer) as raised:
        await reporting.call_iias("get", ("iia_id", "s1"))
    assert raised.value.status == 404
    await settled(reporting)
    assert len(portal.received) == 1


async def test_a_portal_that_hangs_holds_nobody_up_and_is_not_waited_for_without_bound(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    release = asyncio.Event()
    portal.script("monitoring", Says(b"", held=release))
    south.script(GET, error(500, "broken"))
    for _ in range(50):
        await fail(reporting)
    assert len(south.received) == 50, "every call ended while the portal said nothing"
    release.set()
    await settled(reporting)
    assert len(portal.received) <= 20, "what is not delivered is dropped, not heaped up"
    portal.received.clear()
    await fail(reporting)
    await eventually(lambda: portal.received)


async def test_closing_does_not_wait_for_a_portal_that_hangs(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    portal.script("monitoring", Says(b"", held=asyncio.Event()))
    south.script(GET, error(500, "broken"))
    await fail(reporting)
    await eventually(lambda: portal.received)
    await asyncio.wait_for(reporting.monitoring.close(), 10)


async def test_a_portal_that_is_not_listed_costs_nothing(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    reporting.catalogue = catalogue_with(south.manifest())
    south.script(GET, error(500, "broken"))
    await fail(reporting)
    await settled(reporting)
    assert portal.received == []


async def test_nothing_is_reported_where_reporting_is_switched_off(
    caller: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    url = f"https://localhost:{portal.port}/{PORTAL}/monitoring"
    caller.catalogue = catalogue_with(south.manifest(), with_monitoring(portal.manifest(), url))
    south.script(GET, error(500, "broken"))
    await fail(caller)
    await settled(caller)
    assert portal.received == []


async def test_a_very_long_message_of_a_partner_is_cut(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    south.script(GET, error(500, "trace " * 100_000))
    await fail(reporting)
    assert len((await report_of(portal))["server_message"]) == 10_000


async def test_a_partner_that_takes_no_signed_requests_is_reported(
    reporting: Outgoing, south: FakePartner, portal: FakePartner
) -> None:
    url = f"https://localhost:{portal.port}/{PORTAL}/monitoring"
    closed = without_method(south.manifest(), "client-auth", "httpsig")
    reporting.catalogue = catalogue_with(closed, with_monitoring(portal.manifest(), url))
    await fail(reporting)
    assert "takes no HTTP signatures" in (await report_of(portal))["client_message"]
