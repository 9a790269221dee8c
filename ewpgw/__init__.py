"""ewpgw: the open gateway that lets any university speak Erasmus Without Paper."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("ewpgw")
