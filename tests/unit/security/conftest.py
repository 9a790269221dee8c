"""Keys, a clock, and a request to be bent and signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ewpgw.security.keys import PrivateKey, PublicKey, generate
from ewpgw.security.requests import KeyLookup, Refusal, Request, verify_request

from .drafts import REQUEST_ID, Draft, Refuse, Verify, digest_of


@pytest.fixture(scope="session")
def client_key() -> PrivateKey:
    return generate()


@pytest.fixture(scope="session")
def server_key() -> PrivateKey:
    return generate()


@pytest.fixture(scope="session")
def stranger_key() -> PrivateKey:
    """A key that no catalogue lists."""
    return generate()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 8, 9, 5, 7, 654321, tzinfo=UTC)


@pytest.fixture
def find_key(client_key: PrivateKey) -> KeyLookup:
    """A catalogue that lists the client's key alone."""
    listed: dict[str, PublicKey] = {client_key.public.fingerprint: client_key.public}
    return listed.get


@pytest.fixture
def draft(client_key: PrivateKey) -> Draft:
    """A request with all that it needs, to be bent and signed."""
    whole = Draft(client_key)
    return replace(
        whole,
        headers=(
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Date", "Sun, 08 Mar 2026 09:05:07 GMT"),
            ("Digest", digest_of(whole.body)),
            ("X-Request-Id", REQUEST_ID),
        ),
    )


@pytest.fixture(name="digest_of")
def digest_of_fixture() -> Callable[[bytes], str]:
    return digest_of


@pytest.fixture
def verify(find_key: KeyLookup, now: datetime) -> Verify:
    """Verify a request against the catalogue of `find_key`, now."""
    return lambda request: verify_request(request, find_key, now)


@pytest.fixture
def refuse(verify: Verify) -> Refuse:
    """Verify a request that must be refused, and return the refusal."""

    def refuse(request: Request) -> Refusal:
        with pytest.raises(Refusal) as caught:
            verify(request)
        return caught.value

    return refuse
