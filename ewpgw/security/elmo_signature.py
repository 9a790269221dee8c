"""XML signatures of ELMO documents: verified, without trust in what they say of themselves.

ELMO is signed as XML Signature Core describes: a ``Signature`` as the last child of the document's root, with one
reference to the whole document, itself left out (ELMO 1 and 2, schema.xsd, elmo). Nothing else is accepted here, since
anything more is how signatures are made to cover something other than what is read. A certificate in a signature says
who claims to have signed; whether that is believed is for a person, or for a list of certificates, to decide.

signxml verifies. What it has verified is compared with the document as it will be read, and a signature counts only
where both are the same.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography import x509

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
MIN_RSA_BITS: Final = 2048
MIN_CURVE_BITS: Final = 256
_P: Final = f"{{{DS}}}"
_ENVELOPED: Final = f"{DS}enveloped-signature"
_CANONICAL: Final = frozenset(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    }
)
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_SIGNATURES: Final = frozenset(
    {f"{_MORE}{kind}-sha{size}" for kind in ("rsa", "ecdsa") for size in (256, 384, 512)}
    | {f"http://www.w3.org/2007/05/xmldsig-more#sha{size}-rsa-MGF1" for size in (256, 384, 512)}
)
_DIGESTS: Final = frozenset(
    {"http://www.w3.org/2001/04/xmlenc#sha256", f"{_MORE}sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}
)
_LARGEST_SIGNATURE: Final = 256 * 1024
_MOST_CERTIFICATES: Final = 10


class Verdict(StrEnum):
    """What became of a signature."""

    UNSIGNED = "unsigned"
    VALID = "valid"
    INVALID = "invalid"


class Trust(StrEnum):
    """What is known of the certificate of a valid signature."""

    TRUSTED = "trusted"
    SELF_SIGNED = "self-signed"
    UNKNOWN_ISSUER = "unknown issuer"
    BARE_KEY = "bare key"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who claims to have signed, by the certificate in the signature.

    ``fingerprint`` is the lower-case hex SHA-256 of the certificate.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """What is known of the signature of an ELMO. ``words`` are sentences for people; ``trust`` is None unless valid."""

    verdict: Verdict
    words: str
    signer: Signer | None = None
    trust: Trust | None = None


class _Refused(Exception):
    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def verify(
    elmo: etree._Element, *, trusted: Sequence[x509.Certificate] = (), at: datetime | None = None
) -> SignatureReport:
    """What is to be said of the signature of an ELMO element, which may be part of a larger document.

    - ``trusted``: certificates whose signatures, and whose direct issues, are those of somebody known
    - ``at``: the moment at which certificates have to be valid; now unless told otherwise

    The element stays as it is. Never raises for what a document may hold.
    """
    signatures = list(elmo.iterfind(f".//{_P}Signature"))
    own = [one for one in signatures if one.getparent() is elmo]
    if not own:
        inner = " Parts of it bear signatures of their own, which say nothing of the whole." if signatures else ""
        return SignatureReport(Verdict.UNSIGNED, f"The document is not signed.{inner}")
    certificates: list[x509.Certificate] = []
    try:
        if len(own) > 1:
            raise _Refused("there are several signatures, and one alone is allowed")
        if next(own[0].itersiblings("*"), None) is not None:
            raise _Refused("something follows the signature, which has to come last")
        _check_form(own[0])
        certificates = list(_certificates(own[0]))
        _check_keys(certificates)
        _verify_content(elmo, certificates)
    except _Refused as refused:
        signer = _described(certificates[0]) if certificates else None
        return SignatureReport(Verdict.INVALID, f"The signature is not valid: {refused.words}.", signer)
    return _valid(certificates, trusted, at or datetime.now(UTC))


def _valid(
    certificates: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], at: datetime
) -> SignatureReport:
    intact = "The document is as it was signed"
    if not certificates:
        said = f"{intact}, with a key that comes without a certificate: it does not say whose it is."
        return SignatureReport(Verdict.VALID, said, None, Trust.BARE_KEY)
    signer = _described(certificates[0])
    if _is_known(certificates[0], trusted):
        trust, by = Trust.TRUSTED, f"by {signer.subject}, whose certificate is trusted here."
    elif _issued_by(certificates[0], certificates[0]):
        trust, by = Trust.SELF_SIGNED, f"by somebody who says to be {signer.subject}: nobody else confirms that."
    else:
        said = f"with a certificate that names {signer.subject}, issued by {signer.issuer}"
        trust, by = Trust.UNKNOWN_ISSUER, f"{said}, which is not among those trusted here."
    words = f"{intact}, {by}"
    if not signer.not_before <= at <= signer.not_after:
        span = f"from {signer.not_before:%Y-%m-%d} to {signer.not_after:%Y-%m-%d}"
        words = f"{words} The certificate was valid {span}, which is not now; it may have been when it was used."
    return SignatureReport(Verdict.VALID, words, signer, trust)


def _check_form(signature: etree._Element) -> None:
    """Whether the signature is one over the whole document, by algorithms that hold. Raises _Refused."""
    if len(etree.tostring(signature)) > _LARGEST_SIGNATURE:
        raise _Refused("the signature is enormous")
    if signature.find(f"{_P}Object") is not None:
        raise _Refused("there is an object in the signature, and only the document may be signed")
    infos = signature.findall(f"{_P}SignedInfo")
    if len(infos) != 1:
        raise _Refused("it does not say once what is signed")
    references = infos[0].findall(f"{_P}Reference")
    if len(references) != 1 or references[0].get("URI") != "":
        raise _Refused("it does not cover the whole document and nothing else")
    transforms = [one.get("Algorithm") for one in references[0].findall(f"{_P}Transforms/{_P}Transform")]
    if transforms.count(_ENVELOPED) != 1 or not set(transforms) <= {_ENVELOPED, *_CANONICAL} or len(transforms) > 2:
        raise _Refused("the document is transformed in a way that is not allowed before it is signed")
    for element, allowed, what in (
        (infos[0].find(f"{_P}CanonicalizationMethod"), _CANONICAL, "is normalised"),
        (infos[0].find(f"{_P}SignatureMethod"), _SIGNATURES, "is signed"),
        (references[0].find(f"{_P}DigestMethod"), _DIGESTS, "is digested"),
    ):
        named = element.get("Algorithm") if element is not None else None
        if named not in allowed:
            raise _Refused(_not_allowed(str(named or ""), what))


def _not_allowed(named: str, what: str) -> str:
    if named.lower().endswith("sha1"):
        return "it is made with SHA-1, with which documents can be forged"
    return f"the way it {what} is not among those accepted here"


def _certificates(signature: etree._Element) -> Iterator[x509.Certificate]:
    """The certificates in a signature, that of the signer first. Raises _Refused."""
    found = signature.findall(f"{_P}KeyInfo/{_P}X509Data/{_P}X509Certificate")
    if len(found) > _MOST_CERTIFICATES:
        raise _Refused("it has too many certificates")
    from cryptography.x509 import load_der_x509_certificate  # several megabytes, for few

    for element in found:
        try:
            der = b64decode("".join((element.text or "").split()), validate=True)
            yield load_der_x509_certificate(der)
        except (NotBase64, ValueError, UnsupportedAlgorithm):
            raise _Refused("a certificate in it cannot be read") from None


def _check_keys(certificates: Sequence[x509.Certificate]) -> None:
    if not certificates:
        return
    try:
        key = certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _Refused("the key of its certificate cannot be read") from None
    _check_key(key)


def _check_key(key: object) -> None:
    if (why := weakness(key)) is not None:
        raise _Refused(why)


def weakness(key: object) -> str | None:
    """Why a public key is not accepted, in words; None where it is."""
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            return f"its key has {key.key_size} bits; {MIN_RSA_BITS} are the least that is secure"
    elif not (isinstance(key, EllipticCurvePublicKey) and key.key_size >= MIN_CURVE_BITS):
        return "its key is of a kind that is not accepted here"
    return None


def _verify_content(elmo: etree._Element, certificates: Sequence[x509.Certificate]) -> None:
    """Whether the signature is the key's, over what is read. Raises _Refused."""
    # signxml is heavy, and most transcripts are not signed.
    from signxml.exceptions import InvalidDigest, SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    moment = _midpoint(certificates[0]) if certificates else None
    configuration = SignatureConfiguration(
        require_x509=bool(certificates), location="./", expect_references=1, verification_time=moment
    )
    why = "it does not fit the document or the key"
    for candidate in _standalone(elmo):
        try:
            verified = XMLVerifier().verify(
                candidate, x509_cert=certificates[0] if certificates else None, expect_config=configuration
            )
        except InvalidDigest:
            why = "the document was changed after it was signed"
            continue
        except (SignXMLException, InvalidSignature, etree.LxmlError, ValueError, KeyError, UnsupportedAlgorithm):
            continue
        except (TypeError, AttributeError, AssertionError, NotImplementedError):
            # elements that the schema of signatures allows and signxml does not expect
            continue
        result: Any = verified
        if not certificates:
            _check_key(_public_key(result.signature_key))
        if result.signed_xml is None or _canonical(result.signed_xml) != _canonical(_unsigned(elmo)):
            raise _Refused("what was signed is not what the document says")
        return
    raise _Refused(why)


