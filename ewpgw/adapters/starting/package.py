"""The starter of an adapter written in Python: a package with an entry point, and a class that fulfils the contract."""

from __future__ import annotations

import keyword
import re
from string import Template
from typing import TYPE_CHECKING

from ewpgw.adapters.loading import GROUP, kinds
from ewpgw.adapters.starting import texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = re.compile("[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


class BadName(ValueError):
    """The folder's name cannot be that of an adapter. The text says why."""


def files(hei_id: str, folder: Path) -> Mapping[str, str]:
    """The files of the package; the adapter is named as the folder is. Raises BadName."""
    kind = folder.name
    if not _NAME.fullmatch(kind) or keyword.iskeyword(kind):
        raise BadName(
            f"{kind} cannot be the name of an adapter; name a folder of lower-case letters, digits and - with --folder"
        )
    if kind in kinds():
        raise BadName(f"there is an adapter {kind} already; name a folder after yours with --folder")
    module = kind.replace("-", "_")
    if module == "ewpgw":
        raise BadName("ewpgw is the gateway's own name; name a folder after your system with --folder")
    name = "".join(part.capitalize() for part in module.split("_"))
    fill = {"kind": kind, "module": module, "name": name, "group": GROUP, "hei_id": hei_id}
    return {
        "README.md": texts.readme(kind, hei_id, Template(_README).substitute(fill)),
        "pyproject.toml": Template(_PROJECT).substitute(fill),
        f"src/{module}/__init__.py": Template(_INIT).substitute(fill),
        f"src/{module}/adapter.py": Template(_ADAPTER).substitute(fill),
        "adapter.yaml": Template(_YAML).substitute(fill),
    }


_README = """\
A Python package with an adapter of your own. Fill in `src/$module/adapter.py`: it has a method for each thing
the gateway asks, and `docs/adapters/python.md` says what each has to do. Install it beside the gateway, with
the gateway's own Python:

    pip install --editable .

`ewpgw adapter list` names it then.
"""
_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$kind"
version = "0.1.0"
description = "Connects our student information system to ewpgw"
requires-python = ">=3.11"
dependencies = ["ewpgw"]

# The gateway finds the adapter by this name; it is the kind in the configuration.
[project.entry-points."$group"]
$kind = "$module.adapter:${name}Adapter"

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]
"""
_INIT = '''\
"""Connects our student information system to ewpgw."""
'''
_YAML = """\
# Below the institution, in the gateway's configuration:
adapter:
  kind: $kind
  url: https://sis.$hei_id/api
  # How often the system is read.
  look_seconds: 60
"""
_ADAPTER = '''\
"""The adapter: our records on their way to the gateway, and partners' copies on their way back."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from typing import ClassVar

from ewpgw.adapters.contract import (
    Adapter,
    AdapterProblem,
    Complete,
    CopyDelivery,
    Decision,
    Item,
    Reading,
    SourceIncomplete,
)
from ewpgw.preparing import Incoming
from pydantic import BaseModel, ConfigDict, Field


class ${name}Settings(BaseModel):
    """The adapter's options in the gateway's configuration, beside ``kind``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(description="Where our system is.")
    look_seconds: float = Field(60, gt=0, description="How often it is read.")


class ${name}Adapter(Adapter):
    """Our student information system."""

    kind: ClassVar[str] = "$kind"
    settings_model: ClassVar[type[BaseModel]] = ${name}Settings

    def __init__(self, hei_id: str, settings: BaseModel) -> None:
        super().__init__(hei_id, settings)
        assert isinstance(settings, ${name}Settings)
        self.settings = settings

    async def check(self) -> None:
        """Say so, with AdapterProblem, when our system cannot be used at all."""
        try:
            await asyncio.to_thread(self._agreements)
        except OSError as error:
            raise AdapterProblem(f"{self.settings.url} cannot be reached: {error}") from error

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Hand over everything there is."""
        try:
            agreements = await asyncio.to_thread(self._agreements)
        except OSError as error:
            # nothing is deleted on the strength of half a reading
            raise SourceIncomplete(f"{self.settings.url} cannot be read: {error}") from error
        for number, record in sorted(agreements.items()):
            text = json.dumps(record, sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            yield Item(f"iias/{number}", "iias", Incoming(id=None, document=record, raw=text), digest)
        # what was there before and is not any more is deleted now, and its identifier can never be used again
        yield Complete("iias")

    async def changes(self) -> AsyncGenerator[None, None]:
        """Say when it is worth reading again."""
        while True:
            await asyncio.sleep(self.settings.look_seconds)
            yield

    async def deliver(self, delivery: CopyDelivery) -> None:
        """Keep a partner's copy. The same one may come twice."""
        # Store delivery.document below (delivery.entity, delivery.partner, delivery.id), and mark it as gone where
        # delivery.state is "gone". Raise AdapterProblem where that cannot be done now: it will come again.

    async def decided(self, decision: Decision) -> None:
        """Note a decision, such as a partner's approval. The same one may come twice: decision.number tells."""
        # Act upon decision.what below, for what decision.our_id and decision.id name. Pass over what you do not know.

    def _agreements(self) -> dict[str, dict[str, object]]:
        """Our agreements as docs/records/iias.md describes them, by our number. Read them from our system here."""
        return {}
'''
