"""Which APIs this gateway runs, and what follows from their declarations for the rooms below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.discovery import DISCOVERY
from ewpgw.apis.echo import ECHO
from ewpgw.apis.factsheet import FACTSHEET
from ewpgw.apis.file import FILE
from ewpgw.apis.iia_approval_cnr import IIA_APPROVAL_CNR
from ewpgw.apis.iia_cnr import IIA_CNR
from ewpgw.apis.iias import IIAS
from ewpgw.apis.iias_approval import IIAS_APPROVAL
from ewpgw.apis.institutions import INSTITUTIONS
from ewpgw.apis.organizational_units import ORGANIZATIONAL_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ewpgw.apis.declaration import Api

APIS: tuple[Api, ...] = (
    DISCOVERY,
    ECHO,
    INSTITUTIONS,
    ORGANIZATIONAL_UNITS,
    FACTSHEET,
    IIAS,
    IIA_CNR,
    IIAS_APPROVAL,
    IIA_APPROVAL_CNR,
    FILE,
)

_ALWAYS = ("discovery", "echo", "institutions")
_FAMILIES = (frozenset({"iias", "iia-cnr", "iias-approval", "iia-approval-cnr", "factsheet"}),)
_REFERRING = {"iias": "file"}
"""What serves references to files, and the API by which they are fetched."""


class IncompleteFamily(ValueError):
    """The settings name some APIs of a family but not all; partners could not work with that."""


def chosen(names: Iterable[str] | None) -> tuple[Api, ...]:
    """The APIs to run for a HEI: all of them for None, else the named ones and those every node must have.

    Raises IncompleteFamily where the names hold a part of a family (ewp-specs-api-iias, README: an implementer of the
    IIAs API must also notify, listen, approve and have a factsheet), or leave out what the rest refers to.
    """
    if names is None:
        return APIS
    wanted = set(names) | set(_ALWAYS)
    for family in _FAMILIES:
        missing = family - wanted
        if missing and missing != family:
            raise IncompleteFamily(
                f"{', '.join(sorted(missing))} must run too: {' and '.join(sorted(family))} go together"
            )
    for referring, referred in _REFERRING.items():
        if referring in wanted and referred not in wanted:
            raise IncompleteFamily(f"{referred} must run too: {referring} may refer to what it serves")
    return tuple(api for api in APIS if api.name in wanted)


def notifications(apis: Iterable[Api] = APIS) -> Mapping[str, tuple[str, ...]]:
    """By entity, the APIs through which partners are told of a change: ``{"iias": ("iia-cnr",)}``."""
    told: dict[str, tuple[str, ...]] = {}
    for api in apis:
        if api.notifies is not None and api.name not in told.get(api.notifies, ()):
            told[api.notifies] = (*told.get(api.notifies, ()), api.name)
    return told