def _standalone(elmo: etree._Element) -> Iterator[bytes]:
    """The element as the document that may have been signed.

    Some normalisations also cover declarations of namespaces that an element inherits from the document around it. The
    signer had that document or another around it, or none, so each is tried.
    """
    yield etree.tostring(elmo, with_tail=False)
    parent = elmo.getparent()
    if parent is not None:
        alone: Any = etree.Element(elmo.tag, nsmap=_own_namespaces(elmo, parent))
        copy = deepcopy(elmo)
        for name, value in copy.attrib.items():
            alone.set(name, value)
        alone.text = copy.text
        alone.extend(list(copy))
        yield etree.tostring(alone)
        etree.cleanup_namespaces(alone)
        yield etree.tostring(alone)


def _own_namespaces(elmo: etree._Element, parent: etree._Element) -> Any:
    """The namespaces that the element needs, and those that the document around it does not declare."""
    used = set()
    for element in elmo.iter("*"):
        used.add(etree.QName(element).namespace)
        used.update(etree.QName(name).namespace for name in element.attrib)
    inherited = parent.nsmap
    return {prefix: uri for prefix, uri in elmo.nsmap.items() if uri in used or inherited.get(prefix) != uri}


def _unsigned(elmo: etree._Element) -> etree._Element:
    """A copy of the element without its signature; what stood around that stays."""
    copy = etree.fromstring(etree.tostring(elmo, with_tail=False), _parser())
    for signature in copy.findall(f"{_P}Signature"):
        previous = signature.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + (signature.tail or "")
        else:
            copy.text = (copy.text or "") + (signature.tail or "")
        copy.remove(signature)
    return copy


def _canonical(element: etree._Element) -> bytes:
    """What an element says, whatever it inherits, and without comments."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True)


def _public_key(pem: bytes) -> object:
    return load_pem_public_key(pem)


def _midpoint(certificate: x509.Certificate) -> datetime:
    """A moment at which the certificate is valid: whether it is now is said in words, and not by signxml."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins + (ends - begins) / 2


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_known(certificate: x509.Certificate, trusted: Sequence[x509.Certificate]) -> bool:
    return any(certificate == known or _issued_by(certificate, known) for known in trusted)


def _described(certificate: x509.Certificate) -> Signer:
    return Signer(
        subject=_name(certificate.subject),
        issuer=_name(certificate.issuer),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(SHA256()).hex(),
    )


def _name(name: x509.Name) -> str:
    try:
        text = name.rfc4514_string()
    except ValueError:
        text = ""
    shown = "".join(sign if sign.isprintable() else "�" for sign in text)[:300]
    return shown or "nobody it names"
