"""The scenario that is published with the Outgoing Mobility Learning Agreements API (ewp-specs-api-omobility-las,
stable-v1, examples/example-scenario), step by step between two gateways.

From the scenario are the steps: who proposes, signs and comments, in which order, and which components are inserted and
deleted for which reasons, courses being named otherwise here. What its shortened files leave out is filled in.
"""

from __future__ import annotations

from typing import Any

from support.closed_network import ClosedNetwork
from support.learning import P, learning
from support.processes import until

A, B = "north.example", "south.example"
ID = "scenario-1"
LOGIC, DATA, FUNCTIONS = "Logic", "Data mining", "Functional programming"
DATABASES, SYSTEMS, CHOICE, EXPERTS = "Databases", "Systems", "Social choice", "Expert systems"
ASPECTS = "Aspects"
SIGNER = {"name": "Anders Berg", "position": "Senior coordinator", "email": "anders.berg@south.example"}
FIRST_TERM = {"term_number": 1, "total_terms": 2}


def course(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "term_id": FIRST_TERM, **more}


def dropped(title: str, why: str) -> dict[str, Any]:
    return course(title, status="deleted", reason_code=why)


def added(title: str) -> dict[str, Any]:
    return course(title, status="inserted", reason_code="substituting-deleted")


VIRTUAL = {
    "title": ASPECTS,
    "status": "inserted",
    "reason_code": "adding-virtual-component",
    "short_description": "Lectures online, and cases that students of several countries compare.",
}


class Scenario:
    """The two systems, and what each sees of the one agreement."""

    def __init__(self, network: ClosedNetwork) -> None:
        self.a, self.b = network["north"].sis, network["south"].sis

    def proposes(self, day: str, **tables: Any) -> str:
        """A proposes; what B sees as the proposal then."""
        named = {f"{P}__components_recognized": None, **{f"{P}__{name}": table for name, table in tables.items()}}
        for who in ("student", "sending_hei"):
            named[f"{P}__{who}_signature__timestamp"] = f"{day}T12:00:00+02:00"
        reply = self.a.put(A, "omobility-las", ID, learning(A, ID, B, **named))
        assert reply.status in (200, 201), reply
        wanted = self.sent()["agreement"]["proposal_id"]
        assert wanted is not None, self.sent()
        until(lambda: self.received()["agreement"]["proposal_id"] == wanted, "B sees what A proposes")
        until(lambda: self.sent()["agreement"]["delivered"] is not None, "A knows that B has heard of it")
        return str(wanted)

    def answers(self, proposal_id: str, stage: str, comment: str | None = None) -> None:
        """B signs what it saw, or comments on it; both know."""
        body = {"proposal_id": proposal_id, "signer": SIGNER, **({"comment": comment} if comment else {})}
        move = "comment" if comment else "approve"
        path = f"/api/v1/heis/{B}/learning-agreements/received/{A}/{ID}/{move}"
        for already in (False, True):
            reply = self.b.request("POST", path, body)
            assert (reply.status, reply.json["already"]) == (200, already), reply
        until(lambda: self.sent()["agreement"]["stage"] == stage, f"A's agreement is {stage}")

        def both() -> bool:
            there = self.received()
            decision = there["agreement"]["decision"]
            return (there["agreement"]["stage"], decision["state"]) == (stage, "made") and self.agree()

        until(both, f"B sees that the agreement is {stage}")
        assert self.sent()["agreement"]["comment"] == comment

    def agree(self) -> bool:
        """Whether both see the same, with all changes applied, and the same answers."""
        here, there = self.sent(), self.received()
        return all(here[name] == there[name] for name in ("in_full", "history"))

    def sent(self) -> Any:
        return self.a.get(f"/api/v1/heis/{A}/learning-agreements/sent/{ID}")

    def received(self) -> Any:
        reply = self.b.request("GET", f"/api/v1/heis/{B}/learning-agreements/received/{A}/{ID}")
        nothing = {"agreement": {"proposal_id": None, "stage": None}}
        return reply.json if reply.status == 200 else nothing

    def titles(self, state: str, table: str = "components_studied") -> list[str]:
        """The courses of a table, as B sees it in full."""
        return [each["title"] for each in self.received()["in_full"][state][table]]


def test_the_published_scenario_step_by_step(network: ClosedNetwork) -> None:
    scenario = Scenario(network)
    recognized = [course("Analysis")]

    # 1 and 2: the first proposal; B comments that a course is not held.
    first = [course(LOGIC), course("Big data"), course(FUNCTIONS)]
    seen = scenario.proposes("2026-05-11", components_studied=first, components_recognized=recognized)
    scenario.answers(seen, "first-rejected", "Big data is not held. Take data mining in its place.")
    until(lambda: scenario.b.copy(B, A, ID, "omobility-las") is None, "what was commented on is shown no more")

    # 3 to 5: the second proposal takes up the comment; B signs it.
    first = [course(LOGIC), course(DATA), course(FUNCTIONS)]
    seen = scenario.proposes("2026-05-18", components_studied=first, components_recognized=recognized)
    scenario.answers(seen, "agreed")
    assert scenario.titles("approved") == [LOGIC, DATA, FUNCTIONS]
    signed = scenario.sent()["document"]["first_version"]["receiving_hei_signature"]
    assert (signed["signer_name"], signed["signer_email"]) == (SIGNER["name"], SIGNER["email"])

    # 6 and 7: a course is changed during the stay, and a virtual component added; B signs.
    changed = [dropped(FUNCTIONS, "language-mismatch"), added(DATABASES)]
    seen = scenario.proposes("2026-10-01", components_studied=changed, virtual_components=[VIRTUAL])
    assert scenario.titles("proposed") == [LOGIC, DATA, DATABASES]
    scenario.answers(seen, "agreed")
    assert scenario.titles("approved", "virtual_components") == [ASPECTS]

    # 8 and 9: two more courses are to change, one of them added before; B comments, and what was agreed on holds.
    two = [
        dropped(LOGIC, "timetable-conflict"),
        added(SYSTEMS),
        dropped(FUNCTIONS, "language-mismatch"),
        added(EXPERTS),
    ]
    seen = scenario.proposes("2026-10-08", components_studied=two, virtual_components=[VIRTUAL])
    outcomes = {each["title"]: each["outcome"] for each in scenario.received()["in_full"]["difference"]["components"]}
    assert outcomes[DATABASES] == "dropped", "it is not repeated, and so is gone"
    scenario.answers(seen, "changes-rejected", "Systems is not held in English.")
    assert scenario.titles("approved") == [LOGIC, DATA, DATABASES]

    # 10 to 12: another course in its place; B signs, and that is the final version.
    two[1] = added(CHOICE)
    seen = scenario.proposes("2026-10-15", components_studied=two, virtual_components=[VIRTUAL])
    scenario.answers(seen, "agreed")
    assert scenario.titles("approved") == [DATA, CHOICE, EXPERTS]
    assert [one["approved"] for one in scenario.sent()["history"]] == [False, True, True, False, True]
    paper = scenario.b.request("GET", f"/api/v1/heis/{B}/learning-agreements/received/{A}/{ID}/pdf")
    assert paper.body.startswith(b"%PDF-")
