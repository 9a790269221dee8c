"""The beginnings of an adapter's configuration, for somebody who connects a system for the first time."""

from __future__ import annotations

from ewpgw.adapters.starting.kinds import KINDS, CannotStart, files_of, write

__all__ = ["KINDS", "CannotStart", "files_of", "write"]
