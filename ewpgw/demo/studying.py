"""The fourth act: what Elina will study is agreed on by all three, and changed once she is there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ewpgw.demo.nominating import ELINA
from ewpgw.demo.papers import draft, learning_agreement, nomination
from ewpgw.demo.steps import Act, expect

if TYPE_CHECKING:
    from ewpgw.demo.offices import Offices

_SIGNER = {
    "name": "Marta Solano",
    "position": "Coordinator of the department",
    "email": "marta.solano@south.example",
}
_NOT_GIVEN = "CS-301 is not given in autumn. CS-311, Discrete structures, has the same credits."
_ARRIVAL = "2027-09-09"


class Studying:
    """From a first version of the learning agreement to a change during the stay."""

    def __init__(self, offices: Offices) -> None:
        self._north, self._south = offices.north, offices.south
        self._stay = nomination(offices, ELINA)
        self._agreement = learning_agreement(offices, ELINA)

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "Elina's learning agreement",
            (
                ("Elina and North sign a first version", self._propose),
                ("South comments on it", self._comment),
                ("Elina and North sign a second one", self._propose_again),
                ("South signs; the learning agreement is made", self._approve),
                ("Elina arrives", self._arrive),
                ("During the stay, Elina and North propose a change", self._change),
                ("South signs the change", self._approve_change),
                ("Both print the learning agreement", self._print),
            ),
        )

    async def _propose(self) -> str:
        seen = await self._proposes(draft("learning-agreement"), "first-proposed")
        told = await self._agreement.north.delivered()
        studied = seen["in_full"]["proposed"]["components_studied"]
        return f"{told}; South sees {_courses(studied)}"

    async def _comment(self) -> str:
        seen = (await self._agreement.south.whole())["agreement"]["proposal_id"]
        said = {"proposal_id": seen, "signer": _SIGNER, "comment": _NOT_GIVEN}
        await self._agreement.south.does("comment", said)
        found = await self._agreement.north.reaches(stage="first-rejected", comment=_NOT_GIVEN)
        (past,) = found["history"]
        return f"North sees, from {past['signer']}:\n{past['comment']}"

    async def _propose_again(self) -> str:
        document = draft("learning-agreement")
        document["changes_proposal"]["components_studied"][0].update(los_code="CS-311", title="Discrete structures")
        seen = await self._proposes(document, "first-proposed")
        titles = [each["title"] for each in seen["in_full"]["proposed"]["components_studied"]]
        expect(titles[0] == "Discrete structures", f"South sees {titles}")
        return f"South sees {', '.join(titles)}"

    async def _approve(self) -> str:
        found = await self._signs()
        signature = found["document"]["first_version"]["receiving_hei_signature"]
        expect(signature["signer_name"] == _SIGNER["name"], f"North sees the signature of {signature}")
        return f"North sees: {found['agreement']['meaning']}; for South, {signature['signer_name']}"

    async def _arrive(self) -> str:
        await self._south.does("PUT", f"{self._stay.south.path}/dates", {"actual_arrival_date": _ARRIVAL})

        def told(shown: Any) -> bool:
            return bool(shown["arrival"] and shown["arrival"]["actual_arrival_date"] == _ARRIVAL)

        await self._stay.north.until(f"has the arrival on {_ARRIVAL}", told)
        return f"South writes down the day; North sees it: {_ARRIVAL}"

    async def _change(self) -> str:
        document = draft("learning-agreement")
        document["changes_proposal"] = draft("learning-agreement-changes")
        seen = await self._proposes(document, "changes-proposed")
        changes = [each for each in seen["in_full"]["difference"]["components"] if each["outcome"] != "same"]
        expect({each["outcome"] for each in changes} == {"dropped", "added"}, f"South sees {changes}")
        return "\n".join(["South sees what would change:", *(each["words"] for each in changes)])

    async def _approve_change(self) -> str:
        found = await self._signs()
        answers = [each["approved"] for each in found["history"]]
        expect(answers == [False, True, True], f"North sees the answers {answers}")
        studied = found["in_full"]["approved"]["components_studied"]
        return f"agreed on, at North as at South: {_courses(studied)}"

    async def _print(self) -> str:
        papers = {}
        for paper in (self._agreement.north, self._agreement.south):
            file = await paper.office.download(f"{paper.path}/pdf?state=approved")
            expect(file.startswith(b"%PDF-"), f"what {paper.office.name} got is no PDF file: {file[:20]!r}")
            target = self._north.network.layout.papers / f"{ELINA}-{paper.office.member}.pdf"
            target.write_bytes(file)
            papers[target.name] = len(file)
        sizes = ", ".join(f"{name} ({size // 1024} KiB)" for name, size in papers.items())
        return f"as a PDF file, laid out like the official template: {sizes}"

    async def _proposes(self, document: dict[str, Any], stage: str) -> Any:
        """Elina and North sign a proposal; what South is shown as soon as it has it."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for signature in ("student_signature", "sending_hei_signature"):
            document["changes_proposal"][signature]["timestamp"] = now
        await self._north.does("PUT", f"/records/omobility-las/{ELINA}", document)
        proposed = (await self._agreement.north.reaches(stage=stage))["agreement"]["proposal_id"]
        return await self._agreement.south.reaches(stage=stage, proposal_id=proposed, copy_state="current")

    async def _signs(self) -> Any:
        """South signs what it sees, and both see that all three have; what North is shown."""
        seen = (await self._agreement.south.whole())["agreement"]["proposal_id"]
        await self._agreement.south.does("approve", {"proposal_id": seen, "signer": _SIGNER})
        await self._agreement.south.reaches(stage="agreed")
        return await self._agreement.north.reaches(stage="agreed", proposal_id=None)


def _courses(components: list[Any]) -> str:
    """How many courses, their titles, and their credits."""
    total = sum(float(credit["value"]) for each in components for credit in each["credit"])
    return f"{', '.join(each['title'] for each in components)}: {total:g} ECTS"
