"""Checks that look beyond one key: files, keys, adapters, and what two institutions must not share.

They read the file's data rather than the settings, so that they also speak where some other key is wrong.
"""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from ewpgw.config import explain
from ewpgw.config.faults import Finding, Location, key_path
from ewpgw.config.settings import AdapterSettings, NetworkSettings, SisSettings
from ewpgw.config.values import PublicUrl, absolute, is_path, public_url
from ewpgw.security.elmo_signing import SigningProblem, signing_key
from ewpgw.security.keys import KeyProblem, load_private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

# how OpenSSL puts that a key is not the certificate's: same kind, other kind
_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")

ADAPTERS = "ewpgw.adapters"
"""The entry point group of adapters."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the rooms above know about names in the configuration.

    Attributes:
        api_names: names allowed in ``heis[].apis``; None leaves them unchecked
        choose_apis: called with the names of a HEI's APIs; raises ValueError where these cannot be offered together
        adapter_model: gives the model of an adapter kind's options, or raises LookupError; None leaves them unchecked
    """

    api_names: Collection[str] | None = None
    choose_apis: Callable[[Sequence[str]], object] | None = None
    adapter_model: Callable[[str], type[BaseModel]] | None = None


def findings(data: Mapping[str, object], folder: Path, knowledge: Knowledge) -> Iterator[Finding]:
    """Everything found; folder is where relative paths start."""
    network, sis = _mapping(data.get("network")), _mapping(data.get("sis"))
    if not network.get("tls") and network.get("behind_proxy") is not True:
        yield Finding(
            ("network", "tls"),
            "is missing: partners call over https only",
            "name certificate and key, or set network.behind_proxy: true where a reverse proxy ends TLS",
        )
    yield from _tls(network.get("tls"), ("network", "tls"), folder)
    yield from _tls(sis.get("tls"), ("sis", "tls"), folder)
    yield from _authorities(network.get("ca_file"), ("network", "ca_file"), folder)
    yield from _ports(network, sis)
    heis = data.get("heis")
    entries = [_mapping(hei) for hei in heis] if isinstance(heis, list) else []
    yield from _ids(entries)
    yield from _public_urls(entries)
    yield from _keys(entries, folder)
    yield from _apis(entries, knowledge)
    yield from _adapters(entries, folder, knowledge)
    for index, hei in enumerate(entries):
        yield from _transcripts(_mapping(hei.get("transcripts")), ("heis", index, "transcripts"), folder)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _file(value: object, location: Location, folder: Path) -> Path | Finding | None:
    """The path of a readable file, or why it is none; None where the value is no path, which its type check tells."""
    if not is_path(value):
        return None
    path = absolute(folder, value)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: no file can have such a name
        return Finding(
            location,
            f"there is no file {path}",
            "name an existing file; relative paths start from the configuration's folder",
        )
    except OSError as error:
        advice = "name an existing file, and let the service's user into the folders that it is in"
        return Finding(location, f"{path} cannot be reached: {error.strerror}", advice)
    if not stat.S_ISREG(mode):
        return Finding(location, f"{path} is not a file", "name a file")
    if not os.access(path, os.R_OK):
        return Finding(location, f"{path} cannot be read", "let the service's user read it")
    return path


def _tls(value: object, location: Location, folder: Path) -> Iterator[Finding]:
    section = _mapping(value)
    paths = [_file(section.get(name), (*location, name), folder) for name in ("certificate", "key")]
    yield from (path for path in paths if isinstance(path, Finding))
    certificate, key = paths
    if not isinstance(certificate, Path) or not isinstance(key, Path):
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # a password of no characters keeps OpenSSL from asking at the terminal
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError, OSError) as error:
        if getattr(error, "reason", None) in _OTHER_KEY:
            yield Finding(
                (*location, "key"), "is not the key of the certificate", "name the key the certificate was issued for"
            )
        else:
            yield Finding(
                location,
                f"{certificate.name} and {key.name} cannot be used together",
                "both must be PEM files, the key without a passphrase",
            )


def _authorities(value: object, location: Location, folder: Path) -> Iterator[Finding]:
    path = _file(value, location, folder)
    if isinstance(path, Finding):
        yield path
    elif path:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except ssl.SSLError:
            yield Finding(location, f"{path} holds no certificate", "name a PEM file of certificates")


def _transcripts(section: Mapping[str, object], location: Location, folder: Path) -> Iterator[Finding]:
    """Whether transcripts can be signed, and which certificates are trusted."""
    signing = _mapping(section.get("signing"))
    paths = [_file(signing.get(name), (*location, "signing", name), folder) for name in ("certificate", "key")]
    yield from (path for path in paths if isinstance(path, Finding))
    certificate, key = paths
    if isinstance(certificate, Path) and isinstance(key, Path):
        try:
            signing_key(certificate.read_bytes(), key.read_bytes())
        except SigningProblem as problem:
            yield Finding((*location, "signing"), f"cannot be used: {problem.words}", "name a certificate and its key")
    trusted = section.get("trusted_certificates")
    for number, name in enumerate(trusted if isinstance(trusted, list) else []):
        yield from _authorities(name, (*location, "trusted_certificates", number), folder)


