"""An institution's web service and the network, through the rest adapter: what changes on one side is on the other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.authority import server_tls
from support.closed_network import ClosedNetwork, closed_network
from support.documents import iia
from support.processes import until
from support.rest_adapter import RECORD, agreement
from support.rest_service import Asked, RestService, Says, rest_service_apart

NORTH, SOUTH = "north.example", "south.example"
KEY = bytes(range(40))


class Sis:
    """North's own system: a web service with its agreements, and a webhook."""

    def __init__(self) -> None:
        self.agreements: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Says:
        if asked.path == "/token":
            return Says({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600})
        if asked.path == "/ewp":
            return self._event(asked)
        if asked.headers.get("Authorization") != "Bearer t0ken":
            return Says(status=401)
        rows, number = list(self.agreements.values()), int(asked.query.get("page", "1"))
        headers = {"Link": f'</api/agreements?page={number + 1}>; rel="next"'} if number < len(rows) else {}
        return Says(rows[number - 1 : number], headers=headers)

    def _event(self, asked: Asked) -> Says:
        signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
        good = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
        if good != asked.headers["webhook-signature"]:
            return Says(status=403)
        self.events.append(asked.json)
        return Says(status=204)

    def heard(self, id_: str) -> dict[str, Any]:
        """The last event about a record of south's; empty before the first."""
        return next((event for event in reversed(self.events) if event["id"] == id_), {})


@pytest.fixture(scope="module")
def sis() -> Sis:
    return Sis()


@pytest.fixture(scope="module")
def service(sis: Sis) -> Iterator[RestService]:
    with rest_service_apart(sis, server_tls()) as found:
        yield found


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, service: RestService) -> Iterator[ClosedNetwork]:
    """North reads the service, south has folders."""
    folder = tmp_path_factory.mktemp("rest")
    with closed_network(folder) as found:
        north = found.gateway("north", NORTH)
        found.gateway("south", SOUTH)
        mapping = {
            "entity": "iias",
            "source": {"url": "agreements", "paging": {"by": "link"}},
            "key": "number",
            "record": RECORD,
        }
        (folder / "mappings").mkdir()
        (folder / "mappings" / "iias.yaml").write_text(json.dumps(mapping))
        (folder / "client-secret").write_text("s3cret")
        (folder / "webhook-secret").write_text(f"whsec_{base64.b64encode(KEY).decode()}\n")
        oauth2 = {"token_url": f"{service.url}/token", "client_id": "ewpgw", "client_secret": {"file": "client-secret"}}
        north.config["heis"][0]["adapter"] = {
            "kind": "rest",
            "mappings": "mappings",
            "base_url": f"{service.url}/api/",
            "ca_file": "tls/ca.pem",
            "auth": {"oauth2": oauth2},
            "look_seconds": 1,
            "webhook": {"url": f"{service.url}/ewp", "secrets": [{"file": "webhook-secret"}]},
        }
        north.config_file.write_text(json.dumps(north.config))
        found.start()
        yield found


def _people(file: Path) -> str | None:
    if not file.exists():
        return None
    [condition] = json.loads(file.read_text())["cooperation_conditions"]["student_traineeship_mobility_spec"]
    return str(condition["mobilities_per_year"]["value"])


def test_what_the_service_holds_is_in_the_partners_system_changes_and_deletions_too(
    network: ClosedNetwork, sis: Sis
) -> None:
    inbox = network["south"].inbox(SOUTH, NORTH)
    sis.agreements = {"N1": agreement("N1"), "N2": agreement("N2")}
    until(lambda: (inbox / "N2.json").exists() and _people(inbox / "N1.json") == "5", "south has both")
    sis.agreements["N1"] = agreement("N1", people=8)
    until(lambda: _people(inbox / "N1.json") == "8", "south has the change")
    del sis.agreements["N2"]
    until((inbox / "N2.gone.json").exists, "south knows that it is gone")


def test_what_the_partner_changes_is_at_the_webhook_signed_and_in_order(network: ClosedNetwork, sis: Sis) -> None:
    file = network["south"].data(SOUTH) / "iias" / "S1.json"
    file.write_text(json.dumps(iia("S1", owner=SOUTH, partner=NORTH, people=3)))
    until(lambda: sis.heard("S1"), "the first event")
    first = sis.heard("S1")
    assert (first["hei_id"], first["entity"], first["partner"]) == (NORTH, "iias", SOUTH)
    assert (first["state"], first["revision"], first["problems"]) == ("current", 1, [])
    assert base64.b64decode(first["received"]) == network["north"].sis.received(NORTH, SOUTH, "S1")
    assert first["document"]["partner"][0]["iia_id"] == "S1"
    file.write_text(json.dumps(iia("S1", owner=SOUTH, partner=NORTH, people=4)))
    until(lambda: sis.heard("S1")["revision"] == 2, "the change")
    document = sis.heard("S1")["document"]["cooperation_conditions"]["student_studies_mobility_spec"][0]
    assert document["mobilities_per_year"]["value"] == "4"
    file.unlink()
    until(lambda: sis.heard("S1")["state"] == "gone", "the end of it")
    assert [event["revision"] for event in sis.events if event["id"] == "S1"] == [1, 2, 3]
    assert network["north"].sis.check(f"adapter of {NORTH}") == (True, "in step")


def test_no_secret_is_in_a_log(network: ClosedNetwork) -> None:
    log = network["north"].process.log.read_text()
    assert "gateway.started" in log
    for secret in ("s3cret", "t0ken", base64.b64encode(KEY).decode()):
        assert secret not in log
