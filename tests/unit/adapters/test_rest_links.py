"""Link headers as RFC 8288 has them, and as nobody should write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.adapters.rest.links import BadLinks, next_link


@pytest.mark.parametrize(
    "header",
    [
        '<?p=2>; rel="next"',
        "<?p=2>;rel=next",
        '<?p=1>; rel="prev", <?p=2>; rel="next"',
        '<a,b>; title="x, <y>; rel=\\"next\\""; rel="self" , <?p=2> ; REL = "Next last"',
        '<?p=2>; rel="next"; rel="prev"',
        '< ?p=2 >; hreflang; rel="next"',
        ',, <?p=1>; rel="first",, <?p=2>; rel="next"',
        '<?p=1>; rel="first"; , <?p=2>;; rel="next";',
    ],
)
def test_the_next_page_is_found_however_the_header_is_written(header: str) -> None:
    assert next_link([header]) == "?p=2"


@pytest.mark.parametrize(
    "header",
    [
        "",
        " , ",
        '<?p=1>; rel="prev"; ,',
        '<?p=2>; rel="prev"; rel="next"',
        '<?p=2>; rel="nextish"',
        '<?p=2>; rel="next"; anchor="/other"',
        '<?p=2>; title="rel=next"',
    ],
)
def test_what_names_no_next_page_of_this_one_is_not_one(header: str) -> None:
    assert next_link([header]) is None


@pytest.mark.parametrize(
    "header",
    [
        "?p=2; rel=next",
        '<?p=2; rel="next"',
        '<?p=2>; rel="next',
        "<?p=2>; rel='next'",
        "<?p=2>, rel=next",
        '<?p=2> rel="next"',
        '<?p=1>; rel="prev", ?p=2; rel="next"',
        '<?p=1>; rel="prev" <?p=2>; rel="next"',
        "<?p=<2>>; rel=next",
    ],
)
def test_what_cannot_be_read_is_not_taken_for_the_last_page(header: str) -> None:
    with pytest.raises(BadLinks):
        next_link([header])
    with pytest.raises(BadLinks):
        next_link(['<?p=1>; rel="prev"', header])


def test_several_headers_are_one_list() -> None:
    assert next_link(['<?p=1>; rel="prev"', '<?p=2>; rel="next"', '<?p=3>; rel="next"']) == "?p=2"
    assert next_link([]) is None


@settings(max_examples=50)
@given(st.lists(st.text('<>;,="\\ \trelnxt', max_size=60), max_size=3))
def test_no_header_is_too_strange(headers: list[str]) -> None:
    try:
        found = next_link(headers)
    except BadLinks:
        return
    assert found is None or any(f"<{found}" in header.replace("< ", "<") or found in header for header in headers)


@pytest.mark.parametrize("part", ["<a>; ", '<a>; x="', "<", "; ", '\\"', " ", ","])
def test_a_header_as_long_as_can_be_is_read_to_its_end(part: str) -> None:
    """It is as long as the HTTP library lets it be; an expression that goes back and forth would never end here."""
    for start in ("", "<a>", "<a>;x"):
        with suppress(BadLinks):
            assert next_link([start + part * (8000 // len(part))]) is None
