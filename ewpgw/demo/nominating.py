"""The third act: North nominates two students; South accepts one, and the other after North has corrected something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ewpgw.demo.offices import SOUTH_ID
from ewpgw.demo.papers import draft, nomination
from ewpgw.demo.steps import Act, expect
from ewpgw.model.omobility import Nomination

if TYPE_CHECKING:
    from ewpgw.demo.offices import Offices
    from ewpgw.demo.papers import Paper

ELINA, MIKKO = "N-2027-31", "N-2027-32"
YEAR = "2027/2028"
_NAMES = {ELINA: "Elina Virtanen", MIKKO: "Mikko Lahtinen"}
_WRONG_FIELD = "Our agreement is about software (0613), not electronics (0714). Can he come under 0613?"
_ANSWER = "Yes: his thesis is about software for embedded systems."
_BY = "The coordinator of South"


class Nominating:
    """From two nominations to two students who may come, under the agreement that is in effect."""

    def __init__(self, offices: Offices) -> None:
        self._north = offices.north
        self._elina, self._mikko = nomination(offices, ELINA), nomination(offices, MIKKO)
        self._rejected = ""

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "Two students are nominated",
            (
                ("North nominates Elina and Mikko", self._nominate),
                ("Both nominations are delivered", self._delivered),
                ("South looks at them beside the agreement", self._look),
                ("South accepts Elina", self._accept),
                ("South rejects Mikko's nomination, and says why", self._reject),
                ("North corrects it, which submits it again", self._resubmit),
                ("Refused: accepting what has changed since it was looked at", self._too_late),
                ("South accepts Mikko; both may come", self._accept_too),
            ),
        )

    async def _nominate(self) -> str:
        told = []
        for name, stay in (("elina", ELINA), ("mikko", MIKKO)):
            put = await self._north.does("PUT", f"/records/omobilities/{stay}", draft(f"nomination-{name}"))
            told.append(_warnings(put["warnings"]))
        expect(not told[0], f"North is warned of Elina's nomination: {told[0]}")
        expect(len(told[1]) == 1, f"Mikko's nomination has one thing that does not fit, and seen were {told[1]}")
        return f"North is warned of one thing in Mikko's, and sends it all the same:\n{told[1][0]}"

    async def _delivered(self) -> str:
        told = [await shared.north.delivered() for shared in (self._elina, self._mikko)]
        return f"Elina's: {told[0]}; Mikko's: {told[1]}. North's log keeps the signed exchanges that prove it"

    async def _look(self) -> str:
        lines = []
        for stay, shared, faults in ((ELINA, self._elina, 0), (MIKKO, self._mikko, 1)):
            seen = await _as_north_says(shared.north, shared.south)
            warned = _warnings(seen["warnings"])
            expect(len(warned) == faults, f"South is warned of {warned}")
            expect(seen["agreement"] == SOUTH_ID, f"the agreement was taken for {seen['agreement']}")
            lines.append(f"{_NAMES[stay]}: {warned[0] if warned else f'fits the agreement; {_room(seen)}'}")
        return "\n".join(lines)

    async def _accept(self) -> str:
        found = await self._accepts(self._elina.south, self._elina.north)
        again = await self._elina.south.does("approve", _seen(await self._elina.south.whole()))
        expect(again["already"] is True, f"the second click made another decision: {again}")
        return f"North sees: {found['nomination']['meaning']}. A second click changes nothing"

    async def _reject(self) -> str:
        seen = await self._mikko.south.whole()
        self._rejected = seen["nomination"]["proposal_id"]
        await self._mikko.south.does("reject", {**_seen(seen), "comment": _WRONG_FIELD})
        found = await self._mikko.north.reaches(status="rejected", comment=_WRONG_FIELD)
        return f"North sees: {found['nomination']['meaning']}:\n{found['nomination']['comment']}"

    async def _resubmit(self) -> str:
        document = draft("nomination-mikko")
        document["nomination"].update(agreement_isced_f_code="0613", comment=_ANSWER)
        put = await self._north.does("PUT", f"/records/omobilities/{MIKKO}", document)
        expect(not put["warnings"], f"North is still warned: {put['warnings']}")
        await self._mikko.north.reaches(status="pending", comment=None)
        seen = await _as_north_says(self._mikko.north, self._mikko.south)
        expect(seen["nomination"]["status"] == "pending", f"South sees it {seen['nomination']['status']}")
        expect(not seen["warnings"], f"South is still warned: {seen['warnings']}")
        comment = seen["document"]["nomination"]["comment"]
        return f"South sees a new proposal that fits; {_room(seen)}. North writes:\n{comment}"

    async def _too_late(self) -> str:
        stale = {"proposal_id": self._rejected, "by": _BY}
        south = self._mikko.south
        return await south.office.is_refused("POST", f"{south.path}/approve", stale, 412)

    async def _accept_too(self) -> str:
        await self._accepts(self._mikko.south, self._mikko.north)
        accepted = (await self._north.look("/nominations/sent?status=approved"))["items"]
        expect([each["omobility_id"] for each in accepted] == [ELINA, MIKKO], f"North sees {accepted}")
        return f"{_NAMES[ELINA]} and {_NAMES[MIKKO]} take the two places of {YEAR}"

    async def _accepts(self, south: Paper, north: Paper) -> Any:
        """South accepts what it sees now, and North hears of it, as its log proves; what North is shown."""
        await south.does("approve", _seen(await south.whole()))
        await north.reaches(status="approved")

        def proven(shown: Any) -> bool:
            return shown["nomination"]["decided_exchange"] is not None

        found = await north.until("is accepted, with evidence", proven)
        exchange = await north.office.logged(found["nomination"]["decided_exchange"])
        signed = any(name.lower() == "authorization" for name, _ in exchange["request"]["headers"])
        expect(signed, "the decision that North received is not signed")

        def arrived(shown: Any) -> bool:
            return bool(shown["nomination"]["decision"] and shown["nomination"]["decision"]["state"] == "made")

        await south.until("is accepted, as the partner knows", arrived)
        return found


async def _as_north_says(north: Paper, south: Paper) -> Any:
    """What South is shown, as soon as that is what North proposes now."""
    proposed = (await north.whole())["nomination"]["proposal_id"]
    return await south.reaches(proposal_id=proposed, copy_state="current")


def _seen(shown: Any) -> dict[str, str]:
    return {"proposal_id": shown["nomination"]["proposal_id"], "by": _BY}


def _warnings(problems: list[dict[str, str]]) -> list[str]:
    """What a nomination is warned of, with the names that people have for its fields."""
    fields = Nomination.model_fields
    names = [each["path"].rpartition(".")[2] for each in problems]
    titles = [str(fields[name].title) if name in fields else name for name in names]
    return [f"{title} {each['message']}" for title, each in zip(titles, problems, strict=True)]


def _room(shown: Any) -> str:
    places = shown["places"]
    return f"{places['left']} of {places['agreed']} places left for {YEAR}"
