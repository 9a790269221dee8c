"""Why a call had no usable result, in words."""

from __future__ import annotations

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ewpgw.network.failures import unreachable_in_words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Invalid header token:\n\n  b'X Elina : a'\n     ^", "Invalid header token"),
        (
            "Bad status line:\n  Invalid HTTP version:\n\n  b'HTTP/9.9 Elina'\n   ^",
            "Bad status line: Invalid HTTP version",
        ),
        ("Got more than 8190 bytes when reading: b'ElinaElina...'.", "Got more than 8190 bytes when reading"),
        ('Got more than 8190 bytes when reading: bytearray(b"Elina...").', "Got more than 8190 bytes when reading"),
        ("Data after `Connection: close`", "Data after `Connection: close`"),
    ],
)
def test_an_answer_that_is_no_http_is_described_without_its_bytes(message: str, words: str) -> None:
    url = URL("https://south.example/")
    asked = aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url)
    error = aiohttp.ClientResponseError(asked, (), status=400, message=message)
    assert unreachable_in_words(error) == f"the answer is no HTTP that can be read: {words}"
