"""What the SIS API answers to those it does not know, to mistakes and to attacks."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs
from support.sis_api import TOKEN
from yarl import URL

from ewpgw.sis.services import Check, Readiness
from ewpgw.store import tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.sis_api import Sis

UNIT = "north.example/records/organizational-units/ou-1"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dGVzdHM6dGVzdHM=",
        "correct-horse-battery-staple",
        "Bearer correct-horse-battery-staple, Bearer x",
        "Bearer correct horse",
    ],
)
async def test_a_request_without_a_token_is_not_let_in(sis: Sis, header: str | None) -> None:
    stranger = sis.without_token()
    for method, path in (("GET", "/api/v1/heis"), ("PUT", UNIT), ("GET", "/api/v1/nothing"), ("PUT", "/api/v1/heis")):
        refused = await stranger.call(method, path, headers={} if header is None else {"Authorization": header})
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="ewpgw"'
        assert refused.json["error"]["code"] == "no-token"


async def test_an_unknown_token_is_not_let_in(sis: Sis) -> None:
    for token in ("wrong", "correct-horse-battery-stapl", "CORRECT-HORSE-BATTERY-STAPLE"):
        refused = await sis.without_token().call("GET", "/api/v1/heis", headers={"Authorization": f"Bearer {token}"})
        assert (refused.status, refused.json["error"]["code"]) == (401, "unknown-token")
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="ewpgw", error="invalid_token"'


async def test_the_scheme_is_read_in_any_case(sis: Sis) -> None:
    headers = {"Authorization": f"bEARER {sis.token}"}
    assert (await sis.without_token().call("GET", "/api/v1/heis", headers=headers)).status == 200


async def test_two_authorization_headers_are_not_let_in(sis: Sis) -> None:
    headers = [("Authorization", f"Bearer {sis.token}"), ("Authorization", f"Bearer {sis.token}")]
    async with sis.session.get(f"{sis.base}/api/v1/heis", headers=headers) as got:
        assert got.status == 401


async def test_a_token_in_the_url_is_not_let_in(sis: Sis) -> None:
    for name in ("access_token", "token", "authorization"):
        refused = await sis.without_token().get(f"/api/v1/heis?{name}={sis.token}")
        assert refused.status == 401
        assert "URL" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("changes?after=abc", "the query does not fit: after must match pattern"),
        ("work?state=late", "the query does not fit: state must be 'due', 'done', 'failed' or 'expired'"),
        ("work?limit=0", "the query does not fit: limit must be greater than or equal to 1"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named_with_what_it_must_be(sis: Sis, path: str, words: str) -> None:
    refused = await sis.get(f"/api/v1/heis/north.example/{path}")
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")
    assert refused.json["error"]["message"].startswith(words)


async def test_a_path_that_there_is_not_leads_to_the_description_for_people(sis: Sis) -> None:
    lost = await sis.get("/")
    assert (lost.status, lost.json["error"]["code"]) == (404, "unknown-path")
    assert "/docs describes" in lost.json["error"]["message"]


async def test_a_revoked_token_is_not_let_in(sis: Sis) -> None:
    async with sis.store.transaction() as tx:
        assert await tokens.revoke(tx, "tests", sis.services.now())
    assert (await sis.get("/api/v1/heis")).status == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/nothing", "unknown-path"),
        ("/nothing", "unknown-path"),
        ("/api/v1/heis/", "unknown-path"),
        ("/api/v1/heis/north.example/records/iias/a/b", "unknown-path"),
        ("south.example/refusals", "unknown-hei"),
        ("NORTH.example/refusals", "unknown-hei"),
        ("%00/refusals", "unknown-hei"),
        ("north.example/records/cakes", "unknown-entity"),
        ("north.example/records/cakes/1", "unknown-entity"),
        ("north.example/partner-copies/Iias", "unknown-entity"),
        ("north.example/refusals?entity=cakes", "unknown-entity"),
        (UNIT, "unknown-record"),
    ],
)
async def test_what_is_not_there_is_not_found(sis: Sis, path: str, code: str) -> None:
    missing = await sis.get(path)
    assert (missing.status, missing.json["error"]["code"]) == (404, code)
    assert missing.json["error"]["message"]


async def test_an_unknown_entity_is_answered_with_those_there_are(sis: Sis) -> None:
    missing = await sis.get("north.example/records/cakes")
    assert "iias" in missing.json["error"]["details"]["entities"]


async def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_takes(sis: Sis) -> None:
    refused = await sis.call("PATCH", UNIT)
    assert (refused.status, refused.json["error"]["code"]) == (405, "method-not-allowed")
    assert set(refused.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT", "DELETE"}


async def test_head_is_get_without_a_body(sis: Sis) -> None:
    head = await sis.call("HEAD", "/api/v1/heis")
    got = await sis.get("/api/v1/heis")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("north.example/refusals?limit=0", "limit"),
        ("north.example/refusals?limit=1001", "limit"),
        ("north.example/refusals?limit=ten", "limit"),
        ("north.example/refusals?limit=1&limit=2", "limit"),
        ("north.example/refusals?limt=1", "limit"),
        ("/api/v1/heis?limit=1", "none"),
    ],
)
async def test_a_query_that_does_not_fit_is_refused_by_name(sis: Sis, path: str, name: str) -> None:
    refused = await sis.get(path)
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")
    assert name in refused.json["error"]["message"]


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/xml", "application/json; charset=latin-1", "application/json-patch+json"],
)
async def test_a_body_that_is_not_json_by_its_type_is_refused(sis: Sis, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type is not None else {"Content-Type": ""}
    refused = await sis.call("PUT", UNIT, data=b"{}", headers=headers)
    assert (refused.status, refused.json["error"]["code"]) == (415, "unsupported-media-type")


async def test_a_compressed_body_is_refused_before_it_is_unpacked(sis: Sis) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    refused = await sis.call("PUT", UNIT, data=bomb, headers={**JSON, "Content-Encoding": "gzip"})
    assert refused.status == 415


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {}', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is given twice"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"a": ["\\ud800"]}', "surrogate"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 90_000 + b"]" * 90_000, "deeper than 64"),
        (b'{"a":' * 15_000 + b"1" + b"}" * 15_000, "deeper than 64"),
    ],
)
async def test_json_that_is_broken_or_has_no_single_meaning_is_refused(sis: Sis, body: bytes, words: str) -> None:
    refused = await sis.call("PUT", UNIT, data=body, headers=JSON)
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-json")
    assert words in refused.json["error"]["message"]


async def test_json_with_a_byte_order_mark_and_64_levels_is_read(sis: Sis) -> None:
    body = b"\xef\xbb\xbf" + b"[" * 64 + b"]" * 64
    assert (await sis.call("PUT", UNIT, data=body, headers=JSON)).status == 422


async def test_any_json_value_may_be_put_and_is_refused_as_a_record(sis: Sis) -> None:
    values: list[object] = [None, True, 1, 1.5, "text", [], {}, [{}], {"ounit_id": None}, {"": ""}, "x" * 190_000]
    for value in values:
        body = json.dumps(value).encode()
        assert (await sis.call("PUT", UNIT, data=body, headers=JSON)).status == 422


async def test_a_body_larger_than_the_limit_is_refused(sis: Sis) -> None:
    refused = await sis.call("PUT", UNIT, data=b" " * 200_001, headers=JSON)
    assert (refused.status, refused.json["error"]["code"]) == (413, "body-too-large")
    assert "200000" in refused.json["error"]["message"]


async def test_a_body_of_unsaid_length_is_refused_once_it_is_too_large(sis: Sis) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1000

    refused = await sis.call("PUT", UNIT, data=endless(), headers=JSON)
    assert refused.status == 413


async def raw(sis: Sis, request: str) -> bytes:
    """What comes back over a plain connection, as far as one read gives it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sis.base.rpartition(":")[2]))
    try:
        writer.write(request.replace("\n", "\r\n").encode())
        async with asyncio.timeout(30):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


