"""The small registry: from manifests on loopback, over real TLS, to a catalogue that clients can use."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import aiohttp
import pytest
import trustme
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from pydantic import ValidationError

from ewpgw.documents import schemas
from ewpgw.network.catalogue import Catalogue, Name
from ewpgw.registry import Registry, RegistrySettings, serve
from ewpgw.security.keys import PublicKey, generate

if TYPE_CHECKING:
    from pathlib import Path

EWP = "https://github.com/erasmus-without-paper/"
SOON = 30.0
A_DAY = timedelta(hours=24)
TLS = {"certificate": "chain.pem", "key": "key.pem"}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Nodes:
    """A server with the manifests of several nodes, by name."""

    def __init__(self) -> None:
        self.manifests: dict[str, str] = {}
        self.requests: list[web.Request] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def start(self, certificate: trustme.LeafCert) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(tls)
        application = web.Application()
        application.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.base = f"https://localhost:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        await self.answering.wait()
        text = self.manifests.get(request.match_info["name"])
        if text is None:
            return web.Response(status=404)
        headers = {"ETag": f'"{sha256(text.encode()).hexdigest()}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=text.encode(), headers=headers)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def keys() -> list[PublicKey]:
    return [generate().public for _ in range(3)]


@pytest.fixture
async def nodes(authority: trustme.CA) -> AsyncIterator[Nodes]:
    served = Nodes()
    await served.start(authority.issue_cert("localhost"))
    yield served
    await served.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Awaitable[Registry]]


@pytest.fixture
async def make(authority: trustme.CA, nodes: Nodes, clock: Clock, tmp_path: Path) -> AsyncIterator[Make]:
    """Starts a registry of the manifests named; it reads them when it is told to."""
    started: list[Registry] = []
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(tmp_path / "chain.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def made(*names: str, **options: object) -> Registry:
        data = {
            "port": 0,
            "public_url": None,
            "tls": TLS,
            "ca_file": "ca.pem",
            "manifest_urls": [nodes.url(name) for name in names],
            "refresh_seconds": 10800,
            **options,
        }
        registry = Registry(RegistrySettings.model_validate(data, context={"folder": tmp_path}), clock=clock)
        await registry.start()
        started.append(registry)
        return registry

    yield made
    for registry in started:
        await registry.stop()


@pytest.fixture
async def client(authority: trustme.CA) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=SOON)
    ) as opened:
        yield opened


def iias(url: str, version: str = "7.0.0") -> str:
    return (
        f'<iias xmlns="{EWP}ewp-specs-api-iias/blob/stable-v7/manifest-entry.xsd" version="{version}">'
        "<ewp:admin-email>iias@uni.example</ewp:admin-email><http-security><sec:client-auth-methods>"
        f'<httpsig xmlns="{EWP}ewp-specs-sec-cliauth-httpsig/tree/stable-v1"/>'
        "</sec:client-auth-methods></http-security>"
        f"<get-url>{url}/get</get-url><max-iia-ids>1</max-iia-ids><index-url>{url}/index</index-url></iias>"
    )


def hei(hei_id: str, *names: str, other: str = "") -> str:
    shown = "".join(f'<r:name xml:lang="en">{name}</r:name>' for name in names or ("Name",))
    return f'<r:hei id="{hei_id}">{other}{shown}</r:hei>'


def manifest(
    url: str,
    *institutions: str,
    apis: str = "",
    client: tuple[str, ...] = (),
    server: tuple[str, ...] = (),
    provider: str = "Provider",
) -> str:
    def credentials(side: str, content: tuple[str, ...]) -> str:
        keys = "".join(f"<rsa-public-key>{key}</rsa-public-key>" for key in content)
        return f"<{side}-credentials-in-use>{keys}</{side}-credentials-in-use>"

    return f"""<manifest xmlns="{EWP}ewp-specs-api-discovery/tree/stable-v6"
    xmlns:ewp="{EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd"
    xmlns:sec="{EWP}ewp-specs-sec-intro/tree/stable-v2" xmlns:r="{EWP}ewp-specs-api-registry/tree/stable-v1">
  <host>
    <ewp:admin-email>admin@uni.example</ewp:admin-email><ewp:admin-provider>{provider}</ewp:admin-provider>
    <r:apis-implemented><!-- what we offer -->
      <discovery xmlns="{EWP}ewp-specs-api-discovery/blob/stable-v6/manifest-entry.xsd" version="6.0.0">
        <url>{url}</url></discovery>{apis}
    </r:apis-implemented>
    <institutions-covered>{"".join(institutions)}</institutions-covered>
    {credentials("client", client)}{credentials("server", server)}
  </host>