def _ports(network: Mapping[str, object], sis: Mapping[str, object]) -> Iterator[Finding]:
    (host, port), (sis_host, sis_port) = (
        [section.get(key, model.model_fields[key].default) for key in ("host", "port")]
        for section, model in ((network, NetworkSettings), (sis, SisSettings))
    )
    overlap = host == sis_host or bool({"0.0.0.0", "::"} & {str(host), str(sis_host)})  # noqa: S104  # compared, not bound
    if port == sis_port and port != 0 and overlap:
        yield Finding(("sis", "port"), f"{sis_port} is network.port too", "give one of them another port")


def _ids(heis: list[Mapping[str, object]]) -> Iterator[Finding]:
    seen: dict[object, int] = {}
    for index, hei in enumerate(heis):
        hei_id = hei.get("id")
        if isinstance(hei_id, str) and seen.setdefault(hei_id, index) != index:
            yield Finding(
                ("heis", index, "id"),
                f"{hei_id!r} is listed twice (first as heis[{seen[hei_id]}])",
                "keep one of the two",
            )


def _public_urls(heis: list[Mapping[str, object]]) -> Iterator[Finding]:
    seen: list[tuple[int, PublicUrl]] = []
    for index, hei in enumerate(heis):
        try:
            url = public_url(hei.get("public_url"))
        except PydanticCustomError:
            continue  # its type check tells
        location = ("heis", index, "public_url")
        for first, other in seen:
            remedy = (
                "give each HEI a URL of its own, such as the host and its HEI id: partners tell HEIs apart by the URL"
            )
            if url == other:
                yield Finding(location, f"is that of heis[{first}] too", remedy)
                break
            if url.host == other.host and (
                f"{url.path}/".startswith(f"{other.path}/") or f"{other.path}/".startswith(f"{url.path}/")
            ):
                yield Finding(location, f"and that of heis[{first}] lie one inside the other", remedy)
                break
        seen.append((index, url))


def _keys(heis: list[Mapping[str, object]], folder: Path) -> Iterator[Finding]:
    seen: dict[str, Location] = {}
    for index, hei in enumerate(heis):
        keys = hei.get("keys")
        for number, key in enumerate(keys if isinstance(keys, list) else []):
            name = _mapping(key).get("file")
            if not is_path(name):
                continue  # its type check tells
            location: Location = ("heis", index, "keys", number, "file")
            path = absolute(folder, name)
            try:
                fingerprint = load_private_key(path).public.fingerprint
            except KeyProblem as unusable:
                yield Finding(location, f"{path}: {unusable.problem}", unusable.remedy)
                continue
            first = seen.setdefault(fingerprint, location)
            if first != location:
                whose = "the same key as" if first[1] == index else "another HEI's key,"
                remedy = "make a key of its own with 'ewpgw keys generate'"
                yield Finding(location, f"holds {whose} {key_path(first)}", remedy)


def _apis(heis: list[Mapping[str, object]], knowledge: Knowledge) -> Iterator[Finding]:
    allowed = knowledge.api_names
    for index, hei in enumerate(heis):
        apis = hei.get("apis")
        names = [name if isinstance(name, str) else "" for name in apis] if isinstance(apis, list) else []
        for number, name in enumerate(names):
            location = ("heis", index, "apis", number)
            if name and name in names[:number]:
                yield Finding(location, f"{name!r} is listed twice", "keep one of the two")
            elif name and allowed is not None and name not in allowed:
                remedy = f"choose from {', '.join(sorted(allowed))}"
                yield Finding(location, f"{name!r} is not an API that ewpgw offers", remedy)
        if isinstance(apis, list) and knowledge.choose_apis is not None:
            try:
                knowledge.choose_apis(names)
            except ValueError as incomplete:
                yield Finding(("heis", index, "apis"), "cannot be offered alone", str(incomplete))


def _adapters(heis: list[Mapping[str, object]], folder: Path, knowledge: Knowledge) -> Iterator[Finding]:
    installed = {point.name for point in entry_points(group=ADAPTERS)}
    for index, hei in enumerate(heis):
        location = ("heis", index, "adapter")
        adapter = _mapping(hei.get("adapter"))
        kind = adapter.get("kind")
        if not isinstance(kind, str) or not kind.strip():
            continue
        if kind not in installed:
            yield Finding(
                (*location, "kind"),
                f"no adapter {kind!r} is installed",
                f"install the package that brings it, or choose from {', '.join(sorted(installed)) or 'none'}",
            )
            continue
        if knowledge.adapter_model is None:
            continue
        try:
            model = knowledge.adapter_model(kind)
        except LookupError as unusable:
            yield Finding((*location, "kind"), str(unusable), "install its package again")
            continue
        options = {name: value for name, value in adapter.items() if name not in AdapterSettings.model_fields}
        try:
            model.model_validate(options, context={"folder": folder})
        except ValidationError as error:
            yield from explain.findings(error, model, location)
