"""The story that the demonstration tells: the life of one agreement between two universities, from draft to
termination, and what the gateways refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.demo.agreeing import Agreeing
from ewpgw.demo.changing import Changing
from ewpgw.demo.joining import Joining
from ewpgw.demo.offices import Offices
from ewpgw.demo.refusing import Refusing
from ewpgw.demo.steps import Step, take

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ewpgw.demo.network import Network


async def tell(network: Network) -> AsyncIterator[Step]:
    """Starts the network and yields each step as it ends, up to the first that does not hold."""
    offices = Offices.of(network)
    acts = [Joining(network).act(), Agreeing(offices).act(), Changing(offices).act(), Refusing(network).act()]
    for act in acts:
        for name, deed in act.steps:
            step = await take(act, name, deed)
            yield step
            if not step.ok:
                return
