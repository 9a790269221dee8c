"""The second act: North drafts an agreement, South answers with a change, and both approve what they agree on."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from ewpgw.demo.network import until
from ewpgw.demo.offices import NORTH_ID, SOUTH_ID
from ewpgw.demo.papers import draft
from ewpgw.demo.steps import Act, expect
from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content

if TYPE_CHECKING:
    from ewpgw.demo.offices import Offices

_NORTHS = f"/agreements/{NORTH_ID}"


class Agreeing:
    """From a draft to an agreement in effect. North works through the SIS API, South's system with files."""

    def __init__(self, offices: Offices) -> None:
        self._offices = offices
        self._north, self._south = offices.north, offices.south

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "From a draft to an agreement in effect",
            (
                ("North writes a draft", self._draft),
                ("North proposes the agreement", self._propose),
                ("South is notified", self._notified),
                ("South fetches North's copy", self._fetched),
                ("South's system receives the copy", self._delivered),
                ("South answers with a counter-proposal", self._counter),
                ("Both see what differs", self._differ),
                ("Refused: approving copies that differ", self._too_early),
                ("North takes the change over; both copies are equal", self._equal),
                ("South approves", self._south_approves),
                ("North approves; the agreement is in effect", self._north_approves),
                ("Both keep the evidence", self._evidence),
            ),
        )

    async def _draft(self) -> str:
        document = draft(NORTH_ID)
        unfinished = copy.deepcopy(document)
        for condition in unfinished["cooperation_conditions"]["student_studies_mobility_spec"]:
            del condition["recommended_language_skill"]
        faulty = await self._north.does("PUT", f"{_NORTHS}/draft", unfinished)
        missing = [each for each in faulty["problems"] if each["severity"] == "refusal"]
        expect(bool(missing), "the draft lacks languages, and nothing was said of them")
        kept = await self._north.does("PUT", f"{_NORTHS}/draft", document)
        expect(not kept["problems"], f"the finished draft has problems: {kept['problems']}")
        await self._north.reaches("draft")
        served = (await self._north.look("/records/iias"))["items"]
        expect(not served, "the draft is served")
        first = missing[0]
        return (
            f"a draft may have faults; this one had {len(missing)}:\n{first['path']} {first['message']}, and so on.\n"
            "They are mended, and South sees nothing of it yet"
        )

    async def _propose(self) -> str:
        await self._north.does("POST", f"{_NORTHS}/propose")
        found = await self._north.reaches("proposed")
        return f"North sees: {found['meaning']}"

    async def _notified(self) -> str:
        async def told() -> Any:
            return await self._north.work("delivery", NORTH_ID)

        row = await until(told, "north's notification is answered with 200")
        return f"iia-cnr answered with 200 at {row['last_at'][:19]}"

    async def _fetched(self) -> str:
        found = await until(self._south.partners_copy, "south holds north's copy")
        return f"valid; iia-hash {found['hash'][:16]}… computed from the bytes received and equal to the one stated"

    async def _delivered(self) -> str:
        for suffix in ("xml", "json"):
            await self._south.finds(self._south.inbox / f"{NORTH_ID}.{suffix}")
        return f"inbox/iias/north.example/{NORTH_ID}.xml and .json"

    async def _counter(self) -> str:
        theirs = json.loads((self._south.inbox / f"{NORTH_ID}.json").read_text(encoding="utf-8"))
        ours = _answer(theirs)
        ours["cooperation_conditions"]["student_studies_mobility_spec"][0]["mobilities_per_year"]["value"] = "2"
        self._south.write(f"iias/{SOUTH_ID}.json", ours)
        await self._north.finds(self._north.inbox / f"{SOUTH_ID}.json")
        await self._offices.reach("counter-changed", mapping="mapped")
        named = (await self._north.own_copy())["partner"][1]["iia_id"]
        expect(named == SOUTH_ID, f"north's copy names {named}")

        async def named_back() -> bool:
            return bool((await self._south.partners_copy())["our_id"] == SOUTH_ID)

        await until(named_back, f"South has the version of North's copy that names {SOUTH_ID}")
        return f"{SOUTH_ID}, which names {NORTH_ID}; North's gateway sees that and names {SOUTH_ID} in North's copy"

    async def _differ(self) -> str:
        norths = await self._north.differences("both-copies")
        souths = await self._south.differences("both-copies")
        expect(len(norths) == len(souths) == 1, f"one difference was made, and seen were {norths} and {souths}")
        next_step = (await self._north.agreement())["next"]
        return f"{norths[0]}\n{next_step}"

    async def _too_early(self) -> str:
        seen = {"iia_hash": (await self._north.agreement())["their_hash"]}
        return await self._north.is_refused("POST", f"{_NORTHS}/approve", seen, 409)

    async def _equal(self) -> str:
        theirs = (await self._north.look(_NORTHS))["theirs"]["document"]
        ours = draft(NORTH_ID)
        ours["cooperation_conditions"] = theirs["cooperation_conditions"]
        await self._north.put(ours)
        await self._offices.reach("proposed", copies_equal=True)
        mine = await self._south.partners_copy()
        other = await self._north.partners_copy()
        expect((mine["our_id"], other["our_id"]) == (SOUTH_ID, NORTH_ID), "the copies do not name each other")
        equal = same_content(Iia.model_validate(mine["document"]), Iia.model_validate(other["document"]))
        expect(equal, "the copies that north and south hold of each other's agreement do not say the same")
        return "each copy names the other's identifier, and the conditions are the same"

    async def _south_approves(self) -> str:
        await self._south.approve()
        await self._south.reaches("approved-by-us")
        found = await self._north.reaches("approved-by-partner")
        return f"North sees: {found['meaning']}"

    async def _north_approves(self) -> str:
        await self._north.approve()
        await self._offices.reach("mutually-approved", approved_by_us=True, approved_by_partner=True)
        for office in (self._north, self._south):

            async def shows_it(office: Any = office) -> bool:
                seen = await office.partners_copy()
                return seen is not None and seen["document"]["in_effect"] is True

            await until(shows_it, f"{office.name} sees in-effect in the partner's copy")
        return "each approved the other's copy as it is; both copies now say that the agreement is in effect"

    async def _evidence(self) -> str:
        for office in (self._north, self._south):
            kept = (await office.look(f"/agreements/{office.our_id}/snapshots"))["items"]
            expect([each["number"] for each in kept] == [1], f"{office.name} keeps {kept}")
            exchange = await office.logged(kept[0]["their_approval_exchange"])
            signed = any(name.lower() == "signature" for name, _ in exchange["response"]["headers"])
            expect(signed, f"the approval that {office.name} received is not signed")
            said = exchange["response"]["body"]["text"]
            expect(kept[0]["our_hash"] in said, f"the approval that {office.name} received is of another version")
        return "both copies byte by byte, and the partner's signed approval of them, on both sides"


def _answer(theirs: dict[str, Any]) -> dict[str, Any]:
    """South's own copy of north's agreement: south first, with its own id and number, and north's id kept."""
    ours = copy.deepcopy(theirs)
    first, second = ours["partner"]
    second.update(iia_id=SOUTH_ID, iia_code="SOUTH/2026/17")
    ours["partner"] = [second, first]
    ours.pop("iia_hash", None)
    return ours
