"""Why a document is invalid: the place, the line and the words."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import Fault, Schemas, UnknownDocument, default
from ewpgw.documents.wording import about_libxml2, quoted

Broken = Callable[[str, str], list[Fault]]

EWP = "https://github.com/erasmus-without-paper/"
IIAS = f"{EWP}ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd"
SPEC = "/iias-get-response/iia/cooperation-conditions/student-studies-mobility-spec[2]"


def only(faults: list[Fault]) -> Fault:
    assert len(faults) == 1, faults
    return faults[0]


def test_a_missing_element_is_named_with_its_place(broken: Broken, agreement: str) -> None:
    fault = only(broken("<blended>true</blended>", ""))
    before = agreement.splitlines().index("      <total-months-per-year>5</total-months-per-year>")
    assert fault.path == f"{SPEC}/blended"
    assert fault.line == before + 1
    assert fault.message == "the element <blended> is missing; expected after <total-months-per-year>"


def test_a_missing_last_element_is_named(broken: Broken) -> None:
    fault = only(broken(f"<iia-hash>{'0a' * 32}</iia-hash>", ""))
    assert fault.path == "/iias-get-response/iia/iia-hash"
    assert fault.message == "the element <iia-hash> is missing; expected after <cooperation-conditions>"


def test_a_missing_first_element_is_named(broken: Broken) -> None:
    fault = only(broken("<isced-f-code>0713</isced-f-code>", ""))
    assert fault.path == f"{SPEC}/subject-area/isced-f-code"
    assert fault.message == "the element <isced-f-code> is missing; expected as the first element of <subject-area>"


def test_too_few_of_an_element_are_counted(broken: Broken) -> None:
    fault = only(broken("<partner><hei-id>north.example</hei-id><iia-id>N-1</iia-id></partner>", ""))
    assert fault.path == "/iias-get-response/iia/partner[2]"
    assert "must stand here 2 times, but was found 1 times" in fault.message


def test_too_many_of_an_element_are_counted(broken: Broken) -> None:
    fault = only(broken("<in-effect>", "<partner><hei-id>x</hei-id></partner><in-effect>"))
    assert fault.path == "/iias-get-response/iia/partner[3]"
    assert fault.message == "the element <partner> stands here too often: at most 2 are allowed"


def test_a_misspelt_element_is_recognised(broken: Broken) -> None:
    fault = only(broken("<blended>true</blended>", "<blendet>true</blendet>"))
    assert fault.message == "the element <blendet> is not known here; did you mean <blended>?"


def test_an_unknown_element_comes_with_what_is_expected(broken: Broken) -> None:
    fault = only(broken("<in-effect>", "<zzz/><in-effect>"))
    assert (fault.path, fault.message) == (
        "/iias-get-response/iia/zzz",
        "the element <zzz> is not known here; expected is <in-effect>",
    )


def test_elements_in_the_wrong_order_are_told_apart_from_missing_ones(broken: Broken) -> None:
    early = only(broken("<in-effect>false</in-effect>\n", "<pdf-file>x</pdf-file><in-effect>false</in-effect>\n"))
    assert early.message == "the element <pdf-file> is in the wrong place: <in-effect> must come before it"
    late = only(broken("</cooperation-conditions>", "</cooperation-conditions><in-effect>true</in-effect>"))
    assert late.message == "the element <in-effect> stands here too often: only one is allowed"
    passed = only(broken("<eqf-level>6</eqf-level>", "<eqf-level>6</eqf-level><other-info-terms>x</other-info-terms>"))
    assert passed.message == (
        "the element <other-info-terms> is in the wrong place: it must come before <total-months-per-year>"
    )


@pytest.mark.parametrize(
    ("declaration", "words"), [('xmlns=""', "has no namespace"), ('xmlns="urn:x"', "has the namespace urn:x")]
)
def test_a_wrong_namespace_is_told_apart_from_an_unknown_element(broken: Broken, declaration: str, words: str) -> None:
    fault = only(broken("<blended>", f"<blended {declaration}>"))
    assert fault.message == f"the element <blended> {words}; it must have {IIAS}"


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("0713", "123", "subject-area/isced-f-code", "'123' is not allowed here: four digits are required"),
        ("0713", "", "subject-area/isced-f-code", "a value is missing here: four digits are required"),
        ("true<", "yes<", "blended", "'yes' is not allowed here: true or false is required"),
        (">2<", ">0<", "mobilities-per-year", "'0' is not allowed here: a whole number of at least 1 is required"),
        (">2<", ">two<", "mobilities-per-year", "'two' is not allowed here: a whole number of at least 1 is required"),
        (">6<", ">9<", "eqf-level", "'9' is not allowed here: a whole number from 1 to 8 is required"),
        (
            ">5<",
            ">1.234<",
            "total-months-per-year",
            "'1.234' is not allowed here: a number above 0 with at most 2 decimals is required",
        ),
        (
            "2028/2029",
            "2028",
            "receiving-last-academic-year-id",
            "'2028' is not allowed here: an academic year such as 2026/2027 is required",
        ),
        (
            "B2",
            "D7",
            "recommended-language-skill/cefr-level",
            "'D7' is not allowed here: a language level from A1 to C2 is required",
        ),
        (
            "<language>en",
            "<language>e n",
            "recommended-language-skill/language",
            "'e n' is not allowed here: a language code such as en or pt-PT is required",
        ),
        (
            "<isced-f-code>",
            '<isced-f-code v6-value="x">',
            "subject-area/isced-f-code/@v6-value",
            "'x' is not allowed here: one to three digits are required",
        ),
        (
            "<isced-f-code>",
            '<isced-f-code old="x">',
            "subject-area/isced-f-code/@old",
            "the attribute old is not known here",
        ),
        ("<eqf-level>6", "<eqf-level>6<b/>", "eqf-level", "<eqf-level> takes a plain value, without elements inside"),
        (
            "<subject-area>",
            "<subject-area>Physics ",
            "subject-area",
            "the text 'Physics' must not stand directly inside <subject-area>, which only takes elements",
        ),
    ],
)
def test_a_wrong_value_is_told_in_words(broken: Broken, old: str, new: str, path: str, message: str) -> None:
    fault = only(broken(old, new))
    assert (fault.path, fault.message) == (f"{SPEC}/{path}", message)


def test_the_language_of_a_text_is_explained(broken: Broken) -> None:
    fault = only(broken('xml:lang="en"', 'xml:lang="e n"'))
    assert fault.path == "/iias-get-response/iia/partner[2]/contact/contact-name/@lang"
    assert fault.message.endswith("a language code such as en or pt-PT is required")


def test_each_place_is_reported_in_the_order_of_the_document(schemas: Schemas, agreement: str) -> None:
    text = agreement.replace("<blended>", "<blended>x").replace("<in-effect>", "<in-effect>x")
    faults = schemas.faults(parse(text.encode()))
    assert [fault.path.rpartition("/")[2] for fault in faults] == ["in-effect", "blended", "blended"]
    assert [fault.line for fault in faults] == sorted(fault.line or 0 for fault in faults)


def cnr_response(inside: str) -> etree._Element:
    namespace = f"{EWP}ewp-specs-api-iia-cnr/tree/stable-v3"
    return parse(f'<iia-cnr-response xmlns="{namespace}">{inside}</iia-cnr-response>'.encode())


@pytest.mark.parametrize("inside", [" ", "\n"])
def test_an_empty_answer_with_space_inside_is_explained(schemas: Schemas, inside: str) -> None:
    root = cnr_response(inside)
    assert only(schemas.faults(root)).message == (
        "<iia-cnr-response> must be entirely empty, without spaces or line breaks inside"
    )


def test_an_answer_that_must_be_empty_is_explained(schemas: Schemas) -> None:
    root = cnr_response("OK")
    assert only(schemas.faults(root)).message == "<iia-cnr-response> must be empty, but contains the text 'OK'"


def test_a_root_that_is_no_document_comes_with_the_right_one(schemas: Schemas) -> None:
    fault = only(schemas.faults(parse(f'<iias-response xmlns="{IIAS}"/>'.encode())))
    assert fault.message == "<iias-response> is no document of its namespace; expected is <iias-get-response>"


def test_a_missing_attribute_and_a_closed_list_are_explained(schemas: Schemas) -> None:
    institutions = f"{EWP}ewp-specs-api-institutions/tree/stable-v2"
    contact = f"{EWP}ewp-specs-types-contact/tree/stable-v1"
    text = f"""<institutions-response xmlns="{institutions}"><hei><hei-id>x</hei-id><other-id>1</other-id><name>X</name>
      <logo-url>http://x</logo-url><contact xmlns="{contact}"><contact-name>C</contact-name>
      <person-gender>3</person-gender></contact></hei></institutions-response>"""
    faults = schemas.faults(parse(text.encode()))
    assert {fault.path.removeprefix("/institutions-response/hei/"): fault.message for fault in faults} == {
        "other-id/@type": "the attribute type of <other-id> is missing",
        "logo-url": "'http://x' is not allowed here: a web address that starts with https:// is required",
        "contact/person-gender": "'3' is not allowed here: one of 0, 1, 2, 9 is required",
    }


def test_security_methods_may_not_be_empty(schemas: Schemas) -> None:
    root = parse(
        f"""<iia-cnr xmlns="{EWP}ewp-specs-api-iia-cnr/blob/stable-v3/manifest-entry.xsd" version="3.0.0">
        <http-security><client-auth-methods xmlns="{EWP}ewp-specs-sec-intro/tree/stable-v2"/></http-security>
        <url>https://a.example/</url></iia-cnr>""".encode()
    )
    assert only(schemas.faults(root)).message == (
        "an element is missing: <client-auth-methods> must contain at least one"
    )


