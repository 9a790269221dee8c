"""The OpenAPI document and its page: complete, consistent, self-contained."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import hdrs

from ewpgw.model.entities import ENTITIES
from ewpgw.sis.app import build_app, operations
from ewpgw.store import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sis_api import Sis


def nodes(value: Any) -> Iterator[Any]:
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from nodes(child)


@pytest.fixture
async def document(sis: Sis) -> dict[str, Any]:
    got = await sis.without_token().get("/openapi.json")
    assert got.status == 200
    assert isinstance(got.json, dict)
    return got.json


async def test_every_route_of_the_router_is_in_the_document(sis: Sis, document: dict[str, Any]) -> None:
    routed = {
        (route.method.lower(), re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.resource.canonical))
        for route in build_app(sis.services).router.routes()
        if route.resource is not None and route.method != hdrs.METH_HEAD
    }
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert described == routed
    assert len(described) == len(operations())


async def test_every_reference_of_the_document_leads_somewhere_and_every_schema_is_used(
    document: dict[str, Any],
) -> None:
    references = {
        node["$ref"] for node in nodes(document) if isinstance(node, dict) and isinstance(node.get("$ref"), str)
    }
    components = document["components"]
    declared = {f"#/components/{kind}/{name}" for kind in ("schemas", "headers") for name in components[kind]}
    assert references == declared
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for kind in ("schemas", "headers") for name in components[kind])


async def test_the_document_is_of_openapi_3_1_and_every_operation_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"]
    assert document["info"]["version"]
    found = [operation for item in document["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in found}) == len(found)
    for operation in found:
        assert operation["summary"]
        assert operation["tags"][0] in [tag["name"] for tag in document["tags"]]
        assert any(status.startswith("2") for status in operation["responses"])
        assert all(re.fullmatch("[1-5][0-9][0-9]", status) for status in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())
        scopes = [scope for choice in operation["security"] for scope in choice["token"]]
        assert len(scopes) == len(operation["security"]) <= 1
        assert set(scopes) <= set(tokens.SCOPES)
        if scopes:
            assert {"401", "403", "429"} <= set(operation["responses"])


async def test_every_text_is_said_to_hold_no_nul(document: dict[str, Any]) -> None:
    schemas = [node for node in nodes(document) if isinstance(node, dict) and node.get("type") == "string"]
    assert schemas
    for schema in schemas:
        if "pattern" in schema:
            assert re.search(schema["pattern"], "\0") is None, schema
        else:
            assert schema.keys() & {"format", "enum", "const"}, schema


async def test_the_parameters_of_every_path_are_those_in_its_braces(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            in_path = [each for each in operation["parameters"] if each["in"] == "path"]
            assert sorted(each["name"] for each in in_path) == sorted(re.findall(r"\{(\w+)\}", path))
            assert all(each["required"] for each in in_path)
            places = [(each["in"], each["name"]) for each in operation["parameters"]]
            assert len(places) == len(set(places))
            assert all(each["description"] and each["schema"]["type"] for each in operation["parameters"])


async def test_only_health_and_description_need_no_token(document: dict[str, Any]) -> None:
    public = {path for path, item in document["paths"].items() for each in item.values() if not each["security"]}
    assert public == {"/health/live", "/health/ready", "/openapi.json", "/docs"}


async def test_a_record_is_described_by_the_schema_of_its_kind(document: dict[str, Any]) -> None:
    put = document["paths"]["/api/v1/heis/{hei_id}/records/{entity}/{id}"]["put"]
    choices = put["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    names = [choice["$ref"].rpartition("/")[2] for choice in choices]
    assert sorted(names) == sorted(entity.model.__name__ for entity in ENTITIES.values())
    [entity] = [each for each in put["parameters"] if each["name"] == "entity"]
    assert entity["schema"]["enum"] == sorted(ENTITIES)
    assert {"200", "201", "400", "401", "404", "409", "412", "413", "415", "422", "503"} <= set(put["responses"])


async def test_the_example_of_a_record_is_accepted(sis: Sis, document: dict[str, Any]) -> None:
    path = "/api/v1/heis/{hei_id}/records/{entity}"
    [example] = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    put = await sis.put("north.example/records/iias/2024%2F17", example)
    assert put.status == 201


class Outside(HTMLParser):
    """Notes everything in a page that would be loaded or run, and the anchors and links inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in ("src", "srcset", "action", "style"):
                self.loads.append(f"{tag} {name}")
            elif name.startswith("on"):
                self.handlers.append(name)


async def test_the_page_lists_every_operation_and_loads_nothing(sis: Sis) -> None:
    got = await sis.without_token().get("/docs")
    assert got.status == 200
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    page = got.body.decode()
    found = Outside()
    found.feed(page)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert (found.loads, found.handlers) == ([], [])
    assert "@import" not in page
    assert "url(" not in page
    assert {operation.name for operation in operations()} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    assert [link for link in found.links if not link.startswith("#")] == ["openapi.json"]
    assert page.count("curl --fail-with-body") == len(operations())
    assert "records/iias/2024%2F17" in page


async def test_the_policy_of_the_page_lets_its_own_style_apply_and_nothing_else(sis: Sis) -> None:
    got = await sis.get("/docs")
    style = re.findall("<style>(.*?)</style>", got.body.decode(), re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in got.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert set(policy) == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}
