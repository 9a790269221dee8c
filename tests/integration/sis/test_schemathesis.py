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

from ewpgw.model.entities import ENTITIES
from ewpgw.sis.app import operations
from ewpgw.sis.limits import Buckets
from ewpgw.store import copies, exchanges
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.exchanges import Exchange

if TYPE_CHECKING:
    from conftest import Sis

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
allow-x00 = false  # neither XML nor PostgreSQL can hold it, and JSON Schema cannot say so

[phases.stateful.checks]
# Its chains of requests put what one answer has into the path of the next, whether it is an identifier or not.
positive_data_acceptance.enabled = false

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "408", "409", "412", "413", "415", "422"]

[checks.positive_data_acceptance]
# 412: a condition does not hold. 422: a record breaks a rule that no schema can say.
expected-statuses = ["2xx", "3xx", "404", "409", "412", "422"]
"""
ALSO = """
[[operations]]
include-operation-id = "{name}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "404", "409", "412", "422", "400", "415"]
"""
OF_RECORDS = """
[[operations]]
include-operation-id = "{name}"
# Each rule of each record broken by itself would be eight thousand requests, and is tested elsewhere.
phases.coverage.enabled = false
generation.max-examples = 20
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "409", "412", "422"]
"""
SECONDS = 240
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


def may_be_refused(operation: Operation) -> bool:
    """Whether the document cannot say all that there is to say of a request.

    Only the cursors that were given are good ones; the tester has its own idea of ETags; files are not empty, and of
    any type but those of forms.
    """
    of_pages = "after" in operation.query_model.model_fields
    return of_pages or "If-Match" in operation.request_headers or operation.content_type is not None


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
        await exchanges.insert_many(tx, [EXCHANGE])


async def test_schemathesis_finds_nothing(sis: Sis, tmp_path: Path) -> None:
    """All its checks, over every operation, with each choice of what it makes up fixed."""
    of_records = [each for each in operations() if "x-record" in json.dumps(each.body_schema, default=str)]
    others = [each for each in operations() if may_be_refused(each) and each not in of_records]
    settings = [SETTINGS, *(OF_RECORDS.format(name=each.name) for each in of_records)]
    settings += [ALSO.format(name=each.name) for each in others]
    (tmp_path / "schemathesis.toml").write_text("".join(settings), encoding="utf-8")
    sis.services.limits.failures = Buckets(10_000, 10_000)  # it tries each operation without a token
    await fill(sis)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"),
        *("--checks", "all", "--seed", "1", "--no-color", "--header", f"Authorization: Bearer {sis.token}"),
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
