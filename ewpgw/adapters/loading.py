"""Finding an adapter by its name: entry points of the group ``ewpgw.adapters``."""

from __future__ import annotations

import asyncio
import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ewpgw.adapters.contract import Adapter
from ewpgw.adapters.mapping import BadMapping, load_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from ewpgw.adapters.mapping import MappingFault

GROUP = "ewpgw.adapters"


class UnknownAdapter(LookupError):
    """No usable adapter of that name is installed."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"adapter {kind!r}: {reason}")
        self.kind = kind
        self.reason = reason


class BadOptions(ValueError):
    """An adapter's options cannot be used. ``faults``: (key, what is wrong with it), without values."""

    def __init__(self, kind: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(f"adapter {kind!r}: " + "; ".join(f"{key}: {message}" for key, message in faults))
        self.kind = kind
        self.faults = faults


class AdapterFailed(Exception):
    """An adapter raised what the contract does not have.

    The text says what and where. That of the exception itself may quote a record or a password, so it is left out.
    """

    def __init__(self, kind: str, error: BaseException) -> None:
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = f"{last.tb_frame.f_globals.get('__name__')}, line {last.tb_lineno}" if last is not None else "unknown"
        super().__init__(
            f"the adapter {kind!r} raised {type(error).__name__} ({place}); this is a fault of the adapter"
        )
        self.kind = kind


def is_fault(error: BaseException) -> bool:
    """Whether an exception is the fault of the adapter's code that raised it, and not an order to this task to end.

    ``SystemExit`` in an adapter ends no gateway, and that it has cancelled a task of its own cancels nothing here.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Exception | SystemExit)


def create(hei_id: str, kind: str, options: Mapping[str, object], folder: Path) -> Adapter:
    """An adapter for a covered HEI. Opens nothing.

    - ``options``: the keys beside ``kind`` in the configuration file
    - ``folder``: where the options' relative paths start from; passed on as the validation context's ``folder``

    Raises UnknownAdapter, and BadOptions where the adapter's ``settings_model`` refuses the options.
    """
    found = load(kind)
    return found(hei_id, _settings(found, options, folder))


def mapping_faults(hei_id: str, kind: str, options: Mapping[str, object], folder: Path) -> tuple[MappingFault, ...]:
    """What is wrong with the mapping files in the folder that the option ``mappings`` names. Reaches for no source.

    The parameters are those of ``create``, and so is what it raises.
    """
    found = load(kind)
    mappings = getattr(_settings(found, options, folder), "mappings", None)
    if found.source_model is None or not isinstance(mappings, Path):
        return ()
    try:
        load_folder(mappings, found.source_model, hei_id=hei_id)
    except BadMapping as bad:
        return bad.faults
    return ()


def kinds() -> tuple[str, ...]:
    """The names of all installed adapters, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def described() -> dict[str, str]:
    """The installed adapters, and what each says of itself in a line; or why it cannot be used."""
    found = {}
    for kind in kinds():
        try:
            words = inspect.getdoc(load(kind)) or "says nothing of itself"
        except UnknownAdapter as unknown:
            words = f"cannot be used: {unknown.reason}"
        found[kind] = " ".join(words.partition("\n\n")[0].replace("``", "").split())
    return found


def load(kind: str) -> type[Adapter]:
    """The adapter class that calls itself ``kind``.

    Raises UnknownAdapter where none or more than one is installed under this name, where it cannot be imported, or
    where it is not an adapter.
    """
    points = {point.value: point for point in entry_points(group=GROUP, name=kind)}
    if not points:
        raise UnknownAdapter(kind, f"not installed; installed are: {', '.join(kinds()) or 'none'}")
    if len(points) > 1:
        raise UnknownAdapter(kind, f"installed more than once ({', '.join(sorted(points))}); uninstall all but one")
    return _loaded(kind, next(iter(points.values())))


def _settings(adapter: type[Adapter], options: Mapping[str, object], folder: Path) -> BaseModel:
    try:
        return adapter.settings_model.model_validate(dict(options), context={"folder": folder})
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        faults = ((".".join(str(part) for part in detail["loc"]), detail["msg"]) for detail in details)
        raise BadOptions(adapter.kind, tuple(faults)) from None


def _loaded(kind: str, point: EntryPoint) -> type[Adapter]:
    try:
        found = point.load()
    except Exception as error:  # a third party's module may fail in any way
        raise UnknownAdapter(kind, f"{point.value} cannot be imported: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, Adapter)):
        raise UnknownAdapter(kind, f"{point.value} is not a subclass of ewpgw.adapters.contract.Adapter")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UnknownAdapter(kind, f"{point.value} lacks {missing}")
    for attribute in ("kind", "settings_model"):
        if not hasattr(found, attribute):
            raise UnknownAdapter(kind, f"{point.value} lacks {attribute}")
    if found.kind != kind:
        raise UnknownAdapter(
            kind, f"{point.value} calls itself {found.kind!r}; its entry point must have the same name"
        )
    return found
