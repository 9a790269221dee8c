"""The operations that describe the API itself: /openapi.json and /docs.

Both are made when somebody first asks: that takes many megabytes and the better part of a second.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import TYPE_CHECKING

from ewpgw.sis import openapi
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.sis.documentation import Page

_REVALIDATE = "no-cache"


def described(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """``operations`` and the two that describe them all, themselves included."""

    @cache
    def made() -> tuple[bytes, Page]:
        from ewpgw.sis import documentation

        document = openapi.document(complete)
        return json.dumps(document, ensure_ascii=False).encode(), documentation.page(complete, document)

    async def document_json(_call: Call[Nothing, Nothing, None]) -> Answer:
        text, _ = await asyncio.to_thread(made)
        return Answer(body=text, headers={"Content-Type": "application/json", "Cache-Control": _REVALIDATE})

    async def document_page(_call: Call[Nothing, Nothing, None]) -> Answer:
        _, page = await asyncio.to_thread(made)
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
    return complete
