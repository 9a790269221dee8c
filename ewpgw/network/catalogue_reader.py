"""Reading a catalogue: validated while it is parsed, element by element, and indexed without keeping the document."""

from __future__ import annotations

import binascii
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, cast

from lxml import etree

from ewpgw.documents import schemas
from ewpgw.network.catalogue import NAMESPACE, ApiEntry, BadCatalogue, Catalogue, Host, HttpSecurity, Name, one_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EWP = "https://github.com/erasmus-without-paper/"
_R = f"{{{NAMESPACE}}}"
_COMMON = f"{{{_EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd}}"
_SECURITY = f"{{{_EWP}ewp-specs-sec-intro/tree/stable-v2}}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_ENTRY_TAG = re.compile(
    rf"\{{(?P<namespace>{re.escape(_EWP)}ewp-specs-api-(?P<repository>[a-z0-9-]+)/blob/stable-v(?P<major>[0-9]{{1,4}})"
    r"/manifest-entry\.xsd)\}(?P<api>[a-z0-9-]+)"
)
_API_OF_REPOSITORY = {"ounits": "organizational-units", "course-replication": "simple-course-replication"}
_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")
_URL = re.compile(r"https://[^\s/?#@\\]+(?:[/?][^\s#]*)?")
_POSITION = re.compile(r"(, line \d+, column \d+)?( \(<string>.*)?$")
_LIMIT = re.compile(r"[+]?[0-9]{1,9}")
_DEFAULT_SECURITY = HttpSecurity()
_SECURITY_METHODS = {
    aspect: {
        f"{{{_EWP}ewp-specs-sec-{prefix}-{specification}/tree/stable-v1}}{element}": element
        for specification, element in methods
    }
    for aspect, prefix, methods in (
        ("client-auth", "cliauth", (("none", "anonymous"), ("tlscert", "tlscert"), ("httpsig", "httpsig"))),
        ("server-auth", "srvauth", (("tlscert", "tlscert"), ("httpsig", "httpsig"))),
        ("request-encryption", "reqencr", (("tls", "tls"), ("rsa-aes128gcm", "ewp-rsa-aes128gcm"))),
        ("response-encryption", "resencr", (("tls", "tls"), ("rsa-aes128gcm", "ewp-rsa-aes128gcm"))),
    )
}


@dataclass(frozen=True, slots=True)
class _EntryTag:
    """What the qualified name of a manifest entry says."""

    api: str
    namespace: str
    major: int

    @classmethod
    def of(cls, tag: str) -> _EntryTag | None:
        match = _ENTRY_TAG.fullmatch(tag)
        if match is None:
            return None
        # The name alone says nothing: anybody may put an element called `iias` in a namespace of their own.
        if match["api"] != _API_OF_REPOSITORY.get(match["repository"], match["repository"]):
            return None
        return cls(match["api"], match["namespace"], int(match["major"]))


class _Role(Enum):
    """What a child of a manifest entry is for."""

    URL = auto()
    LIMIT = auto()
    SECURITY = auto()
    EMAIL = auto()
    OTHER = auto()


def read(source: BinaryIO) -> Catalogue:
    """Reads a catalogue of any size. Raises BadCatalogue."""
    return _Reader().read(source)


