"""The page at /docs: the OpenAPI document for people, in one file that loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from ewpgw.sis.openapi import JsonObject
    from ewpgw.sis.operations import Operation

_ENVIRONMENT = Environment(
    loader=PackageLoader("ewpgw.sis"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page and the Content-Security-Policy that lets exactly its own style apply."""

    html: bytes
    policy: str


@dataclass(frozen=True, slots=True)
class _Shown:
    """One operation as the page shows it; ``document`` is its part of the OpenAPI document."""

    operation: Operation
    document: JsonObject
    curl: str


def page(operations: Sequence[Operation], document: JsonObject) -> Page:
    """The page for these operations and their OpenAPI document."""
    style = _ENVIRONMENT.get_template("docs.css").render()
    paths = _object(document["paths"])
    shown = [
        _Shown(
            operation, item := _object(_object(paths[operation.path])[operation.method.lower()]), _curl(operation, item)
        )
        for operation in operations
    ]
    html = _ENVIRONMENT.get_template("docs.html").render(
        info=document["info"],
        operations=shown,
        tags=list(dict.fromkeys(each.operation.tag for each in shown)),
        schemas=_object(_object(document["components"])["schemas"]),
        style=style,
        target=_target,
        as_json=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html.encode(), policy)


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError("the OpenAPI document has something else where it should have an object")
    return value


def _target(schema: JsonObject) -> str | None:
    """The name of the schema that a reference points to."""
    reference = schema.get("$ref")
    return reference.rpartition("/")[2] if isinstance(reference, str) else None


def _curl(operation: Operation, document: JsonObject) -> str:
    """A call that a reader can paste, with $GATEWAY and $TOKEN set."""
    path = operation.path
    parameters = document["parameters"]
    for parameter in map(_object, parameters if isinstance(parameters, list) else []):
        example = parameter.get("example", parameter["name"])
        path = path.replace("{" + str(parameter["name"]) + "}", quote(str(example), safe=""))
    parts = ["curl --fail-with-body"]
    if operation.method != "GET":
        parts.append(f"-X {operation.method}")
    if not operation.public:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if operation.content_type is not None:
        parts.append(f"-H 'Content-Type: {operation.content_type}' --data-binary @FILE")
    elif operation.body_schema is not None:
        body = json.dumps(operation.body_example, ensure_ascii=False).replace("'", "'\\''")
        parts.append(f"-H 'Content-Type: application/json' --data '{body}'")
    parts.append(f'"$GATEWAY{path}"')
    return " \\\n  ".join(parts)
