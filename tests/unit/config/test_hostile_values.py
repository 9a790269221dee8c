"""Whatever stands in the file, the answer is settings or faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ewpgw.config import ConfigFault, ConfigFaults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.configurations import Case

    from ewpgw.config.faults import Location

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["https://[::1", "https://a.b:99999/", "~nobody-of-that-name/x", "/", ".", "a\0b", "1" * 6000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _locations(data: object, here: Location = ()) -> Iterator[Location]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*here, key)
        yield from _locations(value, (*here, key))


FULL = """
store: {url: "sqlite:///ewpgw.db"}
registry: {catalogue_url: "https://registry.example/catalogue-v1.xml", refresh_seconds: 900}
log: {format: json}
sis: {port: 8080, tls: {certificate: chain.pem, key: tls.pem}}
"""


def _faults(case: Case, text: str, environ: Mapping[str, str] | None = None) -> tuple[ConfigFault, ...]:
    try:
        case.load(text, environ)
    except ConfigFaults as faults:
        return faults.faults
    return ()


@FEW
@given(data=st.data(), value=VALUES)
def test_any_value_in_any_place_gives_settings_or_faults(
    case: Case, two: str, data: st.DataObject, value: object
) -> None:
    document = yaml.safe_load(two + "    apis: [iias]\n    adapter: {kind: folder, path: x}\n" + FULL)
    *above, last = data.draw(st.sampled_from(sorted(_locations(document), key=str)))
    place = document
    for step in above:
        place = place[step]
    place[last] = value
    found = _faults(case, yaml.safe_dump(document, allow_unicode=True))
    assert all(fault.problem and fault.remedy and "\n" not in str(fault) for fault in found)


@FEW
@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_gives_settings_or_faults(case: Case, text: str) -> None:
    # no such text covers an institution
    assert _faults(case, text)


@FEW
@given(
    name=st.lists(st.sampled_from(["heis", "0", "1", "sis", "port", "adapter", "keys", "x", "", "limits"]), max_size=5),
    value=st.text(max_size=12),
)
def test_any_variable_gives_settings_or_faults(case: Case, two: str, name: list[str], value: str) -> None:
    found = _faults(case, two, {"EWPGW_" + "__".join(name): value})
    assert all(fault.problem and fault.remedy for fault in found)
