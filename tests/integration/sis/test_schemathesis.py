"""An independent tester reads the OpenAPI document and tries to find an answer that the document does not allow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from ewpgw.model.entities import ENTITIES
from ewpgw.sis.app import operations
from ewpgw.sis.limits import Buckets
from ewpgw.store import copies, exchanges
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.exchanges import Exchange

if TYPE_CHECKING:
    from support.sis_api import Sis

    from ewpgw.sis.operations import Operation

NOW = datetime(2025, 9, 1, 12, 0, tzinfo=UTC)

SETTINGS = """\
# Identifiers that there are; made-up ones are tried as well.
[parameters]
"path.hei_id" = "north.example"
"path.iia_id" = "N-18"

[generation]
deterministic = true
max-examples = 6
database = "none"

[phases.stateful.checks.positive_data_acceptance]
# Its chains of requests put what one answer has into the path of the next, whether it is an identifier or not.
expected-statuses = ["2xx", "3xx", "4xx"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "408", "409", "412", "413", "415", "422"]

[checks.positive_data_acceptance]
# What is named may not be there, or not in the state for what is asked.
expected-statuses = ["2xx", "3xx", "404", "409"]
"""
USUAL = ("2xx", "3xx", "404", "409")
OPERATION = """
[[operations]]
include-operation-id = "{name}"
checks.positive_data_acceptance.expected-statuses = {statuses}
"""
OF_RECORDS = """\
phases.coverage.enabled = false
generation.max-examples = 20
"""
"""Each rule of each record broken by itself would be eight thousand requests, and is tested elsewhere."""
OF_ANY_SHAPE = ("keep_draft", "put_records")
SECONDS = 600
EXCHANGE = Exchange(
    id="8a4c2f0e-7d56-4f7b-9c1d-2b3a4c5d6e7f",
    at=NOW,
    direction="out",
    hei_id="north.example",
    partner="south.example",
    api="iias",
    endpoint="get",
    method="POST",
    url="https://ewp.south.example/iias/get",
    status=200,
    verdict="signed by south.example",
    request_id=None,
    milliseconds=42,
    request_headers=(),
    request_body=b"iia_id=S-0042",
    response_headers=(("Content-Type", "application/xml"),),
    response_body=b"<iias-get-response/>",
)


def more_answers_to_good_requests(operation: Operation) -> list[str]:
    """What else may be answered where a request is all that the document asks for.

    It is what the document declares for this very operation, for what no schema can say:

    - 412: whether an ETag, or the version that is decided about, is the present one
    - 422: whether a record keeps the rules that are beyond its schema, is of the kind and has the identifier that the
      path names; and of all writes, whether an Idempotency-Key was used before for something else
    - 400: whether a cursor was ever given; whether what may have any shape, as drafts and records given together, has
      a NUL in one of its texts or names, as deep as they may be; and whether a file is empty, since for ``minLength``
      the tester counts the characters of what it then writes in other notations. It sends ETags without their quotes,
      too, though the pattern of If-Match has them
    - 415: that a file is of any type but those of forms, since media types have no "all but"
    """
    statuses = []
    if 412 in operation.errors:
        statuses.append("412")
    if 422 in operation.errors or operation.writes:
        statuses.append("422")
    of_pages, of_any_shape = "after" in operation.query_model.model_fields, operation.name in OF_ANY_SHAPE
    if of_pages or of_any_shape or "If-Match" in operation.request_headers:
        statuses.append("400")
    if operation.content_type is not None:
        statuses += ["400", "415"]
    return statuses


def settings_of(operation: Operation) -> str:
    of_records = "x-record" in json.dumps(operation.body_schema, default=str)
    more = more_answers_to_good_requests(operation)
    made = OPERATION.format(name=operation.name, statuses=json.dumps([*USUAL, *more])) if more else ""
    return made + (OF_RECORDS if of_records else "")


async def fill(sis: Sis) -> None:
    """What the examples of the document name: an agreement of ours, the partner's copy of it, an exchange."""
    kind, now = ENTITIES["iias"], sis.services.now()
    ours = {"hei_id": "north.example", "iia_code": "N"}
    theirs = {
        "partner": [{"hei_id": "south.example", "iia_id": "S-0042", "iia_code": "S"}, {"hei_id": "north.example"}]
    }
    rest = {"in_effect": False, "cooperation_conditions": {}}
    for item in ("2024/17", "N-18"):
        document = {"partner": [ours | {"iia_id": item}, {"hei_id": "south.example"}]} | rest
        assert (await sis.put(f"north.example/records/iias/{quote(item, safe='')}", document)).status == 201
    record = kind.from_json("south.example", theirs | rest).record
    assert record is not None
    received = Received(
        kind.newest.wrap([kind.newest.encode(record).fragment]), json.dumps(record.to_json()), "0" * 64, "2024/17"
    )
    async with sis.store.transaction() as tx:
        await copies.put_received(tx, CopyKey("north.example", "iias", "south.example", "S-0042"), received, now)
        await exchanges.insert_many(tx, [exchanges.as_row(EXCHANGE)])


@pytest.mark.parametrize("tag", sorted({each.tag for each in operations()}))
async def test_schemathesis_finds_nothing(sis: Sis, tmp_path: Path, tag: str) -> None:
    """All its checks, over every operation of one part of the API, with each choice of what it makes up fixed."""
    settings = [SETTINGS, *(settings_of(each) for each in operations())]
    (tmp_path / "schemathesis.toml").write_text("".join(settings), encoding="utf-8")
    sis.services.limits.failures = Buckets(10_000, 10_000)  # it tries each operation without a token
    await fill(sis)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"),
        *("--include-tag", tag, "--checks", "all", "--seed", "1", "--no-color"),
        *("--header", f"Authorization: Bearer {sis.token}"),
        f"{sis.base}/openapi.json",
    ]
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).parents[2] / "support/schemathesis_hooks.py")}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
