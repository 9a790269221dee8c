"""The options of an adapter of kind ``rest``."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.config.values import AbsolutePath, Flag, Text, Whole, refusal

_MAX_SECRET_BYTES = 64 * 1024


class Section(BaseModel):
    """Immutable, no unknown keys, no values in pydantic's own messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _url(value: str) -> str:
    remedy = "write it as in 'https://sis.north.example/api/'"
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  # raises where the port is no number
    except ValueError:
        raise refusal("is not a URL", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isascii() or " " in value:
        raise refusal("is not a URL that can be called", remedy)
    if "@" in parts.netloc:
        raise refusal("holds a user name or password", f"leave it out and set 'auth', and {remedy}")
    if "#" in value:
        raise refusal("has a fragment", "leave out the '#' and all that follows")
    return value


def _base(value: str) -> str:
    if "?" in value:
        raise refusal("has a query", "write it in the mapping files' 'url'")
    return value if value.endswith("/") else f"{value}/"


Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri"})]

BaseUrl = Annotated[
    str, AfterValidator(_url), AfterValidator(_base), WithJsonSchema({"type": "string", "format": "uri"})
]


def is_plain_and_remote(url: str) -> bool:
    """Whether a URL would send everything in clear text over a network."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname != "localhost"


class Secret(Section):
    """Where a secret is: never in the configuration itself. It is read anew for each use, so it may be replaced."""

    file: AbsolutePath | None = Field(None, description="A file that holds the secret and nothing else.")
    env: Text | None = Field(None, description="The name of a variable of the environment.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise refusal("names no place of a secret, or two", "write {file: NAME} or {env: NAME}")
        return self

    def read(self) -> str:
        """The secret, without white space around it. Raises AdapterProblem where there is none."""
        if self.file is not None:
            try:
                with self.file.open("rb") as file:
                    value = file.read(_MAX_SECRET_BYTES).decode("utf-8-sig").strip()
            except OSError as error:
                raise AdapterProblem(f"the secret in {self.file} cannot be read: {error.strerror}") from None
            except UnicodeDecodeError:
                raise AdapterProblem(f"the secret in {self.file} is not UTF-8; write it as text") from None
        else:
            value = os.environ.get(self.env or "", "").strip()
        if not value:
            place = self.file or f"the variable {self.env} of the environment"
            raise AdapterProblem(f"there is no secret in {place}; put it there")
        if not value.isprintable():
            raise AdapterProblem(f"the secret in {self.file or self.env} is not one line of text; write it as one")
        return value


class BasicSettings(Section):
    """A user name and a password (RFC 7617)."""

    user: Text = Field(description="The user name.")
    password: Secret = Field(description="Where the password is.")

    @model_validator(mode="after")
    def _no_colon(self) -> Self:
        if ":" in self.user:
            raise refusal("has a user name with a colon", "basic authentication cannot send such a name")
        return self


class OAuth2Settings(Section):
    """Access tokens by client credentials (RFC 6749, 4.4)."""

    token_url: Url = Field(description="Where tokens are given out.")
    client_id: Text = Field(description="The client's name there.")
    client_secret: Secret = Field(description="Where the client's secret is.")
    scope: Text | None = Field(None, description="The scopes to ask for, with blanks between them.")
    client_auth: Literal["basic", "body"] = Field(
        "basic", description="Whether name and secret go in the header, as RFC 6749 prefers, or in the body."
    )


class AuthSettings(Section):
    """How the gateway shows who it is: one of the keys."""

    bearer: Secret | None = Field(None, description="Where a fixed token is.")
    basic: BasicSettings | None = Field(None, description="A user name and a password.")
    oauth2: OAuth2Settings | None = Field(None, description="Tokens by OAuth2 client credentials.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([each for each in (self.bearer, self.basic, self.oauth2) if each is not None]) != 1:
            raise refusal("names no way to authenticate, or several", "keep one of 'bearer', 'basic' and 'oauth2'")
        return self


class WebhookSettings(Section):
    """Where partners' records and decisions are sent to."""

    url: Url = Field(description="The URL that takes a POST for each change of a partner's record, and each decision.")
    secrets: tuple[Secret, ...] = Field(
        min_length=1,
        max_length=2,
        description="Where the signing secrets are; each signs, so that one can be exchanged for the next.",
    )


class RestSettings(Section):
    """The options of an adapter of kind ``rest``."""

    mappings: AbsolutePath = Field(description="The folder of the mapping files, one for each entity.")
    base_url: BaseUrl = Field(
        description="The service: the mapping files' URLs start from here and stay at its origin."
    )
    auth: AuthSettings | None = Field(None, description="How the gateway authenticates; null where it need not.")
    ca_file: AbsolutePath | None = Field(None, description="A PEM file: trust these authorities only.")
    allow_plain_http: Flag = Field(False, description="Allow http to other machines than this one.")
    timeout_seconds: Annotated[Whole, Field(ge=1, le=600)] = Field(30, description="How long one request may take.")
    look_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = Field(
        300, description="How often the service is asked for what it holds, or for what changed."
    )
    full_seconds: Annotated[Whole, Field(ge=1, le=604_800)] = Field(
        3600, description="How often everything is read where else only changes are; what is gone is found only then."
    )
    max_page_bytes: Annotated[Whole, Field(ge=1024, le=2**28)] = Field(
        10 * 2**20, description="The largest page that is read."
    )
    max_pages: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        10_000, description="The most pages of one entity that are read."
    )
    webhook: WebhookSettings | None = Field(
        None, description="Where partners' records and decisions go; null where nowhere."
    )

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        urls = {
            "base_url": self.base_url,
            "auth.oauth2.token_url": self.auth.oauth2.token_url if self.auth and self.auth.oauth2 else None,
            "webhook.url": self.webhook.url if self.webhook else None,
        }
        for key, url in urls.items():
            if url is not None and not self.allow_plain_http and is_plain_and_remote(url):
                raise refusal(
                    f"has in {key} a URL that is not https",
                    "use https, or set 'allow_plain_http: true' where the network between is your own",
                )
        return self
