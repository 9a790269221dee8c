"""What holds for every operation that changes something, as the OpenAPI document lists them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from support.sides import NORTH, SOUTH, iia

if TYPE_CHECKING:
    from support.sis_api import Reply, Sis

EXAMPLES = {"hei_id": "north.example", "entity": "iias", "partner": "south.example"}
METHODS = ("post", "put", "delete", "patch")


@pytest.fixture
async def writes(sis: Sis) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation that is no reading."""
    document = (await sis.without_token().get("/openapi.json")).json
    found = [
        (method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    assert len(found) > 20
    return found


def headers_of(described: dict[str, Any]) -> set[str]:
    return {each["name"] for each in described["parameters"] if each["in"] == "header"}


async def ask(sis: Sis, method: str, path: str, described: dict[str, Any], **headers: str) -> Reply:
    """A call of an operation with the example that the document gives for its body."""
    url = re.sub(r"\{(\w+)\}", lambda found: quote(EXAMPLES.get(found[1], "1"), safe=""), path)
    content = described.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return await sis.call(method, url, json=content["application/json"]["example"], headers=headers)
    media_type = next(iter(content), None)
    sent = {"Content-Type": "application/pdf" if media_type else "text/plain", **headers}
    return await sis.call(method, url, data=b"%PDF-1.7" if media_type else None, headers=sent)


async def test_every_write_takes_a_key_and_answers_a_repetition_as_before(
    sis: Sis, writes: list[tuple[str, str, dict[str, Any]]]
) -> None:
    for method, path, described in writes:
        name = described["operationId"]
        assert "Idempotency-Key" in headers_of(described), name
        first = await ask(sis, method, path, described, **{"Idempotency-Key": name})
        again = await ask(sis, method, path, described, **{"Idempotency-Key": name})
        assert first.status < 500, name
        assert (first.status, first.body) == (again.status, again.body), name
        assert (first.headers.get("Idempotency-Replayed"), again.headers.get("Idempotency-Replayed")) == (None, "true")
        other = await ask(sis, method, path, described, **{"Idempotency-Key": '"'})
        assert (other.status, other.json["error"]["code"]) == (400, "bad-idempotency-key"), name


async def test_every_scope_of_the_document_is_demanded_of_its_write(
    sis: Sis, writes: list[tuple[str, str, dict[str, Any]]]
) -> None:
    reader = await sis.with_token("reader", "read")
    for method, path, described in writes:
        [[scope]] = [choice["token"] for choice in described["security"]]
        refused = await ask(reader, method, path, described)
        assert (refused.status, refused.json["error"]["details"]["scope"]) == (403, scope), described["operationId"]
        assert scope != "read"


WITHOUT_CONDITION = {
    "delete_file": "files never change",
    "put_records": "many records at once",
    "upload_file": "makes something new",
    "request_refresh": "changes nothing of ours",
    "request_notification": "changes nothing of ours",
    "confirm_held_deletions": "names the very set that it confirms",
    "take_over_agreement": "names the very documents that it takes over",
    "approve_nomination": "names the proposal that was seen",
    "reject_nomination": "names the proposal that was seen",
    "approve_learning_agreement": "names the proposal that was seen",
    "comment_learning_agreement": "names the proposal that was seen",
}


async def test_every_write_of_one_thing_takes_if_match(sis: Sis, writes: list[tuple[str, str, dict[str, Any]]]) -> None:
    for _, _, described in writes:
        name = described["operationId"]
        assert ("If-Match" in headers_of(described)) != (name in WITHOUT_CONDITION), name
        if name not in WITHOUT_CONDITION:
            assert "412" in described["responses"], name


async def test_a_move_with_an_agreement_is_made_on_what_was_seen_or_not_at_all(sis: Sis) -> None:
    one = f"/api/v1/heis/{NORTH}/agreements/n1"
    record = iia(NORTH, "n1", SOUTH)
    new = await sis.put(f"{one}/draft", record, If_Match='"1"')
    assert (new.status, new.json["error"]["code"]) == (412, "changed-meanwhile")
    assert (await sis.put(f"{one}/draft", record, If_None_Match="*")).status == 200
    assert (await sis.put(f"{one}/draft", record, If_None_Match="*")).status == 412
    seen = (await sis.get(one)).headers["ETag"]
    assert (await sis.get(one)).headers["ETag"] == seen
    assert (await sis.put(f"{one}/draft", {**record, "in_effect": True}, If_Match=seen)).status == 200
    moves = (
        ("PUT", "/draft", record),
        ("DELETE", "/draft", None),
        ("POST", "/propose", None),
        ("DELETE", "", None),
    )
    for method, path, body in moves:
        late = await sis.call(method, one + path, json=body, headers={"If-Match": seen})
        assert (late.status, late.json["error"]["code"]) == (412, "changed-meanwhile"), (method, path)
    assert (await sis.put(f"{one}/draft", record)).status == 200
    seen = (await sis.get(one)).headers["ETag"]
    assert (await sis.call("POST", f"{one}/propose", headers={"If-Match": seen})).status == 200
    proposed = (await sis.get(one)).headers["ETag"]
    assert proposed != seen
    for method, path, body in (("POST", "/mapping", {"partner_iia_id": "s1"}), ("DELETE", "", None)):
        late = await sis.call(method, one + path, json=body, headers={"If-Match": seen})
        assert (late.status, late.json["error"]["code"]) == (412, "changed-meanwhile"), (method, path)
    assert (await sis.call("DELETE", one, headers={"If-Match": proposed})).status == 204
