"""From a file and an environment to settings, or to every fault at once.

pydantic-settings is not used: it knows no line numbers, and lets a misspelt variable of the environment pass.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from ewpgw.config import checks, environment, explain
from ewpgw.config.checks import Knowledge
from ewpgw.config.faults import ConfigFault, ConfigFaults, Finding, Location, key_path
from ewpgw.config.settings import Settings
from ewpgw.config.source import Source, UnreadableSource, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.config.environment import Overrides

Other = TypeVar("Other", bound=BaseModel)

ENVIRONMENT = "environment"
"""What a fault names as its file when a variable of the environment is wrong."""


def load(path: Path | str, environ: Mapping[str, str] | None = None, *, knowledge: Knowledge | None = None) -> Settings:
    """Read and check a configuration.

    Parameters:
        path: the YAML file; relative paths in it start from its folder
        environ: where ``EWPGW_SECTION__KEY`` overrides come from; the process's environment when None
        knowledge: what the rooms above know about API names and adapters' options; without it those are left unchecked

    Raises:
        ConfigFaults: something is wrong; it names everything that is
    """
    path = Path(path)
    try:
        source = read(path)
    except UnreadableSource as problem:
        raise ConfigFaults((ConfigFault(str(path), "", problem.problem, problem.remedy, problem.line),)) from None
    folder = path.absolute().parent
    overrides = environment.apply(source.data, os.environ if environ is None else environ)
    found = list(source.findings)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(overrides.data, context={"folder": folder})
    except ValidationError as error:
        found += explain.findings(error, Settings)
    found += checks.findings(overrides.data, folder, knowledge or Knowledge())
    faults = _faults(str(path), source, overrides, found)
    if faults or settings is None:
        raise ConfigFaults(faults)
    return settings


def load_other(path: Path | str, model: type[Other]) -> Other:
    """Read and check a configuration file of another kind, such as the registry's; the environment plays no part.

    Raises ConfigFaults as ``load`` does.
    """
    path = Path(path)
    try:
        source = read(path)
    except UnreadableSource as problem:
        raise ConfigFaults((ConfigFault(str(path), "", problem.problem, problem.remedy, problem.line),)) from None
    found = list(source.findings)
    settings: Other | None = None
    try:
        settings = model.model_validate(source.data, context={"folder": path.absolute().parent.resolve()})
    except ValidationError as error:
        found += explain.findings(error, model)
    faults = _faults(str(path), source, environment.apply(source.data, {}), found)
    if faults or settings is None:
        raise ConfigFaults(faults)
    return settings


def _faults(file: str, source: Source, overrides: Overrides, found: list[Finding]) -> tuple[ConfigFault, ...]:
    faults: list[ConfigFault] = []
    taken: set[Location] = set()
    for finding in found:
        # the first finding about a key is the root of any other
        if finding.location in taken:
            continue
        taken.add(finding.location)
        variable = next(
            (name for place, name in overrides.variables.items() if finding.location[: len(place)] == place), None
        )
        if variable:
            faults.append(ConfigFault(ENVIRONMENT, variable, finding.problem, finding.remedy))
        else:
            line = finding.line or source.line(finding.location)
            faults.append(ConfigFault(file, key_path(finding.location), finding.problem, finding.remedy, line))
    faults.sort(key=lambda fault: (fault.file == ENVIRONMENT, fault.line or 0))
    return (*faults, *(ConfigFault(ENVIRONMENT, *fault) for fault in overrides.faults))
