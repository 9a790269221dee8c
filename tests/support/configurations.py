"""A configuration file in a folder of its own, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ewpgw.config import ConfigFault, ConfigFaults, Knowledge, Settings, load

Change = Callable[[str, str], str]
"""The right configuration with one text replaced by another."""


@dataclass
class Case:
    """A configuration file in a folder of its own."""

    folder: Path

    def write(self, text: str) -> Path:
        path = self.folder / "ewpgw.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None) -> Settings:
        return load(self.write(text), environ or {}, knowledge=knowledge)

    def faults(
        self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None
    ) -> tuple[ConfigFault, ...]:
        with pytest.raises(ConfigFaults) as caught:
            self.load(text, environ, knowledge)
        return caught.value.faults

    def fault(
        self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None
    ) -> ConfigFault:
        """The only fault there is."""
        found = self.faults(text, environ, knowledge)
        assert len(found) == 1, "\n".join(map(str, found))
        return found[0]
