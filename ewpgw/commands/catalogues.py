"""The catalogue for commands that run once: asked from the registry, or the gateway's last copy where it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.commands.terminal import complain, fail

if TYPE_CHECKING:
    from ewpgw.config import Settings
    from ewpgw.network.catalogue import Catalogue


async def read_catalogue(settings: Settings) -> Catalogue:
    """The catalogue that the gateway itself would use now. Ends the command where there is none."""
    from ewpgw import logs
    from ewpgw.config import LogSettings
    from ewpgw.daemon import catalogue_keeper, client_tls, utc_now
    from ewpgw.store.engine import Store

    # standard output is for the answer, and what is wrong with the catalogue is said below
    logs.set_up(LogSettings(format="console", level="error"))
    store = await Store.open(settings.store.url.get_secret_value())
    try:
        keeper = catalogue_keeper(settings, store, client_tls(settings), utc_now)
        await keeper.load_stored()
        await keeper.refresh()
        if keeper.status.last_error:
            complain(f"the registry could not be asked: {keeper.status.last_error}")
        if keeper.current is None:
            fail("there is no catalogue: the registry is away and none was kept")
        return keeper.current
    finally:
        await store.close()
