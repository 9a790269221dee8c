"""What a token opens: its scopes, its HEIs, its time, and how often it may be used."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from ewpgw.sis.app import operations
from ewpgw.sis.limits import Buckets
from ewpgw.store import tokens

if TYPE_CHECKING:
    from support.sis_api import Reply, Sis

    from ewpgw.sis.operations import Operation

UNIT = "north.example/records/organizational-units/ou-1"
PROTECTED = [operation for operation in operations() if not operation.public]
EXAMPLES = {"hei_id": "north.example", "entity": "iias", "partner": "south.example"}


async def ask(sis: Sis, operation: Operation) -> Reply:
    """A call of an operation, with nothing in it."""
    path = re.sub(r"\{(\w+)\}", lambda found: quote(EXAMPLES.get(found[1], "1"), safe=""), operation.path)
    return await sis.call(operation.method, path, data=None if operation.method == "GET" else b"")


def test_reading_is_all_that_a_get_demands_and_nothing_else_demands_it() -> None:
    assert {operation.scope for operation in PROTECTED if operation.method == "GET"} == {"read"}
    assert "read" not in {operation.scope for operation in PROTECTED if operation.method != "GET"}


async def test_every_operation_demands_its_scope_and_says_which_one_is_missing(sis: Sis) -> None:
    for scope in tokens.SCOPES:
        others = await sis.with_token(f"not-{scope}", *(each for each in tokens.SCOPES if each != scope))
        alone = await sis.with_token(scope, scope)
        for operation in PROTECTED:
            wanting = await ask(others if operation.scope == scope else alone, operation)
            if operation.scope == scope:
                assert (await ask(alone, operation)).status != 403, operation.name
            assert (wanting.status, wanting.json["error"]["code"]) == (403, "missing-scope"), operation.name
            assert wanting.json["error"]["details"]["scope"] == operation.scope
            assert f'scope="{operation.scope}"' in wanting.headers["WWW-Authenticate"]


async def test_without_a_scope_of_its_own_a_token_can_only_look(sis: Sis) -> None:
    async with sis.store.transaction() as tx:
        digest = "c13866ce9e42e90d3cf50ded2dc9e00194ffc4ad4e15865cd1b368f168944646"  # of "looker"
        await tokens.create(tx, "looker", digest, sis.services.now())
    found = await tokens.find(sis.store, digest)
    assert found is not None
    assert found.scopes == {"read"}


async def test_a_token_for_one_institution_opens_no_other(sis: Sis) -> None:
    west = await sis.with_token("west", heis=["west.example"])
    assert [hei["hei_id"] for hei in (await west.get("/api/v1/heis")).json["items"]] == ["west.example"]
    assert (await west.get("west.example/refusals")).status == 200
    for operation in PROTECTED:
        if "{hei_id}" in operation.path:
            refused = await ask(west, operation)
            assert (refused.status, refused.json["error"]["code"]) == (403, "hei-not-allowed"), operation.name
    unknown = await west.get("nowhere.example/refusals")
    assert unknown.json["error"]["code"] == "hei-not-allowed"
    assert (await sis.get("nowhere.example/refusals")).status == 404


async def test_a_token_ends_at_its_time(sis_on_both: Sis) -> None:
    end = sis_on_both.services.now() + timedelta(hours=1)
    brief = await sis_on_both.with_token("brief", expires_at=end)
    sis_on_both.passes(minutes=59, seconds=59)
    assert (await brief.get("/api/v1/heis")).status == 200
    sis_on_both.passes(seconds=1)
    refused = await brief.get("/api/v1/heis")
    assert (refused.status, refused.json["error"]["code"]) == (401, "expired-token")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


class Seconds:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds(sis: Sis) -> Seconds:
    """The clock of the limits, which let a token through twice a second, five times at once."""
    clock = Seconds()
    sis.services.limits.tokens = Buckets(2, 5, clock)
    sis.services.limits.failures = Buckets(1, 3, clock)
    return clock


async def test_a_token_that_is_used_too_often_is_put_off_and_no_other(sis: Sis, seconds: Seconds) -> None:
    other = await sis.with_token("other")
    left = []
    for _ in range(5):
        got = await sis.get("/api/v1/heis")
        assert got.headers["RateLimit-Policy"] == '"token";q=5;w=3'
        left.append(got.headers["RateLimit"])
    assert left[0] == '"token";r=4;t=1'
    assert left[-1] == '"token";r=0;t=3'
    late = await sis.put(UNIT, {})
    assert (late.status, late.json["error"]["code"]) == (429, "too-many-requests")
    assert (late.headers["Retry-After"], late.headers["RateLimit"]) == ("1", '"token";r=0;t=3')
    assert (await other.get("/api/v1/heis")).status == 200
    assert (await sis.without_token().get("/health/live")).status == 200
    seconds.now += 0.5
    assert (await sis.get("/api/v1/heis")).status == 200
    assert (await sis.get("/api/v1/heis")).status == 429
    seconds.now += 3600
    assert (await sis.get("/api/v1/heis")).headers["RateLimit"] == left[0]


async def test_an_address_that_fails_too_often_is_put_off_but_for_tokens_that_were_good(
    sis: Sis, seconds: Seconds
) -> None:
    fresh = await sis.with_token("fresh")
    assert (await sis.get("/api/v1/heis")).status == 200
    stranger = sis.without_token()
    wrong = {"Authorization": "Bearer wrong"}
    for headers in ({}, wrong, wrong):
        assert (await stranger.call("GET", "/api/v1/heis", headers=headers)).status == 401
    for headers in ({}, wrong):
        late = await stranger.call("GET", "/api/v1/heis", headers=headers)
        assert (late.status, late.json["error"]["code"]) == (429, "too-many-failures")
        assert late.headers["Retry-After"] == "1"
    assert (await fresh.get("/api/v1/heis")).status == 429
    assert (await sis.get("/api/v1/heis")).status == 200
    assert (await stranger.get("/health/live")).status == 200
    seconds.now += 1
    assert (await fresh.get("/api/v1/heis")).status == 200


async def test_a_revoked_token_does_not_pass_for_one_that_was_good(sis: Sis, seconds: Seconds) -> None:
    assert (await sis.get("/api/v1/heis")).status == 200
    async with sis.store.transaction() as tx:
        await tokens.revoke(tx, "tests", sis.services.now())
    answers = [(await sis.get("/api/v1/heis")).status for _ in range(4)]
    assert answers == [401, 401, 401, 429]
