"""The story that the demonstration tells: an agreement between two universities, the students who go under it, what one
of them studies and achieves, the year in figures, the agreement's end, and what the gateways refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.demo.agreeing import Agreeing
from ewpgw.demo.changing import Changing
from ewpgw.demo.counting import Counting
from ewpgw.demo.joining import Joining
from ewpgw.demo.nominating import Nominating
from ewpgw.demo.offices import Offices
from ewpgw.demo.recognising import Recognising
from ewpgw.demo.refusing import Refusing
from ewpgw.demo.steps import Step, take
from ewpgw.demo.studying import Studying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ewpgw.demo.network import Network


async def tell(network: Network) -> AsyncIterator[Step]:
    """Starts the network and yields each step as it ends, up to the first that does not hold."""
    offices = Offices.of(network)
    acts = (
        Joining(network).act(),
        Agreeing(offices).act(),
        Nominating(offices).act(),
        Studying(offices).act(),
        Recognising(offices).act(),
        Counting(network).act(),
        Changing(offices).act(),
        Refusing(network).act(),
    )
    for act in acts:
        for name, deed in act.steps:
            step = await take(act, name, deed)
            yield step
            if not step.ok:
                return
