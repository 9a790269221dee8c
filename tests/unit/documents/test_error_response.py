"""The error-response: always valid when built, tolerant when read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.documents.error_response import NAMESPACE, ErrorResponse, build, read
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default


def test_what_is_built_can_be_read() -> None:
    data = build('hei_id: parameter <missing> & "needed"\r\nline two', "Bitte später.")
    assert read(data) == ErrorResponse('hei_id: parameter <missing> & "needed"\r\nline two', ("Bitte später.",))
    assert default().is_valid(parse(data))


def test_the_user_message_is_optional() -> None:
    assert read(build("no")) == ErrorResponse("no", ())


def test_characters_that_xml_forbids_are_dropped() -> None:
    answer = read(build("a\0b\x1bc\ud800d\ufffee\tf😀"))
    assert answer is not None
    assert answer.developer_message == "abcde\tf😀"


@settings(deadline=None)
@given(st.text(st.characters(codec=None)), st.none() | st.text(st.characters(codec=None)))
def test_any_message_makes_a_valid_document(developer: str, user: str | None) -> None:
    assert default().is_valid(parse(build(developer, user)))


def test_several_user_messages_are_read() -> None:
    data = f"""<e:error-response xmlns:e="{NAMESPACE}"><e:developer-message>d</e:developer-message>
      <e:user-message xml:lang="en">one</e:user-message><e:user-message xml:lang="fi">yksi</e:user-message>
      </e:error-response>"""
    assert read(data.encode()) == ErrorResponse("d", ("one", "yksi"))


def test_an_error_response_without_its_message_is_still_one() -> None:
    assert read(f'<error-response xmlns="{NAMESPACE}"/>'.encode()) == ErrorResponse("", ())


def test_anything_else_is_not_an_error_response() -> None:
    assert read(b"<html><body>502 Bad Gateway</body></html>") is None
    assert read(b"<error-response><developer-message>no namespace</developer-message></error-response>") is None
    assert read(b"not found") is None
    assert read(b"") is None
