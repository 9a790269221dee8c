"""The catalogue of a closed network, built from its manifests; the same manifests always give the same bytes.

Client credentials belong to exactly one HEI, and a URL to exactly one API of one HEI (ewp-specs-architecture README, on
identifying the caller and the called HEI). Where two manifests claim one thing, the earlier in the settings keeps it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.network.catalogue import NAMESPACE as CATALOGUE
from ewpgw.registry.manifest import COMMON, Institution, Manifest, title, urls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.security.keys import PublicKey

_R = f"{{{CATALOGUE}}}"
_C = f"{{{COMMON}}}"
_REGISTRY_ENTRY = "https://github.com/erasmus-without-paper/ewp-specs-api-registry/blob/stable-v1/manifest-entry.xsd"
_REGISTRY_VERSION = "1.5.0"
_DISCOVERY = "discovery"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Assembly:
    """A catalogue: its document, its HEIs, and for each manifest (by URL) what was refused of it, in words."""

    document: bytes
    hei_ids: tuple[str, ...]
    refusals: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class _Claims:
    """Who was first to publish each client key and each URL."""

    keys: dict[str, str] = field(default_factory=dict)
    urls: dict[str, tuple[str, str]] = field(default_factory=dict)

    def client_keys(self, manifest: Manifest, refusals: list[str]) -> Iterator[PublicKey]:
        for key in manifest.client_keys:
            holder = self.keys.setdefault(key.fingerprint, manifest.url)
            if holder == manifest.url:
                yield key
            else:
                refusals.append(
                    f"client key {key.fingerprint} is refused: {holder} lists it already, and a client key must be "
                    "unique in the whole network; generate a key pair of your own"
                )

    def entries(self, manifest: Manifest, refusals: list[str]) -> Iterator[etree._Element]:
        for entry in manifest.apis:
            wanted: dict[str, tuple[str, str]] = {}
            taken: str | None = None
            if etree.QName(entry).localname == _DISCOVERY:
                yield entry
                continue
            for name, url in urls(entry):
                claim = (manifest.owner, f"{entry.tag} {name}")
                holder = self.urls.get(url) or wanted.get(url) or claim
                if holder != claim:
                    taken = f"its {name} {url} is in use already, by {_holder(holder, manifest.owner)}"
                    break
                wanted[url] = claim
            if taken is None:
                self.urls.update(wanted)
                yield entry
            else:
                refusals.append(
                    f"API entry {title(entry)} is refused: {taken}; a URL must belong to one API of one HEI"
                )


def assemble(manifests: Sequence[Manifest], catalogue_url: str) -> Assembly:
    """Builds the catalogue; ``catalogue_url`` is where this registry serves it, which its own host entry says."""
    root = etree.fromstring(f'<catalogue xmlns="{CATALOGUE}" xmlns:ewp="{COMMON}"/>')
    _registry_host(root, catalogue_url)
    claims = _Claims()
    binaries: dict[str, PublicKey] = {}
    refusals: dict[str, tuple[str, ...]] = {}
    for manifest in manifests:
        refused: list[str] = []
        client_keys = list(claims.client_keys(manifest, refused))
        _host(root, manifest, list(claims.entries(manifest, refused)), client_keys)
        binaries.update((key.fingerprint, key) for key in (*client_keys, *manifest.server_keys))
        refusals[manifest.url] = tuple(refused)
    institutions = _merged(manifest.institution for manifest in manifests if manifest.institution)
    section = etree.SubElement(root, _R + "institutions")
    for institution in institutions:
        _hei(section, institution)
    section = etree.SubElement(root, _R + "binaries")
    for fingerprint in sorted(binaries):
        key = etree.SubElement(section, _R + "rsa-public-key", {"sha-256": fingerprint})
        key.text = binaries[fingerprint].base64
    etree.indent(root)
    document = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return Assembly(document, tuple(institution.hei_id for institution in institutions), refusals)


def _registry_host(root: etree._Element, catalogue_url: str) -> None:
    # A catalogue has at least one host; an empty network has its registry.
    host = etree.SubElement(root, _R + "host")
    etree.SubElement(host, _C + "admin-provider").text = "Registry of this network (ewpgw)"
    apis = etree.SubElement(host, _R + "apis-implemented")
    entry = etree.fromstring(f'<registry xmlns="{_REGISTRY_ENTRY}" version="{_REGISTRY_VERSION}"/>')
    etree.SubElement(entry, f"{{{_REGISTRY_ENTRY}}}catalogue-url").text = catalogue_url
    apis.append(entry)


def _host(
    root: etree._Element, manifest: Manifest, entries: Sequence[etree._Element], client_keys: Sequence[PublicKey]
) -> None:
    host = etree.SubElement(root, _R + "host")
    for email in manifest.admin_emails:
        etree.SubElement(host, _C + "admin-email").text = email
    for name, text in (("admin-provider", manifest.admin_provider), ("admin-notes", manifest.admin_notes)):
        if text is not None:
            etree.SubElement(host, _C + name).text = text
    apis = etree.SubElement(host, _R + "apis-implemented")
    for entry in entries:
        copied = copy.deepcopy(entry)
        copied.tail = None
        apis.append(copied)
    if manifest.institution:
        covered = etree.SubElement(host, _R + "institutions-covered")
        etree.SubElement(covered, _R + "hei-id").text = manifest.institution.hei_id
    for side, keys in (("client", client_keys), ("server", manifest.server_keys)):
        if keys:
            credentials = etree.SubElement(host, f"{_R}{side}-credentials-in-use")
            for key in keys:
                etree.SubElement(credentials, _R + "rsa-public-key", {"sha-256": key.fingerprint})


def _hei(section: etree._Element, institution: Institution) -> None:
    hei = etree.SubElement(section, _R + "hei", {"id": institution.hei_id})
    for kind, value in institution.other_ids:
        etree.SubElement(hei, _R + "other-id", {"type": kind}).text = value
    for text, lang in institution.names:
        etree.SubElement(hei, _R + "name", {} if lang is None else {_LANG: lang}).text = text


def _merged(institutions: Iterator[Institution]) -> list[Institution]:
    """One institution for each HEI, by id; conflicting names and ids are all kept (catalogue.xsd, hei)."""
    merged: dict[str, Institution] = {}
    for found in institutions:
        known = merged.get(found.hei_id, Institution(found.hei_id, (), ()))
        merged[found.hei_id] = Institution(
            found.hei_id,
            tuple(dict.fromkeys(known.other_ids + found.other_ids)),
            tuple(dict.fromkeys(known.names + found.names)),
        )
    return [merged[hei_id] for hei_id in sorted(merged)]


def _holder(claim: tuple[str, str], owner: str) -> str:
    holder, use = claim
    return f"{use.split('}')[-1]} of {'the same HEI' if holder == owner else holder}"
