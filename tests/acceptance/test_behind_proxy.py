"""TLS ends before the gateway: a proxy cuts the path, replaces Host and Date, and signatures still hold both ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from support.authority import key_of
from support.callers import calling
from support.closed_network import ClosedNetwork, Gateway, free_port
from support.documents import iia
from support.processes import until
from support.proxies import Proxy, proxying

PREFIX = "/ewp/node"


@pytest.fixture(scope="module")
def proxied(network: ClosedNetwork) -> Iterator[tuple[Gateway, Proxy]]:
    """west.example, which the network reaches through a proxy only."""
    port = free_port()
    west = network.gateway(
        "west",
        "west.example",
        public_base=f"https://localhost:{port}{PREFIX}",
        settings={"network": {"behind_proxy": True, "tls": None}},
    )
    try:
        with proxying(port, PREFIX, west.port) as proxy:
            network.join(west)
            yield west, proxy
    finally:
        network.leave(west)


async def test_a_signed_call_through_the_proxy_is_answered_with_a_signature(proxied: tuple[Gateway, Proxy]) -> None:
    west, proxy = proxied
    async with calling(key_of("south.example"), key_of("west.example").public) as caller:
        for reply in (
            await caller.post(west.url("/echo/v2"), ("echo", "hello")),
            await caller.get(west.url("/echo/v2"), ("echo", "hello")),
        ):
            assert reply.status == 200
            assert reply.texts("echo") == ["hello"]
            assert reply.texts("hei-id") == ["south.example"]
    assert proxy.seen[-2:] == ["/west.example/echo/v2", "/west.example/echo/v2?echo=hello"]
    # the signature was verified by Original-Date: the proxy has put its own Date in, which nobody signed
    written, signed = (parsedate_to_datetime(reply.header(name) or "") for name in ("Date", "Original-Date"))
    assert timedelta(seconds=30) < written - signed < timedelta(seconds=90)


async def test_errors_through_the_proxy_are_signed_too(proxied: tuple[Gateway, Proxy]) -> None:
    west, _ = proxied
    async with calling(key_of("south.example"), key_of("west.example").public) as caller:
        draft = caller.draft(west.url("/echo/v2"), [("echo", "hello")])
        tampered = await caller.send(draft.but(body=b"echo=hullo"))
        elsewhere = await caller.post(west.url("/nothing/v1"))
    assert tampered.status == 400
    assert "igest" in tampered.developer_message
    assert elsewhere.status == 404


async def test_the_manifest_names_the_urls_that_the_network_can_reach(proxied: tuple[Gateway, Proxy]) -> None:
    west, proxy = proxied
    async with calling(key_of("nobody")) as stranger:
        manifest = await stranger.get(west.url("/discovery/v6"))
    urls = [url for name in ("url", "get-url", "index-url", "stats-url") for url in manifest.texts(name)]
    assert len(urls) > 5
    assert {url.startswith(f"https://localhost:{proxy.port}{PREFIX}/west.example/") for url in urls} == {True}


def test_agreements_cross_the_proxy_both_ways(proxied: tuple[Gateway, Proxy], network: ClosedNetwork) -> None:
    west, proxy = proxied
    south = network["south"]
    ours, theirs = iia("W-1", owner="west.example"), iia("S-W", owner="south.example", partner="west.example")
    assert west.sis.put("west.example", "iias", "W-1", ours).status == 201
    assert south.sis.put("south.example", "iias", "S-W", theirs).status == 201
    until(lambda: south.sis.copy("south.example", "west.example", "W-1"), "south has west's copy")
    until(lambda: west.sis.copy("west.example", "south.example", "S-W"), "west has south's copy")
    assert {"/west.example/iias/v7/get", "/west.example/iia-cnr/v3"} <= set(proxy.seen)
    until(lambda: _verdicts(south) == {"verified"}, "south has logged its calls of west as verified")


def _verdicts(south: Gateway) -> set[str]:
    path = "/api/v1/heis/south.example/exchanges?partner=west.example&direction=out&limit=1000"
    return {item["verdict"] for item in south.sis.get(path)["items"]}
