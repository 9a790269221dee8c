"""The two universities of the story: what their coordinators do through the SIS API, and their systems with files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ewpgw.demo.network import until
from ewpgw.demo.steps import expect

if TYPE_CHECKING:
    from pathlib import Path

    from ewpgw.demo.network import Network

NORTH_ID = "north-2026-017"
SOUTH_ID = "south-17"


@dataclass(frozen=True, slots=True)
class Office:
    """One university with its copy ``our_id`` of the agreement; the partner's copy is ``their_id``."""

    network: Network
    member: str
    our_id: str
    partner: str
    their_id: str

    @property
    def name(self) -> str:
        """The university in a sentence: South."""
        return self.member.capitalize()

    @property
    def folder(self) -> Path:
        """Where its own system puts files and finds them."""
        return self.network.layout.data(self.member)

    @property
    def inbox(self) -> Path:
        """Where its system finds the partner's agreements."""
        return self.folder / "inbox" / "iias" / f"{self.partner}.example"

    def _path(self, rest: str) -> str:
        return f"/api/v1/heis/{self.member}.example{rest}"

    async def look(self, rest: str) -> Any:
        """What its SIS API shows below the institution's path."""
        return await self.network.sis(self.member, self._path(rest))

    async def glance(self, rest: str) -> Any:
        """The same; None where there is no such thing."""
        status, found = await self.network.ask(self.member, "GET", self._path(rest))
        return found if status == 200 else None

    async def download(self, rest: str) -> bytes:
        """A file that its SIS API gives below the institution's path."""
        return await self.network.download(self.member, self._path(rest))

    async def does(self, method: str, rest: str, document: object = None) -> Any:
        """Something that must be possible; what is answered."""
        status, answer = await self.network.ask(self.member, method, self._path(rest), document)
        expect(status in (200, 201), f"{self.name}: {method} {rest}: HTTP {status}: {_reason(answer)}")
        return answer

    async def is_refused(self, method: str, rest: str, document: object, status: int) -> str:
        """Something that must be refused; the reason."""
        got, answer = await self.network.ask(self.member, method, self._path(rest), document)
        expect(got == status, f"{self.name}: {method} {rest}: HTTP {got} instead of {status}: {answer}")
        return _reason(answer)

    async def agreement(self) -> Any:
        """Where the agreement stands."""
        return (await self.look(f"/agreements/{self.our_id}"))["agreement"]

    async def reaches(self, state: str, **facts: object) -> Any:
        """Waits until the agreement is in this state, with these facts, and returns where it stands."""

        async def there() -> Any:
            found = await self.glance(f"/agreements/{self.our_id}")
            if found is None:
                return None
            standing = found["agreement"]
            return standing if standing["state"] == state and facts.items() <= standing.items() else None

        return await until(there, f"the agreement is {state} at {self.name}")

    async def put(self, document: object) -> None:
        """Hands in a version of its copy."""
        await self.does("PUT", f"/records/iias/{self.our_id}", document)

    async def approve(self) -> None:
        """Approves the partner's copy in the version that is seen now."""
        seen = (await self.agreement())["their_hash"]
        approval = {"iia_hash": seen, "by": f"The coordinator of {self.name}"}
        await self.does("POST", f"/agreements/{self.our_id}/approve", approval)

    async def own_copy(self) -> Any:
        """Its copy as the partner sees it."""
        return (await self.look(f"/agreements/{self.our_id}"))["ours"]

    async def partners_copy(self) -> Any:
        """The partner's copy as it was fetched last; None where there is none."""
        found = await self.glance(f"/partner-copies/iias/{self.partner}.example/{self.their_id}")
        return found if found is not None and found["state"] == "current" else None

    async def differences(self, of: str) -> list[str]:
        """What the comparison says, as sentences: of both copies, or of what one side changed since both approved."""
        found = await self.look(f"/agreements/{self.our_id}/comparison?of={of}")
        return [each["words"] for each in found["differences"] if each["prevents_approval"]]

    async def has_heard(self, kind: str) -> bool:
        """Whether its system was told of such a change of the agreement."""
        changes = (await self.look("/changes?limit=1000"))["items"]
        return any((each["kind"], each["id"]) == (kind, self.our_id) for each in changes)

    async def work(self, kind: str, item: str) -> Any:
        """Something that its gateway had to do and has done; None where it has not."""
        rows = (await self.look(f"/work?kind={kind}&state=done"))["items"]
        return next((row for row in rows if row["item"] == item), None)

    async def logged(self, exchange_id: str) -> Any:
        """A request and its answer as they crossed the network; they are written down a moment afterwards."""

        async def written() -> Any:
            return await self.glance(f"/exchanges/{exchange_id}")

        return await until(written, f"{self.name}'s log has the exchange {exchange_id}")

    def write(self, name: str, document: object) -> None:
        """Its system puts a file into its folder, whole at once."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        draft.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)

    async def finds(self, path: Path) -> None:
        """Waits until its system finds a file."""

        async def there() -> bool:
            return path.exists()

        await until(there, f"{path.name} in {self.name}'s inbox")


@dataclass(frozen=True, slots=True)
class Offices:
    """Both sides of the agreement."""

    north: Office
    south: Office

    @classmethod
    def of(cls, network: Network) -> Offices:
        """The two of a network."""
        north = Office(network, "north", NORTH_ID, "south", SOUTH_ID)
        return cls(north, Office(network, "south", SOUTH_ID, "north", NORTH_ID))

    async def reach(self, state: str, **facts: object) -> None:
        """Waits until both sides see the agreement in this state."""
        for office in (self.north, self.south):
            await office.reaches(state, **facts)


def _reason(answer: Any) -> str:
    """Why something was refused: the message, and the first of the problems where there are any."""
    if not isinstance(answer, dict) or "error" not in answer:
        return str(answer)
    refusals = [each for each in answer.get("problems") or () if each["severity"] == "refusal"]
    problems = [f"{each['path'] or 'the agreement'} {each['message']}" for each in refusals]
    return str(problems[0] if problems else answer["error"]["message"])
