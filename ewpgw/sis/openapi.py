"""The OpenAPI 3.1 document of the SIS API, made from the declarations that also route and check its requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from ewpgw import __version__
from ewpgw.model.entities import ENTITIES
from ewpgw.sis import conditions
from ewpgw.sis.errors import ErrorBody
from ewpgw.sis.idempotency import HEADER, PATTERN, REPLAYED
from ewpgw.sis.lines import MEDIA_TYPE

if TYPE_CHECKING:
    from ewpgw.sis.operations import Operation, Response

JsonObject = dict[str, JsonValue]
_Mode = Literal["validation", "serialization"]
_Reference = Mapping[tuple[type, _Mode], JsonObject]

_DESCRIPTION = """\
What a student information system calls to hand its records to the gateway, to read what partners serve, and to see what
is under way. Every path below `/api/v1` takes a bearer token in the `Authorization` header.

Ids in a path are percent-encoded, each as one segment: the record `2024/17+a` is `2024%2F17%2Ba`. In a query, a
plus sign is written `%2B`.

A record that is refused changes nothing: the last accepted version stays served to partners, and the refusal is kept
with its reasons.

A write may carry an `Idempotency-Key`: repeated under the same key, the same request is answered as before, and not
done again. What has a revision has it as `ETag`, for `If-Match`."""
_BEARER = """\
A token made by the operator with `ewpgw tokens create`. It has scopes, of which none includes another: `read` (look),
`write` (give records, ask for work), `decide` (approve, reject and the like, towards partners), `admin` (run the
gateway). It may be limited to some HEIs, and end at a time."""
_HEADERS: Mapping[str, tuple[str, JsonObject]] = {
    "X-Request-Id": ("The request's id, by which the gateway's log has it.", {"type": "string", "format": "uuid"}),
    "RateLimit-Policy": ("How many requests (`q`) the token may make in how many seconds (`w`).", {"type": "string"}),
    "RateLimit": ("How many requests are left (`r`), and after how many seconds all are (`t`).", {"type": "string"}),
    "WWW-Authenticate": ("What kind of token is asked for, and what was wrong with this one.", {"type": "string"}),
    "Retry-After": ("After how many seconds to send it again.", {"type": "integer", "minimum": 1}),
    REPLAYED: (
        "`true` where the answer is the one that was given before under this `Idempotency-Key`.",
        {"type": "string", "enum": ["true"]},
    ),
}
_KEY: Mapping[str, JsonValue] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A text that is new for every request, such as a UUID, in quotes or without. The same request again "
    "under the same key is answered as before.",
    "schema": {"type": "string", "pattern": PATTERN},
}


def document(operations: Sequence[Operation]) -> JsonObject:
    """The whole document, ready to be written as JSON."""
    reference, schemas = _schemas(operations)
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, reference)
    whole: JsonObject = {
        "openapi": "3.1.0",
        "info": {
            "title": "ewpgw SIS API",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "headers": {name: {"description": words, "schema": schema} for name, (words, schema) in _HEADERS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _BEARER}},
        },
    }
    _say_what_texts_hold(whole)
    return whole


_ANY_TEXT = r"^[^\u0000]*$"
"""The NUL character is refused everywhere (documents/json_text.py): neither XML nor PostgreSQL can hold it."""
_SAID = frozenset({"pattern", "format", "enum", "const"})


def _say_what_texts_hold(document: JsonObject) -> None:
    """Give a pattern to every schema of a text that says nothing else of its characters."""
    waiting: list[JsonValue] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if node.get("type") == "string" and not _SAID & node.keys():
                node["pattern"] = _ANY_TEXT
            waiting += [value for name, value in node.items() if name not in ("example", "examples")]


def _schemas(operations: Sequence[Operation]) -> tuple[_Reference, JsonObject]:
    """References to every model by itself, and their definitions."""
    wanted: dict[tuple[type[BaseModel], _Mode], None] = {(ErrorBody, "serialization"): None}
    for entity in ENTITIES.values():
        wanted[(entity.model, "validation")] = None
    for operation in operations:
        if isinstance(operation.body_schema, type):
            wanted[(operation.body_schema, "validation")] = None
        for response in operation.responses:
            if response.model is not None:
                wanted[(response.model, "serialization")] = None
        if operation.in_lines is not None:
            wanted[(operation.in_lines.model, "serialization")] = None
    by_model, definitions = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    by_reference = {key: dict(value) for key, value in by_model.items()}
    return by_reference, _used(dict(definitions["$defs"]), by_reference.values())


def _used(definitions: JsonObject, roots: Iterable[JsonObject]) -> JsonObject:
    """The definitions that the roots lead to; those are left out whose place was taken by something simpler."""
    used: JsonObject = {}
    waiting: list[object] = [*roots]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name in definitions and name not in used:
                used[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(used.items()))


def _operation(operation: Operation, reference: _Reference) -> JsonObject:
    result: JsonObject = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation, reference),
        "security": [] if operation.public else [{"token": [operation.scope]}],
    }
    if operation.description:
        result["description"] = operation.description
    if operation.body_schema is not None:
        schema = (
            reference[(operation.body_schema, "validation")]
            if isinstance(operation.body_schema, type)
            else _record_schema(operation.body_schema, reference)
        )
        content: JsonObject = (
            {"application/json": {"schema": schema, "example": operation.body_example}}
            if operation.content_type is None
            else {"*/*": {"schema": schema}}
        )
        if operation.in_lines is not None:
            content[MEDIA_TYPE] = {
                "schema": {"description": operation.in_lines.description},
                "example": operation.in_lines.example,
            }
        result["requestBody"] = {
            "description": operation.body_description,
            "required": True,
            "content": content,
        }
    return result


def _record_schema(schema: Mapping[str, JsonValue], reference: _Reference) -> JsonObject:
    """The declared schema with ``{"x-record": true}`` replaced by the choice of every entity's model."""
    if schema.get("x-record"):
        return {"anyOf": [reference[(entity.model, "validation")] for entity in ENTITIES.values()]}
    return {
        key: _record_schema(value, reference) if isinstance(value, dict) else value for key, value in schema.items()
    }


