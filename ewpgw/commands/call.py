"""``ewpgw call``: one signed call to a partner, with the verified answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands.terminal import ConfigFile, Json, fail, load_settings, say, say_json

if TYPE_CHECKING:
    from ewpgw.config import Settings
    from ewpgw.network.client import Answer


def call(
    hei: Annotated[str, typer.Argument(metavar="HEI", help="The partner's HEI id.")],
    api: Annotated[str, typer.Argument(metavar="API", help="The API's name, such as iias.")],
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its endpoint: get, index…; '' for a plain url.")],
    parameters: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Request parameters.")] = None,
    *,
    config: ConfigFile,
    as_hei: Annotated[str | None, typer.Option("--as", metavar="HEI", help="The covered HEI that calls.")] = None,
    major: Annotated[int | None, typer.Option("--version", help="The API's major version; else the newest.")] = None,
    get: Annotated[bool, typer.Option("--get", help="Call with GET instead of POST.")] = False,
    json: Json = False,
) -> None:
    """Make a signed call to a partner and print the answer, once its signature has been verified."""
    import asyncio

    from ewpgw.network.failures import CallFailed
    from ewpgw.store.errors import StoreProblem

    settings = load_settings(config)
    pairs = [_pair(text) for text in parameters or []]
    caller = as_hei or settings.heis[0].id
    if settings.hei(caller) is None:
        fail(f"{caller} is not covered by {config}; it covers {', '.join(h.id for h in settings.heis)}", 2)
    try:
        answer = asyncio.run(_call(settings, caller, hei, api, endpoint, pairs, major, "GET" if get else "POST"))
    except CallFailed as failure:
        fail(failure.reason)
    except StoreProblem as problem:
        fail(problem)
    body = answer.body.decode("utf-8", "replace")
    if json:
        say_json({"status": answer.status, "signed": answer.signed, "url": answer.url, "body": body})
        return
    trust = "signature verified" if answer.signed else "unsigned, over verified TLS"
    say(f"{answer.url}: HTTP {answer.status}, {trust}")
    say(body)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        fail(f"{text!r} is not a parameter; write it as name=value", 2)
    return name, value


async def _call(
    settings: Settings,
    caller: str,
    partner: str,
    api: str,
    endpoint: str,
    parameters: list[tuple[str, str]],
    major: int | None,
    method: str,
) -> Answer:
    from ewpgw.commands.catalogues import read_catalogue
    from ewpgw.daemon import client_tls, utc_now
    from ewpgw.evidence import Evidence
    from ewpgw.identity import Identity
    from ewpgw.network.client import PartnerClient
    from ewpgw.network.failures import NotListed
    from ewpgw.network.monitoring import Monitoring
    from ewpgw.store.engine import Store

    catalogue = await read_catalogue(settings)
    hei = settings.hei(caller)
    assert hei is not None
    store = await Store.open(settings.store.url.get_secret_value())
    evidence = Evidence(store, keep_days=settings.store.exchange_days, now=utc_now)
    client = PartnerClient(
        {caller: Identity.from_settings(hei)},
        catalogue=lambda: catalogue,
        evidence=evidence,
        monitoring=Monitoring(None),
        tls=client_tls(settings),
        now=utc_now,
        timeout_seconds=settings.network.request_timeout_seconds,
    )
    await client.start()
    try:
        if major is None:
            entries = catalogue.entries(partner, api)
            if not entries:
                raise NotListed(f"the catalogue lists no {api} API of {partner}; `ewpgw partners` shows what there is")
            major = entries[0].major
        return await client.call(caller, partner, api, major, endpoint, parameters, method=method)
    finally:
        await client.close()
        await evidence.flush()
        await store.close()
