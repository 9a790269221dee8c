"""One manifest, read and judged by itself: the schema, its HEI, its keys and its API entries.

Rules of ewp-specs-api-discovery v6 (manifest.xsd and its annotations) and ewp-specs-architecture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.documents import schemas
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.network.catalogue import NAMESPACE as CATALOGUE
from ewpgw.security.keys import KeyProblem, PublicKey, public_key_from_base64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.documents.schemas import Fault

MAX_BYTES = 2 * 2**20
_EWP = "https://github.com/erasmus-without-paper/"
COMMON = f"{_EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd"
_MANIFEST = f"{{{_EWP}ewp-specs-api-discovery/tree/stable-v6}}"
_DISCOVERY = f"{{{_EWP}ewp-specs-api-discovery/blob/stable-v6/manifest-entry.xsd}}"
_R = f"{{{CATALOGUE}}}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_HEI_ID = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_MOST_FAULTS = 10


class BadManifest(ValueError):
    """A manifest of which nothing can be used; ``faults`` say why, in words."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Institution:
    """The HEI that a manifest covers: other ids as (type, value), names as (text, language)."""

    hei_id: str
    other_ids: tuple[tuple[str, str], ...]
    names: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What a manifest adds to the catalogue. ``faults`` name the parts that are refused, and what else is odd."""

    url: str
    admin_emails: tuple[str, ...] = ()
    admin_provider: str | None = None
    admin_notes: str | None = None
    apis: tuple[etree._Element, ...] = ()
    institution: Institution | None = None
    client_keys: tuple[PublicKey, ...] = ()
    server_keys: tuple[PublicKey, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Whose URLs and keys these are: the HEI, or the manifest itself where it covers none."""
        return self.institution.hei_id if self.institution else self.url


def read_manifest(url: str, body: bytes) -> Manifest:
    """Reads the manifest found at ``url``. Raises BadManifest where nothing of it can be used."""
    try:
        root = parse(body, max_bytes=MAX_BYTES)
    except MalformedDocument as error:
        raise BadManifest(f"the document is no usable XML: {error}") from None
    if root.tag != _MANIFEST + "manifest":
        raise BadManifest(f"the root element is {root.tag}; expected is {_MANIFEST}manifest (Discovery API version 6)")
    if faults := schemas.default().faults(root):
        raise BadManifest(*_words(faults))
    host = root.find(_MANIFEST + "host")
    if host is None:
        return Manifest(url)
    return _read_host(url, host)


def _read_host(url: str, host: etree._Element) -> Manifest:
    faults: list[str] = []
    apis = tuple(_sound_entries(host, faults))
    _check_discovery(url, apis, faults)
    if host.find(f"{_MANIFEST}client-credentials-in-use/{_MANIFEST}certificate") is not None:
        faults.append("TLS client certificates are left out: this registry publishes keys for HTTP signatures only")
    return Manifest(
        url=url,
        admin_emails=tuple(email.text or "" for email in host.iterchildren(f"{{{COMMON}}}admin-email")),
        admin_provider=host.findtext(f"{{{COMMON}}}admin-provider"),
        admin_notes=host.findtext(f"{{{COMMON}}}admin-notes"),
        apis=apis,
        institution=_institution(host),
        client_keys=tuple(_keys(host, "client", faults)),
        server_keys=tuple(_keys(host, "server", faults)),
        faults=tuple(faults),
    )


def _institution(host: etree._Element) -> Institution | None:
    found = host.findall(f"{_MANIFEST}institutions-covered/{_R}hei")
    if len(found) > 1:
        raise BadManifest(f"the manifest covers {len(found)} HEIs; at most one is allowed (since Discovery API 5.1.0)")
    if not found:
        return None
    hei_id = found[0].get("id", "")
    if not _HEI_ID.fullmatch(hei_id):
        raise BadManifest(f"{hei_id!r} is no SCHAC identifier; use the HEI's internet domain, such as uni.example")
    return Institution(
        hei_id,
        tuple((child.get("type", ""), child.text or "") for child in found[0].iterchildren(_R + "other-id")),
        tuple((child.text or "", child.get(_LANG)) for child in found[0].iterchildren(_R + "name")),
    )


def _keys(host: etree._Element, side: str, faults: list[str]) -> Iterator[PublicKey]:
    path = f"{_MANIFEST}{side}-credentials-in-use/{_MANIFEST}rsa-public-key"
    seen: set[str] = set()
    for position, element in enumerate(host.iterfind(path), start=1):
        try:
            key = public_key_from_base64(element.text or "")
        except KeyProblem as problem:
            faults.append(f"{side} key {position} (line {element.sourceline}) is refused: {problem}")
            continue
        if key.fingerprint not in seen:
            seen.add(key.fingerprint)
            yield key


def urls(entry: etree._Element) -> Iterator[tuple[str, str]]:
    """The (element name, URL) pairs of an API entry."""
    for child in entry.iterchildren("*"):
        name = etree.QName(child).localname
        if name == "url" or name.endswith("-url"):
            yield name, (child.text or "").strip()


def title(entry: etree._Element) -> str:
    """An API entry by name and version, for people."""
    return f"{etree.QName(entry).localname} {entry.get('version', '(no version)')}"


def _sound_entries(host: etree._Element, faults: list[str]) -> Iterator[etree._Element]:
    known = schemas.default()
    for entry in host.iterfind(f"{_R}apis-implemented/*"):
        if etree.QName(entry).namespace in known.namespaces and (wrong := known.faults(entry)):
            faults.extend(f"API entry {title(entry)} is refused: {words}" for words in _words(wrong))
            continue
        insecure = [f"{name} {url!r}" for name, url in urls(entry) if not url.startswith("https://")]
        if insecure:
            faults.append(f"API entry {title(entry)} is refused: {', '.join(insecure)} does not start with https://")
            continue
        yield entry


def _check_discovery(url: str, apis: tuple[etree._Element, ...], faults: list[str]) -> None:
    named = [found for entry in apis if entry.tag == _DISCOVERY + "discovery" for _, found in urls(entry)]
    if not named:
        faults.append("the discovery entry is missing, which every host must have")
    elif url not in named:
        faults.append(f"the discovery entry names {named[0]}, but the manifest was read at {url}")


def _words(faults: list[Fault]) -> list[str]:
    shown = [
        f"{fault.message} (at {fault.path}{'' if fault.line is None else f', line {fault.line}'})"
        for fault in faults[:_MOST_FAULTS]
    ]
    if len(faults) > _MOST_FAULTS:
        shown.append(f"and {len(faults) - _MOST_FAULTS} more faults")
    return shown
