"""``ewpgw serve``: runs the gateway until it is asked to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.commands.terminal import ConfigFile, fail, load_settings

if TYPE_CHECKING:
    from ewpgw.config import Settings


def serve(config: ConfigFile) -> None:
    """Run the gateway. SIGTERM or Ctrl-C ends it in order: no new work, requests in flight finish, exit 0."""
    settings = load_settings(config)
    from ewpgw import logs

    logs.set_up(settings.log)
    try:
        import uvloop
    except ImportError:  # not made for Windows
        import asyncio

        code = asyncio.run(_serve(settings))
    else:
        code = uvloop.run(_serve(settings))
    if code:
        fail("a part of the gateway ended by itself; the log says why", code)


async def _serve(settings: Settings) -> int:
    import asyncio
    import gc
    import signal

    from ewpgw.daemon import CannotListen, Gateway
    from ewpgw.store.errors import StoreProblem

    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    gateway = Gateway(settings)
    try:
        await gateway.start()
    except (StoreProblem, CannotListen) as problem:
        fail(problem)
    # Modules and their tables stay as long as the process. Were they looked through for garbage again and again, every
    # few thousandth request would wait a tenth of a second for it.
    gc.collect()
    gc.freeze()
    waits = [asyncio.create_task(ending.wait()), asyncio.create_task(gateway.broken.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await gateway.drain()
    for wait in waits:
        wait.cancel()
    return 1 if gateway.broken.is_set() else 0
