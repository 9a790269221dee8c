"""Elements that a request may have once: where one comes twice, nobody can know which is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.problems import DecodeProblem
from ewpgw.model.rules import refusal

if TYPE_CHECKING:
    from lxml import etree


def given_once(element: etree._Element, namespace: str, *names: str, source: str) -> None:
    """Raises DecodeProblem where ``element`` has two children of one of these names; others may repeat themselves.

    Decoding would take one of the two and pass over the other, so that a decision could be entered for another student
    than the one who signed the request has looked at. ``source`` names the rule.
    """
    counts = {name: sum(1 for _ in element.iterchildren(f"{{{namespace}}}{name}")) for name in names}
    problems = [
        refusal("", f"must have {name} once, and has it {count} times", source)
        for name, count in counts.items()
        if count > 1
    ]
    if problems:
        raise DecodeProblem(problems)
