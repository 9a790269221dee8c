"""Which APIs this gateway runs, and what follows from their declarations for the rooms below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.courses import COURSES
from ewpgw.apis.discovery import DISCOVERY
from ewpgw.apis.echo import ECHO
from ewpgw.apis.factsheet import FACTSHEET
from ewpgw.apis.file import FILE
from ewpgw.apis.iia_approval_cnr import IIA_APPROVAL_CNR
from ewpgw.apis.iia_cnr import IIA_CNR
from ewpgw.apis.iias import IIAS
from ewpgw.apis.iias_approval import IIAS_APPROVAL
from ewpgw.apis.imobilities import IMOBILITIES, IMOBILITIES_1
from ewpgw.apis.imobility_cnr import IMOBILITY_CNR, IMOBILITY_CNR_1
from ewpgw.apis.imobility_tor_cnr import IMOBILITY_TOR_CNR, IMOBILITY_TOR_CNR_1
from ewpgw.apis.imobility_tor_stats import IMOBILITY_TOR_STATS
from ewpgw.apis.imobility_tors import IMOBILITY_TORS, IMOBILITY_TORS_2
from ewpgw.apis.institutions import INSTITUTIONS
from ewpgw.apis.omobilities import OMOBILITIES, OMOBILITIES_2
from ewpgw.apis.omobility_cnr import OMOBILITY_CNR, OMOBILITY_CNR_1
from ewpgw.apis.omobility_la_cnr import OMOBILITY_LA_CNR
from ewpgw.apis.omobility_las import OMOBILITY_LAS
from ewpgw.apis.omobility_stats import OMOBILITY_STATS
from ewpgw.apis.organizational_units import ORGANIZATIONAL_UNITS
from ewpgw.apis.simple_course_replication import SIMPLE_COURSE_REPLICATION

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
    COURSES,
    SIMPLE_COURSE_REPLICATION,
    OMOBILITIES,
    OMOBILITIES_2,
    OMOBILITY_CNR,
    OMOBILITY_CNR_1,
    OMOBILITY_STATS,
    IMOBILITIES,
    IMOBILITIES_1,
    IMOBILITY_CNR,
    IMOBILITY_CNR_1,
    OMOBILITY_LAS,
    OMOBILITY_LA_CNR,
    IMOBILITY_TORS,
    IMOBILITY_TORS_2,
    IMOBILITY_TOR_CNR,
    IMOBILITY_TOR_CNR_1,
    IMOBILITY_TOR_STATS,
)

_ALWAYS = ("discovery", "echo", "institutions")
_FAMILIES = (
    frozenset({"iias", "iia-cnr", "iias-approval", "iia-approval-cnr", "factsheet"}),
    frozenset({"omobilities", "omobility-cnr", "omobility-stats", "imobilities", "imobility-cnr"}),
    frozenset({"omobility-las", "omobility-la-cnr"}),
    frozenset({"imobility-tors", "imobility-tor-cnr", "imobility-tor-stats"}),
)
_REFERRING = {"iias": "file", "omobilities": "file", "simple-course-replication": "courses"}
"""What serves references, and the API by which that is fetched to which they refer."""


class IncompleteFamily(ValueError):
    """The settings name some APIs of a family but not all; partners could not work with that."""


def chosen(names: Iterable[str] | None) -> tuple[Api, ...]:
    """The APIs to run for a HEI: all of them for None, else the named ones and those every node must have.

    Raises IncompleteFamily where the names hold a part of a family (ewp-specs-api-iias, README: an implementer of the
    IIAs API must also notify, listen, approve and have a factsheet; ewp-specs-api-omobility-stats, README: nominations
    and arrivals, their notifications and their statistics), or leave out what the rest refers to.
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
