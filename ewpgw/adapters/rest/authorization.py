"""Showing the source who asks: a fixed token, a password, or OAuth2 client credentials (RFC 6749, 4.4)."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

from ewpgw.adapters.rest.client import RequestFailed, shown
from ewpgw.documents import json_text

if TYPE_CHECKING:
    from ewpgw.adapters.rest.client import Answer, Authorization, Client
    from ewpgw.adapters.rest.settings import AuthSettings, BasicSettings, OAuth2Settings, Secret

_MAX_TOKEN_ANSWER = 64 * 1024
_MARGIN_SECONDS = 60.0
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ERROR = re.compile(r"[a-z_]{1,40}")
_FORM = "application/x-www-form-urlencoded"


def authorization(settings: AuthSettings | None, client: Client) -> Authorization | None:
    """The way that the settings name."""
    if settings is None:
        return None
    if settings.bearer is not None:
        return Bearer(settings.bearer)
    if settings.basic is not None:
        return Basic(settings.basic)
    assert settings.oauth2 is not None, "the settings have one of the three"
    return ClientCredentials(settings.oauth2, client)


class Bearer:
    """A fixed token (RFC 6750)."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    async def header(self) -> str:
        """The token as it is now."""
        return f"Bearer {self._secret.read()}"

    async def renewed(self, refused: str) -> str | None:
        """The token, where it was replaced meanwhile."""
        return _other(await self.header(), refused)


class Basic:
    """A user name and a password (RFC 7617)."""

    def __init__(self, settings: BasicSettings) -> None:
        self._settings = settings

    async def header(self) -> str:
        """Name and password as they are now."""
        return _basic(self._settings.user, self._settings.password.read())

    async def renewed(self, refused: str) -> str | None:
        """The password, where it was replaced meanwhile."""
        return _other(await self.header(), refused)


class ClientCredentials:
    """Access tokens that are asked for, kept while they last, and renewed before they end."""

    def __init__(self, settings: OAuth2Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._clock = client.clock
        self._token: str | None = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def header(self) -> str:
        """A token that lasts a while. Raises RequestFailed where none is to be had."""
        async with self._lock:
            if self._token is None or self._clock() >= self._until:
                await self._fetch()
            return f"Bearer {self._token}"

    async def renewed(self, refused: str) -> str | None:
        """Another token: the refused one was withdrawn, or its lifetime was not told."""
        async with self._lock:
            if refused == f"Bearer {self._token}":
                self._token = None
        return await self.header()

    async def _fetch(self) -> None:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        if settings.scope is not None:
            form["scope"] = settings.scope
        secret, header = settings.client_secret.read(), None
        if settings.client_auth == "body":
            form |= {"client_id": settings.client_id, "client_secret": secret}
        else:
            # RFC 6749, 2.3.1: each is encoded like a form's value first
            header = _basic(quote_plus(settings.client_id), quote_plus(secret))
        answer = await self._client.send(
            "POST",
            settings.token_url,
            max_bytes=_MAX_TOKEN_ANSWER,
            body=urlencode(form).encode(),
            headers={"Content-Type": _FORM, "Accept": "application/json"},
            authorization=header,
        )
        self._token, lifetime = _token(answer)
        self._until = self._clock() + lifetime - min(_MARGIN_SECONDS, lifetime / 10)


def _token(answer: Answer) -> tuple[str, float]:
    """Token and lifetime in seconds of an answer (RFC 6749, 5.1). What it says is a secret, so no error quotes it."""
    where = shown(answer.url)
    try:
        said = json_text.parse(json_text.decode(answer.body))
    except json_text.BadJson:
        said = None
    fields = said if isinstance(said, dict) else {}
    if answer.status != 200:
        error = fields.get("error")
        code = f" ({error})" if isinstance(error, str) and _ERROR.fullmatch(error) else ""
        raise RequestFailed(f"{where} gives no token: HTTP {answer.status}{code}; check name, secret and scope")
    token, kind, lifetime = fields.get("access_token"), fields.get("token_type"), fields.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise RequestFailed(f"{where} answered without a usable access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise RequestFailed(f"{where} gives tokens of another type than Bearer, which is the only one known here")
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdecimal():
        lifetime = float(lifetime[:12])
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or lifetime <= 0:
        return token, float("inf")  # kept until it is refused
    return token, float(lifetime)


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _other(value: str, refused: str) -> str | None:
    return value if value != refused else None
