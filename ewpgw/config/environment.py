"""Overrides from the environment: EWPGW_SECTION__KEY, case-insensitive, lists by index from 0."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.config.fields import Kind, keys, kind_of, nearest_key
from ewpgw.config.settings import Settings
from ewpgw.config.source import plain_scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from ewpgw.config.faults import Location

PREFIX = "EWPGW_"
NOT_SETTINGS = frozenset({"EWPGW_CONFIG"})
"""Variables that are not settings: the configuration file's path, which the commands read."""

_KUBERNETES = re.compile(r"EWPGW_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT|PORT)(?:_\w+)?")


@dataclass(frozen=True, slots=True)
class Overrides:
    """The data with the environment's values in it.

    Attributes:
        data: a copy of the file's data, overridden
        variables: which variable set which location
        faults: (variable, problem, remedy) of those that set none
    """

    data: dict[str, object]
    variables: dict[Location, str]
    faults: tuple[tuple[str, str, str], ...]


class _Unknown(Exception):
    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def apply(data: dict[str, object], environ: Mapping[str, str]) -> Overrides:
    """Put the environment's values into a copy of the file's data."""
    result: dict[str, object] = deepcopy(data)
    variables: dict[Location, str] = {}
    faults: list[tuple[str, str, str]] = []
    for variable in sorted(environ):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        try:
            location, value = _place(result, name.removeprefix(PREFIX).lower().split("__"), environ[variable])
            if location in variables:
                raise _Unknown(f"sets the same key as {variables[location]}", "keep one of the two")
            _put(result, location, value)
        except _Unknown as unknown:
            remedy = unknown.remedy
            if _KUBERNETES.fullmatch(name):
                remedy += (
                    "; Kubernetes sets it for a service of this name unless the pod says enableServiceLinks: false"
                )
            faults.append((variable, unknown.problem, remedy))
        else:
            variables[location] = variable
    return Overrides(result, variables, tuple(faults))


def _place(data: dict[str, object], steps: list[str], text: str) -> tuple[Location, object]:
    """The location that a variable's steps name, and its value."""
    location: Location = ()
    kind = Kind(Settings, optional=False, is_list=False)
    here: object = data
    for position, step in enumerate(steps):
        if kind.is_list:
            items = here if isinstance(here, list) else []
            if not step.isdecimal() or int(step) >= len(items):
                raise _Unknown(f"names no item of the list ({len(items)} in the file)", "count the items from 0")
            location, here = (*location, int(step)), items[int(step)]
            kind = Kind(kind.plain, kind.optional, is_list=False)
            continue
        if kind.model is None:
            raise _Unknown("is not a known setting", f"{_variable(steps[:position])} has no keys below it")
        found = _key(kind.model, step)
        if found is None and kind.model.model_config.get("extra") == "allow":
            return (*location, *steps[position:]), plain_scalar(text)  # an adapter's own option
        if found is None:
            raise _Unknown("is not a known setting", nearest_key(Settings, location, step))
        key, kind = found
        location = (*location, key)
        here = here.get(key) if isinstance(here, dict) else None
    value = plain_scalar(text)
    if value is None and kind.optional:
        return location, None
    if kind.is_list or kind.model:
        word = "a list" if kind.is_list else "a section"
        raise _Unknown(f"names {word}, not a single value", "set it in the file, or name a key in it after '__'")
    return location, text if kind.is_text else value


def _key(model: type[BaseModel], step: str) -> tuple[str, Kind] | None:
    """The key of the file that a step names, and its kind."""
    for key, field in keys(model).items():
        if key.replace("-", "_") == step:
            return key, kind_of(field.annotation)
    return None


def _variable(steps: list[str]) -> str:
    return PREFIX + "__".join(steps).upper()


def _put(data: dict[str, object], location: Location, value: object) -> None:
    here: object = data
    for step in location[:-1]:
        if isinstance(here, dict):
            # a section that the file leaves out, or leaves empty
            here[step] = {} if here.get(step) is None else here[step]
            here = here[step]
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    match here, location[-1]:
        case dict(), key:
            here[key] = value
        case list(), int(index):
            here[index] = value
