"""The catalogue of the network, parsed and indexed: who is in it, with which keys, APIs and URLs.

The rules are those of ewp-specs-api-registry (README and the annotations of catalogue.xsd) and ewp-specs-sec-intro
(defaults of HttpSecurityOptions). Manifest entries may be anything; those that look like entries of EWP APIs count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ewpgw.security.keys import KeyProblem, PublicKey, public_key_from_der

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

MAX_BYTES = 100 * 2**20
"""How large a catalogue may be, in bytes, unless told otherwise."""
NAMESPACE = "https://github.com/erasmus-without-paper/ewp-specs-api-registry/tree/stable-v1"


class BadCatalogue(ValueError):
    """A document is no catalogue that can be used: ``reason`` in words, ``line`` where known (1-based)."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"{reason} (line {line})")
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class HttpSecurity:
    """The standard security methods that an API entry declares, by element name; methods of others are left out.

    The defaults are those of HttpSecurityOptions (ewp-specs-sec-intro, schema.xsd): an entry that says nothing takes
    TLS client certificates only, and no HTTP signatures.
    """

    client_auth: frozenset[str] = frozenset({"tlscert"})
    server_auth: frozenset[str] = frozenset({"tlscert"})
    request_encryption: frozenset[str] = frozenset({"tls"})
    response_encryption: frozenset[str] = frozenset({"tls"})


