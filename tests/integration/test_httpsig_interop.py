"""The signatures of this gateway and those of the `httpsig` package understand each other, in both directions."""

from __future__ import annotations

import warnings
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ewpgw.security.dates import format_http_date
from ewpgw.security.keys import PrivateKey, generate
from ewpgw.security.requests import Refusal, Request, sign_request, verify_request
from ewpgw.security.responses import UntrustedResponse, sign_response, verify_response

with warnings.catch_warnings():
    # It asks pkg_resources for its version, which warns in more than one way depending on the release.
    warnings.simplefilter("ignore")
    from httpsig import HeaderSigner, HeaderVerifier

HOST = "ewp.north.example"
TARGET = "/north.example/iias/get?iia_id=a%2Fb&iia_id=c+d"
BODY = "iia_id=é".encode()
REQUEST_NAMES = ["(request-target)", "host", "date", "digest", "x-request-id"]
RESPONSE_NAMES = ["date", "digest", "x-request-id", "x-request-signature"]


@dataclass(frozen=True)
class Pems:
    """A key in the texts that httpsig reads."""

    private: str
    public: str


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate()


@pytest.fixture(scope="module")
def pems(key: PrivateKey) -> Pems:
    return Pems(
        key.rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
        key.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def common(now: datetime) -> dict[str, str]:
    return {
        "Date": format_http_date(now),
        "Digest": "SHA-256=" + b64encode(sha256(BODY).digest()).decode(),
        "X-Request-Id": str(uuid4()),
        "Content-Type": "application/x-www-form-urlencoded",
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_httpsig_signs_is_verified_here(
    key: PrivateKey, pems: Pems, now: datetime, common: dict[str, str], method: str
) -> None:
    names = [*REQUEST_NAMES, "content-type"]
    signer = HeaderSigner(key.public.fingerprint, pems.private, algorithm="rsa-sha256", headers=names)
    headers = signer.sign(common, host=HOST, method=method, path=TARGET)
    keys = {key.public.fingerprint: key.public}
    verified = verify_request(Request(method, TARGET, HOST, tuple(headers.items()), BODY), keys.get, now)
    assert verified.headers["content-type"] == "application/x-www-form-urlencoded"
    with pytest.raises(Refusal, match="does not match"):
        verify_request(Request(method, TARGET + "x", HOST, tuple(headers.items()), BODY), keys.get, now)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_is_signed_here_is_verified_by_httpsig(
    key: PrivateKey, pems: Pems, now: datetime, method: str
) -> None:
    signed = sign_request(
        method,
        f"https://{HOST}{TARGET}",
        {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"},
        BODY,
        key=key,
        now=now,
        request_id=str(uuid4()),
    )

    def verifies(path: str) -> bool:
        verifier = HeaderVerifier(
            signed.headers, pems.public, required_headers=REQUEST_NAMES, method=method, path=path, host=HOST
        )
        return bool(verifier.verify())

    assert verifies(TARGET)
    assert not verifies(TARGET + "x")


def test_a_response_that_httpsig_signs_is_verified_here(
    key: PrivateKey, pems: Pems, now: datetime, common: dict[str, str]
) -> None:
    signer = HeaderSigner(
        key.public.fingerprint, pems.private, algorithm="rsa-sha256", headers=RESPONSE_NAMES, sign_header="signature"
    )
    headers = dict(signer.sign({**common, "X-Request-Signature": "c2ln"}))

    def verify(headers: dict[str, str]) -> str:
        return verify_response(
            headers,
            BODY,
            server_keys={key.public.fingerprint: key.public},
            request_id=common["X-Request-Id"],
            request_signature="c2ln",
            now=now,
        ).key_id

    assert verify(headers) == key.public.fingerprint
    with pytest.raises(UntrustedResponse, match="does not match its headers"):
        verify({**headers, "digest": headers["digest"].swapcase()})


def test_a_response_that_is_signed_here_is_verified_by_httpsig(key: PrivateKey, pems: Pems, now: datetime) -> None:
    headers = sign_response(
        BODY,
        key,
        now,
        request_id=str(uuid4()),
        request_signature="c2ln",
        headers={"Content-Type": "text/xml; charset=utf-8"},
    )

    def verifies(headers: dict[str, str]) -> bool:
        names = [*RESPONSE_NAMES, "content-type"]
        return bool(HeaderVerifier(headers, pems.public, required_headers=names, sign_header="signature").verify())

    assert verifies(headers)
    assert not verifies({**headers, "X-Request-Signature": "b3RoZXI="})
