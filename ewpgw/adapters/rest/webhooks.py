"""Handing partners' records and decisions to the institution's system: requests signed as Standard Webhooks has it.

What is signed is ``<webhook-id>.<webhook-timestamp>.<body>``, so that receivers find libraries in every language.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from ewpgw.adapters.contract import AdapterProblem, Decision
from ewpgw.adapters.rest.client import RequestFailed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ewpgw.adapters.contract import CopyDelivery
    from ewpgw.adapters.rest.client import Client
    from ewpgw.adapters.rest.settings import Secret, WebhookSettings

_NAMESPACE = UUID("4a4b0f0e-3c5e-4f0b-9d0e-6f1f6f0c7a51")
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


def event_id(told: CopyDelivery | Decision) -> str:
    """The name of a delivery or decision: the same whenever it is repeated, and no other's."""
    if isinstance(told, Decision):
        return str(uuid5(_NAMESPACE, json.dumps((told.hei_id, "decision", told.number))))
    delivery = told
    parts = (delivery.hei_id, delivery.entity, delivery.partner, delivery.id, delivery.revision, delivery.state)
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


def body(told: CopyDelivery | Decision) -> bytes:
    """A delivery or decision as JSON. The same one gives the same bytes."""
    content = {
        "event_id": event_id(told),
        "hei_id": told.hei_id,
        "entity": told.entity,
        "partner": told.partner,
        "id": told.id,
        **(_of_decision(told) if isinstance(told, Decision) else _of_copy(told)),
        "at": told.at.isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _of_copy(delivery: CopyDelivery) -> dict[str, object]:
    return {
        "state": delivery.state,
        "revision": delivery.revision,
        "document": delivery.document,
        "received": b64encode(delivery.body).decode() if delivery.body is not None else None,
        "problems": list(delivery.problems),
    }


def _of_decision(decision: Decision) -> dict[str, object]:
    return {
        "decision": decision.what,
        "number": decision.number,
        "our_id": decision.our_id,
        "verdict": decision.verdict,
        "comment": decision.comment,
    }


def signature(keys: Sequence[bytes], name: str, timestamp: int, content: bytes) -> str:
    """The value of ``webhook-signature``: one signature by each key."""
    signed = f"{name}.{timestamp}.".encode() + content
    return " ".join(f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)


def key_of(secret: Secret) -> bytes:
    """The key in a secret ``whsec_<base64>``. Raises AdapterProblem."""
    text = secret.read()
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise AdapterProblem(
            f"the webhook's secret in {secret.file or secret.env} cannot be used; write whsec_ and then 24 to 64 "
            "random bytes in base64"
        )
    return key


class Webhook:
    """One receiver of deliveries."""

    def __init__(self, settings: WebhookSettings, client: Client, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._client = client
        self._now = now

    def check(self) -> None:
        """Raise AdapterProblem where the secrets cannot be used."""
        for secret in self._settings.secrets:
            key_of(secret)

    async def send(self, told: CopyDelivery | Decision) -> None:
        """Hand over a delivery or a decision. Raises AdapterProblem unless the receiver answers 2xx."""
        keys = [key_of(secret) for secret in self._settings.secrets]
        name, content, timestamp = event_id(told), body(told), int(self._now().timestamp())
        what = f"the webhook for {told.entity} of {told.partner} (event {name})"
        try:
            answer = await self._client.send(
                "POST",
                self._settings.url,
                max_bytes=None,
                body=content,
                headers={
                    "Content-Type": "application/json",
                    "webhook-id": name,
                    "webhook-timestamp": str(timestamp),
                    "webhook-signature": signature(keys, name, timestamp, content),
                },
            )
        except RequestFailed as failed:
            raise AdapterProblem(f"{what} was not taken: {failed.reason}") from None
        if not 200 <= answer.status < 300:
            hint = "see its log; later deliveries wait" if 400 <= answer.status < 500 else "it is sent again"
            raise AdapterProblem(
                f"{what} was not taken: {shown(self._settings.url)} answered HTTP {answer.status}; {hint}"
            )
