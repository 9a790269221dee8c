"""The inbox of the folder adapter: partners' copies and decisions as files, each written whole or not at all.

For an id of a partner there are, in ``inbox/<entity>/<partner>/``:

- ``<id>.xml`` and ``<id>.json``: the last good copy, as received and decoded
- ``<id>.invalid.xml`` and ``<id>.invalid.json``: a newer one that breaks its schema, and why; until the next good one
- ``<id>.gone.json``, alone: the partner serves it no more

A decision is a file in ``inbox/decisions/``, named by its number, with so many digits that the names sort.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.adapters.contract import CopyDelivery, Decision

DECISIONS = "decisions"
_DIGITS = 12
_STATE_WORD = re.compile(r"\.(?=(gone|invalid)$)")


def file_name(identifier: str) -> str:
    """An identifier as a file name: everything but ``[A-Za-z0-9._-]`` percent-encoded, and no leading dot.

    The last dot of an id that ends like one of the inbox's own suffixes is encoded too, so no two ids share a file.
    ``urllib.parse.unquote`` gives the identifier back.
    """
    name = quote(identifier, safe="").replace("~", "%7E")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return _STATE_WORD.sub("%2E", name)


def write(inbox: Path, delivery: CopyDelivery) -> None:
    """Bring the files of one copy into the delivered state. Blocking; repeating it changes nothing.

    The JSON file is written last, so whoever waits for it finds the others done.
    """
    folder = inbox / file_name(delivery.entity) / file_name(delivery.partner)
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(delivery.id)
    good, invalid = (f"{name}.xml", f"{name}.json"), (f"{name}.invalid.xml", f"{name}.invalid.json")
    gone = f"{name}.gone.json"
    match delivery.state:
        case "current":
            _remove(folder, *invalid, gone)
            _put(folder, *good, delivery.body, delivery.document)
        case "invalid":
            _remove(folder, gone)
            _put(folder, *invalid, delivery.body, {**_notice(delivery), "problems": delivery.problems})
        case "gone":
            _remove(folder, *good, *invalid)
            _replace(folder / gone, _as_json(_notice(delivery)))
    _sync(folder)


def write_decision(inbox: Path, decision: Decision) -> None:
    """Write the file of one decision. Blocking; repeating it makes no other file."""
    folder = inbox / DECISIONS
    folder.mkdir(parents=True, exist_ok=True)
    content = {**asdict(decision), "at": decision.at.isoformat()}
    _replace(folder / f"{decision.number:0{_DIGITS}}.json", _as_json(content))
    _sync(folder)


def _put(folder: Path, xml: str, json_: str, body: bytes | None, content: Mapping[str, object] | None) -> None:
    if body is not None:
        _replace(folder / xml, body)
    _replace(folder / json_, _as_json(content))


def _remove(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _as_json(content: Mapping[str, object] | None) -> bytes:
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


def _notice(delivery: CopyDelivery) -> dict[str, object]:
    return {
        "entity": delivery.entity,
        "partner": delivery.partner,
        "id": delivery.id,
        "state": delivery.state,
        "at": delivery.at.isoformat(),
    }


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees its old content or its new one, and a crash leaves no half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _sync(folder: Path) -> None:
    """Make the renames of a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
