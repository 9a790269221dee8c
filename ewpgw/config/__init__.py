"""Settings: the YAML file and the environment, read into typed, immutable values."""

from __future__ import annotations

from ewpgw.config.checks import Knowledge
from ewpgw.config.faults import ConfigFault, ConfigFaults
from ewpgw.config.loading import load, load_other
from ewpgw.config.settings import (
    AdapterSettings,
    CalendarSettings,
    HeiSettings,
    KeySettings,
    LimitSettings,
    LogSettings,
    MonitoringSettings,
    NameSettings,
    NetworkSettings,
    OtherIdSettings,
    RegistrySettings,
    Settings,
    SisSettings,
    StoreSettings,
    TlsSettings,
    WorkSettings,
)
from ewpgw.config.values import PublicUrl

__all__ = [
    "AdapterSettings",
    "CalendarSettings",
    "ConfigFault",
    "ConfigFaults",
    "HeiSettings",
    "KeySettings",
    "Knowledge",
    "LimitSettings",
    "LogSettings",
    "MonitoringSettings",
    "NameSettings",
    "NetworkSettings",
    "OtherIdSettings",
    "PublicUrl",
    "RegistrySettings",
    "Settings",
    "SisSettings",
    "StoreSettings",
    "TlsSettings",
    "WorkSettings",
    "load",
    "load_other",
]
