"""The error-response that every failed EWP request is answered with (EWP architecture, common types)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ewpgw.documents.parsing import MalformedDocument, parse

NAMESPACE = "https://github.com/erasmus-without-paper/ewp-specs-architecture/blob/stable-v1/common-types.xsd"

# Everything that is not a Char of XML 1.0 (section 2.2).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What a server says about a request it did not serve: for the developer, and for a person who can act on it."""

    developer_message: str
    user_messages: tuple[str, ...]


def build(developer_message: str, user_message: str | None = None) -> bytes:
    """An error-response document in UTF-8, valid whatever the messages contain.

    Characters that XML forbids are dropped from the messages.
    """
    parts = [f"<developer-message>{_text(developer_message)}</developer-message>"]
    if user_message is not None:
        parts.append(f"<user-message>{_text(user_message)}</user-message>")
    document = f'<error-response xmlns="{NAMESPACE}">{"".join(parts)}</error-response>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


def read(data: bytes) -> ErrorResponse | None:
    """The error-response in a partner's answer, or None where the answer is something else.

    Tolerant: one without its developer-message is still read, with an empty one.
    """
    try:
        root = parse(data)
    except MalformedDocument:
        return None
    if root.tag != f"{{{NAMESPACE}}}error-response":
        return None
    users = tuple(element.text or "" for element in root.iterchildren(f"{{{NAMESPACE}}}user-message"))
    return ErrorResponse(root.findtext(f"{{{NAMESPACE}}}developer-message") or "", users)


def _text(message: str) -> str:
    # A carriage return that is not escaped would be read as a line feed.
    return escape(_FORBIDDEN.sub("", message), {"\r": "&#13;"})
