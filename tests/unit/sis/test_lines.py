"""Bodies of many lines, read in batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.sis.errors import ApiError
from ewpgw.sis.lines import Lines


def lines(*chunks: bytes, longest: int = 1000, most: int = 1000) -> Lines:
    coming: Iterator[bytes] = iter([chunk for chunk in chunks if chunk])

    async def read() -> bytes:
        return next(coming, b"")

    return Lines(read, longest=longest, most=most)


async def batches(of: Lines, *, even: bool = False) -> list[list[bytes]]:
    return [batch async for batch in of.batches(even=even)]


async def test_what_has_come_is_given_at_once() -> None:
    assert await batches(lines(b"a\nb\nc", b"c\nd", b"\n")) == [[b"a", b"b"], [b"cc"], [b"d"]]


async def test_even_batches_do_not_depend_on_how_the_body_comes() -> None:
    body = b"".join(b"%d\n" % number for number in range(60))
    whole = await batches(lines(body), even=True)
    assert [len(batch) for batch in whole] == [25, 25, 10]
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    assert await batches(lines(*pieces), even=True) == whole


async def test_a_batch_holds_little_more_than_a_megabyte() -> None:
    line = b"x" * 400_000
    found = await batches(lines(b"\n".join([line] * 7), longest=500_000))
    assert [len(batch) for batch in found] == [3, 3, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=12)), st.integers(1, 9))
async def test_every_line_that_is_not_blank_comes_once_and_in_order(parts: list[bytes], size: int) -> None:
    body = b"\n".join(parts)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    found = [line for batch in await batches(lines(*pieces)) for line in batch]
    assert found == [line.strip() for line in body.split(b"\n") if line.strip()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([b"a\nb\nccccc\nd\n"], "line-too-long"),
        ([b"a\nb\ncc", b"ccc"], "line-too-long"),
        ([b"a\nb\n1\n2\n"], "too-many-records"),
    ],
)
async def test_what_came_before_a_fault_is_given_before_it(body: list[bytes], code: str) -> None:
    given_before: list[bytes] = []
    most = 2 if code == "too-many-records" else 100
    with pytest.raises(ApiError) as fault:
        async for batch in lines(*body, longest=4, most=most).batches(even=True):
            given_before += batch
    assert fault.value.code == code
    assert given_before == [b"a", b"b"]
