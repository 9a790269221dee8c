"""Signatures of ELMO documents: good ones, and what is done to pass for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from ewpgw.security.elmo_signature import DS, SignatureReport, Trust, Verdict, verify
from ewpgw.security.elmo_signing import SigningKey, SigningProblem, sign, signing_key

ELMO = (
    '<elmo xmlns="https://github.com/emrex-eu/elmo-schemas/tree/v2"><!-- a note --><learner><givenNames>Åsa &amp; Bo'
    "</givenNames></learner>\n<report><grade>5</grade></report>\n</elmo>"
)
NOW = datetime(2026, 3, 8, tzinfo=UTC)
SIGNATURE = f"{{{DS}}}Signature"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certificate(
    name: str, key: Key, issuer: str | None = None, issuer_key: Key | None = None, ends: datetime | None = None
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    ends = ends or NOW + timedelta(days=300)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(ends - timedelta(days=600))
        .not_valid_after(ends)
        .sign(issuer_key or key, SHA256())
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def signer(key: rsa.RSAPrivateKey) -> SigningKey:
    return SigningKey((certificate("Registrar of North", key),), key)


@pytest.fixture(scope="module")
def signed(signer: SigningKey) -> str:
    return sign(ELMO, signer)


def report(text: str) -> SignatureReport:
    return verify(etree.fromstring(text.encode()), at=NOW)


def test_a_document_without_signature_is_unsigned() -> None:
    assert report(ELMO).verdict is Verdict.UNSIGNED


def test_what_was_signed_here_is_valid_and_says_that_nobody_else_confirms_it(signed: str) -> None:
    found = report(signed)
    assert (found.verdict, found.trust) == (Verdict.VALID, Trust.SELF_SIGNED)
    assert found.signer is not None
    assert found.signer.subject == "CN=Registrar of North"
    assert "nobody else confirms" in found.words


def test_a_signature_survives_being_put_into_a_response(signed: str) -> None:
    response = f'<r xmlns="urn:around" xmlns:x="urn:x" x:a="1"><tor><omobility-id>1</omobility-id>{signed}</tor></r>'
    inside = next(etree.fromstring(response.encode()).iter("{*}elmo"))
    assert verify(inside, at=NOW).verdict is Verdict.VALID


@pytest.mark.parametrize("method", [CanonicalizationMethod.CANONICAL_XML_1_0, CanonicalizationMethod.CANONICAL_XML_1_1])
def test_a_document_signed_alone_by_others_holds_within_a_response(
    method: CanonicalizationMethod, signer: SigningKey
) -> None:
    document = etree.fromstring(ELMO.replace("<elmo ", '<elmo xmlns:unused="urn:unused" '))
    made = XMLSigner(c14n_algorithm=method).sign(document, key=signer.key, cert=list(signer.certificates))
    around = etree.fromstring('<r xmlns="urn:around" xmlns:x="urn:x"><tor/></r>')
    text = etree.tostring(around).replace(b"<tor/>", b"<tor>" + etree.tostring(made) + b"</tor>")
    inside = next(etree.fromstring(text).iter("{*}elmo"))
    assert verify(inside, at=NOW).verdict is Verdict.VALID


def test_a_namespace_that_both_documents_declare_does_no_harm(signer: SigningKey) -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    document = etree.fromstring(ELMO.replace("<elmo ", f'<elmo {xsi} xsi:schemaLocation="a b" '))
    made = XMLSigner().sign(document, key=signer.key, cert=list(signer.certificates))
    text = f'<r xmlns="urn:around" xmlns:more="urn:more" {xsi}>{etree.tostring(made, encoding="unicode")}</r>'
    inside = next(etree.fromstring(text.encode()).iter("{*}elmo"))
    assert verify(inside, at=NOW).verdict is Verdict.VALID


def test_an_elliptic_key_signs_as_well() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert report(sign(ELMO, SigningKey((certificate("South", key),), key))).verdict is Verdict.VALID


def test_a_changed_grade_makes_the_signature_invalid_and_says_so(signed: str) -> None:
    found = report(signed.replace("<grade>5<", "<grade>1<"))
    assert found.verdict is Verdict.INVALID
    assert "changed after it was signed" in found.words
    assert found.signer is not None


def test_a_comment_cannot_cut_a_signed_text_for_whoever_reads_it(signed: str) -> None:
    """Comments are not signed; the text that is read has to be the one that was."""
    bent = signed.replace("Åsa &amp; Bo", "Åsa<!-- --> &amp; Bo")
    assert report(bent).verdict is Verdict.VALID


def test_the_certificate_of_another_does_not_fit(signed: str) -> None:
    other = rsa.generate_private_key(65537, 2048)
    tree = etree.fromstring(signed.encode())
    held = next(tree.iter(f"{{{DS}}}X509Certificate"))
    pem = certificate("Rector", other).public_bytes(Encoding.PEM).decode()
    held.text = "".join(pem.splitlines()[1:-1])
    assert verify(tree, at=NOW).verdict is Verdict.INVALID


def test_a_signature_over_a_part_that_was_moved_aside_is_refused(signer: SigningKey) -> None:
    """Signature wrapping: the signed content stands somewhere unread, and other content in its place."""
    document = etree.fromstring('<elmo xmlns="urn:e"><report Id="signed"><grade>1</grade></report></elmo>')
    made = XMLSigner().sign(document, key=signer.key, cert=list(signer.certificates), reference_uri="#signed")
    moved = made.find("{*}report")
    assert moved is not None
    hidden = etree.Element("{urn:e}extension")
    hidden.append(moved)
    other = etree.fromstring('<report xmlns="urn:e"><grade>5</grade></report>')
    made.insert(0, other)
    made.insert(1, hidden)
    found = verify(made, at=NOW)
    assert found.verdict is Verdict.INVALID
    assert "whole document" in found.words


def test_a_whole_signed_document_inside_another_does_not_sign_that(signed: str) -> None:
    wrapped = f'<elmo xmlns="https://github.com/emrex-eu/elmo-schemas/tree/v2"><report/>{signed}</elmo>'
    found = report(wrapped)
    assert found.verdict is Verdict.UNSIGNED
    assert "say nothing of the whole" in found.words


def test_a_second_signature_or_something_behind_it_is_refused(signed: str) -> None:
    tree = etree.fromstring(signed.encode())
    signature = tree.find(SIGNATURE)
    assert signature is not None
    tree.append(etree.fromstring(etree.tostring(signature, with_tail=False)))
    assert "several" in verify(tree, at=NOW).words
    behind = report(signed.replace("</elmo>", "<more/></elmo>"))
    assert behind.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", f"{DS}rsa-sha1", "SHA-1"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", f"{DS}hmac-sha256", "not among those accepted"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", f"{DS}sha1", "SHA-1"),
        (f"{DS}enveloped-signature", "http://www.w3.org/TR/1999/REC-xslt-19991116", "transformed"),
        ('URI=""', 'URI="https://a.example/"', "whole document"),
        ('URI=""', 'URI="#xpointer(/)"', "whole document"),
    ],
)
def test_weak_or_strange_ways_of_signing_are_refused_in_words(was: str, becomes: str, words: str, signed: str) -> None:
    assert was in signed
    found = report(signed.replace(was, becomes))
    assert found.verdict is Verdict.INVALID
    assert words in found.words


def test_a_short_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)
    found = report(sign(ELMO, SigningKey((certificate("Weak", key),), key)))
    assert found.verdict is Verdict.INVALID
    assert "1024 bits" in found.words


def test_a_key_without_certificate_is_valid_and_nobodys(key: rsa.RSAPrivateKey) -> None:
    made = XMLSigner().sign(etree.fromstring(ELMO), key=key)
    found = verify(made, at=NOW)
    assert (found.verdict, found.trust, found.signer) == (Verdict.VALID, Trust.BARE_KEY, None)


def test_trust_comes_from_the_list_and_not_from_the_signature(key: rsa.RSAPrivateKey) -> None:
    authority = ec.generate_private_key(ec.SECP256R1())
    root = certificate("Authority", authority)
    own = certificate("Registrar", key, "Authority", authority)
    tree = etree.fromstring(sign(ELMO, SigningKey((own, root), key)).encode())
    unknown = verify(tree, at=NOW)
    assert (unknown.verdict, unknown.trust) == (Verdict.VALID, Trust.UNKNOWN_ISSUER)
    assert verify(tree, at=NOW, trusted=[root]).trust is Trust.TRUSTED
    assert verify(tree, at=NOW, trusted=[own]).trust is Trust.TRUSTED
    stranger = certificate("Authority", rsa.generate_private_key(65537, 2048))
    assert verify(tree, at=NOW, trusted=[stranger]).trust is Trust.UNKNOWN_ISSUER


def test_an_expired_certificate_is_told_and_does_not_hide_that_the_document_is_intact(key: rsa.RSAPrivateKey) -> None:
    old = certificate("Registrar", key, ends=NOW - timedelta(days=30))
    found = report(sign(ELMO, SigningKey((old,), key)))
    assert found.verdict is Verdict.VALID
    assert "to 2026-02-06, which is not now" in found.words


def test_the_published_signature_is_told_to_be_of_sha_1(shared: Path) -> None:
    folder = shared / "ewp-reference" / "examples"
    root = etree.parse(str(folder / "ewp-specs-api-imobility-tors-endpoints-get-response-example.xml")).getroot()
    found = verify(next(root.iter("{*}elmo")))
    assert found.verdict is Verdict.INVALID
    assert "SHA-1" in found.words


def broken_certificate(text: str) -> str:
    return text.replace("<ds:X509Certificate>", "<ds:X509Certificate>AAAA")


def endless(text: str) -> str:
    return text.replace("</ds:KeyInfo>", "<ds:KeyName>" + "a" * 300_000 + "</ds:KeyName></ds:KeyInfo>")


def without_value(text: str) -> str:
    begin, end = text.index("<ds:SignatureValue>"), text.index("</ds:SignatureValue>")
    return text[: begin + len("<ds:SignatureValue>")] + text[end:]


def with_object(text: str) -> str:
    return text.replace("</ds:Signature>", "<ds:Object/></ds:Signature>")


def empty(text: str) -> str:
    begin, end = text.index("<ds:SignedInfo>"), text.index("</ds:Signature>")
    return text[:begin] + text[end:]


@pytest.mark.parametrize("harm", [broken_certificate, endless, without_value, with_object, empty])
def test_broken_signatures_are_invalid_and_raise_nothing(harm: Callable[[str], str], signed: str) -> None:
    harmed = harm(signed)
    assert harmed != signed
    assert report(harmed).verdict is Verdict.INVALID


def test_a_document_is_not_signed_twice(signed: str, signer: SigningKey) -> None:
    with pytest.raises(ValueError, match="signed already"):
        sign(signed, signer)


def test_a_signing_key_is_read_from_pem_and_told_apart_from_others(key: rsa.RSAPrivateKey, signer: SigningKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own = signer.certificates[0].public_bytes(Encoding.PEM)
    assert report(sign(ELMO, signing_key(own, pem))).verdict is Verdict.VALID
    other = certificate("Other", rsa.generate_private_key(65537, 2048)).public_bytes(Encoding.PEM)
    for certificates, private, words in (
        (other, pem, "not that of the key"),
        (b"nothing", pem, "file of certificates"),
        (own, b"nothing", "file of the key"),
    ):
        with pytest.raises(SigningProblem, match=words):
            signing_key(certificates, private)