def test_what_the_explainer_stumbles_over_is_told_in_libxml2s_words(broken: Broken) -> None:
    fault = only(broken("<blended>", '<blended xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="none">'))
    assert fault.path == f"{SPEC}/blended"
    assert "does not resolve to a type definition" in fault.message
    assert IIAS not in fault.message


def test_the_list_of_faults_is_bounded_and_says_how_many_more_there_are(schemas: Schemas) -> None:
    index = f"{EWP}ewp-specs-api-iias/blob/stable-v7/endpoints/index-response.xsd"
    text = f'<iias-index-response xmlns="{index}">{"<iia-id/>" * 77}</iias-index-response>'
    faults = schemas.faults(parse(text.encode()))
    assert len(faults) == 51
    assert faults[49].path == "/iias-index-response/iia-id[50]"
    assert faults[50] == Fault("/iias-index-response", None, "27 more faults are not listed here")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Element '{urn:x}a': This element is not expected. Expected is one of ( {urn:x}b, {urn:x}c ).",
            "the element <a> is not expected here; expected is <b> or <c>",
        ),
        ("Element '{urn:x}a': This element is not expected.", "the element <a> is not expected here"),
        (
            "Element 'a', attribute 'b': [facet 'pattern'] The value '5' is not accepted by the pattern '[0-9]{4}'.",
            "'5' is not allowed in the attribute b of <a>: four digits are required",
        ),
        ("Element '{urn:x}a': Something rare.", "Element 'a': Something rare."),
    ],
)
def test_libxml2s_usual_messages_are_put_into_words(message: str, words: str) -> None:
    assert about_libxml2(message) == words


