"""The pages for people, in a real browser: the description of the SIS API, and the registry's status."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
from support.authority import key_of, server_tls, write_files
from support.nodes import identity_of
from support.waiting import eventually

from ewpgw.apis.call import Node
from ewpgw.apis.discovery import build
from ewpgw.apis.running import APIS
from ewpgw.config import LimitSettings, load
from ewpgw.daemon import Gateway
from ewpgw.registry.server import Registry
from ewpgw.registry.settings import RegistrySettings
from ewpgw.security.keys import write_private_key
from ewpgw.sis.app import operations

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CONFIG = """\
network: {host: 127.0.0.1, port: 0, behind_proxy: true}
registry: {catalogue_url: "https://localhost:1/catalogue-v1.xml"}
sis: {port: 0}
monitoring: {enabled: false}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys: [{file: north.pem}]
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, driven by playwright's Python package."""
    found = CHROMIUM if CHROMIUM.exists() else shutil.which("chromium")
    if not found:
        pytest.fail("Chromium is not installed; .ci/run installs it (apt-get install chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=str(found), args=ARGUMENTS)
        yield opened
        await opened.close()


@dataclass
class Visit:
    """A page that was opened, what it asked for, and what the browser complained of."""

    page: Page
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def visit(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visit]:
    """Opens a page in a browser profile of its own."""
    context = await browser.new_context(ignore_https_errors=True, **options)
    page = await context.new_page()
    seen = Visit(page)
    page.on("request", lambda request: seen.requested.append(request.url))
    page.on("requestfailed", lambda request: seen.complaints.append(f"failed: {request.url}"))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    answer = await page.goto(url, wait_until="networkidle")
    assert answer is not None
    assert answer.status == 200
    yield seen
    await context.close()


@pytest.fixture
async def docs(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of the page in a whole gateway."""
    write_private_key(tmp_path / "north.pem", key_of("north.example"))
    (tmp_path / "ewpgw.yaml").write_text(CONFIG, encoding="utf-8")
    gateway = Gateway(load(tmp_path / "ewpgw.yaml", environ={}))
    await gateway.start()
    yield f"http://127.0.0.1:{gateway.sis_port}/docs"
    await gateway.drain()


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a registry that has read one good manifest, one that is none, and one that it cannot reach."""
    write_files(tmp_path)
    async with AsyncExitStack() as stack:
        base, manifests = await _manifest_server(stack)
        node = Node(identity_of("north.example", f"{base}/north.example", tmp_path), APIS, LimitSettings().by_element())
        manifests.update({"/north.example/discovery/v6": build(node), "/page": b"<html>down for repairs</html>"})
        settings = {
            "port": 0,
            "tls": {"certificate": "server.pem", "key": "server.key"},
            "ca_file": "ca.pem",
            "manifest_urls": [f"{base}/north.example/discovery/v6", f"{base}/page", "https://localhost:1/away"],
        }
        running = Registry(RegistrySettings.model_validate(settings, context={"folder": tmp_path}))
        await running.start()
        stack.push_async_callback(running.stop)
        await running.refresh()
        yield running.catalogue_url.replace("/catalogue-v1.xml", "/")


async def _manifest_server(stack: AsyncExitStack) -> tuple[str, dict[str, bytes]]:
    manifests: dict[str, bytes] = {}

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=manifests[request.path], content_type="application/xml")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    tls: ssl.SSLContext = server_tls()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return f"https://localhost:{runner.addresses[0][1]}", manifests


def outside(seen: Visit, url: str) -> list[str]:
    """What was asked for besides the page itself."""
    return [requested for requested in seen.requested if requested.partition("#")[0] != url]


async def test_the_description_of_the_sis_api_lists_every_operation(browser: Browser, docs: str) -> None:
    async with visit(browser, docs) as seen:
        links = seen.page.get_by_role("navigation", name="Operations").get_by_role("link")
        assert await links.all_inner_texts() == [
            each.summary
            for tag in dict.fromkeys(o.tag for o in operations())
            for each in operations()
            if each.tag == tag
        ]
        for each in operations():
            section = seen.page.locator(f"#{each.name}")
            assert await section.get_by_role("heading", name=each.summary, exact=True).is_visible()
            assert each.path in await section.inner_text()
        await links.last.click()
        assert seen.page.url.endswith(f"#{operations()[-1].name}")
        assert (outside(seen, docs), seen.complaints) == ([], [])


async def test_the_fields_of_a_record_are_described_in_words(browser: Browser, docs: str) -> None:
    async with visit(browser, docs) as seen:
        row = seen.page.locator("#schema-Partner tr", has=seen.page.locator("th code", has_text="hei_id"))
        assert "required" in await row.inner_text()
        assert "SCHAC identifier of the institution" in await row.inner_text()
        assert "`" not in await seen.page.locator("main").inner_text()


async def test_the_description_has_its_own_style_and_lets_no_other_in(browser: Browser, docs: str) -> None:
    await _style_is_its_own(browser, docs)


async def test_the_status_of_the_registry_has_its_own_style_and_lets_no_other_in(
    browser: Browser, registry: str
) -> None:
    await _style_is_its_own(browser, registry)


async def _style_is_its_own(browser: Browser, url: str) -> None:
    async with visit(browser, url) as seen:
        assert "sans-serif" in await seen.page.evaluate("getComputedStyle(document.body).fontFamily")
        await seen.page.evaluate(
            """() => {
                const add = (name, text, attributes) => document.head.append(
                    Object.assign(document.createElement(name), {textContent: text}, attributes));
                add("style", "body { font-family: serif }");
                add("script", "window.intruded = true");
                add("link", "", {rel: "stylesheet", href: "https://elsewhere.example/x.css"});
                document.body.append(Object.assign(new Image(), {src: "https://elsewhere.example/x.png"}));
            }"""
        )
        assert "sans-serif" in await seen.page.evaluate("getComputedStyle(document.body).fontFamily")
        assert await seen.page.evaluate("window.intruded") is None
        await eventually(lambda: len([text for text in seen.complaints if "Content Security Policy" in text]) == 4)


async def test_the_description_is_readable_without_scripts_and_on_a_telephone(browser: Browser, docs: str) -> None:
    async with visit(browser, docs, java_script_enabled=False, viewport={"width": 360, "height": 640}) as seen:
        assert "Create or change a record" in await seen.page.locator("main").inner_text()
        assert await seen.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_the_status_of_the_registry_says_in_words_how_every_manifest_is(browser: Browser, registry: str) -> None:
    async with visit(browser, registry) as seen:
        assert "lists 1 institution." in await seen.page.locator("main").inner_text()
        good, broken, away = await seen.page.locator("tbody tr").all_inner_texts()
        assert "north.example" in good
        assert "in use" in good
        assert "not in use" in broken
        assert "manifest" in broken.partition("not in use")[2]
        assert "https://localhost:1/away" in away
        assert "not in use" in away
        assert (outside(seen, registry), seen.complaints) == ([], [])


async def test_the_status_of_the_registry_is_readable_without_scripts_and_on_a_telephone(
    browser: Browser, registry: str
) -> None:
    async with visit(browser, registry, java_script_enabled=False, viewport={"width": 360, "height": 640}) as seen:
        assert "1 of 3 manifests are in order" in await seen.page.locator("main").inner_text()
        assert await seen.page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_texts_stand_out_from_their_background(browser: Browser, docs: str, registry: str, scheme: str) -> None:
    for url in (docs, registry):
        async with visit(browser, url, color_scheme=scheme) as seen:
            assert await seen.page.evaluate(CONTRASTS) >= 4.5


CONTRASTS = """() => {
    const channels = (text) => text.match(/[0-9.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = channels(getComputedStyle(at).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const ratio = (element) => {
        const both = [light(channels(getComputedStyle(element).color)), light(behind(element))];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    };
    return Math.min(...[...document.querySelectorAll("body *")].map(ratio));
}"""
