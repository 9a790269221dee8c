"""``ewpgw call``: one signed call to a partner, with the verified answer."""

from __future__ import annotations

from pathlib import Path
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
    get: Annotated[
        bool, typer.Option("--get", help="Call with GET instead of POST, also where an endpoint takes both.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the answer's bytes here, as of a file.")
    ] = None,
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
        method = "GET" if get or _takes_get_only(api, endpoint) else "POST"
        answer = asyncio.run(_call(settings, caller, hei, api, endpoint, pairs, major, method))
    except CallFailed as failure:
        fail(failure.reason)
    except StoreProblem as problem:
        fail(problem)
    body = _text(answer.body)
    if output is not None:
        try:
            output.write_bytes(answer.body)
        except OSError as error:
            fail(f"{output} cannot be written: {error.strerror}")
    if json:
        shown = {"content_type": answer.content_type, "body": None if output else body}
        say_json({"status": answer.status, "signed": answer.signed, "url": answer.url, **shown})
        return
    trust = "signature verified" if answer.signed else "unsigned, over verified TLS"
    say(f"{answer.url}: HTTP {answer.status}, {trust}")
    if output is not None:
        say(f"{len(answer.body)} bytes of {answer.content_type} are in {output}")
    elif body is None:
        say(f"{len(answer.body)} bytes of {answer.content_type}; --output FILE writes them to a file")
    else:
        say(body)


def _text(body: bytes) -> str | None:
    """The body as text; None where it is something else."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _takes_get_only(api: str, endpoint: str) -> bool:
    from ewpgw.apis.running import APIS

    declared = [each for known in APIS if known.name == api for each in known.endpoints if each.name == endpoint]
    return bool(declared) and declared[0].methods == ("GET",)


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
    from ewpgw.network.client import Expected, PartnerClient
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
        expected = Expected(accept="application/xml, text/xml, */*;q=0.5")
        return await client.call(caller, partner, api, major, endpoint, parameters, method=method, expected=expected)
    finally:
        await client.close()
        await evidence.flush()
        await store.close()
