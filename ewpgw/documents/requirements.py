"""What a simple type of a schema asks of its values, in words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from xmlschema.validators import XsdAtomicBuiltin, XsdComplexType, XsdFacet, XsdSimpleType

from ewpgw.documents.places import local_name
from ewpgw.documents.wording import BUILTINS, PATTERNS

if TYPE_CHECKING:
    from xmlschema.aliases import BaseXsdType

_WHOLE = ("integer", "byte", "int", "long", "short", "positiveInteger", "nonNegativeInteger")


def requirement(kind: BaseXsdType) -> str | None:
    """A clause such as ``four digits are required``; None for types without simple content or without words here."""
    step: object = kind.content if isinstance(kind, XsdComplexType) else kind
    facets: dict[str, str] = {}  # the nearest restriction's win
    while isinstance(step, XsdSimpleType) and not isinstance(step, XsdAtomicBuiltin):
        if step.enumeration:
            return f"one of {', '.join(str(value) for value in step.enumeration)} is required"
        if step.patterns is not None:
            forms = step.patterns.regexps
            known = PATTERNS.get(forms[0]) if len(forms) == 1 else None
            return known or f"text of the form {' or '.join(forms)} is required"
        named = {local_name(name): facet for name, facet in step.facets.items() if name and isinstance(facet, XsdFacet)}
        facets = {name: str(facet.value) for name, facet in named.items()} | facets
        base = step.base_type
        step = base.content if isinstance(base, XsdComplexType) else base
    if not isinstance(step, XsdAtomicBuiltin):
        return None
    name = step.local_name or ""
    if name in _WHOLE or name == "decimal":
        return _number("a number" if name == "decimal" else "a whole number", facets) or BUILTINS.get(name)
    return _length(facets) or BUILTINS.get(name)


def _number(what: str, facets: dict[str, str]) -> str | None:
    low, high = facets.get("minInclusive"), facets.get("maxInclusive")
    above, below = facets.get("minExclusive"), facets.get("maxExclusive")
    decimals = facets.get("fractionDigits")
    parts = [
        f"from {low} to {high}"
        if low and high
        else f"of at least {low}"
        if low
        else f"of at most {high}"
        if high
        else "",
        f"above {above}" if above else "",
        f"below {below}" if below else "",
        f"with at most {decimals} decimals" if decimals and Decimal(decimals) else "",
    ]
    return f"{' '.join([what, *filter(None, parts)])} is required" if any(parts) else None


def _length(facets: dict[str, str]) -> str | None:
    exact, least, most = facets.get("length"), facets.get("minLength"), facets.get("maxLength")
    if exact:
        return f"text of exactly {exact} characters is required"
    if least and most:
        return f"text of {least} to {most} characters is required"
    if least:
        return f"text of at least {least} characters is required"
    return f"text of at most {most} characters is required" if most else None
