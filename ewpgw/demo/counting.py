"""The sixth act: the year in figures, as the Stats Portal collects them from every member of the network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ewpgw.demo.network import StepFailed
from ewpgw.demo.nominating import YEAR
from ewpgw.demo.steps import Act, expect
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.network.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ewpgw.demo.network import Network

_ASKED = (
    ("iias", 7, "stats"),
    ("omobility-stats", 1, ""),
    ("omobility-las", 1, "stats"),
    ("omobility-la-cnr", 1, "stats"),
    ("imobility-tor-stats", 1, ""),
)
"""The APIs with statistics, their versions, and the endpoints that give them."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "agreements": {"iia-fetchable": "to be fetched", "iia-both-approved": "approved by both sides"},
    "nominations": {"omobility-approved": "approved"},
    "learning agreements of students who go out": {
        "la-outgoing-total": "in all",
        "la-outgoing-modified-after-approval": "changed after approval",
        "la-outgoing-latest-version-approved": "approved in the latest version",
    },
    "learning agreements of students who come in": {
        "la-incoming-total": "in all",
        "la-incoming-some-version-approved": "approved in some version",
        "la-incoming-latest-version-approved": "approved in the latest version",
    },
    "transcripts": {"imobility-tor-total": "issued"},
}
"""What the figures are of, and what each element counts."""

_EXPECTED: Mapping[str, Mapping[str, int]] = {
    "north": {
        "iia-fetchable": 1,
        "iia-both-approved": 1,
        "omobility-approved": 2,
        "la-outgoing-total": 1,
        "la-outgoing-modified-after-approval": 1,
        "la-outgoing-latest-version-approved": 1,
    },
    "south": {
        "iia-fetchable": 1,
        "iia-both-approved": 1,
        "la-incoming-total": 1,
        "la-incoming-some-version-approved": 1,
        "la-incoming-latest-version-approved": 1,
        "imobility-tor-total": 1,
    },
}
"""What the story has led to; every other figure is 0."""


class Counting:
    """Calls of tester.example, in the Stats Portal's place: any member may ask."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def act(self) -> Act:
        """What is shown."""
        return Act(
            f"The year {YEAR} in figures",
            tuple((f"{member.capitalize()}'s statistics", partial(self._figures, member)) for member in _EXPECTED),
        )

    async def _figures(self, member: str) -> str:
        reply = await self._network.tester.fetch(self._network.layout.catalogue_url)
        catalogue = Catalogue.read(reply.body)
        figures: dict[str, int] = {}
        for api, major, endpoint in _ASKED:
            entry = catalogue.entry(f"{member}.example", api, major)
            if entry is None or endpoint not in entry.urls:
                raise StepFailed(f"the catalogue has no statistics of {member} at {api}")
            figures |= await self._ask(entry.urls[endpoint])
        counted = {name: figure for name, figure in figures.items() if figure}
        expect(counted == _EXPECTED[member], f"{member} counts {counted}")
        return "\n".join(_in_words(counted))

    async def _ask(self, url: str) -> dict[str, int]:
        """The figures in the answer to a signed call, by their elements."""
        tester = self._network.tester
        reply = await tester.send(tester.sign(url, [], method="GET"))
        expect(reply.status == 200, f"{url}: HTTP {reply.status}: {reply.developer_message}")
        expect("signature" in reply.headers, f"{url}: the answer is not signed")
        root = parse(reply.body)
        faults = schemas().faults(root)
        expect(not faults, f"{url}: the answer is not valid: {faults[:1]}")
        leaves = [(str(each.tag).partition("}")[2], each.text or "") for each in root.iter() if not len(each)]
        years = [text for name, text in leaves if name == "receiving-academic-year-id"]
        expect(set(years) <= {YEAR}, f"{url}: there are figures of {years}")
        return {name: int(text) for name, text in leaves if text.isdecimal()}


def _in_words(counted: Mapping[str, int]) -> Iterator[str]:
    for about, words in _WORDS.items():
        told = [f"{counted[name]} {word}" for name, word in words.items() if name in counted]
        if told:
            yield f"{about}: {', '.join(told)}"