@dataclass(frozen=True, slots=True, eq=False)
class ApiEntry:
    """One API that a host implements in one version.

    ``urls`` maps endpoint names to URLs (the manifest element without ``-url``; the empty name is the plain ``url``),
    ``limits`` elements such as ``max-iia-ids`` to numbers.
    """

    api: str
    namespace: str
    version: str
    version_key: tuple[int, int, int]
    urls: Mapping[str, str]
    limits: Mapping[str, int]
    security: HttpSecurity
    admin_emails: tuple[str, ...]
    host: Host = field(repr=False)

    @property
    def major(self) -> int:
        """The version's first number."""
        return self.version_key[0]

    @property
    def client_auth(self) -> frozenset[str]:
        """How callers may authenticate: any of ``httpsig``, ``tlscert``, ``anonymous``."""
        return self.security.client_auth

    @property
    def server_auth(self) -> frozenset[str]:
        """How the server may be asked to authenticate its answers: ``httpsig``, ``tlscert``."""
        return self.security.server_auth


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One EWP host: the HEIs it covers, the fingerprints of its keys, its APIs and contacts."""

    hei_ids: tuple[str, ...]
    client_keys: frozenset[str]
    server_keys: frozenset[str]
    admin_emails: tuple[str, ...]
    provider: str | None
    entries: tuple[ApiEntry, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """One name of an institution; ``lang`` is an ``xml:lang`` value."""

    text: str
    lang: str | None


class Catalogue:
    """The parsed, indexed catalogue; never changes once read. All look-ups are dictionary look-ups.

    ``ignored_entries`` counts the children of ``apis-implemented`` that are not usable entries of EWP APIs.
    """

    __slots__ = (
        "_binaries",
        "_hei_ids_by_other_id",
        "_heis_of_key",
        "_hosts_of_hei",
        "_names",
        "_parsed_keys",
        "ignored_entries",
    )

    def __init__(
        self,
        hosts: Sequence[Host],
        names: dict[str, tuple[Name, ...]],
        hei_ids_by_other_id: dict[tuple[str, str], tuple[str, ...]],
        binaries: dict[str, bytes],
        ignored_entries: int,
    ) -> None:
        hosts_of_hei: dict[str, tuple[Host, ...]] = {}
        heis_of_key: dict[str, frozenset[str]] = {}
        for host in hosts:
            for hei_id in host.hei_ids:
                hosts_of_hei[hei_id] = (*hosts_of_hei.get(hei_id, ()), host)
            for fingerprint in host.client_keys:
                heis_of_key[fingerprint] = heis_of_key.get(fingerprint, frozenset()).union(host.hei_ids)
        self._hosts_of_hei = hosts_of_hei
        self._heis_of_key = heis_of_key
        self._names = names
        self._hei_ids_by_other_id = hei_ids_by_other_id
        self._binaries = binaries
        self._parsed_keys: dict[str, PublicKey | None] = {}
        self.ignored_entries = ignored_entries

    @classmethod
    def read(cls, data: bytes | Path, *, max_bytes: int = MAX_BYTES) -> Catalogue:
        """Parses, validates and indexes a catalogue; a file is streamed.

        Raises BadCatalogue where the document is larger than ``max_bytes``, no well-formed XML, has a document type
        declaration, or is not valid by the catalogue's schema; OSError where a file cannot be read.
        """
        from ewpgw.network.catalogue_reader import read

        size = data.stat().st_size if isinstance(data, Path) else len(data)
        if size > max_bytes:
            raise BadCatalogue(f"the catalogue has {size} bytes; at most {max_bytes} are read")
        if isinstance(data, Path):
            with data.open("rb") as file:
                return read(file)
        return read(BytesIO(data))

    @property
    def hei_ids(self) -> Collection[str]:
        """The ids of the HEIs that at least one host covers, in the catalogue's order."""
        return self._hosts_of_hei.keys()

    def names(self, hei_id: str) -> tuple[Name, ...]:
        """The institution's names, as published; empty where it is unknown."""
        return self._names.get(hei_id, ())

    def hosts(self, hei_id: str) -> tuple[Host, ...]:
        """The hosts that cover a HEI; several may."""
        return self._hosts_of_hei.get(hei_id, ())

    def client_key(self, fingerprint: str) -> PublicKey | None:
        """The key with this lower-case hex SHA-256, where some host lists it as a client key and it is sound."""
        return self._key(fingerprint) if fingerprint in self._heis_of_key else None

    def heis_of_key(self, fingerprint: str) -> frozenset[str]:
        """In whose name a client key may speak: the HEIs of every host that lists it (registry README, question 4)."""
        return self._heis_of_key.get(fingerprint, frozenset())

    def server_key(self, host: Host, fingerprint: str) -> PublicKey | None:
        """A key that signs this host's responses; other hosts' keys never count (registry README, question 5)."""
        return self._key(fingerprint) if fingerprint in host.server_keys else None

    def entries(self, hei_id: str, api: str, major: int | None = None) -> Sequence[ApiEntry]:
        """Where a HEI offers an API (in one major version), highest version first, else as published."""
        found = [
            entry
            for host in self._hosts_of_hei.get(hei_id, ())
            for entry in host.entries
            if entry.api == api and (major is None or entry.version_key[0] == major)
        ]
        found.sort(key=_version_key, reverse=True)
        return found

    def entry(self, hei_id: str, api: str, major: int) -> ApiEntry | None:
        """The entry to call: the highest version that takes HTTP signatures, else the highest version.

        An API may be served at several URLs with different security (ewp-specs-sec-intro).
        """
        found = self.entries(hei_id, api, major)
        return next((entry for entry in found if "httpsig" in entry.client_auth), found[0] if found else None)

    def hei_ids_by_other_id(self, kind: str, value: str) -> tuple[str, ...]:
        """The HEIs with an identifier of another kind: ``pic``, ``erasmus``, ``erasmus-charter``, ``previous-schac`` …

        Values are compared exactly. ``euc`` and ``erasmus-charter`` are one kind (catalogue.xsd, OtherHeiId).
        """
        return self._hei_ids_by_other_id.get((one_kind(kind), value), ())

    def _key(self, fingerprint: str) -> PublicKey | None:
        # Parsed at first use: a process meets few of the network's keys, and building an RSA key costs.
        if fingerprint in self._parsed_keys:
            return self._parsed_keys[fingerprint]
        der = self._binaries.get(fingerprint)
        if der is None:
            return None
        key: PublicKey | None
        try:
            key = public_key_from_der(der)
        except KeyProblem:
            key = None
        if key is not None and key.fingerprint != fingerprint:
            key = None
        self._parsed_keys[fingerprint] = key
        return key


def _version_key(entry: ApiEntry) -> tuple[int, int, int]:
    return entry.version_key


def one_kind(kind: str) -> str:
    """The kind of identifier under which another name of it is kept."""
    return "erasmus-charter" if kind == "euc" else kind
