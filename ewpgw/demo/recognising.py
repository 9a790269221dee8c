"""The fifth act: what Elina has achieved reaches North, and helps to recognise it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ewpgw.demo.layout import bring_data
from ewpgw.demo.network import until
from ewpgw.demo.nominating import ELINA
from ewpgw.demo.papers import draft, transcript
from ewpgw.demo.steps import Act, expect

if TYPE_CHECKING:
    from ewpgw.demo.offices import Offices


class Recognising:
    """From South's results to what North recognises."""

    def __init__(self, offices: Offices) -> None:
        self._south = offices.south
        self._transcript = transcript(offices, ELINA)

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "Elina's transcript of records",
            (
                ("South describes itself, and writes the transcript", self._write),
                ("South makes it ready for recognition", self._issue),
                ("The transcript arrives at North", self._arrive),
                ("North sees what the grades may be converted into", self._grades),
                ("North sees the results beside the learning agreement", self._courses),
            ),
        )

    async def _write(self) -> str:
        bring_data(self._south.network.layout, self._south.member)

        async def described() -> Any:
            return await self._south.glance("/records/institutions/south.example")

        await until(described, "South's gateway has the description of South")
        await self._south.does("PUT", f"/records/imobility-tors/north.example:{ELINA}", draft("transcript"))
        document = (await self._transcript.south.reaches(state="draft"))["document"]
        tables = document.get("grade_conversion_table") or []
        expect(len(tables) == 2, f"two grade conversion tables were to be made, and there are {len(tables)}")
        issuer = document["issuer"]["title"][0]["value"]
        expect(await self._transcript.north.office.glance(self._transcript.north.path) is None, "North sees a draft")
        return (
            f"three courses with their grades; the gateway adds the issuer, {issuer}, and the grade conversion "
            "tables.\nNobody else sees it yet"
        )

    async def _issue(self) -> str:
        await self._transcript.south.does("ready")

        def told(shown: Any) -> bool:
            delivered = shown["transcript"]["delivered"]
            return bool(delivered and delivered["notified_at"] and delivered["fetched_at"])

        shown = await self._transcript.south.until("is delivered and fetched", told)
        exchange = await self._south.logged(shown["transcript"]["delivered"]["fetched_exchange"])
        expect(exchange["status"] == 200, f"the log has no answer to North: {exchange}")
        return f"South sees: {shown['transcript']['meaning']} North was notified, and has fetched version 1"

    async def _arrive(self) -> str:
        shown = await self._transcript.north.reaches(copy_state="current", courses=3)
        expect(not shown["warnings"], f"North is warned: {shown['warnings']}")
        courses = shown["document"]["course"]
        elmo = await self._transcript.north.office.download(f"{self._transcript.north.path}/elmo")
        expect(b"CR/cs-322" in elmo, "the original document lacks a course")
        pdf = await self._transcript.north.office.download(f"{self._transcript.north.path}/attachments/0")
        expect(pdf.startswith(b"%PDF-"), "the transcript as PDF is missing")
        results = ", ".join(f"{_title(each)} {each['grade']}" for each in courses)
        total = sum(float(each["ects"]) for each in courses)
        return (
            f"{results}: {total:g} ECTS.\nThe original ELMO document is kept beside: {len(elmo) // 1024} KiB. In it "
            f"is the transcript as PDF, which South's gateway has made: {len(pdf) // 1024} KiB"
        )

    async def _grades(self) -> str:
        found = (await self._transcript.north.office.look(f"{self._transcript.north.path}/grades"))["items"]
        suggested = [each["suggestion"] for each in found]
        expect(suggested[:2] == ["5", "3"] and suggested[2] is None, f"suggested were {suggested}")
        lines = [f"{each['title']}: {each['grade']} → {each['suggestion'] or 'none'}" for each in found]
        return "\n".join([lines[0], found[0]["reasoning"], lines[1], lines[2], found[2]["reasoning"]])

    async def _courses(self) -> str:
        found = await self._transcript.north.office.look(f"{self._transcript.north.path}/courses")
        expect(found["plan"] == "approved", f"the plan is {found['plan']}")
        matched = [(each["component"]["code"], each["by"]) for each in found["matched"]]
        expect(matched == [("CS-322", "los id"), ("CS-340", "code")], f"matched were {matched}")
        missing, unplanned = ([each["code"] for each in found[name]] for name in ("missing", "unplanned"))
        expect((missing, unplanned) == (["CS-365"], ["ES-101"]), f"missing {missing}, unplanned {unplanned}")
        same = {"los id": "identifier", "code": "code"}
        lines = [
            f"planned, with a result: {each['course']['title']} (the same {same[each['by']]})"
            for each in found["matched"]
        ]
        lines += [f"planned, without a result: {each['title']}" for each in found["missing"]]
        return "\n".join([*lines, *(f"not planned: {each['title']}" for each in found["unplanned"])])


def _title(course: Any) -> str:
    return str(course["title"][0]["value"])