def announced(sis: Sis, length: int, token: str) -> str:
    return (
        f"PUT /api/v1/heis/{UNIT} HTTP/1.1\nHost: sis\nAuthorization: Bearer {token}\nContent-Type: application/json\n"
        f"Content-Length: {length}\nExpect: 100-continue\n\n"
    )


async def test_a_client_that_asks_first_does_not_send_what_would_be_refused(sis: Sis) -> None:
    assert (await raw(sis, announced(sis, 10**9, str(sis.token)))).startswith(b"HTTP/1.1 413 ")
    assert (await raw(sis, announced(sis, 10, "wrong"))).startswith(b"HTTP/1.1 401 ")
    assert (await raw(sis, announced(sis, 10, str(sis.token)))).startswith(b"HTTP/1.1 100 ")


async def test_an_unknown_expectation_is_refused(sis: Sis) -> None:
    request = announced(sis, 10, str(sis.token)).replace("100-continue", "miracles")
    assert (await raw(sis, request)).startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize("request_id", ["7a3f1c52-9c1e-4f58-8d2b-0c6a1b2d3e4f", "7A3F1C52-9C1E-4F58-8D2B-0C6A1B2D3E4F"])
async def test_a_request_id_that_is_a_uuid_is_given_back(sis: Sis, request_id: str) -> None:
    for path in ("/health/live", "/api/v1/nothing"):
        got = await sis.call("GET", path, headers={"X-Request-Id": request_id})
        assert got.headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", [None, "", "x", "7a3f1c529c1e4f588d2b0c6a1b2d3e4f", "<script>"])
