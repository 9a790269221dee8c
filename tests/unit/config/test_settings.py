"""What a configuration without faults becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from support.configurations import Case

from ewpgw.security.keys import load_private_key


def test_what_the_file_leaves_out_has_its_default(case: Case, right: str) -> None:
    settings = case.load(right)
    assert settings.network.host == "0.0.0.0"
    assert settings.network.max_body_bytes == 5242880
    assert settings.registry.catalogue_url == "https://registry.erasmuswithoutpaper.eu/catalogue-v1.xml"
    assert (settings.registry.refresh_seconds, settings.registry.accept_shrunken) == (900, False)
    assert (settings.sis.host, settings.sis.port, settings.sis.tls) == ("127.0.0.1", 8080, None)
    assert (settings.work.give_up_hours, settings.work.pull_hours) == (72, 24)
    assert (settings.log.format, settings.log.level) == ("json", "info")
    assert settings.monitoring.hei_id == "stats.erasmuswithoutpaper.eu"
    assert settings.heis[0].apis is None
    assert settings.heis[0].adapter is None


def test_a_section_whose_keys_are_all_commented_out_has_its_defaults(case: Case, right: str) -> None:
    assert case.load(right + "work:\n  # concurrency: 3\nstore:\n").work.concurrency == 8


def test_relative_paths_start_from_the_files_folder(case: Case, right: str) -> None:
    settings = case.load(right + "store: {url: 'sqlite:///data/ewpgw.db'}\n")
    assert settings.folder == case.folder
    assert settings.network.tls is not None
    assert settings.network.tls.certificate == case.folder / "chain.pem"
    assert settings.heis[0].keys[0].file == case.folder / "north.pem"
    assert settings.store.url.get_secret_value() == f"sqlite:///{case.folder}/data/ewpgw.db"


def test_the_stores_default_lies_beside_the_file(case: Case, right: str) -> None:
    assert case.load(right).store.url.get_secret_value() == f"sqlite:///{case.folder}/ewpgw.db"


@pytest.mark.parametrize(
    "url", ["postgresql://ewpgw:p%40ss@db.example:5433/ewpgw", "postgresql://ewpgw@/ewpgw?host=/run/postgresql"]
)
def test_a_postgresql_url_is_kept_as_it_is(case: Case, right: str, url: str) -> None:
    assert case.load(f"{right}store: {{url: '{url}'}}\n").store.url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hunter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://u:hunter2@/db?host=/run", "postgresql://u:***@/db?host=/run"),
        ("postgresql://h/db?user=u&password=hunter2", "postgresql://h/db?user=u&password=***"),
    ],
)
def test_the_shown_url_of_the_store_has_no_password(case: Case, right: str, url: str, shown: str) -> None:
    assert case.load(f"{right}store: {{url: '{url}'}}\n").store.shown_url == shown


@pytest.mark.parametrize(
    ("text", "url", "host", "path"),
    [
        ("https://ewp.north.example/n.e", "https://ewp.north.example/n.e", "ewp.north.example", "/n.e"),
        ("https://ewp.north.example", "https://ewp.north.example", "ewp.north.example", ""),
        ("https://EWP.north.example:443/N", "https://ewp.north.example/N", "ewp.north.example", "/N"),
        ("https://localhost:8443/a/b", "https://localhost:8443/a/b", "localhost:8443", "/a/b"),
        ("https://127.0.0.1:8443/a", "https://127.0.0.1:8443/a", "127.0.0.1:8443", "/a"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a", "[::1]:8443", "/a"),
    ],
)
def test_a_public_url_has_the_host_header_and_the_base_path(
    case: Case, right: str, text: str, url: str, host: str, path: str
) -> None:
    public_url = case.load(right.replace("https://ewp.north.example/north.example", text)).heis[0].public_url
    assert (str(public_url), public_url.host, public_url.path) == (url, host, path)


def test_limits_are_known_by_their_manifest_elements(case: Case, right: str) -> None:
    limits = case.load(right.replace("  port: 8443", "  limits: {max-hei-ids: 3}")).network.limits
    assert dict(limits.by_element()) == {
        "max-iia-ids": 1,
        "max-hei-ids": 3,
        "max-ounit-ids": 50,
        "max-ounit-codes": 50,
        "max-los-ids": 50,
        "max-los-codes": 50,
        "max-omobility-ids": 50,
    }


def test_norwegian_is_a_language_and_a_number_may_be_an_identifier(case: Case, right: str) -> None:
    text = right.replace("lang: en", "lang: no") + "    other_ids:\n      - {type: pic, value: 999999999}\n"
    hei = case.load(text).heis[0]
    assert hei.names[0].lang == "no"
    assert hei.other_ids[0].value == "999999999"
    zeros = case.load(text.replace("999999999", "000123")).heis[0]
    assert zeros.other_ids[0].value == "000123"


def test_settings_cannot_be_changed(case: Case, right: str) -> None:
    settings = case.load(right)
    with pytest.raises(ValidationError):
        settings.network.port = 1  # type: ignore[misc]  # the checker knows, too
    with pytest.raises(TypeError):
        settings.network.limits.by_element()["max-hei-ids"] = 2  # type: ignore[index]


def test_an_adapters_options_are_kept_as_the_file_has_them(case: Case, right: str) -> None:
    adapter = case.load(right + "    adapter: {kind: folder, path: records, deep: {list: [1, true]}}\n").heis[0].adapter
    assert adapter is not None
    assert adapter.kind == "folder"
    assert dict(adapter.options) == {"path": "records", "deep": {"list": [1, True]}}


def test_keys_load_with_the_time_they_start_to_sign(case: Case, right: str) -> None:
    text = right + "      - {file: south.pem, sign_from: 2099-09-01T02:00:00+02:00}\n"
    hei = case.load(text).heis[0]
    assert hei.load_keys() == [
        (load_private_key(case.folder / "north.pem"), None),
        (load_private_key(case.folder / "south.pem"), datetime(2099, 9, 1, tzinfo=UTC)),
    ]


def test_the_key_with_the_latest_start_that_has_passed_signs(case: Case, right: str) -> None:
    hei = case.load(right + "      - {file: south.pem, sign_from: 2099-09-01T00:00:00Z}\n").heis[0]
    start = datetime(2099, 9, 1, tzinfo=UTC)
    assert hei.signing_key(start.replace(year=2098)).file.name == "north.pem"
    assert hei.signing_key(start).file.name == "south.pem"


def test_a_hei_is_found_by_its_id(case: Case, two: str) -> None:
    settings = case.load(two)
    assert settings.hei("south.example") is settings.heis[1]
    assert settings.hei("west.example") is None
