"""What the tester of the SIS API does not know by itself; it is told of this file by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A list as a line for each of its items, anything else as one line."""
    items = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


@schemathesis.deserializer("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml")
def uploaded(_context: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    """A file is given back as it was uploaded, whatever it was said to be."""
    return response.content.decode("latin-1")
