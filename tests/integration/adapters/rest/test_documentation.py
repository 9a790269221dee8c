"""The manual's examples, and the files in config/rest, work as they stand there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from support.pages import fenced
from support.rest_adapter import Maker, keys, read
from support.rest_service import Asked, Says, rest_service

from ewpgw.adapters import loading
from ewpgw.adapters.check import dry_run
from ewpgw.adapters.contract import CopyDelivery
from ewpgw.adapters.rest.adapter import RestAdapter
from ewpgw.adapters.rest.settings import RestSettings
from ewpgw.adapters.rest.source import Modified, RestSource

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "adapters" / "rest.md"
NORTH = "north.example"
CONFIGURATION, MAPPING = fenced(PAGE, "yaml")[:2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_configuration_is_accepted(tmp_path: Path) -> None:
    options = yaml.safe_load(CONFIGURATION)["adapter"]
    adapter = loading.create(NORTH, options.pop("kind"), options, tmp_path)
    assert isinstance(adapter, RestAdapter)


def test_every_option_has_a_row_and_the_defaults_are_those_of_the_table() -> None:
    text = PAGE.read_text("utf-8")
    for name, field in RestSettings.model_fields.items():
        rows = [line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line]
        assert rows, name
        if isinstance(field.default, int) and field.default and name not in ("max_page_bytes", "max_pages"):
            assert f"{field.default} " in rows[0].replace(";", "").replace(".", " ").replace(" |", " "), name
    assert (RestSettings.model_fields["max_page_bytes"].default, RestSettings.model_fields["max_pages"].default) == (
        10 * 2**20,
        10_000,
    )
    for name in RestSource.model_fields:
        assert f"\n| `{name}` |" in text


def test_the_other_examples_of_a_source_are_accepted() -> None:
    text = PAGE.read_text("utf-8")
    ways = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `{by: ")]
    assert len(ways) == 5
    for way in ways:
        RestSource.model_validate({"url": "x", "paging": yaml.safe_load(way)})
    [modified] = [each for each in fenced(PAGE, "yaml") if "updated_since" in each]
    Modified.model_validate(yaml.safe_load(modified)["modified"])
    for line in text.splitlines():
        if line.startswith(("| `bearer:", "| `basic:")):
            RestSettings.model_validate(
                {"mappings": "m", "base_url": "https://x/", "auth": yaml.safe_load(line.split("`")[1])}
            )


async def test_the_example_mapping_makes_a_valid_record_of_the_example_answer(adapter: Maker, tmp_path: Path) -> None:
    page = json.loads(fenced(PAGE, "json")[0])

    def answer(asked: Asked) -> Says:
        return Says({"data": [], "links": {}} if asked.query else page)

    async with rest_service(answer) as service:
        made = adapter(f"{service.url}/api/v2/")
        (tmp_path / "mappings" / "iias.yaml").write_text(MAPPING)
        report = await dry_run(made)
        assert service.paths()[-2:] == ["/api/v2/agreements", "/api/v2/agreements"]
    assert (report.ok, report.counts["iias"].valid) == (True, 1)


async def test_the_example_mappings_of_the_configuration_folder_fit_their_service(adapter: Maker) -> None:
    agreement = {
        "number": "2026-17",
        "status": "proposed",
        "signed": {"on": "01.09.2026"},
        "partner": {"domain": "south.example"},
        "conditions": [
            {"from": NORTH, "to": "south.example", "people": 5, "years": {"first": "2026/2027", "last": "2028/2029"}}
        ],
    }
    unit = {"id": "7", "code": "LAW", "names": {"en": "Law", "fi": None}}

    def answer(asked: Asked) -> Says:
        if asked.path.endswith("/departments"):
            return Says([unit])
        return Says({"data": [agreement], "meta": {"next_cursor": None, "count": 1}})

    async with rest_service(answer) as service:
        report = await dry_run(adapter(service.url, mappings=str(ROOT / "config" / "rest")))
    assert [finding.message for finding in report.findings if finding.severity == "refusal"] == []
    assert {entity: count.valid for entity, count in report.counts.items()} == {"iias": 1, "organizational-units": 1}


@pytest.fixture
def verify() -> Callable[[object, bytes, str], bool]:
    scope: dict[str, object] = {}
    exec(compile(fenced(PAGE, "python")[0], "rest.md", "exec", dont_inherit=True), scope)
    found = scope["is_from_the_gateway"]
    assert callable(found)
    return found


async def test_the_receiver_of_the_manual_knows_the_gateways_requests_from_others(
    adapter: Maker, verify: Callable[[object, bytes, str], bool]
) -> None:
    other = "whsec_" + "QUJD" * 10
    secrets = [adapter.secret("one", other), adapter.secret("two", SECRET)]
    copy = CopyDelivery(
        NORTH, "iias", "south.example", "S1", "gone", 1, None, None, (), datetime(2026, 9, 1, tzinfo=UTC)
    )
    async with rest_service(lambda _: Says()) as service:
        await adapter("http://localhost:1", webhook={"url": service.url, "secrets": secrets}).deliver(copy)
    [asked] = service.asked
    assert verify(asked.headers, asked.body, SECRET)
    assert verify(asked.headers, asked.body, other)
    assert not verify(asked.headers, asked.body + b" ", SECRET)
    assert not verify(asked.headers, asked.body, "whsec_" + "ZZZZ" * 10)
    assert not verify({**asked.headers, "webhook-timestamp": "1"}, asked.body, SECRET)
    named = {line.split("`")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `webhook-")}
    assert named == {name.lower() for name in asked.headers if name.lower().startswith("webhook-")}


async def test_the_manual_names_every_field_of_an_event(adapter: Maker) -> None:
    copy = CopyDelivery(
        NORTH, "iias", "south.example", "S1", "gone", 1, None, None, (), datetime(2026, 9, 1, tzinfo=UTC)
    )
    async with rest_service(lambda _: Says()) as service:
        webhook = {"url": service.url, "secrets": [adapter.secret("one", SECRET)]}
        await adapter("http://localhost:1", webhook=webhook).deliver(copy)
    rows = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert set(service.asked[0].json) <= {name.strip(" `") for row in rows for name in row.split(",")}


async def test_the_examples_keys_are_the_keys_of_items(adapter: Maker, tmp_path: Path) -> None:
    page = json.loads(fenced(PAGE, "json")[0])
    async with rest_service(lambda asked: Says({"data": []} if asked.query else page)) as service:
        made = adapter(service.url)
        (tmp_path / "mappings" / "iias.yaml").write_text(MAPPING)
        assert keys(await read(made)) == ["iias/2026-17"]