</manifest>"""


async def published(client: aiohttp.ClientSession, registry: Registry) -> Catalogue:
    async with client.get(registry.catalogue_url) as response:
        assert response.status == 200
        return Catalogue.read(await response.read())


def faults_of(registry: Registry, url: str) -> str:
    (found,) = [status for status in registry.status().manifests if status.url == url]
    assert found.ok == (not found.faults)
    return " | ".join(found.faults)


async def test_manifests_become_a_catalogue(
    make: Make, nodes: Nodes, client: aiohttp.ClientSession, keys: list[PublicKey]
) -> None:
    north, south, server = keys
    other = '<r:other-id type="pic">123</r:other-id>'
    nodes.manifests["north"] = manifest(
        nodes.url("north"),
        hei("north.example", "North", other=other),
        apis=iias("https://north.example/iias"),
        client=(north.base64,),
        server=(server.base64,),
    )
    nodes.manifests["south"] = manifest(nodes.url("south"), hei("south.example"), client=(f"\n{south.base64}\n",))
    registry = await make("north", "south")
    status = await registry.refresh()
    catalogue = await published(client, registry)
    assert list(catalogue.hei_ids) == ["north.example", "south.example"]
    assert catalogue.heis_of_key(north.fingerprint) == {"north.example"}
    assert catalogue.client_key(south.fingerprint) == south
    entry = catalogue.entry("north.example", "iias", 7)
    assert entry is not None
    assert entry.urls == {"get": "https://north.example/iias/get", "index": "https://north.example/iias/index"}
    assert entry.client_auth == {"httpsig"}
    assert entry.limits == {"max-iia-ids": 1}
    assert (entry.admin_emails, entry.host.admin_emails) == (("iias@uni.example",), ("admin@uni.example",))
    assert catalogue.server_key(entry.host, server.fingerprint) == server
    assert catalogue.names("north.example") == (Name("North", "en"),)
    assert catalogue.hei_ids_by_other_id("pic", "123") == ("north.example",)
    assert [found.ok for found in status.manifests] == [True, True]
    assert catalogue.ignored_entries == 0


async def test_the_entries_are_copied_as_they_are(make: Make, nodes: Nodes, client: aiohttp.ClientSession) -> None:
    unknown = '<own xmlns="urn:own" version="1.0.0"><deep attribute="x">text</deep></own>'
    text = manifest(nodes.url("a"), hei("a.example"), apis=iias("https://a.example/iias") + unknown)
    nodes.manifests["a"] = text
    registry = await make("a")
    await registry.refresh()
    async with client.get(registry.catalogue_url) as response:
        root = etree.fromstring(await response.read())
    path = f".//{{{EWP}ewp-specs-api-registry/tree/stable-v1}}apis-implemented"

    def entries(found: etree._Element | None) -> list[bytes]:
        assert found is not None
        without_blanks = etree.XMLParser(remove_blank_text=True)
        return [
            etree.tostring(etree.fromstring(etree.tostring(entry, with_tail=False), without_blanks), method="c14n2")
            for entry in found.iterchildren("*")
        ]

    assert entries(root.findall(path)[1]) == entries(etree.fromstring(text).find(path))


async def test_an_empty_network_has_a_valid_catalogue_with_the_registry_itself(
    make: Make, client: aiohttp.ClientSession
) -> None:
    registry = await make()
    await registry.refresh()
    async with client.get(registry.catalogue_url) as response:
        root = etree.fromstring(await response.read())
        assert response.content_type == "text/xml"
    assert schemas.default().faults(root) == []
    assert root.findtext(".//{*}registry/{*}catalogue-url") == registry.catalogue_url


class TestCaching:
    async def test_an_unchanged_network_has_an_unchanged_catalogue(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, clock: Clock, keys: list[PublicKey]
    ) -> None:
        for name in ("b", "a"):
            nodes.manifests[name] = manifest(nodes.url(name), hei(f"{name}.example"), server=(keys[0].base64,))
        registry = await make("b", "a")
        await registry.refresh()
        async with client.get(registry.catalogue_url) as first:
            body = await first.read()
        clock.now += timedelta(minutes=30)
        await registry.refresh()
        assert nodes.requests[-1].headers["If-None-Match"]
        async with client.get(registry.catalogue_url) as second:
            assert await second.read() == body
        for name in ("ETag", "Last-Modified"):
            assert first.headers[name] == second.headers[name]
        assert first.headers["Cache-Control"] == "public, max-age=10800"
        assert first.headers["Expires"].endswith("GMT")
        nodes.manifests["a"] = nodes.manifests["a"].replace("Provider", "Another")
        await registry.refresh()
        async with client.get(registry.catalogue_url) as third:
            assert third.headers["ETag"] != first.headers["ETag"]
            assert third.headers["Last-Modified"] == "Tue, 01 Sep 2026 12:30:00 GMT"

    async def test_a_client_that_has_the_catalogue_is_told_so(self, make: Make, client: aiohttp.ClientSession) -> None:
        registry = await make()
        await registry.refresh()
        async with client.get(registry.catalogue_url) as first:
            etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        for headers, status in (
            ({"If-None-Match": etag}, 304),
            ({"If-None-Match": f'"other", W/{etag}'}, 304),
            ({"If-None-Match": '"other"'}, 200),
            ({"If-Modified-Since": modified}, 304),
            ({"If-Modified-Since": "Tue, 01 Sep 2026 11:59:59 GMT"}, 200),
            ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ):
            async with client.get(registry.catalogue_url, headers=headers) as response:
                assert (response.status, len(await response.read()) > 0) == (status, status == 200), headers
                assert response.headers["ETag"] == etag

    async def test_no_catalogue_is_served_before_the_manifests_were_read(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession
    ) -> None:
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"))
        nodes.answering.clear()
        registry = await make("a")
        async with client.get(registry.catalogue_url) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers
        nodes.answering.set()
        await registry.refresh()
        assert list((await published(client, registry)).hei_ids) == ["a.example"]


class TestRules:
    async def test_a_client_key_of_another_manifest_is_refused_and_stays_with_the_first(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, keys: list[PublicKey]
    ) -> None:
        key, own, _ = keys
        nodes.manifests["first"] = manifest(nodes.url("first"), hei("first.example"), client=(key.base64,) * 2)
        nodes.manifests["second"] = manifest(
            nodes.url("second"), hei("second.example"), client=(key.base64, own.base64), server=(key.base64,)
        )
        registry = await make("first", "second")
        await registry.refresh()
        catalogue = await published(client, registry)
        assert catalogue.heis_of_key(key.fingerprint) == {"first.example"}
        assert catalogue.heis_of_key(own.fingerprint) == {"second.example"}
        (second,) = catalogue.hosts("second.example")
        assert catalogue.server_key(second, key.fingerprint) == key
        assert faults_of(registry, nodes.url("first")) == ""
        fault = faults_of(registry, nodes.url("second"))
        assert key.fingerprint in fault
        assert "unique in the whole network" in fault

    async def test_weak_and_broken_keys_are_refused_one_by_one(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, keys: list[PublicKey]
    ) -> None:
        small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
        weak = small.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        nodes.manifests["a"] = manifest(
            nodes.url("a"), hei("a.example"), client=(b64encode(weak).decode(), keys[0].base64), server=("YWJj",)
        )
        registry = await make("a")
        await registry.refresh()
        catalogue = await published(client, registry)
        assert catalogue.heis_of_key(keys[0].fingerprint) == {"a.example"}
        assert catalogue.heis_of_key(sha256(weak).hexdigest()) == frozenset()
        fault = faults_of(registry, nodes.url("a"))
        assert "client key 1 (line 11) is refused" in fault
        assert "1024" in fault
        assert "server key 1 (line 11) is refused" in fault

    async def test_a_url_belongs_to_one_hei(self, make: Make, nodes: Nodes, client: aiohttp.ClientSession) -> None:
        for name in ("first", "second"):
            apis = iias("https://shared.example/iias") + iias(f"https://{name}.example/iias", "7.1.0")
            nodes.manifests[name] = manifest(nodes.url(name), hei(f"{name}.example"), apis=apis)
        registry = await make("first", "second")
        await registry.refresh()
        catalogue = await published(client, registry)
        assert [entry.version for entry in catalogue.entries("first.example", "iias")] == ["7.1.0", "7.0.0"]
        assert [entry.version for entry in catalogue.entries("second.example", "iias")] == ["7.1.0"]
        fault = faults_of(registry, nodes.url("second"))
        assert "API entry iias 7.0.0 is refused: its get-url https://shared.example/iias/get is in use already" in fault
        assert "of first.example" in fault

    async def test_a_url_belongs_to_one_endpoint(self, make: Make, nodes: Nodes, client: aiohttp.ClientSession) -> None:
        apis = iias("https://a.example/iias").replace("/iias/index", "/iias/get")
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"), apis=apis)
        registry = await make("a")
        await registry.refresh()
        assert (await published(client, registry)).entries("a.example", "iias") == []
        assert "iias get-url of the same HEI" in faults_of(registry, nodes.url("a"))

    async def test_two_manifests_may_cover_one_hei(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession
    ) -> None:
        pic, erasmus = '<r:other-id type="pic">1</r:other-id>', '<r:other-id type="erasmus">X</r:other-id>'
        apis = iias("https://a.example/iias")
        nodes.manifests["one"] = manifest(nodes.url("one"), hei("a.example", "A", other=pic), apis=apis)
        nodes.manifests["two"] = manifest(nodes.url("two"), hei("a.example", "A", "B", other=pic + erasmus), apis=apis)
        registry = await make("one", "two")
        await registry.refresh()
        catalogue = await published(client, registry)
        assert len(catalogue.hosts("a.example")) == 2
        assert catalogue.names("a.example") == (Name("A", "en"), Name("B", "en"))
        assert catalogue.hei_ids_by_other_id("erasmus", "X") == ("a.example",)
        assert faults_of(registry, nodes.url("one")) + faults_of(registry, nodes.url("two")) == ""

    async def test_entries_against_their_schema_or_without_https_are_refused(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession
    ) -> None:
        broken = iias("https://a.example/iias").replace("<max-iia-ids>1</max-iia-ids>", "<max-iia-ids>0</max-iia-ids>")
        own = '<own xmlns="urn:own" version="1.0.0"><url>http://a.example/&lt;script&gt;</url></own>'
        apis = broken + own + iias("https://a.example/iias", "7.2.0")
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"), apis=apis)
        registry = await make("a")
        await registry.refresh()
        catalogue = await published(client, registry)
        assert [entry.version for entry in catalogue.entries("a.example", "iias")] == ["7.2.0"]
        fault = faults_of(registry, nodes.url("a"))
        assert "API entry iias 7.0.0 is refused" in fault
        assert "max-iia-ids" in fault
        assert "API entry own 1.0.0 is refused: url 'http://a.example/<script>' does not start with https://" in fault
        async with client.get(registry.catalogue_url.replace("/catalogue-v1.xml", "/")) as response:
            page = await response.text()
        assert "http://a.example/&lt;script&gt;" in page
        assert "<script>" not in page

    @pytest.mark.parametrize(
        ("broken", "words"),
        [
            pytest.param(lambda text: text[:-20], "XML", id="cut off"),
            pytest.param(lambda text: "<!DOCTYPE manifest>" + text, "DOCTYPE", id="with a document type"),
            pytest.param(
                lambda text: text.replace("stable-v6", "stable-v5"), "Discovery API version 6", id="version 5"
            ),
            pytest.param(lambda text: text.replace(hei("a.example"), hei("a.example") * 2), "hei", id="two HEIs"),
            pytest.param(lambda text: text.replace('id="a.example"', 'id=" a.example"'), "SCHAC", id="no SCHAC id"),
            pytest.param(lambda text: text.replace("admin@uni.example", "nobody"), "email", id="no e-mail address"),
        ],
    )
    async def test_a_manifest_against_the_rules_is_refused_with_reasons(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, broken: Callable[[str], str], words: str
    ) -> None:
        nodes.manifests["a"] = broken(manifest(nodes.url("a"), hei("a.example")))
        nodes.manifests["b"] = manifest(nodes.url("b"), hei("b.example"))
        registry = await make("a", "b")
        status = await registry.refresh()
        assert list((await published(client, registry)).hei_ids) == ["b.example"]
        assert words in faults_of(registry, nodes.url("a"))
        assert status.manifests[0].state == "not in use"

    async def test_a_discovery_entry_that_names_another_url_is_pointed_out(self, make: Make, nodes: Nodes) -> None:
        nodes.manifests["a"] = manifest("https://elsewhere.example/manifest", hei("a.example"))
        registry = await make("a")
        status = await registry.refresh()
        assert "names https://elsewhere.example/manifest" in faults_of(registry, nodes.url("a"))
        assert status.manifests[0].hei_id == "a.example"

    @pytest.mark.parametrize("urls", [["http://a.example/"], ["https://a.example/"] * 2])
    def test_manifests_are_https_and_listed_once(self, urls: list[str]) -> None:
        with pytest.raises(ValidationError, match="manifest_urls"):
            RegistrySettings.model_validate({"tls": {"certificate": "a", "key": "b"}, "manifest_urls": urls})


class TestFailures:
    @pytest.mark.parametrize("replacement", ["<broken/>", None])
    async def test_a_manifest_that_becomes_bad_keeps_its_last_good_content_for_a_day(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, clock: Clock, replacement: str | None
    ) -> None:
        good = nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"))
        registry = await make("a")
        await registry.refresh()
        if replacement is None:
            del nodes.manifests["a"]
        else:
            nodes.manifests["a"] = replacement
        clock.now += A_DAY
        status = await registry.refresh()
        assert list((await published(client, registry)).hei_ids) == ["a.example"]
        assert "last good content is in use" in status.manifests[0].state
        assert status.manifests[0].good_at == clock.now - A_DAY
        assert status.manifests[0].faults
        clock.now += timedelta(seconds=1)
        status = await registry.refresh()
        assert list((await published(client, registry)).hei_ids) == []
        assert status.manifests[0].state == "not in use"
        nodes.manifests["a"] = good
        status = await registry.refresh()
        assert list((await published(client, registry)).hei_ids) == ["a.example"]
        assert (status.manifests[0].ok, status.manifests[0].state) == (True, "in use")

    async def test_a_restarted_registry_has_what_its_state_folder_kept(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession, clock: Clock
    ) -> None:
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"))
        registry = await make("a", state_folder="state")
        await registry.refresh()
        await registry.stop()
        await nodes.stop()
        clock.now += timedelta(hours=1)
        restarted = await make("a", state_folder="state")
        status = await restarted.refresh()
        assert list((await published(client, restarted)).hei_ids) == ["a.example"]
        assert status.manifests[0].good_at == clock.now - timedelta(hours=1)
        clock.now += A_DAY
        await restarted.refresh()
        assert list((await published(client, restarted)).hei_ids) == []

    async def test_a_node_with_an_untrusted_certificate_is_not_read(self, make: Make, nodes: Nodes) -> None:
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example"))
        registry = await make("a", ca_file=None)
        await registry.refresh()
        assert "certificate" in faults_of(registry, nodes.url("a"))
        assert nodes.requests == []


class TestAsking:
    async def test_the_machine_itself_may_have_the_manifests_read_now(
        self, make: Make, nodes: Nodes, client: aiohttp.ClientSession
    ) -> None:
        registry = await make("a")
        await registry.refresh()
        base = registry.catalogue_url.replace("/catalogue-v1.xml", "")
        nodes.manifests["a"] = manifest(nodes.url("a"), hei("a.example", "Ä"), provider="P")
        async with client.post(f"{base}/refresh") as response:
            found = await response.json()
        async with client.get(f"{base}/status") as response:
            assert await response.json() == found
        assert found["catalogue"]["hei_ids"] == ["a.example"]
        assert found["catalogue"]["hosts"] == 2
        assert found["manifests"] == [
            {
                "url": nodes.url("a"),
                "ok": True,
                "state": "in use",
                "hei_id": "a.example",
                "checked_at": "2026-09-01T12:00:00+00:00",
                "good_at": "2026-09-01T12:00:00+00:00",
                "faults": [],
            }
        ]

    async def test_other_machines_may_not(self, make: Make, client: aiohttp.ClientSession) -> None:
        address = own_address()
        registry = await make(host="0.0.0.0", public_url=f"https://{address}")
        port = registry.port
        async with client.post(f"https://{address}:{port}/refresh", ssl=False) as response:
            assert response.status == 403
        async with client.post(f"https://127.0.0.1:{port}/refresh") as response:
            assert response.status == 200

    async def test_serving_goes_on_until_it_is_cancelled(
        self, make: Make, client: aiohttp.ClientSession, tmp_path: Path
    ) -> None:
        registry = await make()  # which also writes the certificate
        await registry.stop()
        data = {"tls": TLS, "manifest_urls": [], "port": registry.port}
        task = asyncio.create_task(serve(RegistrySettings.model_validate(data, context={"folder": tmp_path})))
        async with asyncio.timeout(SOON):
            while await answers(client, registry.catalogue_url) != 200:
                assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await answers(client, registry.catalogue_url) is None

    async def test_a_port_in_use_is_an_error_at_once(self, make: Make, tmp_path: Path) -> None:
        registry = await make()
        data = {"tls": TLS, "manifest_urls": [], "port": registry.port}
        with pytest.raises(OSError, match="in use"):
            await serve(RegistrySettings.model_validate(data, context={"folder": tmp_path}))

    @pytest.mark.parametrize("options", [{"tls": {**TLS, "key": "absent.pem"}}, {"ca_file": "absent.pem"}])
    async def test_a_file_that_cannot_be_used_is_named(self, make: Make, options: dict[str, object]) -> None:
        with pytest.raises(OSError, match=r"absent\.pem cannot be used"):
            await make(**options)


async def answers(client: aiohttp.ClientSession, url: str) -> int | None:
    """The status of an answer; None without one."""
    try:
        async with client.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return None


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = str(probe.getsockname()[0])
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address
