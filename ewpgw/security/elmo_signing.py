"""Signing ELMO documents of one's own: which keys will do, and the signature.

Source: ELMO 1 and 2, schema.xsd, elmo, Signature: enveloped, one reference to the whole document, the certificate with
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from ewpgw.security.elmo_signature import DS, weakness

if TYPE_CHECKING:
    from cryptography import x509

_SIGNATURE: Final = f"{{{DS}}}Signature"


class SigningProblem(ValueError):
    """A certificate and key that cannot be used for signing. ``words`` say why and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that ELMO documents of an institution are signed with, and its certificates, the signer's own first."""

    certificates: tuple[x509.Certificate, ...]
    key: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)


def signing_key(certificates_pem: bytes, key_pem: bytes) -> SigningKey:
    """The signing key in two PEM files, the key not encrypted. Raises SigningProblem."""
    from cryptography.x509 import load_pem_x509_certificates  # several megabytes, for few

    try:
        certificates = tuple(load_pem_x509_certificates(certificates_pem))
    except ValueError:
        raise SigningProblem("the file of certificates has none in PEM form") from None
    try:
        key = load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningProblem("the file of the key has none in PEM form, or it is encrypted; decrypt it") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise SigningProblem("the key is neither an RSA nor an elliptic-curve key; make one of these")
    if (why := weakness(key.public_key())) is not None:
        raise SigningProblem(f"the key cannot be used: {why}")
    if certificates[0].public_key() != key.public_key():
        raise SigningProblem("the first certificate is not that of the key; put the signer's own first")
    return SigningKey(certificates, key)


def sign(elmo: str, signer: SigningKey) -> str:
    """An ELMO document with a signature as its last child, without XML declaration. Raises ValueError where signed.

    The normalisation leaves out what a document around it declares, so that the signature holds wherever it stands.
    """
    # signxml is heavy, and most institutions do not sign.
    from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
    from signxml.signer import XMLSigner

    root = etree.fromstring(elmo.encode(), etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True))
    if root.find(_SIGNATURE) is not None:
        raise ValueError("the document is signed already")
    method = SignatureMethod.RSA_SHA256 if isinstance(signer.key, RSAPrivateKey) else SignatureMethod.ECDSA_SHA256
    xml_signer = XMLSigner(
        signature_algorithm=method,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = xml_signer.sign(root, key=signer.key, cert=list(signer.certificates))
    return etree.tostring(signed, encoding="unicode")