class _Reader:
    """Reads one document. Keeps one copy of each of the many equal values, which halves the memory."""

    def __init__(self) -> None:
        self._ignored = 0
        self._tags: dict[str, _EntryTag | None] = {}
        self._versions: dict[str, tuple[str, tuple[int, int, int]] | None] = {}
        self._roles: defaultdict[_EntryTag, dict[str, tuple[_Role, str]]] = defaultdict(dict)
        self._limits: dict[tuple[tuple[str, int], ...], Mapping[str, int]] = {}
        self._security: dict[tuple[tuple[str, tuple[str, ...]], ...], HttpSecurity] = {}
        self._strings: dict[str, str] = {}
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}

    def read(self, source: BinaryIO) -> Catalogue:
        hosts: list[Host] = []
        names: dict[str, tuple[Name, ...]] = {}
        other_ids: dict[tuple[str, str], tuple[str, ...]] = {}
        binaries: dict[str, bytes] = {}
        for element in _sections(source):
            if element.tag == _R + "host":
                hosts.append(self._host(element))
            elif element.tag == _R + "hei":
                self._institution(element, names, other_ids)
            else:
                fingerprint = self._string(element.get("sha-256", ""))
                try:
                    binaries.setdefault(fingerprint, binascii.a2b_base64(_text(element)))
                except binascii.Error:
                    continue  # as if absent; nobody but the key's owner suffers
        return Catalogue(hosts, names, other_ids, binaries, self._ignored)

    def _host(self, element: etree._Element) -> Host:
        entries: list[tuple[_EntryTag, etree._Element]] = []
        hei_ids: tuple[str, ...] = ()
        keys = {"client-credentials-in-use": frozenset[str](), "server-credentials-in-use": frozenset[str]()}
        emails: list[str] = []
        provider: str | None = None
        # Direct children only: a manifest entry may contain anything, a whole host with credentials too.
        for child in element:
            tag = str(child.tag)
            name = tag.removeprefix(_R)
            if tag == _R + "apis-implemented":
                entries = list(self._entries(child))
            elif tag == _R + "institutions-covered":
                hei_ids = tuple(dict.fromkeys(self._string(_text(hei)) for hei in child.iterchildren(_R + "hei-id")))
            elif name in keys:
                found = child.iterchildren(_R + "rsa-public-key")
                keys[name] = frozenset(self._string(key.get("sha-256", "")) for key in found)
            elif tag == _COMMON + "admin-email":
                emails.append(self._string(_text(child)))
            elif tag == _COMMON + "admin-provider":
                provider = self._string(_text(child))
        host = Host(
            hei_ids=hei_ids,
            client_keys=keys["client-credentials-in-use"],
            server_keys=keys["server-credentials-in-use"],
            admin_emails=self._tuple(emails),
            provider=provider,
            entries=(),
        )
        read = (self._entry(entry_tag, entry, host) for entry_tag, entry in entries)
        usable = tuple(entry for entry in read if entry is not None)
        self._ignored += len(entries) - len(usable)
        object.__setattr__(host, "entries", usable)  # a host and its entries name each other
        return host

    def _entries(self, element: etree._Element) -> Iterator[tuple[_EntryTag, etree._Element]]:
        for child in element:
            tag = str(child.tag)
            if tag not in self._tags:
                self._tags[tag] = _EntryTag.of(tag)
            entry_tag = self._tags[tag]
            if entry_tag is None:
                self._ignored += 1
            else:
                yield entry_tag, child

    def _entry(self, tag: _EntryTag, element: etree._Element, host: Host) -> ApiEntry | None:
        version = self._version(element.get("version", ""))
        # Drafts (0.x) live in the namespace of the version they will become.
        if version is None or version[1][0] not in (0, tag.major):
            return None
        urls: dict[str, str] = {}
        limits: list[tuple[str, int]] = []
        emails: list[str] = []
        security = _DEFAULT_SECURITY
        roles = self._roles[tag]
        for child in element:
            role, name = roles.get(child.tag) or self._role(tag, str(child.tag))
            if role is _Role.URL:
                url = _text(child).strip()
                if _URL.fullmatch(url):
                    urls.setdefault(name, url)
            elif role is _Role.LIMIT:
                number = _text(child).strip()
                if _LIMIT.fullmatch(number) and int(number) > 0:
                    limits.append((name, int(number)))
            elif role is _Role.SECURITY:
                security = self._http_security(child)
            elif role is _Role.EMAIL:
                emails.append(self._string(_text(child)))
        if not urls:
            return None
        limits_key = tuple(limits)
        return ApiEntry(
            api=tag.api,
            namespace=tag.namespace,
            version=version[0],
            version_key=version[1],
            urls=MappingProxyType(urls),
            limits=self._limits.setdefault(limits_key, MappingProxyType(dict(limits))),
            security=security,
            admin_emails=self._tuple(emails),
            host=host,
        )

    def _role(self, entry: _EntryTag, tag: str) -> tuple[_Role, str]:
        """What a child of an entry is for, and its name; worked out once for each kind of child."""
        found = (_Role.OTHER, "")
        prefix, _, name = tag.rpartition("}")
        if prefix == "{" + entry.namespace:
            if name == "url" or name.endswith("-url"):
                found = (_Role.URL, name.removesuffix("url").removesuffix("-"))
            elif name.startswith("max-"):
                found = (_Role.LIMIT, name)
            elif name == "http-security":
                found = (_Role.SECURITY, name)
        elif tag == _COMMON + "admin-email":
            found = (_Role.EMAIL, "")
        self._roles[entry][tag] = found
        return found

    def _http_security(self, element: etree._Element) -> HttpSecurity:
        said = tuple((str(aspect.tag), tuple(str(method.tag) for method in aspect)) for aspect in element)
        known = self._security.get(said)
        if known is None:
            known = self._security[said] = _security_of(dict(said))
        return known

    def _institution(
        self,
        element: etree._Element,
        names: dict[str, tuple[Name, ...]],
        other_ids: dict[tuple[str, str], tuple[str, ...]],
    ) -> None:
        hei_id = self._string(element.get("id", ""))
        found = list(names.get(hei_id, ()))
        for child in element:
            if child.tag == _R + "name":
                found.append(Name(self._string(_text(child)), child.get(_LANG)))
            else:
                key = (self._string(one_kind(child.get("type", ""))), self._string(_text(child)))
                known = other_ids.get(key, ())
                other_ids[key] = known if hei_id in known else (*known, hei_id)
        names[hei_id] = tuple(found)

    def _version(self, text: str) -> tuple[str, tuple[int, int, int]] | None:
        if text not in self._versions:
            match = _VERSION.fullmatch(text)
            self._versions[text] = match and (text, (int(match[1]), int(match[2]), int(match[3])))
        return self._versions[text]

    def _string(self, text: str) -> str:
        return self._strings.setdefault(text, text)

    def _tuple(self, texts: list[str]) -> tuple[str, ...]:
        key = tuple(texts)
        return self._tuples.setdefault(key, key)


