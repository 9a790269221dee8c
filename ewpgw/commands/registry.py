"""``ewpgw registry``: a small registry for closed networks."""

from __future__ import annotations

from ewpgw.commands.terminal import ConfigFile, fail


def registry(config: ConfigFile) -> None:
    """Run a small registry for a closed network: it reads manifests, checks them and serves the catalogue."""
    import asyncio
    import signal

    from ewpgw import logs
    from ewpgw.config import ConfigFaults, LogSettings, load_other
    from ewpgw.registry.server import serve
    from ewpgw.registry.settings import RegistrySettings

    try:
        settings = load_other(config, RegistrySettings)
    except ConfigFaults as faults:
        fail(faults)
    logs.set_up(LogSettings(format="json", level="info"))

    async def until_asked_to_end() -> None:
        task = asyncio.ensure_future(serve(settings))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.gather(task, return_exceptions=False)

    try:
        asyncio.run(until_asked_to_end())
    except asyncio.CancelledError:
        return
    except OSError as problem:
        fail(f"the registry cannot serve: {problem}")