def test_quoted_text_is_short_and_on_one_line() -> None:
    assert quoted("a\nb") == r"'a\x0ab'"
    assert len(quoted("x" * 5000)) == 62


CHANGES = ("drop", "rename", "repeat", "empty", "text", "nest", "attribute", "namespace")


@settings(deadline=None)
@given(st.integers(1, 200), st.sampled_from(CHANGES), st.sampled_from(["", " ", "x", "-1", "9" * 99]))
def test_a_document_has_faults_with_words_exactly_where_it_is_invalid(
    agreement: str, position: int, change: str, text: str
) -> None:
    root = parse(agreement.encode())
    elements = list(root.iter())
    element = elements[position % len(elements)]
    parent = element.getparent()
    match change:
        case "drop" if parent is not None:
            parent.remove(element)
        case "rename":
            element.tag = f"{element.tag}x"
        case "repeat" if parent is not None:
            parent.insert(parent.index(element), deepcopy(element))
        case "empty":
            element.clear()
        case "nest":
            etree.SubElement(element, f"{{{IIAS}}}hei-id").text = text
        case "attribute":
            element.set("not-yet-defined", text)
        case "namespace":
            element.tag = etree.QName(element).localname
        case _:
            element.text = text
    try:
        faults = default().faults(root)
        assert bool(faults) != default().is_valid(root)
    except UnknownDocument:
        assert etree.QName(root).namespace != IIAS
        return
    for fault in faults:
        assert fault.path.startswith("/iias-get-response")
        assert fault.message
        assert "{http" not in fault.message
