"""An adapter whose readings a test writes; a subclass may make up its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from pydantic import BaseModel

from ewpgw.adapters.contract import Adapter, CopyDelivery, Reading


class NoSettings(BaseModel):
    """There is nothing to set."""


class ScriptedAdapter(Adapter):
    """Yields what it is told to."""

    kind: ClassVar[str] = "scripted"
    settings_model: ClassVar[type[BaseModel]] = NoSettings

    def __init__(self, *readings: Reading) -> None:
        super().__init__("north.example", NoSettings())
        self.readings: Sequence[Reading] = readings
        self.wanted_in_full: list[bool] = []

    async def check(self) -> None: ...

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        self.wanted_in_full.append(self.in_full)
        for each in self.readings:
            yield each

    async def changes(self) -> AsyncGenerator[None, None]:
        yield

    async def deliver(self, delivery: CopyDelivery) -> None: ...
