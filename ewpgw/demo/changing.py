"""The seventh act: what both approved is changed, taken back, and in the end terminated; another agreement stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.demo.layout import bring_data
from ewpgw.demo.network import until
from ewpgw.demo.offices import NORTH_ID, SOUTH_ID
from ewpgw.demo.steps import Act, expect

if TYPE_CHECKING:
    from ewpgw.demo.offices import Offices

_NORTHS = f"/agreements/{NORTH_ID}"
_STAYS = "north-2026-018"


class Changing:
    """From a change of an agreement in effect to its end."""

    def __init__(self, offices: Offices) -> None:
        self._offices = offices
        self._north, self._south = offices.north, offices.south

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "Changes, and the end",
            (
                ("North changes the agreement", self._modify),
                ("North goes back to what both approved", self._revert),
                ("North proposes to terminate the agreement", self._terminate),
                ("South's copy says so too", self._agree_to_the_end),
                ("Both approve; the agreement is terminated", self._approve_the_end),
                ("Refused: changing what is terminated", self._too_late),
                ("North's system brings another agreement, which stays for you to try", self._another),
            ),
        )

    async def _modify(self) -> str:
        changed = await self._north.own_copy()
        changed["cooperation_conditions"]["student_studies_mobility_spec"][0]["mobilities_per_year"]["value"] = "4"
        await self._north.put(changed)
        await self._offices.reach("modified", ever_approved_by_both=True)
        expect(await self._north.has_heard("received-approval-lapsed"), "North did not hear that an approval lapsed")
        expect(await self._south.has_heard("given-approval-lapsed"), "South did not hear that an approval lapsed")
        (words,) = await self._south.differences("their-changes")
        return f"South sees what has changed since both approved:\n{words}\nThe approvals do not count for that"

    async def _revert(self) -> str:
        await self._north.does("POST", f"{_NORTHS}/revert")
        await self._offices.reach("mutually-approved")
        kept = (await self._north.look(f"{_NORTHS}/snapshots"))["items"]
        expect(len(kept) == 1, f"{len(kept)} approved versions are kept, where nothing new was approved")
        return "it is in effect as before: both approvals were given for exactly this version, and count again"

    async def _terminate(self) -> str:
        await self._north.does("POST", f"{_NORTHS}/terminate")
        await self._offices.reach("modified", copies_equal=False)
        words = await self._south.differences("their-changes")
        expect(len(words) == 1, f"South sees {words}")
        return f"South sees: {words[0]}"

    async def _agree_to_the_end(self) -> str:
        ours = await self._south.own_copy()
        ours["cooperation_conditions"]["terminated_as_a_whole"] = True
        self._south.write(f"iias/{SOUTH_ID}.json", ours)
        await self._offices.reach("modified", copies_equal=True)
        return "a termination is a change like any other: both copies have to say it, and both sides approve it"

    async def _approve_the_end(self) -> str:
        await self._south.approve()
        await self._north.reaches("modified", approved_by_partner=True)
        await self._north.approve()
        await self._offices.reach("terminated")
        return f"at North as at South: {(await self._south.agreement())['meaning']}"

    async def _too_late(self) -> str:
        changed = await self._north.own_copy()
        del changed["cooperation_conditions"]["terminated_as_a_whole"]
        return await self._north.is_refused("PUT", f"/records/iias/{NORTH_ID}", changed, 422)

    async def _another(self) -> str:
        files = bring_data(self._north.network.layout, "north")

        async def stored() -> bool:
            listed = (await self._north.look("/records/iias"))["items"]
            return any(each["id"] == _STAYS for each in listed)

        await until(stored, f"north's gateway has {_STAYS}")
        await self._south.finds(self._south.inbox / f"{_STAYS}.json")
        return f"{len(files)} files in North's folder, {_STAYS} among them; South's system has found it in its inbox"
