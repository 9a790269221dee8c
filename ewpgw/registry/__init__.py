"""A small registry for closed networks: tests, demonstrations, pilots."""

from __future__ import annotations

from ewpgw.registry.server import Registry, serve
from ewpgw.registry.settings import RegistrySettings

__all__ = ["Registry", "RegistrySettings", "serve"]
