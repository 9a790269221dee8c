"""Types of single settings: HEI ids, public URLs, paths, times, store URLs. Each says what is wrong in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeGuard
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    Strict,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

FAULT = "ewpgw_fault"
"""The pydantic error type whose context already holds a problem and a remedy."""

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;.]+(?:\.[^@\s<>,;.]+)+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_CREDENTIALS = re.compile(r"(?<=://)([^/?#@]*?)(:[^/?#]*)?@")
_PASSWORD_PARAMETER = re.compile(r"(?<=[?&])([^=&#]*password)=[^&#]*", re.IGNORECASE)


def refusal(problem: str, remedy: str) -> PydanticCustomError:
    """The error a validator raises to say what is wrong and what would be right."""
    return PydanticCustomError(FAULT, "{problem}; {remedy}", {"problem": problem, "remedy": remedy})


Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]


def _text(value: str) -> str:
    if not value.strip():
        raise refusal("is empty", "write a text or leave the key out")
    return value


Text = Annotated[str, AfterValidator(_text)]


def _hei_id(value: str) -> str:
    if _DOMAIN.fullmatch(value) and len(value) <= 253:
        return value
    if _DOMAIN.fullmatch(value.lower()):
        raise refusal(f"{value!r} is not a HEI id: it has capitals", f"write {value.lower()!r}")
    raise refusal(f"{value!r} is not a HEI id", "write the institution's SCHAC id, a domain such as 'north.example'")


HeiId = Annotated[str, AfterValidator(_hei_id), WithJsonSchema({"type": "string", "format": "hostname"})]


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise refusal("is not an e-mail address", "write the address alone, as in 'ewp@north.example'")
    return value


Email = Annotated[str, AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email"})]


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise refusal(f"{value!r} is not a language tag", "write a BCP 47 tag such as 'en' or 'nn-NO'")
    return value


Language = Annotated[str, AfterValidator(_language), WithJsonSchema({"type": "string", "pattern": _LANGUAGE.pattern})]


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The base of one HEI's endpoints as partners see it; host and path are what signatures cover.

    Attributes:
        url: ``https://host[:port]/path`` without a slash at the end
        host: the Host header's value, with the port where it is not 443
        path: the base path without a slash at the end; empty at the root
    """

    url: str
    host: str
    path: str

    def __str__(self) -> str:
        return self.url


def _https(text: object, example: str) -> SplitResult:
    if not isinstance(text, str):
        raise refusal("is not a URL", f"write a text such as '{example}'")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises where the port is no number
    except ValueError:
        raise refusal("is not a URL", f"write it as in '{example}'") from None
    if parts.username is not None or parts.password is not None:
        raise refusal("holds a user name or password", f"leave it out, as in '{example}'")
    if parts.scheme != "https":
        raise refusal(f"{text!r} is not an https URL", f"write it as in '{example}'")
    if not _HOST.fullmatch(parts.hostname or "") and not re.fullmatch(r"[0-9a-f:.]+", parts.hostname or ""):
        raise refusal(f"{text!r} has no usable host name", f"write it as in '{example}'")
    return parts


def public_url(text: object) -> PublicUrl:
    """Read a HEI's public URL.

    Raises PydanticCustomError where it is not https, or has a query, a fragment, a slash at the end or unusual
    characters in its path: partners sign the path as they write it, so there must be one way to write it.
    """
    if isinstance(text, PublicUrl):
        return text
    parts = _https(text, "https://ewp.north.example/north.example")
    if "?" in str(text):
        raise refusal("has a query", "leave out the '?' and all that follows")
    if "#" in str(text):
        raise refusal("has a fragment", "leave out the '#' and all that follows")
    if parts.path.endswith("/"):
        raise refusal("ends with a slash", f"write {str(text).rstrip('/')!r}")
    if not _PATH.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
        raise refusal(
            "has a path that can be written in several ways", "use letters, digits, '.', '-', '_' and '~' only"
        )
    host = str(parts.hostname)
    if ":" in host:
        host = f"[{host}]"
    if parts.port not in (None, 443):
        host = f"{host}:{parts.port}"
    return PublicUrl(f"https://{host}{parts.path}", host, parts.path)


Base = Annotated[
    PublicUrl,
    PlainValidator(public_url),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https://[^?#]*[^/?#]$"}),
]


def _https_url(value: str) -> str:
    _https(value, "https://registry.erasmuswithoutpaper.eu/catalogue-v1.xml")
    return value


HttpsUrl = Annotated[
    str, AfterValidator(_https_url), WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https://"})
]


def folder_of(context: object) -> Path:
    """The folder that relative paths start from: the validation context's ``folder``, else the working directory."""
    if isinstance(context, Mapping) and isinstance(folder := context.get("folder"), Path):
        return folder
    return Path.cwd()


def absolute(folder: Path, value: str | Path) -> Path:
    """A path of the configuration, resolved against the folder of the file; ``~`` is the user's home."""
    path = Path(value)
    try:
        path = path.expanduser()
    except RuntimeError:  # a user without a home: then it is an ordinary name
        path = Path(value)
    # links stay as they are: what a mounted secret's link leads to changes with the secret
    return folder / path


def is_path(value: object) -> TypeGuard[str | Path]:
    """Whether a value of the configuration can name a file at all."""
    return isinstance(value, str | Path) and bool(str(value).strip()) and "\0" not in str(value)


def _absolute_path(value: object, info: ValidationInfo) -> Path:
    if not is_path(value):
        raise refusal("is not a path", "write the name of a file")
    return absolute(folder_of(info.context), value)


AbsolutePath = Annotated[Path, BeforeValidator(_absolute_path), WithJsonSchema({"type": "string"})]


def _moment(value: object) -> datetime:
    remedy = "write date, time and zone, as in '2026-09-01T00:00:00Z'"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise refusal("is not a time", remedy) from None
    if not isinstance(value, datetime):
        raise refusal("is not a time", remedy)
    if value.tzinfo is None:
        raise refusal("has no time zone", remedy)
    return value.astimezone(UTC)


Moment = Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


def masked(url: str) -> str:
    """A store's URL without its password, for people and logs."""
    url = _CREDENTIALS.sub(lambda match: match[1] + (":***" if match[2] else "") + "@", url)
    return _PASSWORD_PARAMETER.sub(r"\1=***", url)


def _store_url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    remedy = "write 'sqlite:///ewpgw.db' or 'postgresql://user:password@host/database'"
    url = value.get_secret_value()
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        name = rest.removeprefix("/")
        if not rest.startswith("/") or not is_path(name) or name.startswith(":memory:") or "?" in name:
            raise refusal("names no SQLite file", "write 'sqlite:///' and the file's path")
        return SecretStr(f"sqlite:///{absolute(folder_of(info.context), name)}")
    if scheme != "postgresql":
        raise refusal("is not the URL of a supported database", remedy)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises where the port is no number
    except ValueError:
        raise refusal(
            "is not a URL", f"{remedy}, with '@', ':' and '/' in a password written as %40, %3A and %2F"
        ) from None
    if not parts.path.strip("/"):
        raise refusal("names no database", remedy)
    return value


StoreUrl = Annotated[SecretStr, AfterValidator(_store_url), WithJsonSchema({"type": "string", "writeOnly": True})]
