"""The registry is away: a gateway goes on with the catalogue it has, and says what it lacks where it has none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.authority import key_of
from support.callers import Reply, calling
from support.closed_network import ClosedNetwork, Gateway, closed_network
from support.processes import until

from ewpgw.security.keys import generate, write_private_key


@pytest.fixture
def own_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    """One gateway that covers both members of the network; nothing is started."""
    with closed_network(tmp_path_factory.mktemp("without-registry")) as found:
        found.gateway("north", "north.example", "south.example", adapter=False)
        yield found


async def _echo(north: Gateway) -> Reply:
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        return await caller.post(north.url("/echo/v2"), ("echo", "hello"))


async def test_a_gateway_waits_for_its_first_catalogue_and_then_outlives_the_registry(
    own_network: ClosedNetwork,
) -> None:
    north = own_network["north"]
    north.start()
    until(lambda: "failed" in north.sis.check("catalogue")[1], "the registry has been asked in vain")
    ready = north.sis.ready()
    assert (ready.status, ready.json["ok"]) == (503, False)
    ok, words = north.sis.check("catalogue")
    assert not ok
    assert words.startswith("there is no catalogue yet")
    assert own_network.catalogue_url in words
    refused = await _echo(north)
    assert refused.status == 503
    assert "catalogue" in refused.developer_message
    async with calling(key_of("nobody")) as stranger:  # the manifest is for everybody, also now
        assert (await stranger.get(north.manifest_urls[0])).status == 200

    own_network.start_registry()
    own_network.wait_until_joined()
    assert north.sis.ready().status == 200
    for hei_id in north.heis:
        assert north.sis.check(f"membership of {hei_id}") == (True, "the catalogue lists it, with the key that signs")
    assert (await _echo(north)).texts("echo") == ["hello"]

    own_network.registry.terminate()
    assert north.process.terminate() == 0
    key_file = own_network.folder / "tls" / "south.example.pem"
    key_file.unlink()
    write_private_key(key_file, generate())  # nobody has learned of this one
    north.start()
    until(lambda: "failed" in north.sis.check("catalogue")[1], "the registry has been asked in vain again")
    assert north.sis.ready().status == 200
    ok, words = north.sis.check("catalogue")
    assert ok
    assert "2 HEIs; the copy of an earlier run, confirmed less than a minute ago" in words
    assert "the last attempt failed: " in words
    assert north.sis.check("membership of north.example")[0]
    ok, words = north.sis.check("membership of south.example")
    assert not ok
    assert words.startswith("the catalogue lists south.example, but not as a client or server key the one that signs")
    assert (await _echo(north)).texts("echo") == ["hello"]
    assert north.process.events("catalogue.not_renewed")
