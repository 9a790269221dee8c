"""The ELMO in a transcript of ours, signed with the institution's certificate."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.model import elmo
from ewpgw.security.elmo_signing import SigningKey, sign, signing_key

if TYPE_CHECKING:
    from ewpgw.model.knowledge import SigningPems


def signed(fragment: bytes, pems: SigningPems) -> bytes:
    """A transcript as an element, in which the ELMO bears a signature. One that bears a signature already stays as is.

    Takes milliseconds, and longer the first time. Raises SigningProblem where the certificate and key cannot be used.
    """
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    tor = etree.fromstring(fragment, parser)
    inner = elmo.inside(tor)
    if inner.find(elmo.SIGNATURE) is not None:
        return fragment
    bearing = etree.fromstring(sign(elmo.text_of(inner), _key(pems)).encode(), parser)
    bearing.tail = inner.tail
    tor.replace(inner, bearing)
    return etree.tostring(tor, encoding="utf-8", xml_declaration=False)


@lru_cache(maxsize=32)
def _key(pems: SigningPems) -> SigningKey:
    return signing_key(pems.certificates, pems.key)
