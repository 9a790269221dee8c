"""HTTP signatures as such (draft-cavage-http-signatures-07): their parameters, and the string that is signed.

Who must sign what is said in `requests` and `responses`; here is only the form.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .keys import PrivateKey, PublicKey

ALGORITHM = "rsa-sha256"
"""The only algorithm there is here. What a message says is compared with it and never chooses anything."""


class Fields(dict[str, str]):
    """Header fields as `join_repeated` makes them: one value for each lower-case name."""


Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields with names in any case: pairs in their order on the wire, or a mapping."""

_MAX_LENGTH = 8192
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (grammar, not a password)
_PARAMETER = re.compile(
    rf'[ \t]*({_TOKEN})[ \t]*=[ \t]*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|({_TOKEN}))[ \t]*(,|\Z)', re.ASCII
)
# The usual way to write them is read at one go; whatever is written otherwise is read parameter by parameter.
_USUAL = ["keyId=", ",algorithm=", ",headers=", ",signature=", ""]
_QUOTED_PAIR = re.compile(r"\\(.)")
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z()-]+"
_NAMES = re.compile(rf"{_NAME}(?: {_NAME})*")
_FIELD_NAME = re.compile(_TOKEN)


class MalformedSignature(ValueError):
    """A signature header, or a message under it, that cannot be understood. The text is safe to show to the sender."""


class UnsafeHeader(ValueError):
    """A header that must not be sent: its name or value would not survive the wire, or is reserved."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a Signature or Authorization header (draft section 2.1); None where absent.

    Attributes:
        key_id: as sent.
        algorithm: as sent.
        names: the signed header names, lower-case, in order; `date` alone when the parameter is absent.
        signature: base64, as sent, not yet checked.
    """

    key_id: str | None
    algorithm: str | None
    names: tuple[str, ...]
    signature: str | None


def parse_parameters(text: str) -> Parameters:
    """Read ``keyId="…",algorithm="…",headers="…",signature="…"``; raises MalformedSignature.

    Values may be tokens or quoted strings; unknown parameters are ignored. A parameter or a header name given twice is
    refused, since two readers could each take another one of them.
    """
    if len(text) > _MAX_LENGTH:
        raise MalformedSignature(f"longer than {_MAX_LENGTH} characters")
    pieces = text.split('"')
    if pieces[::2] == _USUAL and len(pieces) == 2 * len(_USUAL) - 1 and "\\" not in text:
        key_id, algorithm, names, signature = pieces[1::2]
        return Parameters(key_id, algorithm, _parse_names(names), signature)
    found: dict[str, str] = {}
    position = 0
    more = True
    while more:
        match = _PARAMETER.match(text, position)
        if match is None:
            raise MalformedSignature(f'not a list of name="value" parameters (at character {position + 1})')
        name, quoted, token, comma = match.groups()
        name = name.lower()
        if name in found:
            raise MalformedSignature(f"the parameter {name} is given twice")
        if quoted is None:
            found[name] = token
        else:
            found[name] = _QUOTED_PAIR.sub(r"\1", quoted) if "\\" in quoted else quoted
        position = match.end()
        more = comma == ","
    return Parameters(
        found.get("keyid"), found.get("algorithm"), _parse_names(found.get("headers", "date")), found.get("signature")
    )


@lru_cache(maxsize=128)  # a partner signs the same headers every time
def _parse_names(text: str) -> tuple[str, ...]:
    if not _NAMES.fullmatch(text):
        raise MalformedSignature("the parameter headers is not a list of header names, one space between them")
    names = tuple(text.lower().split(" "))
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedSignature(f"the parameter headers names {twice} twice")
    return names


def format_parameters(key: PrivateKey, names: Collection[str], signature: str) -> str:
    """Write the parameters of a signature header."""
    return (
        f'keyId="{key.public.fingerprint}",algorithm="{ALGORITHM}",headers="{" ".join(names)}",signature="{signature}"'
    )


def join_repeated(headers: Headers) -> Fields:
    """Return one value for each lower-case header name: without surrounding blanks, repeated ones joined by ", ".

    Draft section 2.3, steps 2 and 3. What was joined before is copied.
    """
    if isinstance(headers, Fields):
        return Fields(headers)
    values = Fields()
    repeated: dict[str, list[str]] = {}
    for given, value in headers.items() if isinstance(headers, Mapping) else headers:
        name = given.lower()
        if name in values:
            repeated.setdefault(name, [values[name]]).append(value.strip(" \t"))
        else:
            values[name] = value.strip(" \t")
    for name, parts in repeated.items():
        values[name] = ", ".join(parts)
    return values


def value_of(headers: Headers, name: str) -> str | None:
    """Return what `join_repeated` has for one lower-case name, None where it has nothing; in a fraction of the time."""
    if isinstance(headers, Fields):
        return headers.get(name)
    found = [
        value.strip(" \t")
        for given, value in (headers.items() if isinstance(headers, Mapping) else headers)
        if given.lower() == name
    ]
    return ", ".join(found) if found else None


def signing_string(names: Collection[str], values: Mapping[str, str]) -> bytes:
    """Build the signed bytes from header names and values (draft section 2.3); raises MalformedSignature.

    Characters that were undecodable on the wire are expected as surrogate escapes and go back to what they were.
    """
    try:
        text = "\n".join([f"{name}: {values[name]}" for name in names])
    except KeyError as missing:
        raise MalformedSignature(f"it covers the header {missing.args[0]}, which did not arrive") from None
    # A line break in a value would let one set of headers pass for another.
    if text.count("\n") != len(names) - 1 or "\r" in text or "\0" in text:
        raise MalformedSignature("a signed header has a line break or a NUL in its value")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise MalformedSignature("a signed header has a value that is not text") from None


def sign(key: PrivateKey, names: Collection[str], values: Mapping[str, str]) -> str:
    """Sign the named headers; the answer is base64."""
    return b64encode(key.sign(signing_string(names, values))).decode("ascii")


def verify(key: PublicKey, parameters: Parameters, values: Mapping[str, str]) -> bool:
    """Say whether the key made the signature; raises MalformedSignature when it, or the message, is malformed."""
    message = signing_string(parameters.names, values)
    try:
        signature = binascii.a2b_base64(parameters.signature or "", strict_mode=True)
    except ValueError:
        raise MalformedSignature("the parameter signature is not base64") from None
    return key.verifies(signature, message)


def check_sendable(headers: Mapping[str, str], reserved: Collection[str]) -> None:
    """Refuse headers that we must not send: raises UnsafeHeader.

    Names must be tokens, given once, and values visible ASCII, so that nothing can slip a second header in; `reserved`
    holds the lower-case names that the signer sets itself.
    """
    if len({name.lower() for name in headers}) != len(headers):
        raise UnsafeHeader("a header is given twice, in different cases")
    for name, value in headers.items():
        if not _is_name(name) or name.lower() in reserved:
            raise UnsafeHeader(f"the header name {name!r} is not a token, or is set by the signer itself")
        if not _is_value(value):
            raise UnsafeHeader(f"the value of the header {name} is not plain ASCII text without surrounding blanks")


@lru_cache(maxsize=128)  # most headers are the same each time
def _is_name(name: str) -> bool:
    return _FIELD_NAME.fullmatch(name) is not None


def _is_value(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