def _security_of(said: Mapping[str, tuple[str, ...]]) -> HttpSecurity:
    def methods(aspect: str, default: frozenset[str]) -> frozenset[str]:
        tags = said.get(f"{_SECURITY}{aspect}-methods")
        known = _SECURITY_METHODS[aspect]
        return default if tags is None else frozenset(known[tag] for tag in tags if tag in known)

    return HttpSecurity(
        client_auth=methods("client-auth", _DEFAULT_SECURITY.client_auth),
        server_auth=methods("server-auth", _DEFAULT_SECURITY.server_auth),
        request_encryption=methods("request-encryption", _DEFAULT_SECURITY.request_encryption),
        response_encryption=methods("response-encryption", _DEFAULT_SECURITY.response_encryption),
    )


def _text(element: etree._Element) -> str:
    return element.text or ""


def _sections(source: BinaryIO) -> Iterator[etree._Element]:
    """The hosts, institutions and keys of a catalogue, one by one, each validated, and freed after use."""
    complete = False
    parser = etree.iterparse(
        source,
        events=("start", "end"),
        tag=(_R + "catalogue", _R + "host", _R + "hei", _R + "rsa-public-key"),
        schema=schemas.default().xsd(NAMESPACE),
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        huge_tree=False,
        # A comment inside an id would split its text in two, and the first half could be somebody else's id.
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for event, element in parser:
            if event == "start":
                if element.getparent() is None:
                    _require_catalogue(element)
            elif element.getparent() is None:
                complete = True
            elif _is_section(element):
                yield element
                _free(element)
    except etree.XMLSyntaxError as error:
        raise _malformed(source) or BadCatalogue(_words(error)) from None
    # A validating iterparse ends quietly when the document does, also in the middle: only the root's end is proof.
    if not complete:
        raise _malformed(source) or BadCatalogue("the document is no catalogue of ewp-specs-api-registry")


class _Nothing:
    """A parser's target that keeps nothing."""

    def close(self) -> None:
        pass


def _malformed(source: BinaryIO) -> BadCatalogue | None:
    """Where the document is no well-formed XML; a validating parser does not tell."""
    source.seek(0)
    target = cast("etree.ParserTarget", _Nothing())
    parser = etree.XMLParser(target=target, load_dtd=False, no_network=True, resolve_entities=False)
    try:
        etree.parse(source, parser)
    except etree.XMLSyntaxError as error:
        return BadCatalogue(f"the document is no well-formed XML: {_words(error)}", error.lineno)
    return None


def _require_catalogue(root: etree._Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadCatalogue("the catalogue has a document type declaration, which is not allowed")
    if root.tag != _R + "catalogue":
        raise BadCatalogue(f"the root element is {root.tag}, not a catalogue")


def _is_section(element: etree._Element) -> bool:
    """Whether the element stands where the schema puts it; inside manifest entries the same names mean nothing."""
    parent = element.getparent()
    if parent is None:
        return False
    grandparent = parent.getparent()
    if element.tag == _R + "host":
        return grandparent is None
    place = _R + ("institutions" if element.tag == _R + "hei" else "binaries")
    return grandparent is not None and grandparent.getparent() is None and parent.tag == place


def _free(element: etree._Element) -> None:
    parent = element.getparent()
    element.clear()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _words(error: etree.XMLSyntaxError) -> str:
    words = (error.msg or "libxml2 gives no reason").replace("{" + NAMESPACE + "}", "")
    return _POSITION.sub("", words)[:500]
