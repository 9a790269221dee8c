"""Every kind of fault: where it is said to be, what it says, and what it advises."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import BaseModel

from ewpgw.config import ConfigFaults, Knowledge, load
from ewpgw.security import keys

if TYPE_CHECKING:
    from pathlib import Path

    from support.configurations import Case, Change


def test_a_fault_is_one_line_with_file_key_line_problem_and_remedy(case: Case, changed: Change) -> None:
    fault = case.fault(changed("port: 8443", "port: 99999"))
    assert str(fault) == (
        f"{case.folder / 'ewpgw.yaml'}: network.port (line 2): 99999 is too large; write a whole number from 0 to 65535"
    )


def test_a_fault_stays_one_line_without_control_characters_whatever_a_key_holds(case: Case, right: str) -> None:
    fault = case.fault(right + '"a\\n\\e[31mb": 1\n')
    assert str(fault).startswith(f"{case.folder / 'ewpgw.yaml'}: a\\n\\x1b[31mb (line 16): is not a known key")


def test_all_faults_are_told_at_once_in_the_order_of_the_file(case: Case, right: str) -> None:
    text = right.replace("8443", "high").replace("https:", "http:").replace("north.pem", "gone.pem") + "oops: 1\n"
    found = case.faults(text, {"EWPGW_NOPE": "1"})
    assert [fault.key_path for fault in found] == [
        "network.port",
        "heis[0].public_url",
        "heis[0].keys[0].file",
        "oops",
        "EWPGW_NOPE",
    ]
    assert [fault.line for fault in found] == [2, 8, 15, 16, None]


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match=r"gone\.yaml: there is no such file; name the configuration file"):
        load(tmp_path / "gone.yaml", {})


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("network:\n  port: 1\n bad: 2\n", 3, "is not YAML, column 2"),
        ("network: [1, 2\nsis: 3\n", 2, "is not YAML"),
        ("network:\n\tport: 1\n", 2, "is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "is not YAML"),
        ("a: \x07\n", 1, "is not YAML"),
        ("- a\n- b\n", None, "is not a mapping"),
        ("just text\n", None, "is not a mapping"),
        ("", None, "is empty"),
        ("# only a comment\n", None, "is empty"),
    ],
)
def test_a_file_that_is_no_yaml_mapping_is_refused_with_its_line(
    case: Case, text: str, line: int | None, words: str
) -> None:
    fault = case.fault(text)
    assert words in fault.problem
    assert fault.line == line


def test_a_file_that_is_not_utf8_is_refused(case: Case) -> None:
    path = case.write("")
    path.write_bytes("heis: Universität".encode("latin-1"))
    with pytest.raises(ConfigFaults, match="is not UTF-8"):
        load(path, {})


def test_a_key_given_twice_is_refused_with_both_lines(case: Case, changed: Change) -> None:
    fault = case.fault(changed("  port: 8443\n", "  port: 8443\n  port: 8444\n"))
    assert (fault.key_path, fault.line, fault.problem) == ("network.port", 3, "is given twice (first in line 2)")


def test_an_alias_of_what_encloses_it_ends(case: Case, right: str) -> None:
    found = case.faults(right + "log: &log\n  level: *log\n")
    assert "alias" in found[0].problem


def test_a_tag_is_refused(case: Case, changed: Change) -> None:
    fault = case.fault(changed("port: 8443", "port: !!python/name:os.system x"))
    assert (fault.key_path, fault.problem) == ("network.port", "has a YAML tag")


# --- keys and types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("  port: 8443", "  prot: 8443", "network.prot", "did you mean 'port'?"),
        ("  port: 8443", "  refresh_seconds: 1", "network.refresh_seconds", "did you mean 'registry.refresh_seconds'?"),
        ("  port: 8443", "  xyzzy: 1", "network.xyzzy", "the keys here are host, port"),
        ("        lang: en", "        language: en", "heis[0].names[0].language", "did you mean 'lang'?"),
        ("network:", "netwrok: {}\nnetwork:", "netwrok", "did you mean 'network'?"),
        ("  port: 8443", "  limits: {max_iia_ids: 1}", "network.limits.max_iia_ids", "did you mean 'max-iia-ids'?"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    case: Case, changed: Change, old: str, new: str, key: str, words: str
) -> None:
    fault = case.fault(changed(old, new))
    assert fault.key_path == key
    assert fault.problem == "is not a known key"
    assert words in fault.remedy


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("port: 8443", 'port: "8443"', "network.port", "is a text, not a whole number"),
        ("port: 8443", "port: 84.5", "network.port", "is a number, not a whole number"),
        ("port: 8443", "port: true", "network.port", "is true or false, not a whole number"),
        ("port: 8443", "port:", "network.port", "is null, not a whole number"),
        ("port: 8443", "port: -1", "network.port", "-1 is too small"),
        ("port: 8443", "behind_proxy: yes", "network.behind_proxy", "is a text, not true or false"),
        ("port: 8443", "max_body_bytes: 10", "network.max_body_bytes", "10 is too small"),
        ("port: 8443", "ca_file: [a]", "network.ca_file", "is not a path"),
        ("admin_provider: North", "admin_provider: 7", "heis[0].admin_provider", "is a number, not a text"),
        ("admin_provider: North", "admin_provider: ' '", "heis[0].admin_provider", "is empty"),
        ("[ewp@north.example]", "ewp@north.example", "heis[0].admin_emails", "is a text, not a list"),
        ("[ewp@north.example]", "[]", "heis[0].admin_emails", "is an empty list"),
        ("[ewp@north.example]", "[nobody]", "heis[0].admin_emails[0]", "is not an e-mail address"),
        ("lang: en", "lang: english language", "heis[0].names[0].lang", "is not a language tag"),
        ("    admin_provider: North\n", "", "heis[0].admin_provider", "is required but missing"),
        ("network:", "log: {level: loud}\nnetwork:", "log.level", "is a text that is not one of the choices"),
        ("network:", "log: loud\nnetwork:", "log", "is a text, not a mapping"),
        ("network:", "registry: {refresh_seconds: 30}\nnetwork:", "registry.refresh_seconds", "30 is below"),
        (
            "network:",
            "registry: {catalogue_url: 'http://a.b/c'}\nnetwork:",
            "registry.catalogue_url",
            "not an https URL",
        ),
        ("network:", "work: {give_up_hours: 1}\nnetwork:", "work.give_up_hours", "1 is too small"),
        ("network:", "work: {longest_retry_seconds: 5}\nnetwork:", "work.longest_retry_seconds", "5 is below"),
        ("network:", "monitoring: {hei_id: Stats}\nnetwork:", "monitoring.hei_id", "is not a HEI id"),
        ("network:", "sis: {port: 8443}\nnetwork:", "sis.port", "8443 is network.port too"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(
    case: Case, changed: Change, old: str, new: str, key: str, problem: str
) -> None:
    fault = case.fault(changed(old, new))
    assert fault.key_path == key
    assert problem in fault.problem
    assert fault.remedy
    assert fault.line is not None


def test_a_configuration_without_heis_says_so(case: Case, right: str) -> None:
    fault = case.fault(right.partition("heis:")[0])
    assert (fault.key_path, fault.problem, fault.line) == ("heis", "is required but missing", None)


# --- HEIs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hei_id", "remedy"), [("North.example", "'north.example'"), ("north", "SCHAC"), ("north_x.example", "SCHAC")]
)
def test_an_invalid_hei_id_is_refused(case: Case, changed: Change, hei_id: str, remedy: str) -> None:
    fault = case.fault(changed("id: north.example", f"id: {hei_id}"))
    assert fault.key_path == "heis[0].id"
    assert "is not a HEI id" in fault.problem
    assert remedy in fault.remedy


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://ewp.north.example/n", "is not an https URL"),
        ("ewp.north.example/n", "is not an https URL"),
        ("https:///n", "has no usable host name"),
        ("https://ewp.north.example/n?x=1", "has a query"),
        ("'https://ewp.north.example/n?'", "has a query"),
        ("'https://ewp.north.example/n#f'", "has a fragment"),
        ("https://ewp.north.example/n/", "ends with a slash"),
        ("https://ewp.north.example/", "ends with a slash"),
        ("https://ewp.north.example//n", "has a path that can be written in several ways"),
        ("https://ewp.north.example/a/../n", "has a path that can be written in several ways"),
        ("https://ewp.north.example/%6e", "has a path that can be written in several ways"),
        ("https://ewp.north.example:high/n", "is not a URL"),
        ("https://me:pass1234@ewp.north.example/n", "holds a user name or password"),
    ],
)
def test_an_unusable_public_url_is_refused(case: Case, changed: Change, url: str, problem: str) -> None:
    fault = case.fault(changed("https://ewp.north.example/north.example", url))
    assert fault.key_path == "heis[0].public_url"
    assert problem in fault.problem
    assert "pass1234" not in str(fault)


def test_a_hei_listed_twice_is_refused(case: Case, two: str) -> None:
    fault = case.fault(two.replace("id: south.example", "id: north.example"))
    assert (fault.key_path, fault.line) == ("heis[1].id", 16)
    assert "is listed twice (first as heis[0])" in fault.problem


@pytest.mark.parametrize(
    "url", ["https://ewp.north.example/north.example", "https://EWP.north.example:443/north.example"]
)
def test_two_heis_cannot_share_a_public_url(case: Case, two: str, url: str) -> None:
    fault = case.fault(two.replace("https://ewp.north.example/south.example", url))
    assert (fault.key_path, fault.problem) == ("heis[1].public_url", "is that of heis[0] too")


def test_one_public_url_cannot_lie_inside_another(case: Case, two: str) -> None:
    url = "https://ewp.north.example/north.example/south"
    fault = case.fault(two.replace("https://ewp.north.example/south.example", url))
    assert "one inside the other" in fault.problem


def test_public_urls_with_a_common_beginning_are_no_fault(case: Case, two: str) -> None:
    url = "https://ewp.north.example/north.example2"
    assert len(case.load(two.replace("https://ewp.north.example/south.example", url)).heis) == 2


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("certificate: chain.pem", "network.tls.certificate"),
        ("key: tls.pem", "network.tls.key"),
        ("file: north.pem", "heis[0].keys[0].file"),
    ],
)
def test_a_file_that_does_not_exist_is_named(case: Case, changed: Change, old: str, key: str) -> None:
    fault = case.fault(changed(old, old.partition(":")[0] + ": gone.pem"))
    assert fault.key_path == key
    assert "no " in fault.problem
    assert "gone.pem" in str(fault)


def test_an_authorities_file_must_exist_and_hold_certificates(case: Case, changed: Change) -> None:
    gone = case.fault(changed("  port: 8443", "  ca_file: gone.pem"))
    assert (gone.key_path, gone.line) == ("network.ca_file", 2)
    assert "there is no file" in gone.problem
    assert "holds no certificate" in case.fault(changed("  port: 8443", "  ca_file: north.pem")).problem


def test_a_folder_in_place_of_a_certificate_is_refused(case: Case, changed: Change) -> None:
    (case.folder / "chain").mkdir()
    assert "is not a file" in case.fault(changed("chain.pem", "chain")).problem


def test_a_certificate_that_cannot_be_reached_is_refused(
    case: Case, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder that the service's user may not enter, which no test that root runs can have."""
    found = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "chain.pem":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return found(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    fault = case.fault(right)
    assert fault.key_path == "network.tls.certificate"
    assert fault.problem.endswith("chain.pem cannot be reached: Permission denied")
    assert "let the service's user into the folders" in fault.remedy


def test_a_certificate_whose_name_is_too_long_is_refused(case: Case, changed: Change) -> None:
    assert "cannot be reached: File name too long" in case.fault(changed("chain.pem", "c" * 5000)).problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_certificate_that_may_not_be_read_is_refused(case: Case, right: str) -> None:
    (case.folder / "chain.pem").chmod(0)
    assert "cannot be read" in case.fault(right).problem


@pytest.mark.parametrize("kind", ["same", "other"])
def test_a_tls_key_of_another_certificate_is_refused(case: Case, changed: Change, kind: str) -> None:
    if kind == "same":
        other = trustme.CA().issue_cert("south.example").private_key_pem
        other.write_to_path(case.folder / "south.pem")
    fault = case.fault(changed("key: tls.pem", "key: south.pem"))
    assert (fault.key_path, fault.problem) == ("network.tls.key", "is not the key of the certificate")


def test_a_tls_key_with_a_passphrase_is_refused_without_asking_for_it(case: Case, right: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (case.folder / "tls.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    fault = case.fault(right)
    assert fault.key_path == "network.tls"
    assert "without a passphrase" in fault.remedy


def test_https_needs_a_certificate_or_a_proxy(case: Case, right: str) -> None:
    text = right.replace("  tls:\n    certificate: chain.pem\n    key: tls.pem\n", "")
    assert case.fault(text).key_path == "network.tls"
    assert case.load(text.replace("  port: 8443", "  behind_proxy: true")).network.tls is None


def _write_key(path: Path, bits: int, password: bytes | None = None) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    path.chmod(0o600)


def test_a_weak_key_is_refused(case: Case, right: str) -> None:
    _write_key(case.folder / "north.pem", 1024)
    fault = case.fault(right)
    assert (fault.key_path, fault.line) == ("heis[0].keys[0].file", 15)
    assert "1024" in fault.problem
    assert "2048" in fault.remedy


def test_an_encrypted_key_is_refused(case: Case, right: str) -> None:
    _write_key(case.folder / "north.pem", 2048, b"secret")
    assert "passphrase" in case.fault(right).problem


def test_a_file_that_is_no_key_is_refused(case: Case, changed: Change) -> None:
    fault = case.fault(changed("file: north.pem", "file: chain.pem"))
    assert "certificate" in fault.problem


def test_a_key_that_everybody_may_read_is_refused(case: Case, right: str) -> None:
    (case.folder / "north.pem").chmod(0o644)
    assert "chmod 600" in case.fault(right).remedy


def test_two_heis_cannot_share_a_key_even_in_two_files(case: Case, two: str) -> None:
    (case.folder / "south.pem").write_bytes((case.folder / "north.pem").read_bytes())
    fault = case.fault(two)
    assert fault.key_path == "heis[1].keys[0].file"
    assert "holds another HEI's key, heis[0].keys[0].file" in fault.problem
    assert "ewpgw keys generate" in fault.remedy


def test_one_hei_cannot_list_a_key_twice(case: Case, right: str) -> None:
    text = right + "      - {file: north.pem, sign_from: '2020-01-01T00:00:00Z'}\n"
    assert "holds the same key as heis[0].keys[0].file" in case.fault(text).problem


@pytest.mark.parametrize(
    ("sign_from", "problem"),
    [
        ("tomorrow", "is not a time"),
        ("2026-09-01", "has no time zone"),
        ("2026-09-01T00:00:00", "has no time zone"),
        ("20260901", "is not a time"),
    ],
)
def test_a_sign_from_that_is_no_moment_is_refused(case: Case, right: str, sign_from: str, problem: str) -> None:
    fault = case.fault(f"{right}        sign_from: {sign_from}\n")
    assert fault.key_path == "heis[0].keys[0].sign_from"
    assert problem in fault.problem


def test_a_hei_without_a_key_that_signs_is_refused(case: Case, right: str) -> None:
    fault = case.fault(right + "        sign_from: 2999-01-01T00:00:00Z\n")
    assert (fault.key_path, fault.problem) == ("heis[0].keys", "no key signs yet")


def test_two_keys_that_start_to_sign_together_are_refused(case: Case, right: str) -> None:
    fault = case.fault(right + "      - file: south.pem\n")
    assert fault.problem == "two keys start to sign at the same moment"


# --- names that only the rooms above know ---------------------------------------------------------------------------


def test_an_adapter_that_is_not_installed_is_refused(case: Case, right: str) -> None:
    fault = case.fault(right + "    adapter: {kind: carrier-pigeon}\n")
    assert fault.key_path == "heis[0].adapter.kind"
    assert "no adapter 'carrier-pigeon' is installed" in fault.problem
    assert "folder" in fault.remedy


def test_an_adapter_needs_a_kind(case: Case, right: str) -> None:
    assert case.fault(right + "    adapter: {path: records}\n").key_path == "heis[0].adapter.kind"


class _Options(BaseModel, extra="forbid"):
    path: str
    seconds: int = 1


def test_an_adapters_own_model_checks_its_options(case: Case, right: str) -> None:
    knowledge = Knowledge(adapter_model=lambda _kind: _Options)
    text = right + "    adapter:\n      kind: folder\n      seconds: hunter2\n      paht: x\n"
    found = {fault.key_path: fault for fault in case.faults(text, knowledge=knowledge)}
    assert found["heis[0].adapter.paht"].remedy == "did you mean 'path'?"
    assert found["heis[0].adapter.paht"].line == 19
    assert found["heis[0].adapter.path"].problem == "is required but missing"
    assert "hunter2" not in str(found["heis[0].adapter.seconds"])


def test_an_adapter_that_cannot_be_loaded_is_a_fault(case: Case, right: str) -> None:
    def broken(kind: str) -> type[BaseModel]:
        raise LookupError(f"adapter {kind!r} cannot be imported")

    fault = case.fault(right + "    adapter: {kind: folder}\n", knowledge=Knowledge(adapter_model=broken))
    assert "cannot be imported" in fault.problem


def test_an_unknown_api_is_refused_where_the_names_are_known(case: Case, right: str) -> None:
    text = right + "    apis: [iias, courses, iias]\n"
    found = case.faults(text, knowledge=Knowledge(api_names={"iias", "iia-cnr"}))
    assert [fault.key_path for fault in found] == ["heis[0].apis[1]", "heis[0].apis[2]"]
    assert "choose from iia-cnr, iias" in found[0].remedy
    assert "is listed twice" in found[1].problem


def test_a_choice_of_apis_that_cannot_stand_alone_is_a_fault(case: Case, right: str) -> None:
    def choose(names: object) -> None:
        raise ValueError(f"iia-cnr must run too, not only {names}")

    fault = case.fault(right + "    apis: [iias]\n", knowledge=Knowledge(choose_apis=choose))
    assert fault.key_path == "heis[0].apis"
    assert "iia-cnr must run too" in fault.remedy


# --- the store, and secrets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://user:hunter2@host/db", "is not the URL of a supported database"),
        ("postgresql+asyncpg://user:hunter2@host/db", "is not the URL of a supported database"),
        ("postgresql://user:hunter2@host", "names no database"),
        ("postgresql://user:hunter/2@host:x/db", "is not a URL"),
        ("sqlite://hunter2", "names no SQLite file"),
        ("sqlite:///:memory:", "names no SQLite file"),
        ("hunter2", "is not the URL of a supported database"),
    ],
)
def test_an_unusable_store_url_is_refused_without_repeating_it(case: Case, right: str, url: str, problem: str) -> None:
    fault = case.fault(f"{right}store: {{url: '{url}'}}\n")
    assert fault.key_path == "store.url"
    assert problem in fault.problem
    assert "hunter" not in str(fault)


def test_a_secret_never_shows_in_a_syntax_error(case: Case) -> None:
    assert "hunter2" not in str(case.fault("store:\n  url: *hunter2\n"))


def test_a_secret_never_shows_in_the_settings_text(case: Case, right: str) -> None:
    text = right + "    adapter: {kind: folder, password: hunter2}\nstore: {url: 'postgresql://u:hunter2@h/db'}\n"
    settings = case.load(text)
    assert "hunter2" not in repr(settings) + str(settings)
    assert settings.store.shown_url == "postgresql://u:***@h/db"
    adapter = settings.heis[0].adapter
    assert adapter is not None
    assert adapter.options["password"] == "hunter2"


def test_a_chained_error_never_holds_the_data(case: Case, right: str) -> None:
    with pytest.raises(ConfigFaults) as caught:
        case.load(f"{right}store: {{url: 'mysql://u:hunter2@h/db'}}\n")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_generated_keys_are_accepted(case: Case, right: str) -> None:
    path = case.folder / "new.pem"
    keys.write_private_key(path, keys.generate())
    assert case.load(right.replace("file: north.pem", "file: new.pem")).heis[0].keys[0].file == path
