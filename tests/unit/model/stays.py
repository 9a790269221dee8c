"""Learning agreements for the tests of the model: those of the examples, changed in places, and random ones."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from ewpgw.model import learning_agreement_examples as examples
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_parts import Signature

from .strategies import OTHER, OWNER, dates, emails, identifiers, languages, phones, records, several, telling, texts

Json = dict[str, Any]
SEMESTER, CHANGED, BLENDED, DOCTORAL = "semester", "changed", "blended", "doctoral"
SIGNATURE = Signature.model_validate(examples.signature(OTHER, "2026-05-20T09:00:00+01:00"))


def given(kind: str = SEMESTER, **changes: Any) -> Json:
    """An example as JSON. A change is named by its path: ``student__email="…"``; None takes the field away."""
    data: Json = deepcopy(getattr(examples, kind)(OWNER, OTHER))
    for path, value in changes.items():
        *above, name = path.split("__")
        place: Any = data
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


def agreement(kind: str = SEMESTER, **changes: Any) -> LearningAgreement:
    """The same as a record, with the id of its proposal."""
    return read(given(kind, **changes))


def read(data: Json) -> LearningAgreement:
    """An agreement of ours, from JSON."""
    return LearningAgreement.model_validate(data, extra="forbid").completed()


_numbers = st.one_of(st.integers(1, 30), st.sampled_from(["5.0", " 7.50\n", "+3", "007", 2.5]))
_moments = st.sampled_from(
    ["2026-05-31T10:15:00+02:00", "2026-02-28T24:00:00Z", "2026-12-31T23:59:59.25", "2026-01-01T00:00:00-11:30"]
)
_signatures = records(
    {"timestamp": _moments},
    {"signer_name": texts, "signer_position": texts, "signer_email": texts, "signer_app": texts},
)
_terms = records({"term_number": st.integers(1, 2), "total_terms": st.sampled_from([2, "3", " 04 "])}, {})
_credits = several(records({"scheme": st.sampled_from(["ects", "UK"]), "value": _numbers}, {}))
_says = {
    "status": st.sampled_from(["inserted", "deleted"]),
    "reason_code": st.sampled_from(["not-available", "extending-mobility"]),
    "reason_text": texts,
    "los_id": st.sampled_from(["CR/1", "DEP/~!"]),
    "los_code": texts,
    "loi_id": st.sampled_from(["CRI/1", "MODI/a-b"]),
    "term_id": _terms,
    "credit": _credits,
    "recognition_conditions": texts,
    "short_description": texts,
}
components = records({"title": texts}, _says)
_tables = {
    name: several(components)
    for name in (
        "components_studied",
        "components_recognized",
        "virtual_components",
        "blended_mobility_components",
        "short_term_doctoral_components",
    )
}
_signed = {"student_signature": _signatures, "sending_hei_signature": _signatures}
versions = records(_signed, {**_tables, "receiving_hei_signature": _signatures})
_student = {
    "given_names": texts,
    "family_name": texts,
    "global_id": texts,
    "birth_date": dates,
    "citizenship": st.sampled_from(["FI", "SE"]),
    "gender": st.sampled_from([0, 1, "2", 9]),
    "email": emails,
}
proposals = records(_signed, {**_tables, "student": records({}, _student)})
_person = records({"given_names": telling, "family_name": telling, "email": emails}, {"phone_number": phones})
_hei = {"ounit_name": texts, "ounit_id": identifiers}
_days = st.one_of(
    st.builds(lambda start, end: {"start_date": start, "end_date": end}, dates, dates),
    st.just({"start_year_month": "2026-09", "end_year_month": "2027-01Z"}),
    st.just({"start_year_month": "2026-09", "end_date": "2027-01-31"}),
)
_required = {
    "omobility_id": identifiers,
    "sending_hei": records({"hei_id": st.just(OWNER), "contact_person": _person}, _hei),
    "receiving_hei": records({"hei_id": st.just(OTHER), "contact_person": _person}, _hei),
    "receiving_academic_year_id": st.sampled_from(["2026/2027", "2026/2026"]),
    "student": records({}, _student),
    "eqf_level_studied_at_departure": st.one_of(st.integers(5, 8), st.just("06")),
    "isced_f_code": texts,
    "student_language_skill": records({"language": languages, "cefr_level": st.sampled_from(["A1", "C2", "NS"])}, {}),
}
_optional = {
    "isced_clarification": texts,
    "first_version": versions,
    "approved_changes": versions,
    "changes_proposal": proposals,
    "learning_outcomes_url": st.just("https://courses.south.example/?a=1&b=2"),
    "provisions_url": st.just("http://north.example"),
}
agreements = st.builds(lambda said, when: {**said, **when}, records(_required, _optional), _days)
