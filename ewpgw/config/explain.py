"""From pydantic's errors to findings in an operator's words. No input is repeated but numbers and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ewpgw.config.faults import Finding, Location
from ewpgw.config.fields import bounds, field_at, kind_of, nearest_key
from ewpgw.config.values import FAULT

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_WANTED = {
    "bool_type": ("true or false", "write true or false"),
    "string_type": ("a text", "write a text, in quotes where it could be read as a number"),
    "model_type": ("a mapping", "write its keys below it, indented"),
    "model_attributes_type": ("a mapping", "write its keys below it, indented"),
    "dict_type": ("a mapping", "write its keys below it, indented"),
    "tuple_type": ("a list", "write one '- ' line for each item"),
    "list_type": ("a list", "write one '- ' line for each item"),
}


def findings(error: ValidationError, root: type[BaseModel], prefix: Location = ()) -> list[Finding]:
    """The findings of a validation error.

    Parameters:
        root: the model that was validated
        prefix: where its data is in the file
    """
    return [_finding(detail, root, prefix) for detail in error.errors(include_url=False) if not _is_echo(detail)]


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether pydantic calls a list too short only because it left out the items that are wrong."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _finding(detail: ErrorDetails, root: type[BaseModel], prefix: Location) -> Finding:
    location: Location = detail["loc"]
    problem, remedy = _words(detail, root, location)
    return Finding((*prefix, *location), problem, remedy)


def _words(detail: ErrorDetails, root: type[BaseModel], location: Location) -> tuple[str, str]:
    kind, value = detail["type"], detail["input"]
    field = field_at(root, location)
    limits = bounds(field) if field else None
    numbers = f"write a whole number from {limits[0]} to {limits[1]}" if limits else "write a whole number"
    match kind:
        case _ if kind == FAULT:
            context = detail["ctx"]
            return str(context["problem"]), str(context["remedy"])
        case "missing":
            description = (field.description or "").rstrip(".") if field else ""
            return "is required but missing", f"add it: {description}" if description else "add it"
        case "extra_forbidden":
            unknown = str(location[-1])
            return "is not a known key", nearest_key(root, location[:-1], unknown)
        case "greater_than_equal" | "greater_than":
            return f"{value} is too small", numbers
        case "less_than_equal" | "less_than":
            return f"{value} is too large", numbers
        case "int_type":
            return f"is {_word(value)}, not a whole number", numbers
        case "literal_error" if field is not None:
            choices = get_args(kind_of(field.annotation).plain)
            return f"is {_word(value)} that is not one of the choices", f"write {' or '.join(map(repr, choices))}"
        case "too_short":
            return "is an empty list", "list at least one"
    if kind in _WANTED:
        wanted, remedy = _WANTED[kind]
        return f"is {_word(value)}, not {wanted}", remedy
    # an adapter's own model may raise anything
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:], "correct the value as the documentation says"


def _word(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
    return "a mapping"
