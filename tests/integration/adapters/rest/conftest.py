"""A maker of rest adapters, and no waiting between their attempts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.rest_adapter import Maker

from ewpgw.adapters.rest import adapter as adapter_module
from ewpgw.adapters.rest import client as client_module


@pytest.fixture
async def adapter(tmp_path: Path) -> AsyncIterator[Maker]:
    maker = Maker(tmp_path)
    yield maker
    for each in maker.made:
        await each.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(client_module, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(adapter_module, "_SHORTEST_PAUSE", 0.0)
