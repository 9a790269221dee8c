"""Discovery API 6: the manifest, which tells the registry what this gateway runs for one HEI.

Built from the declarations of the APIs that run and from the HEI's settings, so that it cannot list anything else
(ewp-specs-api-discovery, stable-v6).
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.apis.answers import element, serialise
from ewpgw.apis.declaration import EWP, Api, Endpoint

if TYPE_CHECKING:
    from ewpgw.apis.call import Call, Node

MANIFEST = f"{EWP}ewp-specs-api-discovery/tree/stable-v6"
_REGISTRY = f"{EWP}ewp-specs-api-registry/tree/stable-v1"
_COMMON = f"{EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd"
_SECURITY = f"{EWP}ewp-specs-sec-intro/tree/stable-v2"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_METHODS = {
    "client-auth-methods": (("httpsig", "ewp-specs-sec-cliauth-httpsig"),),
    "server-auth-methods": (("tlscert", "ewp-specs-sec-srvauth-tlscert"), ("httpsig", "ewp-specs-sec-srvauth-httpsig")),
}
_ENCRYPTION_METHODS = {
    f"{message}-encryption-methods": (
        ("tls", f"ewp-specs-sec-{short}encr-tls"),
        ("ewp-rsa-aes128gcm", f"ewp-specs-sec-{short}encr-rsa-aes128gcm"),
    )
    for message, short in (("request", "req"), ("response", "res"))
}


async def manifest(call: Call) -> bytes:
    """The manifest of the HEI whose URL was called."""
    return build(call.node)


def build(node: Node) -> bytes:
    """The manifest document of one HEI."""
    settings, keys = node.identity.settings, node.identity.keys
    root = element("manifest", MANIFEST, ewp=_COMMON, r=_REGISTRY)
    host = etree.SubElement(root, f"{{{MANIFEST}}}host")
    for email in settings.admin_emails:
        etree.SubElement(host, f"{{{_COMMON}}}admin-email").text = str(email)
    etree.SubElement(host, f"{{{_COMMON}}}admin-provider").text = settings.admin_provider
    if settings.admin_notes:
        etree.SubElement(host, f"{{{_COMMON}}}admin-notes").text = settings.admin_notes
    apis = etree.SubElement(host, f"{{{_REGISTRY}}}apis-implemented")
    for api in node.apis:
        apis.append(_entry(node, api))
    covered = etree.SubElement(host, f"{{{MANIFEST}}}institutions-covered")
    hei = etree.SubElement(covered, f"{{{_REGISTRY}}}hei", id=node.identity.hei_id)
    for other in settings.other_ids:
        etree.SubElement(hei, f"{{{_REGISTRY}}}other-id", type=other.type).text = other.value
    for name in settings.names:
        named = etree.SubElement(hei, f"{{{_REGISTRY}}}name")
        named.text = name.text
        if name.lang:
            named.set(_XML_LANG, name.lang)
    for credentials in ("client-credentials-in-use", "server-credentials-in-use"):
        listed = etree.SubElement(host, f"{{{MANIFEST}}}{credentials}")
        for key in keys:
            etree.SubElement(listed, f"{{{MANIFEST}}}rsa-public-key").text = b64encode(key.public.der).decode()
    return serialise(root)


def _entry(node: Node, api: Api) -> etree._Element:
    entry = element(api.name, api.namespace, sec=_SECURITY)
    entry.set("version", api.version)
    if api.has_http_security:
        security = etree.SubElement(entry, f"{{{api.namespace}}}http-security")
        offered = {**_METHODS, **(_ENCRYPTION_METHODS if node.encryption else {})}
        for aspect, methods in offered.items():
            listed = etree.SubElement(security, f"{{{_SECURITY}}}{aspect}")
            for method, repository in methods:
                listed.append(element(method, f"{EWP}{repository}/tree/stable-v1"))
    urls = {api.url_element(endpoint): node.identity.public_url + api.path(endpoint) for endpoint in api.endpoints}
    said = {**{name: str(limit) for name, limit in node.limits.items()}, **urls, **dict(api.stated)}
    for name in api.entry:
        etree.SubElement(entry, f"{{{api.namespace}}}{name}").text = said[name]
    return entry


DISCOVERY = Api(
    name="discovery",
    version="6.0.0",
    repository="ewp-specs-api-discovery",
    entry=("url",),
    endpoints=(Endpoint("", ("GET",), manifest, anonymous=True),),
    has_http_security=False,
)
