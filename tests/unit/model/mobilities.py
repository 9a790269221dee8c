"""Nominations, arrivals and the agreement they are under, for the tests of the model."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from ewpgw.model.imobility import Imobility
from ewpgw.model.omobility import KnownOmobility, Omobility
from ewpgw.model.omobility_examples import nomination

from .strategies import (
    OTHER,
    OWNER,
    addresses,
    dates,
    emails,
    flags,
    identifiers,
    isced_codes,
    languages,
    localised,
    phones,
    records,
    several,
    texts,
)

Json = dict[str, Any]


def nominated(**changes: Any) -> Json:
    """A nomination as JSON. A change is named by its path: ``nomination__comment="…"``; None takes the field away."""
    data: Json = deepcopy(nomination(OWNER, OTHER))
    for path, value in changes.items():
        *above, name = path.split("__")
        place = data
        for step in above:
            place = place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


def omobility(**changes: Any) -> Omobility:
    """The same as a record, with its proposal."""
    return Omobility.model_validate(nominated(**changes), extra="forbid").completed()


def known(**changes: Any) -> KnownOmobility:
    """The same as a partner's, of which less may be known."""
    return KnownOmobility.model_validate(nominated(**changes), extra="forbid")


_names = several(localised, 1)
_eqf = st.one_of(st.integers(1, 8), st.sampled_from(["6", "06", "+7", " 8 "]))
_heis = {"ounit_id": identifiers, "iia_id": identifiers}
_terms = st.builds("{0}/{1}-{2}/{3}".format, *(st.just("2026"), st.just("2027")), st.integers(1, 2), st.integers(2, 4))
_periods = st.one_of(
    st.fixed_dictionaries({"sending_academic_term_ewp_id": _terms}),
    st.fixed_dictionaries({"non_standard_mobility_period": st.just(True)}),
)
_required_nomination = {
    "sending_hei": records({"hei_id": st.just(OWNER)}, _heis),
    "receiving_hei": records({"hei_id": st.just(OTHER)}, _heis),
    "receiving_academic_year_id": st.sampled_from(["2026/2027", "2026/2026", "2027/2027"]),
    "activity_type": st.just("student-studies"),
    "activity_attributes": st.sampled_from(["long-term", "short-term-blended", "short-term-doctoral"]),
    "agreement_isced_f_code": isced_codes,
    "eqf_level_studied_at_departure": _eqf,
    "nominee_isced_f_code": isced_codes,
}
nominations = st.builds(
    lambda said, period: {**said, **period}, records(_required_nomination, {"comment": texts}), _periods
)
_requirements = st.one_of(
    records({"name": texts, "file": texts}, {}),
    records({"name": texts, "url": st.sampled_from(["https://a.example/b", "http://a.example/?c=1&d=2"])}, {}),
)
_photos = records(
    {"value": st.just("https://a.example/p.jpg")},
    {"size_px": st.just("350x450"), "public": flags, "photo_date": dates},
)
furthers = records(
    {},
    {
        "planned_arrival_date": dates,
        "planned_departure_date": dates,
        "eqf_level_studied_at_nomination": _eqf,
        "nominee_language_skill": several(
            records({"language": languages}, {"cefr_level": st.sampled_from(["A1", "C2", "NS"])})
        ),
        "additional_requirement": several(_requirements),
        "citizenship": st.sampled_from(["FI", "SE"]),
        "photo_url": several(_photos),
        "street_address": addresses,
        "mailing_address": addresses,
        "phone_number": several(phones),
        "recognized": flags,
    },
)
students = records(
    {
        "given_names": _names,
        "family_name": _names,
        "global_id": texts,
        "birth_date": dates,
        "nationality": st.sampled_from(["FI", "SE", "NO"]),
        "gender": st.sampled_from([0, 1, "2", 9]),
        "email": emails,
    },
    {},
)
omobilities = records(
    {"omobility_id": identifiers, "student": students, "nomination": nominations},
    {"status": st.sampled_from(["pending", "approved", "rejected", "cancelled"]), "further": furthers},
)
imobilities = records(
    {"omobility_id": identifiers},
    {
        "actual_arrival_date": dates,
        "actual_departure_date": dates,
        "sending_hei_id": st.just(OTHER),
        "status": st.sampled_from(["pending", "approved", "rejected"]),
        "comment": texts,
    },
)


def read(data: Json) -> Omobility:
    """A nomination of ours, from JSON."""
    return Omobility.model_validate(data, extra="forbid").completed()


def read_arrival(data: Json) -> Imobility:
    """What became of a student, from JSON."""
    return Imobility.model_validate(data, extra="forbid")
