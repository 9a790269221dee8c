"""What the two universities exchange about one student's stay: the drafts, and each paper as both sides see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.demo.network import until
from ewpgw.demo.steps import expect
from ewpgw.resources import folder as shipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from ewpgw.demo.offices import Office, Offices


def draft(name: str) -> dict[str, Any]:
    """A record as somebody's system has it, from ``config/demo/drafts``."""
    text = (shipped("config") / "demo" / "drafts" / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@dataclass(frozen=True, slots=True)
class Paper:
    """A nomination, learning agreement or transcript at one side.

    ``path`` is where its SIS API shows it; ``part`` is what of the answer says where it stands.
    """

    office: Office
    path: str
    part: str

    async def whole(self) -> Any:
        """All that is shown of it."""
        return await self.office.look(self.path)

    async def does(self, move: str, document: object = None) -> Any:
        """A move that must be possible; what is answered."""
        return await self.office.does("POST", f"{self.path}/{move}", document)

    async def until(self, what: str, holds: Callable[[Any], bool]) -> Any:
        """Waits until what is shown fulfils the condition, ``what`` in words, and returns it."""

        async def there() -> Any:
            shown = await self.office.glance(self.path)
            return shown if shown is not None and holds(shown) else None

        return await until(there, f"{self.office.name}: the {self.part} {what}")

    async def reaches(self, **facts: object) -> Any:
        """Waits until it stands so, and returns all that is shown of it."""
        what = ", ".join(f"has the {name} {value}" for name, value in facts.items())
        return await self.until(what, lambda shown: facts.items() <= shown[self.part].items())

    async def delivered(self) -> str:
        """Waits until the partner knows of it, as the log proves; how it learnt of it, and when: notified at 09:15:02.

        A partner that is quick has fetched it before its answer to the notification is here.
        """

        def proven(shown: Any) -> bool:
            delivered = shown[self.part]["delivered"]
            return delivered is not None and delivered["exchange"] is not None

        delivered = (await self.until("is delivered", proven))[self.part]["delivered"]
        exchange = await self.office.logged(delivered["exchange"])
        signed = any(name.lower() == "signature" for name, _ in exchange["response"]["headers"])
        expect(exchange["status"] == 200 and signed, f"the log has no signed acceptance: {exchange}")
        return f"{delivered['how']} at {delivered['at'][11:19]}"


@dataclass(frozen=True, slots=True)
class Shared:
    """A paper as both sides see it."""

    north: Paper
    south: Paper


def nomination(offices: Offices, stay: str) -> Shared:
    """North's nomination of a student who goes to South."""
    return _shared(offices, "nominations", "nomination", stay)


def learning_agreement(offices: Offices, stay: str) -> Shared:
    """The learning agreement of that student, which is North's."""
    return _shared(offices, "learning-agreements", "agreement", stay)


def transcript(offices: Offices, stay: str) -> Shared:
    """That student's transcript, which is South's."""
    north, south = offices.north, offices.south
    return Shared(
        Paper(north, f"/transcripts/received/{north.partner}.example/{stay}", "transcript"),
        Paper(south, f"/transcripts/issued/{south.partner}.example/{stay}", "transcript"),
    )


def _shared(offices: Offices, kind: str, part: str, stay: str) -> Shared:
    north, south = offices.north, offices.south
    return Shared(
        Paper(north, f"/{kind}/sent/{stay}", part),
        Paper(south, f"/{kind}/received/{south.partner}.example/{stay}", part),
    )
