"""The person who looks after a university's agreements, as the SIS API sees one: looks, compares, decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from support.processes import until
from support.sis import Sis, SisReply


@dataclass(frozen=True)
class Coordinator:
    """Agreements of ``hei_id`` with ``partner``, over one gateway's SIS API. Blocking."""

    sis: Sis
    hei_id: str
    partner: str

    def path(self, our_id: str, rest: str = "") -> str:
        return f"/api/v1/heis/{self.hei_id}/agreements/{quote(our_id, safe='')}{rest}"

    def put(self, our_id: str, document: object) -> str:
        """Hands in our record, which must be taken; what became of it."""
        reply = self.sis.put(self.hei_id, "iias", our_id, document)
        assert reply.status in (200, 201), reply
        return str(reply.json["result"])

    def detail(self, our_id: str) -> Any:
        """The agreement with both copies, and with the moves that are refused."""
        return self.sis.get(self.path(our_id))

    def standing(self, our_id: str) -> Any:
        """Where the agreement stands; None where there is none."""
        reply = self.sis.request("GET", self.path(our_id))
        return reply.json["agreement"] if reply.status == 200 else None

    def reaches(self, our_id: str, state: str, **facts: object) -> Any:
        """Waits until the agreement is in this state, with these facts; where it stands then."""

        def there() -> Any:
            found = self.standing(our_id)
            last.append(found)
            holds = found is not None and found["state"] == state and facts.items() <= found.items()
            return found if holds else None

        last: list[Any] = []
        try:
            return until(there, f"{self.hei_id}'s {our_id} is {state}")
        except AssertionError as failed:
            raise AssertionError(f"{failed}; it stands at {last[-1]}") from None

    def asks_to_approve(self, our_id: str, iia_hash: str | None = None, **more: object) -> SisReply:
        """Approves the partner's copy as it is seen now, or in the version ``iia_hash``."""
        body = {"iia_hash": iia_hash or self.detail(our_id)["agreement"]["their_hash"], **more}
        return self.sis.request("POST", self.path(our_id, "/approve"), body)

    def approves(self, our_id: str, iia_hash: str | None = None, **more: object) -> None:
        """An approval that must be taken."""
        reply = self.asks_to_approve(our_id, iia_hash, **more)
        assert reply.status == 200, reply

    def asks(self, our_id: str, move: str) -> SisReply:
        """A move without a body: propose, revert, terminate."""
        return self.sis.request("POST", self.path(our_id, f"/{move}"))

    def does(self, our_id: str, move: str) -> None:
        """A move that must be possible."""
        reply = self.asks(our_id, move)
        assert reply.status == 200, reply

    def refused(self, reply: SisReply, status: int = 409) -> tuple[str, str]:
        """The code and the words of a refusal."""
        assert reply.status == status, reply
        return reply.json["error"]["code"], reply.json["error"]["message"]

    def comparison(self, our_id: str, of: str = "both-copies") -> Any:
        return self.sis.get(self.path(our_id, f"/comparison?of={of}"))

    def differences(self, our_id: str, of: str = "both-copies") -> list[str]:
        """What prevents approval, as sentences."""
        found = self.comparison(our_id, of)["differences"]
        return [each["words"] for each in found if each["prevents_approval"]]

    def snapshots(self, our_id: str) -> list[Any]:
        return list(self.sis.get(self.path(our_id, "/snapshots"))["items"])

    def evidence(self, our_id: str, number: int, part: str) -> bytes:
        """A document of a version that both approved."""
        reply = self.sis.request("GET", self.path(our_id, f"/snapshots/{number}/{part}"))
        assert reply.status == 200, reply
        return reply.body

    def told(self, item: str) -> list[str]:
        """The kinds of change that the system has heard about an agreement or a copy, in order."""
        found: list[str] = []
        cursor = "0"
        while True:
            page = self.sis.get(f"/api/v1/heis/{self.hei_id}/changes?limit=1000&after={cursor}")
            found += [each["kind"] for each in page["items"] if each["id"] == item]
            if not page["items"]:
                return found
            cursor = page["cursor"]

    def hears(self, item: str, kind: str) -> None:
        """Waits until the system has heard that of an agreement or a copy."""
        until(lambda: kind in self.told(item), f"{self.hei_id} hears {kind} of {item}")

    def copy(self, their_id: str) -> Any:
        """The partner's copy; None where nothing of that id was ever fetched."""
        path = f"/api/v1/heis/{self.hei_id}/partner-copies/iias/{self.partner}/{quote(their_id, safe='')}"
        reply = self.sis.request("GET", path)
        return reply.json if reply.status == 200 else None

    def work(self, kind: str, api: str, item: str) -> Any:
        """One row of what the gateway has to do with the partner, or None."""
        found = self.sis.get(f"/api/v1/heis/{self.hei_id}/work?kind={kind}&partner={self.partner}&limit=1000")
        return next((row for row in found["items"] if (row["api"], row["item"]) == (api, item)), None)

    def exchanges(self, api: str, direction: str, item: str) -> list[Any]:
        """The logged requests of an API with the partner that name an item, with their answers, the oldest first."""
        base = f"/api/v1/heis/{self.hei_id}/exchanges"
        listed = self.sis.get(f"{base}?partner={self.partner}&api={api}&direction={direction}&limit=1000")["items"]
        whole = [self.sis.get(f"{base}/{each['id']}") for each in reversed(listed)]
        named = f"={quote(item, safe='')}"
        return [each for each in whole if f"{each['url']}&{each['request']['body']['text']}&".find(f"{named}&") >= 0]
