"""Whole gateways in this process: several HEIs in one, and the rotation of keys."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from support.authority import write_files
from support.documents import iia

from ewpgw.config import load
from ewpgw.daemon import Gateway
from ewpgw.network.failures import CallFailed
from ewpgw.records import Incoming
from ewpgw.registry.server import Registry
from ewpgw.registry.settings import RegistrySettings
from ewpgw.security.keys import generate, write_private_key
from ewpgw.store import copies
from ewpgw.store.copies import CopyKey


def free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


async def until(condition: Callable[[], Awaitable[object]], what: str) -> object:
    async with asyncio.timeout(30):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
        return found
    raise AssertionError(what)


def hei(hei_id: str, port: int, *keys: dict[str, object]) -> dict[str, object]:
    return {
        "id": hei_id,
        "public_url": f"https://localhost:{port}/{hei_id}",
        "names": [{"text": hei_id, "lang": "en"}],
        "admin_emails": [f"ewp@{hei_id}"],
        "admin_provider": "Tests",
        "keys": list(keys) or [{"file": f"tls/{hei_id}.pem"}],
    }


@asynccontextmanager
async def gateway(folder: Path, registry_port: int, port: int, *heis: dict[str, object]) -> AsyncIterator[Gateway]:
    """A gateway of these HEIs with a registry of its own, running and with a catalogue that lists them all."""
    tls = {"certificate": "tls/server.pem", "key": "tls/server.key"}
    document = {
        "network": {"host": "127.0.0.1", "port": port, "tls": tls, "ca_file": "tls/ca.pem"},
        "registry": {
            "catalogue_url": f"https://localhost:{registry_port}/catalogue-v1.xml",
            "refresh_floor_seconds": 1,
            "refresh_seconds": 1,
        },
        "sis": {"port": 0},
        "work": {"first_retry_seconds": 1},
        "monitoring": {"enabled": False},
        "heis": list(heis),
    }
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(document))
    running = Gateway(load(path, environ={}))
    await running.start()
    registry_settings = {
        "port": registry_port,
        "tls": tls,
        "ca_file": "tls/ca.pem",
        "refresh_seconds": 1,
        "manifest_urls": [f"{one['public_url']}/discovery/v6" for one in heis],
    }
    registry = Registry(RegistrySettings.model_validate(registry_settings, context={"folder": folder}))
    await registry.start()
    try:

        async def all_listed() -> bool:
            current = running.keeper.current
            return current is not None and set(current.hei_ids) == {str(one["id"]) for one in heis}

        await until(all_listed, "every HEI is in the catalogue")
        yield running
    finally:
        await running.drain()
        await registry.stop()


async def test_two_heis_in_one_gateway_exchange_an_agreement_each_with_its_own_key(tmp_path: Path) -> None:
    write_files(tmp_path / "tls", "north.example", "south.example")
    registry_port, port = free_ports(2)
    async with gateway(
        tmp_path, registry_port, port, hei("north.example", port), hei("south.example", port)
    ) as running:
        outcome = await running.records.put("north.example", "iias", Incoming(None, document=iia("a1")), source="test")
        assert outcome.result == "created"
        key = CopyKey("south.example", "iias", "north.example", "a1")

        async def arrived() -> copies.Copy | None:
            return await copies.get(running.store, key)

        copy = await until(arrived, "south's copy")
        assert isinstance(copy, copies.Copy)
        assert copy.state == copies.CopyState.CURRENT
        assert json.loads(copy.document or "")["partner"][0]["iia_id"] == "a1"
        catalogue = running.keeper.current
        assert catalogue is not None
        keys = {catalogue.heis_of_key(k) for k in _client_keys(running)}
        assert keys == {frozenset({"north.example"}), frozenset({"south.example"})}


def _client_keys(running: Gateway) -> list[str]:
    current = running.keeper.current
    assert current is not None
    return [key for hei_id in current.hei_ids for host in current.hosts(hei_id) for key in host.client_keys]


async def test_a_new_key_is_published_at_once_and_signs_from_its_time_on(tmp_path: Path) -> None:
    write_files(tmp_path / "tls", "north.example", "south.example")
    new = generate()
    write_private_key(tmp_path / "tls" / "new.pem", new)
    registry_port, port = free_ports(2)
    soon = datetime.now(UTC) + timedelta(seconds=6)
    keys: list[dict[str, object]] = [
        {"file": "tls/north.example.pem"},
        {"file": "tls/new.pem", "sign_from": soon.isoformat()},
    ]
    async with gateway(
        tmp_path, registry_port, port, hei("north.example", port, *keys), hei("south.example", port)
    ) as running:
        assert new.public.fingerprint in _client_keys(running)

        async def signer() -> str:
            answer = await running.client.call("north.example", "south.example", "echo", 2, "", [])
            exchange = await _exchange(running, answer.exchange_id)
            authorization = dict(exchange)["Authorization"]
            return authorization.split('keyId="')[1].split('"')[0]

        assert await signer() != new.public.fingerprint

        async def rotated() -> bool:
            return await signer() == new.public.fingerprint

        await until(rotated, "the new key signs")
        answers = await asyncio.gather(
            *(running.client.call("south.example", "north.example", "echo", 2, "") for _ in "12")
        )
        assert all(answer.signed for answer in answers), "answers signed with the new key are trusted too"


async def _exchange(running: Gateway, exchange_id: str) -> tuple[tuple[str, str], ...]:
    from ewpgw.store import exchanges

    await running.evidence.flush()
    found = await exchanges.get(running.store, exchange_id)
    assert found is not None
    return found.request_headers


async def test_a_call_in_the_name_of_a_partner_that_lists_no_such_api_says_so(tmp_path: Path) -> None:
    write_files(tmp_path / "tls", "north.example", "south.example")
    registry_port, port = free_ports(2)
    south = {**hei("south.example", port), "apis": ["echo"]}
    async with gateway(tmp_path, registry_port, port, hei("north.example", port), south) as running:
        try:
            await running.client.call("north.example", "south.example", "iias", 7, "index")
        except CallFailed as failure:
            assert failure.reason == "the catalogue lists no iias API in version 7 for south.example"
            assert failure.retryable
        else:
            raise AssertionError("the call had an answer")
