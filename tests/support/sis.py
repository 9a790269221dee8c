"""A student information system as the SIS API sees it: plain HTTP with a token."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class SisReply:
    """An answer of the SIS API."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Sis:
    """One gateway's SIS API; a connection for each request, so that a gateway that restarts is no matter.

    Every method raises OSError or HTTPException where the gateway is away.
    """

    port: int
    token: str

    def request(self, method: str, path: str, body: object = None) -> SisReply:
        return self.send(method, path, None if body is None else json.dumps(body).encode())

    def send(
        self, method: str, path: str, data: bytes | None, *, seconds: float = 20, content_type: str = "application/json"
    ) -> SisReply:
        """A request whose body, if any, is said to be of this type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        headers = {"Authorization": f"Bearer {self.token}"}
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return SisReply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON of an answer that must be 200."""
        reply = self.request("GET", path)
        assert reply.status == 200, (path, reply)
        return reply.json

    def put(self, hei_id: str, entity: str, item: str, document: object) -> SisReply:
        return self.request("PUT", f"/api/v1/heis/{hei_id}/records/{entity}/{quote(item, safe='')}", document)

    def records(self, hei_id: str, entity: str = "iias") -> dict[str, Any]:
        """What is listed of our records, by id."""
        return {item["id"]: item for item in self.get(f"/api/v1/heis/{hei_id}/records/{entity}?limit=1000")["items"]}

    def copies(self, hei_id: str, partner: str, entity: str = "iias") -> list[dict[str, Any]]:
        """What is listed of a partner's copies."""
        path = f"/api/v1/heis/{hei_id}/partner-copies/{entity}?partner={partner}&limit=1000"
        return list(self.get(path)["items"])

    def copy(self, hei_id: str, partner: str, item: str, entity: str = "iias") -> Any:
        """A partner's current copy, or None."""
        return next(
            (c for c in self.copies(hei_id, partner, entity) if c["id"] == item and c["state"] == "current"), None
        )

    def received(self, hei_id: str, partner: str, item: str, entity: str = "iias") -> bytes:
        """A copy's bytes as the partner sent them."""
        path = f"/api/v1/heis/{hei_id}/partner-copies/{entity}/{partner}/{quote(item, safe='')}/received"
        reply = self.request("GET", path)
        assert reply.status == 200, reply
        return reply.body

    def work(self, hei_id: str, kind: str) -> dict[str, Any]:
        """The rows of work of one kind, by item."""
        found = self.get(f"/api/v1/heis/{hei_id}/work?kind={kind}&limit=1000")
        return {row["item"]: row for row in found["items"]}

    def ready(self) -> SisReply:
        return self.request("GET", "/health/ready")

    def live(self) -> bool:
        """Whether the process answers."""
        try:
            return self.request("GET", "/health/live").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def check(self, name: str) -> tuple[bool, str]:
        """One condition of readiness: whether it holds, and its words."""
        return next((c["ok"], c["detail"]) for c in self.ready().json["checks"] if c["name"] == name)
