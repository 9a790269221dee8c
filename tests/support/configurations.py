"""Configuration files in folders of their own, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ewpgw.config import ConfigFault, ConfigFaults, Knowledge, Settings, load
from ewpgw.security.keys import generate, write_private_key

Change = Callable[[str, str], str]
"""The right configuration with one text replaced by another."""


def with_adapter(folder: Path, adapter: Mapping[str, object], store: str = "store.db") -> Path:
    """The configuration of north.example with an adapter; ``store`` is the name of its SQLite file."""
    write_private_key(folder / "north.pem", generate())
    hei = {
        "id": "north.example",
        "public_url": "https://ewp.north.example",
        "names": [{"text": "North", "lang": "en"}],
        "admin_emails": ["ewp@north.example"],
        "admin_provider": "North",
        "keys": [{"file": "north.pem"}],
        "adapter": dict(adapter),
    }
    file = folder / "ewpgw.yaml"
    whole = {"network": {"behind_proxy": True}, "store": {"url": f"sqlite:///{store}"}, "heis": [hei]}
    file.write_text(yaml.safe_dump(whole), "utf-8")
    return file


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
