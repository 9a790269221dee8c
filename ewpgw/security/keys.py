"""RSA keys: reading, writing, generating, and naming them by their fingerprint."""

from __future__ import annotations

import binascii
import os
import stat
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path

MIN_BITS = 2048
MAX_BITS = 16384
_MAX_FILE_BYTES = 64 * 1024
_MAX_BASE64_LENGTH = 16 * 1024
_PADDING = PKCS1v15()
_HASH = SHA256()
_GENERATE = "generate one with: ewpgw keys generate --out FILE"


class KeyProblem(ValueError):
    """A key that cannot be used.

    Attributes:
        problem: what is wrong with it.
        remedy: what to do about it.
        path: the file it came from, if it came from one.
    """

    def __init__(self, problem: str, remedy: str, path: Path | None = None) -> None:
        where = f"{path}: " if path is not None else ""
        super().__init__(f"{where}{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.path = path


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA public key of the network; two keys are equal when their fingerprints are.

    Attributes:
        fingerprint: lower-case hex SHA-256 of `der`, the name of the key everywhere in the network.
        der: the DER of its SubjectPublicKeyInfo.
        bits: length of its modulus.
        rsa: the key itself.
    """

    fingerprint: str
    der: bytes = field(repr=False, compare=False)
    bits: int = field(compare=False)
    rsa: RSAPublicKey = field(repr=False, compare=False)

    @property
    def base64(self) -> str:
        """The DER in base64, as manifests and the catalogue publish it."""
        return b64encode(self.der).decode("ascii")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Say whether the signature is this key's RSASSA-PKCS1-v1_5 SHA-256 signature of the message."""
        try:
            self.rsa.verify(signature, message, _PADDING, _HASH)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An RSA private key with its public half. It never shows itself in logs."""

    public: PublicKey
    rsa: RSAPrivateKey = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 SHA-256 signature of the message."""
        return self.rsa.sign(message, _PADDING, _HASH)


def public_key_from_der(der: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo; raises KeyProblem unless it is an RSA key of at least 2048 bits."""
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(
            "not a DER SubjectPublicKeyInfo", "publish what `openssl pkey -pubout -outform DER` writes"
        ) from None
    if not isinstance(key, RSAPublicKey):
        raise KeyProblem("not an RSA key", "EWP signatures need RSA")
    if key.public_bytes(Encoding.DER, PublicFormat.PKCS1) == der:
        # Its hash would not be the fingerprint that everybody else computes.
        raise KeyProblem(
            "a bare PKCS#1 key, not a SubjectPublicKeyInfo", "publish what `openssl pkey -pubout -outform DER` writes"
        )
    _check_bits(key.key_size)
    return PublicKey(sha256(der).hexdigest(), der, key.key_size, key)


def public_key_from_base64(text: str) -> PublicKey:
    """Read a SubjectPublicKeyInfo in base64, white space ignored, as the catalogue carries it; raises KeyProblem."""
    if len(text) > _MAX_BASE64_LENGTH:
        raise KeyProblem(f"longer than {_MAX_BASE64_LENGTH} characters", f"use a key of at most {MAX_BITS} bits")
    try:
        der = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem("not base64", "publish the DER SubjectPublicKeyInfo in base64, without PEM lines") from None
    return public_key_from_der(der)


def generate(bits: int = MIN_BITS) -> PrivateKey:
    """Make a new key pair; raises KeyProblem when `bits` is out of range."""
    _check_bits(bits)
    return _from_rsa(generate_private_key(public_exponent=65537, key_size=bits))


def load_private_key(path: Path) -> PrivateKey:
    """Read an unencrypted PEM file with an RSA private key of at least 2048 bits.

    Refuses a file that every user of the machine may read or write; its group may read it, as containers mount
    secrets so. Raises KeyProblem.
    """
    pem = _read_secret(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise KeyProblem(
            "the private key is encrypted with a passphrase",
            "the daemon starts unattended: store it unencrypted (openssl pkey -in FILE -out NEW), readable by it alone",
            path,
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem(_what_instead(pem), _GENERATE, path) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyProblem("the private key is not an RSA key, and EWP signatures need RSA", _GENERATE, path)
    try:
        return _from_rsa(key)
    except KeyProblem as problem:
        raise KeyProblem(problem.problem, problem.remedy, path) from None


def write_private_key(path: Path, key: PrivateKey) -> None:
    """Write a key as unencrypted PKCS#8 PEM with mode 0600, never over an existing file; raises KeyProblem."""
    pem = key.rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyProblem(
            "the file exists already, and keys are never overwritten", "choose another name", path
        ) from None
    except OSError as problem:
        raise KeyProblem(
            f"cannot be written ({problem.strerror})", "choose a folder that exists and is writable", path
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise KeyProblem(f"cannot be written ({problem.strerror})", "make room on the disk", path) from None


def _read_secret(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            # Windows has access lists instead of these bits and reports them all as set.
            if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o007:
                raise KeyProblem(
                    f"every user of this machine may use the private key (mode {stat.S_IMODE(status.st_mode):04o})",
                    f"run: chmod 600 {path}",
                    path,
                )
            data = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise KeyProblem("there is no such file", f"correct the path, or {_GENERATE}", path) from None
    except IsADirectoryError:
        raise KeyProblem("is a folder", "name the key file in it", path) from None
    except PermissionError:
        raise KeyProblem("this process may not read it", "give the file to the daemon's user (chown)", path) from None
    except OSError as problem:
        raise KeyProblem(f"cannot be read ({problem.strerror})", "check the disk and the path", path) from None
    if len(data) > _MAX_FILE_BYTES:
        raise KeyProblem(f"is larger than {_MAX_FILE_BYTES} bytes, so it is no key", _GENERATE, path)
    return data


def _what_instead(pem: bytes) -> str:
    if b"-----BEGIN" not in pem:
        return "holds no PEM"
    if b"PRIVATE KEY-----" in pem:
        return "the private key in it is damaged or of an unknown kind"
    if b"CERTIFICATE-----" in pem:
        return "holds a certificate and no private key"
    if b"PUBLIC KEY-----" in pem:
        return "holds a public key and no private key"
    return "holds no private key"


def _from_rsa(key: RSAPrivateKey) -> PrivateKey:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PrivateKey(public_key_from_der(der), key)


def _check_bits(bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise KeyProblem(f"an RSA key of {bits} bits", f"use one of {MIN_BITS} to {MAX_BITS} bits")
