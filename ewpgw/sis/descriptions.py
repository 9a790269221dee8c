"""The operations that describe the API itself: /openapi.json and /docs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ewpgw.sis import documentation, openapi
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

_REVALIDATE = "no-cache"


def described(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """``operations`` and the two that describe them all, themselves included."""

    async def document_json(_call: Call[Nothing, Nothing, None]) -> Answer:
        return Answer(body=text, headers={"Content-Type": "application/json", "Cache-Control": _REVALIDATE})

    async def document_page(_call: Call[Nothing, Nothing, None]) -> Answer:
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": page.policy,
            "Cache-Control": _REVALIDATE,
        }
        return Answer(body=page.html, headers=headers)

    complete = (
        *operations,
        operation(
            "openapi",
            "GET",
            "/openapi.json",
            document_json,
            tag="Description",
            summary="Get this API as an OpenAPI 3.1 document",
            parameters=Nothing,
            query=Nothing,
            body=NO_BODY,
            responses=[Response(200, "The document.")],
            public=True,
        ),
        operation(
            "docs",
            "GET",
            "/docs",
            document_page,
            tag="Description",
            summary="Read this API as a page",
            parameters=Nothing,
            query=Nothing,
            body=NO_BODY,
            responses=[Response(200, "The page.", media_type="text/html")],
            public=True,
        ),
    )
    document = openapi.document(complete)
    text = json.dumps(document, ensure_ascii=False).encode()
    page = documentation.page(complete, document)
    return complete