def _parameters(operation: Operation) -> Iterator[JsonObject]:
    places: tuple[tuple[Literal["path", "query"], type[BaseModel]], ...] = (
        ("path", operation.path_model),
        ("query", operation.query_model),
    )
    for place, model in places:
        schema = model.model_json_schema()
        required = schema.get("required", [])
        for name, declared in schema.get("properties", {}).items():
            words = _without_references(declared, schema.get("$defs", {}))
            if name == "entity":
                words["enum"] = list[JsonValue](sorted(ENTITIES))
            parameter: JsonObject = {
                "name": name,
                "in": place,
                "required": name in required,
                "description": declared["description"],
                "schema": words,
            }
            if "examples" in declared:
                parameter["example"] = declared["examples"][0]
            yield parameter
    for header, meaning in operation.request_headers.items():
        text: JsonObject = {"type": "string"}
        if header in conditions.HEADERS:
            text["pattern"] = conditions.PATTERN
        yield {"name": header, "in": "header", "required": False, "description": meaning, "schema": text}
    if operation.writes:
        yield dict(_KEY)


def _without_references(declared: JsonObject, definitions: Mapping[str, JsonObject]) -> JsonObject:
    """The schema of one parameter by itself. One that may be left out is never sent as null, so null is not in it."""
    words: JsonObject = {}
    for key, value in declared.items():
        if key == "anyOf" and isinstance(value, list):
            for choice in value:
                if isinstance(choice, dict) and choice.get("type") != "null":
                    words |= _without_references(choice, definitions)
        elif key == "$ref":
            words |= _without_references(definitions[str(value).rpartition("/")[2]], definitions)
        elif key not in ("title", "description", "examples") and not (key == "default" and value is None):
            words[key] = value
    return words


def _responses(operation: Operation, reference: _Reference) -> JsonObject:
    responses: JsonObject = {str(each.status): _response(operation, each, reference) for each in operation.responses}
    error: JsonObject = {"application/json": {"schema": reference[(ErrorBody, "serialization")]}}
    common = _common_errors(operation)
    for status in sorted({*common, *operation.errors}):
        words = " Or: ".join(said[status] for said in (operation.errors, common) if status in said)
        headers = _headers(operation, *_ERROR_HEADERS.get(status, ()))
        responses.setdefault(str(status), {"description": words, "headers": headers, "content": error})
    return responses


_ERROR_HEADERS: Mapping[int, Sequence[str]] = {
    401: ["WWW-Authenticate"],
    403: ["WWW-Authenticate"],
    409: ["Retry-After"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}


def _headers(operation: Operation, *more: str) -> JsonObject:
    """References to the headers that an answer may have."""
    names = ["X-Request-Id", *more]
    if not operation.public:
        names += ["RateLimit-Policy", "RateLimit"]
    if operation.writes:
        names.append(REPLAYED)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _response(operation: Operation, response: Response, reference: _Reference) -> JsonObject:
    result: JsonObject = {"description": response.description}
    if response.media_type is not None:
        schema: JsonObject = {"type": "object" if response.media_type == "application/json" else "string"}
        if response.model is not None:
            schema = reference[(response.model, "serialization")]
        content: JsonObject = {response.media_type: {"schema": schema}}
        if operation.in_lines is not None:
            line = reference[(operation.in_lines.model, "serialization")]
            words: JsonObject = {
                "type": "string",
                "description": "A line for each, by the schema in `x-line`.",
                "x-line": line,
            }
            content[MEDIA_TYPE] = {"schema": words}
        result["content"] = content
    result["headers"] = _headers(operation) | {
        name: {"description": words, "schema": {"type": "string"}} for name, words in response.headers.items()
    }
    return result


def _common_errors(operation: Operation) -> dict[int, str]:
    """What every operation with such parameters, such a body or such protection may answer."""
    errors: dict[int, str] = {}
    if operation.writes:
        errors[400] = "The Idempotency-Key is none."
        errors[409] = "The same request is under way under this Idempotency-Key."
        errors[422] = "The Idempotency-Key was used for another request."
    if operation.path_model.model_fields or operation.query_model.model_fields or operation.body_schema is not None:
        errors[400] = "A parameter or the body does not fit; the message names it."
    if not operation.public:
        errors[401] = "No token, or not one of this gateway, or its time is over."
        errors[403] = f"The token has not the scope {operation.scope}, or does not open this HEI."
        errors[429] = "The token is used too often, or too many requests without a valid one came from this address."
    if operation.path_model.model_fields:
        errors[404] = "The gateway knows no such HEI, entity or item."
    if operation.body_schema is not None:
        errors[408] = "Nothing of the body arrived for a minute."
        errors[413] = "The body is larger than the gateway takes."
        errors[415] = "The body is not of a type that this takes."
    if not operation.public:
        errors[503] = "The database does not answer; send the same again later."
    return errors
