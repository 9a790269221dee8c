"""The OpenAPI 3.1 document of the SIS API, made from the declarations that also route and check its requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from ewpgw import __version__
from ewpgw.model.entities import ENTITIES
from ewpgw.sis.errors import ErrorBody

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
with its reasons."""


def document(operations: Sequence[Operation]) -> JsonObject:
    """The whole document, ready to be written as JSON."""
    reference, schemas = _schemas(operations)
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, reference)
    return {
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
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


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
    by_model, definitions = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    return {key: dict(value) for key, value in by_model.items()}, dict(definitions["$defs"])


def _operation(operation: Operation, reference: _Reference) -> JsonObject:
    result: JsonObject = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation, reference),
        "security": [] if operation.public else [{"token": []}],
    }
    if operation.description:
        result["description"] = operation.description
    if operation.body_schema is not None:
        schema = (
            reference[(operation.body_schema, "validation")]
            if isinstance(operation.body_schema, type)
            else _record_schema(operation.body_schema, reference)
        )
        content: JsonObject = {"schema": schema, "example": operation.body_example}
        result["requestBody"] = {
            "description": operation.body_description,
            "required": True,
            "content": {"application/json": content},
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
        yield {"name": header, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}


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
    responses: JsonObject = {str(each.status): _response(each, reference) for each in operation.responses}
    error: JsonObject = {"application/json": {"schema": reference[(ErrorBody, "serialization")]}}
    for status, words in sorted({**_common_errors(operation), **operation.errors}.items()):
        responses.setdefault(str(status), {"description": words, "content": error})
    return responses


def _response(response: Response, reference: _Reference) -> JsonObject:
    result: JsonObject = {"description": response.description}
    if response.media_type is not None:
        schema: JsonObject = (
            reference[(response.model, "serialization")] if response.model is not None else {"type": "string"}
        )
        result["content"] = {response.media_type: {"schema": schema}}
    headers: JsonObject = {
        name: {"description": words, "schema": {"type": "string"}} for name, words in response.headers.items()
    }
    if headers:
        result["headers"] = headers
    return result


def _common_errors(operation: Operation) -> dict[int, str]:
    """What every operation with such parameters, such a body or such protection may answer."""
    errors: dict[int, str] = {}
    if operation.path_model.model_fields or operation.query_model.model_fields or operation.body_schema is not None:
        errors[400] = "A parameter or the body does not fit; the message names it."
    if not operation.public:
        errors[401] = "No token, or not one of this gateway."
    if operation.path_model.model_fields:
        errors[404] = "The gateway knows no such HEI, entity or item."
    if operation.body_schema is not None:
        errors[413] = "The body is larger than the gateway takes."
        errors[415] = "The body is not JSON in UTF-8."
    if not operation.public:
        errors[503] = "The database does not answer; send the same again later."
    return errors
