"""A hand-made signer that can leave out, add and bend whatever a test wants."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from ewpgw.security.keys import PrivateKey
from ewpgw.security.requests import Refusal, Request, VerifiedRequest

REQUEST_ID = "dc05b425-4e86-4106-8dde-1257fccf53e5"
REQUIRED = ("(request-target)", "host", "date", "digest", "x-request-id")


Verify = Callable[[Request], VerifiedRequest]
Refuse = Callable[[Request], Refusal]


@dataclass(frozen=True)
class Draft:
    """A request that is still to be signed, and signed without the code under test."""

    key: PrivateKey
    method: str = "POST"
    target: str = "/north.example/echo?x=1"
    host: str = "ewp.north.example"
    body: bytes = b"echo=a&echo=b"
    headers: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = REQUIRED
    parameters: dict[str, str | None] = field(default_factory=dict)

    def with_header(self, name: str, value: str | None) -> Draft:
        """Replace a header, or leave it out when the value is None."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    def values(self) -> dict[str, str]:
        """Return what the signing string says of each name; a name without a header gets an empty value."""
        joined: dict[str, list[str]] = {}
        for name, value in self.headers:
            joined.setdefault(name.lower(), []).append(value)
        return {
            **{name: ", ".join(values) for name, values in joined.items()},
            "(request-target)": f"{self.method.lower()} {self.target}",
            "host": self.host,
        }

    def authorization(self) -> str:
        """Sign, and write the Authorization header; a parameter that the test set to None is left out."""
        values = self.values()
        text = "\n".join(f"{name}: {values.get(name.lower(), '')}" for name in self.names)
        signature = self.key.rsa.sign(text.encode("utf-8", "surrogateescape"), PKCS1v15(), SHA256())
        parameters: dict[str, str | None] = {
            "keyId": self.key.public.fingerprint,
            "algorithm": "rsa-sha256",
            "headers": " ".join(self.names),
            "signature": b64encode(signature).decode(),
            **self.parameters,
        }
        return "Signature " + ",".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)

    def signed(self) -> Request:
        """Return the request with its Authorization header."""
        return self.unsigned(("Authorization", self.authorization()))

    def unsigned(self, *more: tuple[str, str]) -> Request:
        """Return the request with other headers in place of its Authorization header."""
        return Request(self.method, self.target, self.host, (*self.headers, *more), self.body)


def digest_of(body: bytes) -> str:
    return "SHA-256=" + b64encode(sha256(body).digest()).decode()