async def test_a_request_without_a_usable_id_is_given_one(sis: Sis, request_id: str | None) -> None:
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    given = (await sis.call("GET", "/health/live", headers=headers)).headers["X-Request-Id"]
    assert str(UUID(given)) == given != request_id


async def test_every_answer_keeps_browsers_careful(sis: Sis) -> None:
    for path in ("/health/live", "/api/v1/heis", "/api/v1/nothing", "/docs", "/openapi.json"):
        headers = (await sis.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "ewpgw"
        assert "no-store" in headers["Cache-Control"] or "no-cache" in headers["Cache-Control"]


async def test_health_needs_no_token_and_says_what_is_wrong(sis: Sis) -> None:
    stranger = sis.without_token()
    live = await stranger.get("/health/live")
    assert (live.status, live.json) == (200, {"ok": True})
    ready = await stranger.get("/health/ready")
    assert (ready.status, ready.json["ok"]) == (200, True)
    sis.readiness(Readiness((Check("store", True, "fine"), Check("catalogue", False, "none was ever fetched"))))
    unready = await stranger.get("/health/ready")
    assert unready.status == 503
    assert unready.json == {
        "ok": False,
        "checks": [
            {"name": "store", "ok": True, "detail": "fine"},
            {"name": "catalogue", "ok": False, "detail": "none was ever fetched"},
        ],
    }
    assert (await stranger.get("/health/live")).status == 200


async def test_a_store_that_is_away_is_said_to_be_away(sis_on_both: Sis) -> None:
    await sis_on_both.store.close()
    for method, path in (("GET", "/api/v1/heis"), ("PUT", UNIT)):
        away = await sis_on_both.call(method, path, json={} if method == "PUT" else None)
        assert (away.status, away.json["error"]["code"]) == (503, "store-unavailable")
        assert int(away.headers["Retry-After"]) > 0


async def test_a_failure_of_the_gateway_tells_the_client_nothing_of_its_inside(
    sis: Sis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("Jane Doe, born 1999")

    with monkeypatch.context() as fault, capture_logs() as logs:
        fault.setattr(sis.services.bell, "ring", broken)
        failed = await sis.put(UNIT, {})
    assert (failed.status, failed.json["error"]["code"]) == (500, "internal-error")
    assert "Jane" not in failed.body.decode()
    [entry] = [entry for entry in logs if entry["event"] == "sis.failed"]
    assert entry["error"] == "RuntimeError"
    assert any(frame.startswith("ewpgw.sis.records:") for frame in entry["frames"])
    assert "Jane" not in str(logs)


async def test_neither_tokens_nor_records_nor_ids_are_logged_with_requests(sis: Sis) -> None:
    person = {"ounit_id": "jane", "ounit_code": "Jane Doe", "name": [{"value": "Jane Doe"}], "janes_field": 1}
    with capture_logs() as logs:
        await sis.put("north.example/records/organizational-units/jane", person)
        await sis.get("north.example/records/organizational-units/jane?jane=1")
        await sis.without_token().get("/health/live")
    answered = [entry for entry in logs if entry["event"] == "sis.answered"]
    assert [(entry["method"], entry["status"]) for entry in answered] == [("PUT", 422), ("GET", 400), ("GET", 200)]
    assert "jane" not in str(answered).lower()
    assert str(sis.token) not in str(logs)


async def test_the_log_names_the_token_of_a_request_and_of_no_later_one(sis: Sis) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        request_id = (await sis.get("/api/v1/heis")).headers["X-Request-Id"]
        await sis.without_token().get("/health/live")
    assert [entry["token_name"] for entry in logs] == ["tests", None]
    assert logs[0]["request_id"] == request_id


@pytest.mark.parametrize(
    "end", [b"\r\r\n", b"\x00\r\n", b"\x0c\r\n", b"\nX: \x7f\r\n", b"\r\nContent-Length: 1\r\nContent-Length: 2\r\n"]
)
async def test_what_cannot_be_read_as_http_is_answered_in_json_and_its_token_reaches_no_log(
    sis: Sis, caplog: pytest.LogCaptureFixture, end: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    host = URL(sis.base)
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection(host.host, host.port)
        head = b"GET /api/v1/heis HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        writer.write(head + TOKEN.encode() + end + b"\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert json.loads(body)["error"]["code"] == "unreadable-request"
    assert b"Server: ewpgw" in head
    assert TOKEN not in answer.decode() + str(logs) + caplog.text
    assert [entry["log_level"] for entry in logs if entry["event"] == "request.unreadable"] == ["info"]
    assert "Traceback" not in caplog.text
