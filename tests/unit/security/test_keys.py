"""Keys: files, fingerprints, and what is refused."""

from __future__ import annotations

import stat
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ewpgw.security.keys import (
    KeyProblem,
    PrivateKey,
    generate,
    load_private_key,
    public_key_from_base64,
    public_key_from_der,
    write_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    return path


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_the_fingerprint_is_the_lower_case_hex_sha_256_of_the_subject_public_key_info(client_key: PrivateKey) -> None:
    der = spki(client_key.rsa.public_key())
    assert client_key.public.der == der
    assert client_key.public.fingerprint == sha256(der).hexdigest()
    assert client_key.public.bits == 2048


def test_a_written_key_is_read_back_and_only_its_owner_may_use_it(tmp_path: Path, client_key: PrivateKey) -> None:
    path = tmp_path / "new.pem"
    write_private_key(path, client_key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path).public == client_key.public


def test_a_key_file_is_never_overwritten(file: Path, client_key: PrivateKey) -> None:
    file.write_bytes(b"precious")
    with pytest.raises(KeyProblem, match="exists already") as caught:
        write_private_key(file, client_key)
    assert caught.value.path == file
    assert file.read_bytes() == b"precious"


def test_a_key_is_not_written_where_there_is_no_folder(tmp_path: Path, client_key: PrivateKey) -> None:
    with pytest.raises(KeyProblem, match="choose a folder that exists"):
        write_private_key(tmp_path / "nowhere" / "key.pem", client_key)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_both_pem_forms_of_a_key_are_read(file: Path, client_key: PrivateKey, form: PrivateFormat) -> None:
    file.write_bytes(pem(client_key.rsa, form))
    assert load_private_key(file).public == client_key.public


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o666])
def test_a_key_that_everybody_may_use_is_refused(file: Path, client_key: PrivateKey, mode: int) -> None:
    file.write_bytes(pem(client_key.rsa))
    file.chmod(mode)
    with pytest.raises(KeyProblem, match="every user of this machine") as caught:
        load_private_key(file)
    assert caught.value.remedy == f"run: chmod 600 {file}"


def test_a_key_that_its_group_may_read_is_accepted(file: Path, client_key: PrivateKey) -> None:
    file.write_bytes(pem(client_key.rsa))
    file.chmod(0o440)
    assert load_private_key(file).public == client_key.public


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match=r"absent\.pem: there is no such file; correct the path"):
        load_private_key(tmp_path / "absent.pem")
    with pytest.raises(KeyProblem, match="is a folder"):
        load_private_key(tmp_path)


def test_an_encrypted_key_is_refused_with_a_way_out(file: Path, client_key: PrivateKey) -> None:
    file.write_bytes(pem(client_key.rsa, encryption=BestAvailableEncryption(b"secret")))
    with pytest.raises(KeyProblem, match=r"encrypted with a passphrase; .* store it unencrypted"):
        load_private_key(file)


def test_a_key_of_another_kind_is_refused(file: Path) -> None:
    file.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(KeyProblem, match="not an RSA key"):
        load_private_key(file)


def test_a_short_key_is_refused_with_its_file(file: Path) -> None:
    file.write_bytes(pem(rsa.generate_private_key(65537, 1024)))
    with pytest.raises(KeyProblem, match="an RSA key of 1024 bits; use one of 2048") as caught:
        load_private_key(file)
    assert caught.value.path == file


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate and no private key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "a public key and no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged or of an unknown kind"),
        (b"-----BEGIN POEM-----\nAAAA\n-----END POEM-----\n", "holds no private key"),
        (b"x" * 70_000, "larger than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_key_is_told_apart(file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    with pytest.raises(KeyProblem, match=problem):
        load_private_key(file)


@pytest.mark.parametrize("bits", [1024, 2047, 16385])
def test_keys_out_of_range_are_not_made(bits: int) -> None:
    with pytest.raises(KeyProblem, match=f"of {bits} bits"):
        generate(bits)


def test_a_private_key_shows_nothing_of_itself(client_key: PrivateKey) -> None:
    assert "rsa" not in repr(client_key)
    assert client_key.public.fingerprint in repr(client_key)


def test_catalogue_base64_with_line_breaks_is_read(client_key: PrivateKey) -> None:
    text = client_key.public.base64
    wrapped = "\n    ".join(text[start : start + 76] for start in range(0, len(text), 76))
    assert public_key_from_base64(f"\n{wrapped}\n") == client_key.public


@pytest.mark.parametrize(
    ("text", "problem"), [("not base64!", "not base64"), ("é", "not base64"), ("A" * 20_000, "longer")]
)
def test_what_is_no_base64_is_refused(text: str, problem: str) -> None:
    with pytest.raises(KeyProblem, match=problem):
        public_key_from_base64(text)


def test_public_keys_that_cannot_serve_are_refused(client_key: PrivateKey) -> None:
    with pytest.raises(KeyProblem, match="of 1024 bits"):
        public_key_from_der(spki(rsa.generate_private_key(65537, 1024).public_key()))
    with pytest.raises(KeyProblem, match="not an RSA key"):
        public_key_from_der(spki(ec.generate_private_key(ec.SECP256R1()).public_key()))
    with pytest.raises(KeyProblem, match=r"bare PKCS#1 key"):
        public_key_from_der(client_key.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
    with pytest.raises(KeyProblem, match="not a DER SubjectPublicKeyInfo"):
        public_key_from_der(client_key.public.der + b"\0")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_key_or_a_key_problem(data: bytes) -> None:
    with pytest.raises(KeyProblem):
        public_key_from_der(data)
    with pytest.raises(KeyProblem):
        public_key_from_base64(b64encode(data).decode())


@given(position=st.integers(0, 293), value=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bent_key_is_another_key_or_a_key_problem(client_key: PrivateKey, position: int, value: int) -> None:
    der = bytearray(client_key.public.der)
    der[position] = value
    try:
        bent = public_key_from_der(bytes(der))
    except KeyProblem:
        return
    assert (bent == client_key.public) == (bytes(der) == client_key.public.der)


def test_a_signature_is_verified_by_its_own_key_alone(client_key: PrivateKey, stranger_key: PrivateKey) -> None:
    signature = client_key.sign(b"message")
    assert client_key.public.verifies(signature, b"message")
    assert not client_key.public.verifies(signature, b"massage")
    assert not client_key.public.verifies(signature[:-1], b"message")
    assert not stranger_key.public.verifies(signature, b"message")
