"""The schemas of transcripts: ELMO 1 and 2 in the answers of the network, with signatures and extensions in them."""

from __future__ import annotations

import pytest
from lxml import etree

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import Schemas

NETWORK = "https://github.com/erasmus-without-paper/ewp-specs-api-imobility-tors/blob/stable-v"
SIGNATURE = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
    '<ds:CanonicalizationMethod Algorithm="urn:c14n"/><ds:SignatureMethod Algorithm="urn:rsa"/>'
    '<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="urn:enveloped"/></ds:Transforms>'
    '<ds:DigestMethod Algorithm="urn:sha256"/><ds:DigestValue>AAEC</ds:DigestValue></ds:Reference></ds:SignedInfo>'
    "<ds:SignatureValue>AAEC</ds:SignatureValue><ds:KeyInfo><ds:X509Data>"
    "<ds:X509Certificate>AAEC</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
)
LEARNER = {
    1: "<givenNames>Aino</givenNames><familyName>Virtanen</familyName><bday>2003-05-05</bday>",
    2: "<givenNames>Aino</givenNames><familyName>Virtanen</familyName><alternativeName/>"
    "<dateOfBirth>2003-05-05</dateOfBirth>",
}


def course(inside: str = "") -> str:
    return (
        '<learningOpportunitySpecification><identifier type="ewp-los-id">CR/1</identifier><title>T</title>'
        "<specifies><learningOpportunityInstance/></specifies>"
        f"{inside}</learningOpportunitySpecification>"
    )


def answer(version: int, *, learner: str | None = None, courses: str = "", end: str = "") -> etree._Element:
    """A get-response of API version 2 or 3 with one transcript, in ELMO 1 or 2."""
    year = "<receiving-academic-year-id>2026/2027</receiving-academic-year-id>" if version == 3 else ""
    elmo = (
        f'<elmo xmlns="https://github.com/emrex-eu/elmo-schemas/tree/v{version - 1}">'
        f"<generatedDate>2027-01-31T12:00:00Z</generatedDate><learner>{learner or LEARNER[version - 1]}</learner>"
        '<report><issuer><identifier type="schac">n.example</identifier><title>N</title><url>https://n.example</url>'
        f"</issuer>{courses}<issueDate>2027-01-31T12:00:00Z</issueDate></report>{end}</elmo>"
    )
    namespace = f"{NETWORK}{version}/endpoints/get-response.xsd"
    return parse(
        f'<imobility-tors-get-response xmlns="{namespace}"><tor><omobility-id>1</omobility-id>{year}{elmo}'
        '<gradeConversionTable><iscedTable iscedCode="0613"><gradeFrequency label="5" percentage="12.5"/></iscedTable>'
        "</gradeConversionTable></tor></imobility-tors-get-response>".encode()
    )


versions = pytest.mark.parametrize("version", [2, 3])


@versions
def test_a_signed_transcript_with_extensions_of_others_is_valid(schemas: Schemas, version: int) -> None:
    extension = '<extension><x:any xmlns:x="urn:x"><x:deep/></x:any></extension>'
    root = answer(version, courses=course() * 2, end=extension + SIGNATURE)
    assert schemas.faults(root) == []


@versions
def test_a_fault_deep_in_a_transcript_is_explained_with_its_place(schemas: Schemas, version: int) -> None:
    root = answer(
        version, courses=course(f"<hasPart>{course().replace('CR/1</identifier>', '</identifier><x/>')}</hasPart>")
    )
    (fault,) = schemas.faults(root)
    assert fault.path.endswith("/learningOpportunitySpecification/hasPart/learningOpportunitySpecification/x")
    assert "<x>" in fault.message


@versions
def test_a_broken_signature_element_is_a_fault_like_any_other(schemas: Schemas, version: int) -> None:
    faults = schemas.faults(answer(version, end=SIGNATURE.replace("<ds:SignatureValue>AAEC</ds:SignatureValue>", "")))
    assert ["SignatureValue" in fault.message for fault in faults] == [True]


def test_the_two_versions_ask_for_different_things_of_the_learner(schemas: Schemas) -> None:
    assert not schemas.is_valid(answer(2, learner=LEARNER[2]))
    assert not schemas.is_valid(answer(3, learner=LEARNER[1]))


@pytest.mark.parametrize(
    ("code", "valid"), [("FI", True), ("GB", True), ("XK", False), ("fi", False), ("Finland", False)]
)
def test_version_1_knows_countries_by_the_codes_of_europass(schemas: Schemas, code: str, valid: bool) -> None:
    assert schemas.is_valid(answer(2, learner=f"<citizenship>{code}</citizenship>{LEARNER[1]}")) is valid


@versions
def test_courses_may_be_parts_of_parts(schemas: Schemas, version: int) -> None:
    nested = course()
    for _ in range(40):
        nested = course(f"<hasPart>{nested}</hasPart>")
    assert schemas.is_valid(answer(version, courses=nested))


@versions
def test_a_large_attachment_is_decided_as_any_text(schemas: Schemas, version: int) -> None:
    attachment = f"<attachment><type>Transcript of Records</type><content>{'QUJD' * 500_000}</content></attachment>"
    assert schemas.is_valid(answer(version, end=attachment))
    assert not schemas.is_valid(answer(version, end=attachment.replace("Transcript of Records", "Portrait")))
