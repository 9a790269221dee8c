"""Request parameters: read from the query or the form, and held against an endpoint's declaration, in one place.

The rules are those of ewp-specs-architecture (Error handling) and of each endpoint's page: unknown parameters are
ignored; a missing required one, a repeated single one, an unreadable value or more values than the limit is a 400.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.apis.declaration import Endpoint

_MOST_FIELDS = 10_000


class BadParameters(ValueError):
    """The request's parameters break the endpoint's rules; the text says how, for the calling developer."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The values of one request, by parameter name, each parsed by its declaration."""

    values: Mapping[str, tuple[object, ...]]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a textual parameter, in the order sent; empty where it was not given."""
        return tuple(str(value) for value in self.values.get(name, ()))

    def one(self, name: str) -> object | None:
        """The value of a single parameter, or None."""
        given = self.values.get(name, ())
        return given[0] if given else None

    def text(self, name: str) -> str:
        """The value of a required textual parameter."""
        return str(self.values[name][0])


def decode_form(encoded: bytes | str) -> list[tuple[str, str]]:
    """The pairs of an ``application/x-www-form-urlencoded`` text. Raises BadParameters where it is not one."""
    try:
        data = encoded if isinstance(encoded, str) else encoded.decode("ascii")
        if "%" not in data and "+" not in data and data.count("&") < _MOST_FIELDS:  # then there is little to decode
            return [(name, value) for name, _, value in (pair.partition("=") for pair in data.split("&") if pair)]
        return parse_qsl(data, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise BadParameters("the parameters are not UTF-8 text in percent-encoding") from None
    except ValueError:
        raise BadParameters(f"the request has more than {_MOST_FIELDS} parameters") from None


def check(endpoint: Endpoint, pairs: list[tuple[str, str]], limits: Mapping[str, int]) -> Parameters:
    """The request's values, parsed. Raises BadParameters naming the first rule that is broken."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    values: dict[str, tuple[object, ...]] = {}
    for parameter in endpoint.parameters:
        texts = given.get(parameter.name, [])
        if not texts:
            if parameter.required:
                raise BadParameters(f"the required parameter {parameter.name} is missing")
            continue
        if len(texts) > 1 and not parameter.repeatable:
            raise BadParameters(f"the parameter {parameter.name} is given {len(texts)} times; it may be given once")
        if parameter.limit is not None and len(texts) > limits[parameter.limit]:
            most = limits[parameter.limit]
            raise BadParameters(f"{len(texts)} values of {parameter.name}; <{parameter.limit}> allows {most} a request")
        try:
            values[parameter.name] = tuple([parameter.parse(value) for value in texts])
        except ValueError as error:
            raise BadParameters(f"a value of {parameter.name} cannot be read: {error}") from None
    _check_alternatives(endpoint.exactly_one_of, values)
    return Parameters(values)


def _check_alternatives(names: tuple[str, ...], values: Mapping[str, tuple[object, ...]]) -> None:
    if not names:
        return
    present = [name for name in names if name in values]
    if len(present) != 1:
        problem = "both were given" if present else "none was given"
        raise BadParameters(f"exactly one of the parameters {' and '.join(names)} is needed; {problem}")
