"""Keeping the catalogue fresh, against a registry on loopback over real TLS and a real database file."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiohttp import web

from ewpgw.network.registry_client import STALE_LIMIT, CatalogueKeeper, NoCatalogue
from ewpgw.store import catalogues
from ewpgw.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ewpgw.network.catalogue import Catalogue

EWP = "https://github.com/erasmus-without-paper/"
SOON = 20.0


def catalogue_of(*hei_ids: str) -> bytes:
    hosts = "".join(
        f"<host><institutions-covered><hei-id>{hei_id}</hei-id></institutions-covered></host>" for hei_id in hei_ids
    )
    namespace = f"{EWP}ewp-specs-api-registry/tree/stable-v1"
    return f'<catalogue xmlns="{namespace}">{hosts or "<host/>"}<institutions/></catalogue>'.encode()


def heis(number: int) -> bytes:
    return catalogue_of(*(f"uni{n}.example" for n in range(number)))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class FakeRegistry:
    """Serves what it is told, notes what it is asked."""

    def __init__(self) -> None:
        self.document = heis(2)
        self.status = 200
        self.validators = True
        self.headers: dict[str, str] = {}
        self.requests: list[web.Request] = []
        self.url = ""
        self._asked = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def start(self, certificate: trustme.LeafCert) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(tls)
        application = web.Application()
        application.router.add_get("/catalogue-v1.xml", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"https://localhost:{self._runner.addresses[0][1]}/catalogue-v1.xml"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def asked(self, times: int) -> None:
        async with asyncio.timeout(SOON), self._asked:
            await self._asked.wait_for(lambda: len(self.requests) >= times)

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        async with self._asked:
            self._asked.notify_all()
        headers = dict(self.headers)
        if self.validators:
            headers["ETag"] = f'"{sha256(self.document).hexdigest()}"'
            headers["Last-Modified"] = "Tue, 01 Sep 2026 10:00:00 GMT"
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
        return web.Response(status=self.status, body=self.document, headers=headers)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def registry(authority: trustme.CA) -> AsyncIterator[FakeRegistry]:
    fake = FakeRegistry()
    await fake.start(authority.issue_cert("localhost"))
    yield fake
    await fake.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'ewpgw.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., CatalogueKeeper]


@pytest.fixture
def make(registry: FakeRegistry, store: Store, tls: ssl.SSLContext, clock: Clock) -> Make:
    def made(**options: Any) -> CatalogueKeeper:
        chosen: dict[str, Any] = {"tls": tls, "now": clock, "floor_seconds": 0.0, **options}
        return CatalogueKeeper(registry.url, store, **chosen)

    return made


def known(keeper: CatalogueKeeper) -> list[str] | None:
    return None if keeper.current is None else list(keeper.current.hei_ids)


async def test_the_catalogue_is_read_and_stored(make: Make, registry: FakeRegistry, store: Store, clock: Clock) -> None:
    keeper = make()
    assert keeper.current is None
    assert "has not been asked" in keeper.status.in_words(clock())
    status = await keeper.refresh()
    assert known(keeper) == ["uni0.example", "uni1.example"]
    assert await keeper.wait_until_loaded(SOON) is keeper.current
    assert (status.hei_count, status.usable, status.from_store, status.last_error) == (2, True, False, None)
    assert status.confirmed_at == clock()
    assert status.in_words(clock() + timedelta(minutes=5)) == "2 HEIs; confirmed 5 minutes ago"
    stored = await catalogues.load(store)
    assert stored is not None
    assert stored.body == registry.document


async def test_requests_are_anonymous_and_conditional_and_a_304_confirms(
    make: Make, registry: FakeRegistry, store: Store, clock: Clock
) -> None:
    keeper = make()
    await keeper.refresh()
    first = keeper.current
    clock.now += timedelta(hours=4)
    assert keeper.status.outdated(clock())
    status = await keeper.refresh()
    assert keeper.current is first
    assert status.confirmed_at == clock()
    assert not status.outdated(clock())
    one, two = registry.requests
    assert not {"If-None-Match", "If-Modified-Since", "Authorization", "Cookie"} & set(one.headers)
    assert two.headers["If-None-Match"] == f'"{sha256(registry.document).hexdigest()}"'
    assert two.headers["If-Modified-Since"] == "Tue, 01 Sep 2026 10:00:00 GMT"
    stored = await catalogues.load(store)
    assert stored is not None
    assert stored.checked_at == clock()


async def test_the_same_document_again_is_not_a_new_catalogue(make: Make, registry: FakeRegistry, clock: Clock) -> None:
    registry.validators = False
    keeper = make()
    replaced: list[Catalogue] = []
    keeper.subscribe(replaced.append)
    await keeper.refresh()
    clock.now += timedelta(minutes=15)
    status = await keeper.refresh()
    assert len(registry.requests) == 2
    assert len(replaced) == 1
    assert status.confirmed_at == clock()


async def test_subscribers_hear_of_each_new_catalogue_until_they_leave(make: Make, registry: FakeRegistry) -> None:
    keeper = make()
    heard: list[int] = []

    def fail(_: Catalogue) -> None:
        raise RuntimeError("a subscriber's own fault")

    keeper.subscribe(fail)
    leave = keeper.subscribe(lambda catalogue: heard.append(len(catalogue.hei_ids)))
    await keeper.refresh()
    registry.document = heis(3)
    await keeper.refresh()
    leave()
    registry.document = heis(4)
    await keeper.refresh()
    assert heard == [2, 3]
    assert known(keeper) == [f"uni{n}.example" for n in range(4)]


class TestBadDays:
    async def test_a_registry_that_cannot_be_trusted_gives_no_catalogue(
        self, make: Make, registry: FakeRegistry, clock: Clock
    ) -> None:
        keeper = make(tls=ssl.create_default_context())
        status = await keeper.refresh()
        assert keeper.current is None
        assert status.last_error is not None
        assert "certificate" in status.last_error
        assert registry.requests == []
        with pytest.raises(NoCatalogue, match="certificate"):
            await keeper.wait_until_loaded(0.01)
        assert "there is no catalogue" in status.in_words(clock())

    @pytest.mark.parametrize(
        ("status", "headers"), [(500, {}), (404, {}), (301, {"Location": "/elsewhere"}), (204, {}), (304, {})]
    )
    async def test_other_statuses_than_200_are_failures(
        self, make: Make, registry: FakeRegistry, status: int, headers: dict[str, str]
    ) -> None:
        registry.status, registry.headers, registry.validators = status, headers, False
        keeper = make()
        found = await keeper.refresh()
        assert keeper.current is None
        assert f"HTTP {status}" in str(found.last_error)
        assert len(registry.requests) == 1

    @pytest.mark.parametrize("document", [b"", b"<html>down for maintenance</html>", heis(9)[:-20]])
    async def test_a_broken_catalogue_does_not_replace_a_good_one(
        self, make: Make, registry: FakeRegistry, store: Store, document: bytes
    ) -> None:
        keeper = make()
        await keeper.refresh()
        good, registry.document = registry.document, document
        status = await keeper.refresh()
        assert known(keeper) == ["uni0.example", "uni1.example"]
        assert "cannot be used" in str(status.last_error)
        stored = await catalogues.load(store)
        assert stored is not None
        assert stored.body == good
        registry.document = heis(3)
        assert (await keeper.refresh()).last_error is None
        assert keeper.status.hei_count == 3

    async def test_a_document_that_is_too_large_is_not_read_to_its_end(
        self, make: Make, registry: FakeRegistry
    ) -> None:
        keeper = make(max_bytes=len(registry.document) - 1)
        status = await keeper.refresh()
        assert "sent more than" in str(status.last_error)
        assert keeper.current is None

    async def test_a_compressed_document_counts_with_its_full_size(self, make: Make, registry: FakeRegistry) -> None:
        registry.document = gzip.compress(b" " * 10_000_000)
        registry.headers["Content-Encoding"] = "gzip"
        keeper = make(max_bytes=1_000_000)
        assert len(registry.document) < 100_000
        assert "sent more than 1000000 bytes" in str((await keeper.refresh()).last_error)

    async def test_a_registry_that_is_away_leaves_the_catalogue_in_use_for_a_limited_time(
        self, make: Make, registry: FakeRegistry, clock: Clock
    ) -> None:
        keeper = make()
        await keeper.refresh()
        await registry.stop()
        clock.now += STALE_LIMIT
        status = await keeper.refresh()
        assert known(keeper) == ["uni0.example", "uni1.example"]
        assert "could not be read" in str(status.last_error)
        assert status.outdated(clock())
        clock.now += timedelta(seconds=1)
        assert keeper.current is None
        assert not keeper.status.usable
        assert "too stale" in keeper.status.in_words(clock())
        with pytest.raises(NoCatalogue, match="7 days"):
            await keeper.wait_until_loaded(SOON)

    async def test_a_catalogue_cannot_be_asked_for_without_tls(self, store: Store, tls: ssl.SSLContext) -> None:
        keeper = CatalogueKeeper("http://localhost:1/catalogue-v1.xml", store, tls=tls)
        assert "not an https URL" in str((await keeper.refresh()).last_error)

    async def test_a_store_that_is_away_does_not_keep_the_catalogue_from_being_used(
        self, make: Make, store: Store
    ) -> None:
        keeper = make()
        await store.close()
        status = await keeper.refresh()
        assert status.hei_count == 2
        assert status.last_error is None


class TestShrinking:
    async def test_a_catalogue_that_lost_most_heis_never_replaces_the_full_one(
        self, make: Make, registry: FakeRegistry, clock: Clock
    ) -> None:
        registry.document = heis(9)
        keeper = make()
        await keeper.refresh()
        registry.document = heis(4)
        for _ in range(2):
            status = await keeper.refresh()
            assert status.hei_count == 9
            assert "lists 4 HEIs where the former lists 9" in str(status.last_error)
            clock.now += timedelta(hours=24)
        registry.document = heis(8)
        status = await keeper.refresh()
        assert (status.hei_count, status.last_error) == (8, None)

    async def test_an_operator_can_accept_a_shrunken_catalogue_at_once(
        self, make: Make, registry: FakeRegistry
    ) -> None:
        registry.document = heis(9)
        keeper = make(accept_shrunken=True)
        await keeper.refresh()
        registry.document = heis(1)
        assert (await keeper.refresh()).hei_count == 1

    @pytest.mark.parametrize(("before", "after"), [(9, 5), (4, 2), (3, 0)])
    async def test_ordinary_losses_and_small_networks_are_not_guarded(
        self, make: Make, registry: FakeRegistry, before: int, after: int
    ) -> None:
        registry.document = heis(before)
        keeper = make()
        await keeper.refresh()
        registry.document = heis(after)
        assert (await keeper.refresh()).hei_count == after

    async def test_the_stored_catalogue_guards_as_well(self, make: Make, registry: FakeRegistry) -> None:
        registry.document = heis(9)
        await make().refresh()
        registry.document = heis(1)
        restarted = make()
        await restarted.load_stored()
        assert (await restarted.refresh()).hei_count == 9


class TestRestart:
    async def test_the_stored_catalogue_serves_while_the_registry_is_away(
        self, make: Make, registry: FakeRegistry, clock: Clock
    ) -> None:
        await make().refresh()
        confirmed = clock.now
        await registry.stop()
        clock.now += timedelta(hours=5)
        restarted = make()
        await restarted.load_stored()
        status = await restarted.refresh()
        assert known(restarted) == ["uni0.example", "uni1.example"]
        assert (status.from_store, status.confirmed_at) == (True, confirmed)
        assert status.outdated(clock())
        assert "the copy of an earlier run, confirmed 5 hours ago; the last attempt failed" in status.in_words(clock())

    async def test_a_stored_catalogue_is_confirmed_by_the_registry_itself_and_not_by_its_validators(
        self, make: Make, registry: FakeRegistry
    ) -> None:
        await make().refresh()
        restarted = make()
        await restarted.load_stored()
        stored = restarted.current
        status = await restarted.refresh()
        assert "If-None-Match" not in registry.requests[-1].headers
        assert "If-Modified-Since" not in registry.requests[-1].headers
        assert restarted.current is stored
        assert not status.from_store

    async def test_a_stored_catalogue_that_is_too_stale_is_not_used(self, make: Make, clock: Clock) -> None:
        await make().refresh()
        clock.now += STALE_LIMIT + timedelta(seconds=1)
        restarted = make()
        await restarted.load_stored()
        assert restarted.current is None
        with pytest.raises(NoCatalogue):
            await restarted.wait_until_loaded(0.01)
        await restarted.refresh()
        assert await restarted.wait_until_loaded(SOON) is restarted.current

    async def test_a_stored_document_that_is_no_catalogue_is_left_alone(
        self, make: Make, store: Store, clock: Clock, registry: FakeRegistry
    ) -> None:
        async with store.transaction() as tx:
            broken = catalogues.StoredCatalogue(registry.url, b"<x/>", None, None, clock(), clock())
            await catalogues.save(tx, broken)
        keeper = make()
        await keeper.load_stored()
        assert keeper.current is None
        assert (await keeper.refresh()).hei_count == 2


class TestTiming:
    async def test_the_registry_is_not_asked_twice_within_the_floor(self, make: Make, registry: FakeRegistry) -> None:
        keeper = make(floor_seconds=60.0)
        await asyncio.gather(keeper.refresh(), keeper.refresh(), keeper.refresh())
        await keeper.refresh()
        assert len(registry.requests) == 1

    async def test_the_loop_loads_the_stored_catalogue_and_then_asks(self, make: Make, registry: FakeRegistry) -> None:
        await make().refresh()
        keeper = make()
        heard: list[Catalogue] = []
        keeper.subscribe(heard.append)
        registry.document = heis(3)
        async with running(keeper):
            await replaced(keeper, 3)
        assert [len(catalogue.hei_ids) for catalogue in heard] == [2, 3]

    async def test_a_wanted_refresh_comes_long_before_its_time(self, make: Make, registry: FakeRegistry) -> None:
        keeper = make(floor_seconds=0.05, refresh_seconds=3600.0)
        async with running(keeper):
            await keeper.wait_until_loaded(SOON)
            registry.document = heis(3)
            keeper.request_refresh()
            await replaced(keeper, 3)

    async def test_after_a_failure_the_loop_asks_again_before_the_usual_time(
        self, make: Make, registry: FakeRegistry
    ) -> None:
        registry.status = 500
        keeper = make(refresh_seconds=3600.0)
        async with running(keeper):
            await registry.asked(1)
            registry.status = 200
            await keeper.wait_until_loaded(SOON)

    @pytest.mark.parametrize("seconds", [59.0, 10801.0])
    def test_intervals_that_the_specification_forbids_are_refused(self, make: Make, seconds: float) -> None:
        with pytest.raises(ValueError, match=f"every {seconds:g} seconds"):
            make(floor_seconds=60.0, refresh_seconds=seconds)


@asynccontextmanager
async def running(keeper: CatalogueKeeper) -> AsyncIterator[None]:
    """The keeper's loop, cancelled afterwards."""
    task = asyncio.create_task(keeper.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def replaced(keeper: CatalogueKeeper, number: int) -> None:
    """Waits until a catalogue with this many HEIs is in use."""
    arrived = asyncio.Event()
    leave = keeper.subscribe(lambda catalogue: arrived.set() if len(catalogue.hei_ids) == number else None)
    async with asyncio.timeout(SOON):
        await arrived.wait()
    leave()
