"""What waits during an import: in memory, and beyond that in a file."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import NoReturn

import pytest

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.shelf import Shelf


def nowhere() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_put_comes_back_from_memory_and_from_the_file() -> None:
    shelf = Shelf(2)
    things = [[f"thing {number}"] for number in range(5)]
    held = [shelf.put(thing, 1) for thing in things]
    assert [each.get() for each in held] == things
    assert [each.get() is thing for each, thing in zip(held, things, strict=True)] == [True, True, False, False, False]
    assert [each.take() for each in reversed(held)] == things[::-1]
    shelf.close()


def test_what_is_taken_makes_room_in_memory() -> None:
    shelf = Shelf(1)
    first = shelf.put(["first"], 1)
    assert shelf.put(thing := ["second"], 1).get() is not thing
    first.take()
    assert shelf.put(thing := ["third"], 1).get() is thing
    shelf.close()


def test_what_no_file_can_have_stays_in_memory() -> None:
    shelf = Shelf(0)
    thing = [lambda: 7]
    assert shelf.put(thing, 1).get() is thing
    shelf.close()


def test_where_there_is_no_room_for_the_file_the_reading_ends_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    shelf = Shelf(1)
    shelf.put("in memory", 1)
    with pytest.raises(AdapterProblem, match=r"what waits to be imported cannot be written to .*: No space left"):
        shelf.put("in a file", 1)
    shelf.close()
