"""Child elements that are missing, unknown, too many or in the wrong place, in words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from lxml import etree
from xmlschema.validators import XsdElement, XsdGroup

from ewpgw.documents.places import children, line_of, local_name, namespace_of, path_of, path_of_missing
from ewpgw.documents.schemas import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xmlschema import XMLSchemaChildrenValidationError

_MOST_NAMES = 5


def about_children(error: XMLSchemaChildrenValidationError, parent: etree._Element) -> Fault:
    """The fault of a parent element whose children do not follow their content model."""
    model = _elements(error.validator.iter_elements()) if isinstance(error.validator, XsdGroup) else []
    expected = _elements(error.expected or ())
    required = [element for element in expected if element.min_occurs] or expected
    child = error.invalid_child
    if not isinstance(child, etree._Element):
        return _missing(parent, required, children(parent))
    before = children(parent)[: children(parent).index(child)]
    return (
        _wrong_namespace(child, model)
        or _unknown(child, model, required)
        or _too_often(child, model, before)
        or _before_or_after(parent, child, model, required, before)
    )


def _missing(parent: etree._Element, required: list[XsdElement], before: list[etree._Element]) -> Fault:
    if not required:
        message = f"an element is missing: <{local_name(str(parent.tag))}> must contain at least one"
        return Fault(path_of(parent), line_of(parent), message)
    name = required[0].local_name
    where = f"after {_tag(before[-1])}" if before else f"as the first element of {_tag(parent)}"
    if len(required) > 1:
        message = f"one of the elements {_names(required)} is missing; expected {where}"
    else:
        present = sum(1 for element in before if element.tag == required[0].name)
        least = required[0].min_occurs
        found = f" (it must stand here {least} times, but was found {present} times)" if present else ""
        message = f"the element <{name}> is missing; expected {where}{found}"
    line = line_of(before[-1]) if before else line_of(parent)
    return Fault(path_of_missing(parent, name), line, message)


def _wrong_namespace(child: etree._Element, model: list[XsdElement]) -> Fault | None:
    name, namespace = local_name(str(child.tag)), namespace_of(str(child.tag))
    right = [element for element in model if element.local_name == name]
    if not right or any(element.name == child.tag for element in right):
        return None
    wrong = f"has the namespace {namespace}" if namespace else "has no namespace"
    return _fault(child, f"the element <{name}> {wrong}; it must have {namespace_of(right[0].name)}")


def _unknown(child: etree._Element, model: list[XsdElement], required: list[XsdElement]) -> Fault | None:
    if any(element.name == child.tag for element in model):
        return None
    close = get_close_matches(local_name(str(child.tag)), [element.local_name for element in model], 1)
    hint = f"; did you mean <{close[0]}>?" if close else f"; expected is {_names(required)}" if required else ""
    return _fault(child, f"the element {_tag(child)} is not known here{hint}")


def _too_often(child: etree._Element, model: list[XsdElement], before: list[etree._Element]) -> Fault | None:
    most = next(element.max_occurs for element in model if element.name == child.tag)
    if most is None or sum(1 for element in before if element.tag == child.tag) < most:
        return None
    allowed = "only one is" if most == 1 else f"at most {most} are"
    return _fault(child, f"the element {_tag(child)} stands here too often: {allowed} allowed")


def _before_or_after(
    parent: etree._Element,
    child: etree._Element,
    model: list[XsdElement],
    required: list[XsdElement],
    before: list[etree._Element],
) -> Fault:
    order = [element.name for element in model]
    place = order.index(str(child.tag))
    passed = [element for element in before if element.tag in order and order.index(str(element.tag)) > place]
    if passed:
        return _fault(child, f"the element {_tag(child)} is in the wrong place: it must come before {_tag(passed[0])}")
    if not required or not any(element.min_occurs for element in required):
        after = f" after {_tag(before[-1])}" if before else ""
        return _fault(child, f"the element {_tag(child)} is not allowed here{after}")
    if any(element.tag == required[0].name for element in children(parent)[len(before) :]):
        message = f"the element {_tag(child)} is in the wrong place: <{required[0].local_name}> must come before it"
        return _fault(child, message)
    return _missing(parent, required, before)


def _elements(particles: Iterable[object]) -> list[XsdElement]:
    return [particle for particle in particles if isinstance(particle, XsdElement)]


def _fault(child: etree._Element, message: str) -> Fault:
    return Fault(path_of(child), line_of(child), message)


def _tag(element: etree._Element) -> str:
    return f"<{local_name(str(element.tag))}>"


def _names(elements: list[XsdElement]) -> str:
    names = [f"<{element.local_name}>" for element in elements]
    return " or ".join(names[:_MOST_NAMES]) + (" or others" if len(names) > _MOST_NAMES else "")
