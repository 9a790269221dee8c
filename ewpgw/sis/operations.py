"""One operation of the SIS API, declared once: the router, the checks and the OpenAPI document follow from it.

A declaration names the models of the path, the query and the body; its handler receives them parsed and typed. What
does not fit is answered here, in words, before a handler sees it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from ewpgw.documents import json_text
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import from_validation
from ewpgw.sis.errors import ApiError
from ewpgw.sis.lines import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.sis.access import Caller
    from ewpgw.sis.idempotency import Attempt
    from ewpgw.sis.lines import Lines
    from ewpgw.sis.services import SisServices
    from ewpgw.store.tokens import Scope

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (grammar, not a password)
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*')
"""RFC 9110, Media Type."""
_FORMS = ("multipart/", "application/x-www-form-urlencoded")
_BYTES: Mapping[str, JsonValue] = {"type": "string", "format": "binary"}


class Nothing(BaseModel):
    """No parameters, or no body."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


PathT = TypeVar("PathT", bound=BaseModel)
QueryT = TypeVar("QueryT", bound=BaseModel)
BodyT = TypeVar("BodyT")
AnyBodyT = TypeVar("AnyBodyT")
BodyModelT = TypeVar("BodyModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[PathT, QueryT, BodyT]):
    """A request as a handler sees it. ``abandoned`` says whether nobody waits for the answer any more.

    ``caller`` is None for public operations alone; ``attempt`` is there where a write came with an Idempotency-Key.
    """

    services: SisServices
    path: PathT
    query: QueryT
    body: BodyT
    headers: Mapping[str, str]
    abandoned: Callable[[], bool]
    caller: Caller | None
    attempt: Attempt | None

    async def keep(self, tx: AsyncConnection, answer: Answer) -> None:
        """Keep the answer for repetitions in ``tx``, the transaction of its effect, so that there is both or neither.

        Does nothing where the request has no Idempotency-Key. Without this, an answer is kept right after the effect.
        """
        if self.attempt is not None:
            await self.attempt.keep(tx, answer)


@dataclass(frozen=True, slots=True)
class RawCall:
    """A request whose parts are still text. ``read`` gives the bounded body and is called at most once; ``lines``
    gives it line by line instead.
    """

    services: SisServices
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    read: Callable[[], Awaitable[bytes]]
    lines: Callable[[], Lines]
    abandoned: Callable[[], bool]
    caller: Caller | None
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers; a model becomes JSON, bytes are sent as they are."""

    status: int = 200
    body: BaseModel | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of status 200 that is sent as it comes into being: some lines at a time."""

    lines: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class InLines(Generic[PathT, QueryT]):
    """The other way to give an operation its body: a line at a time, answered by a line each.

    ``model`` is a line of the answer.
    """

    description: str
    handler: Callable[[Call[PathT, QueryT, Lines]], AsyncGenerator[bytes, None]]
    model: type[BaseModel]
    example: str


@dataclass(frozen=True, slots=True)
class Response:
    """One answer that an operation may give, for the document; an answer of another kind is a defect."""

    status: int
    description: str
    model: type[BaseModel] | None = None
    media_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body(Generic[BodyT]):
    """The JSON body of a request. ``read`` takes the parsed value and its text."""

    description: str
    schema: type[BaseModel] | Mapping[str, JsonValue]
    read: Callable[[JsonValue, str], BodyT]
    example: JsonValue


@dataclass(frozen=True, slots=True)
class Content:
    """A body as it came, and what it is said to be."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class ContentBody:
    """A body that is taken as it comes, up to the size of files. ``example`` is its media type in the documentation."""

    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``errors`` are the answers from 400 on that are its own: status and when.

    ``scope`` is what a token must be good for, unless the operation is ``public``.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    path_model: type[BaseModel]
    query_model: type[BaseModel]
    body_description: str
    body_schema: type[BaseModel] | Mapping[str, JsonValue] | None
    body_example: JsonValue
    responses: tuple[Response, ...]
    errors: Mapping[int, str]
    request_headers: Mapping[str, str]
    scope: Scope
    public: bool
    in_lines: InLines[Any, Any] | None
    content_type: str | None
    run: Callable[[RawCall], Awaitable[Answer | Stream]]

    @property
    def router_path(self) -> str:
        """The path as aiohttp's router takes it: every placeholder is one segment, of any characters but a slash."""
        return _PLACEHOLDER.sub(r"{\1:[^/]+}", self.path)

    @property
    def writes(self) -> bool:
        """Whether it changes anything, so that it takes an Idempotency-Key."""
        return self.method != "GET"

    def streams(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers is answered line by line."""
        return self.in_lines is not None and _media_type(headers) == MEDIA_TYPE

    def expects(self, answer: Answer) -> bool:
        """Whether the answer is one that this operation declares."""
        for response in self.responses:
            if response.status == answer.status:
                return (
                    isinstance(answer.body, response.model)
                    if response.model is not None
                    else not isinstance(answer.body, BaseModel)
                )
        return False


NO_BODY: Final[Body[None]] = Body(description="", schema={}, read=lambda _value, _text: None, example=None)
"""The declaration of requests that carry no body."""


def operation(
    name: str,
    method: str,
    path: str,
    handler: Callable[[Call[PathT, QueryT, BodyT]], Awaitable[Answer]],
    *,
    tag: str,
    summary: str,
    description: str = "",
    parameters: type[PathT],
    query: type[QueryT],
    body: Body[BodyT] | ContentBody,
    responses: Sequence[Response],
    errors: Mapping[int, str] | None = None,
    request_headers: Mapping[str, str] | None = None,
    scope: Scope | None = None,
    public: bool = False,
    in_lines: InLines[PathT, QueryT] | None = None,
) -> Operation:
    """Declare an operation. Without a ``scope`` of its own it takes "read" for GET, and "write" for the rest.

    With a ContentBody the handler's body is a Content.

    Raises ValueError where the placeholders of the path are not the fields of its model.
    """
    placeholders = _PLACEHOLDER.findall(path)
    if sorted(placeholders) != sorted(parameters.model_fields):
        raise ValueError(f"{method} {path}: the path names {placeholders}, its model {list(parameters.model_fields)}")
    has_body = bool(body.description)

    async def run(raw: RawCall) -> Answer | Stream:
        typed_path = _path_values(parameters, raw)
        typed_query = _query_values(query, raw.query)

        def call(body: AnyBodyT) -> Call[PathT, QueryT, AnyBodyT]:
            return Call(
                services=raw.services,
                path=typed_path,
                query=typed_query,
                body=body,
                headers=raw.headers,
                abandoned=raw.abandoned,
                caller=raw.caller,
                attempt=raw.attempt,
            )

        if in_lines is not None and _media_type(raw.headers) == MEDIA_TYPE:
            _check_encoding(raw.headers)
            return Stream(in_lines.handler(call(raw.lines())))
        if isinstance(body, ContentBody):
            content: Any = await _content(raw)
            return await handler(call(content))
        value, text = await _json_body(raw) if has_body else (None, "")
        return await handler(call(body.read(value, text)))

    return Operation(
        name=name,
        method=method,
        path=path,
        tag=tag,
        summary=summary,
        description=description,
        path_model=parameters,
        query_model=query,
        body_description=body.description,
        body_schema=None if not has_body else _BYTES if isinstance(body, ContentBody) else body.schema,
        body_example=None if isinstance(body, ContentBody) else body.example,
        responses=tuple(responses),
        errors=errors or {},
        request_headers=request_headers or {},
        scope=scope or ("read" if method == "GET" else "write"),
        public=public,
        in_lines=in_lines,
        content_type=body.example if isinstance(body, ContentBody) else None,
        run=run,
    )


def model_body(model: type[BodyModelT], description: str, example: JsonValue) -> Body[BodyModelT]:
    """A body that is one JSON object of a fixed shape."""

    def read(value: JsonValue, _text: str) -> BodyModelT:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise _bad_parameters("the body", model, error) from None

    return Body(description, model, read, example)


def _path_values(model: type[PathT], raw: RawCall) -> PathT:
    hei_id, entity = raw.path.get("hei_id"), raw.path.get("entity")
    if hei_id is not None and hei_id not in raw.services.heis:
        raise ApiError(
            404,
            "unknown-hei",
            "this gateway does not cover that HEI; GET /api/v1/heis lists those it covers (ids are case-sensitive)",
        )
    if entity is not None and entity not in ENTITIES:
        raise unknown_entity()
    try:
        return model.model_validate(raw.path)
    except ValidationError as error:
        raise _bad_parameters("the path", model, error) from None


def unknown_entity() -> ApiError:
    """The answer for an entity name that this gateway does not know."""
    return ApiError(
        404,
        "unknown-entity",
        f"there is no such entity; use one of {', '.join(sorted(ENTITIES))}",
        details={"entities": list[JsonValue](sorted(ENTITIES))},
    )


def _query_values(model: type[QueryT], pairs: Sequence[tuple[str, str]]) -> QueryT:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1} & set(model.model_fields))
        raise ApiError(
            400,
            "bad-parameter",
            f"a query parameter is given more than once ({', '.join(repeated) or 'an unknown one'}); give it once",
        )
    unknown = values.keys() - model.model_fields.keys()
    if unknown:
        known = ", ".join(model.model_fields) or "none"
        raise ApiError(400, "bad-parameter", f"there are query parameters that this path does not take; known: {known}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _bad_parameters("the query", model, error) from None


def _bad_parameters(where: str, model: type[BaseModel], error: ValidationError) -> ApiError:
    found = list(from_validation(error, model, "SIS API"))
    faults: list[JsonValue] = [{"name": problem.path, "message": problem.message} for problem in found]
    words = "; ".join(f"{problem.path or 'the value'} {problem.message}" for problem in found)
    return ApiError(400, "bad-parameter", f"{where} does not fit: {words}", details={"parameters": faults})


async def _json_body(raw: RawCall) -> tuple[JsonValue, str]:
    parameters = raw.headers.get("Content-Type", "").partition(";")[2]
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if _media_type(raw.headers) != "application/json" or charset not in ("", "charset=utf-8"):
        raise ApiError(415, "unsupported-media-type", "send JSON in UTF-8, with Content-Type: application/json")
    _check_encoding(raw.headers)
    data = await raw.read()
    try:
        text = json_text.decode(data)
        # Reading some megabytes of JSON takes long enough to hold up everything else, so it is done on a thread.
        value = await asyncio.to_thread(json_text.parse, text) if len(text) > 262_144 else json_text.parse(text)
    except json_text.BadJson as error:
        raise ApiError(400, "bad-json", f"the body cannot be read: {error.reason}") from None
    return value, text


async def _content(raw: RawCall) -> Content:
    """The body as it came. Refused (415) where nobody says what it is, (400) where there is none."""
    content_type = raw.headers.get("Content-Type", "").strip()
    if not _MEDIA_TYPE.fullmatch(content_type) or _media_type(raw.headers).startswith(_FORMS):
        words = "say what the body is, as in Content-Type: application/pdf, and send it as it is, without a form"
        raise ApiError(415, "unsupported-media-type", words)
    _check_encoding(raw.headers)
    data = await raw.read()
    if not data:
        raise ApiError(400, "bad-body", "the body is empty; send the bytes of the file")
    return Content(data, content_type)


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _check_encoding(headers: Mapping[str, str]) -> None:
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(415, "unsupported-media-type", "send the body as it is, without Content-Encoding")
