"""Overrides from the environment."""

from __future__ import annotations

import pytest
from support.configurations import Case


@pytest.mark.parametrize("variable", ["EWPGW_SIS__PORT", "ewpgw_sis__port", "Ewpgw_Sis__Port"])
def test_a_variable_overrides_a_key_in_any_case(case: Case, right: str, variable: str) -> None:
    assert case.load(right, {variable: "9999"}).sis.port == 9999


def test_a_variable_sets_a_section_that_the_file_leaves_out_or_empty(case: Case, right: str) -> None:
    settings = case.load(right + "work:\n", {"EWPGW_WORK__CONCURRENCY": "3", "EWPGW_MONITORING__ENABLED": "false"})
    assert settings.work.concurrency == 3
    assert settings.monitoring.enabled is False


def test_a_variable_may_set_null(case: Case, right: str) -> None:
    settings = case.load(right, {"EWPGW_NETWORK__TLS": "null", "EWPGW_NETWORK__BEHIND_PROXY": "true"})
    assert settings.network.tls is None


def test_a_text_is_taken_as_it_stands(case: Case, right: str) -> None:
    url = "postgresql://u:'*a{&b%40@h/db"
    assert case.load(right, {"EWPGW_STORE__URL": url}).store.url.get_secret_value() == url
    assert case.load(right, {"EWPGW_HEIS__0__ADMIN_PROVIDER": "42"}).heis[0].admin_provider == "42"


def test_a_hyphen_is_written_as_an_underscore(case: Case, right: str) -> None:
    settings = case.load(right, {"EWPGW_NETWORK__LIMITS__MAX_HEI_IDS": "7"})
    assert settings.network.limits.max_hei_ids == 7


def test_items_of_lists_are_named_by_their_number(case: Case, two: str) -> None:
    settings = case.load(two, {"EWPGW_HEIS__1__ID": "west.example", "EWPGW_HEIS__0__ADMIN_EMAILS__0": "a@b.example"})
    assert [hei.id for hei in settings.heis] == ["north.example", "west.example"]
    assert settings.heis[0].admin_emails == ("a@b.example",)


def test_an_adapters_own_options_can_be_set(case: Case, right: str) -> None:
    text = right + "    adapter: {kind: folder}\n"
    adapter = case.load(text, {"EWPGW_HEIS__0__ADAPTER__SETTLE_SECONDS": "0.5"}).heis[0].adapter
    assert adapter is not None
    assert dict(adapter.options) == {"settle_seconds": 0.5}


def test_the_variable_of_the_configuration_file_and_foreign_ones_are_no_settings(case: Case, right: str) -> None:
    case.load(right, {"EWPGW_CONFIG": "/etc/ewpgw.yaml", "PATH": "/bin", "EWPGWX": "1"})


@pytest.mark.parametrize(
    ("variable", "value", "problem", "remedy"),
    [
        ("EWPGW_SIS__PROT", "1", "is not a known setting", "did you mean 'port'?"),
        ("EWPGW_SISS__PORT", "1", "is not a known setting", "did you mean 'sis'?"),
        ("EWPGW_SIS_PORT", "1", "is not a known setting", "the keys here are"),
        ("EWPGW_SIS__PORT__X", "1", "is not a known setting", "EWPGW_SIS__PORT has no keys below it"),
        ("EWPGW_SIS", "1", "names a section", "name a key in it after '__'"),
        ("EWPGW_HEIS", "1", "names a list", "set it in the file"),
        ("EWPGW_HEIS__1__ID", "x.example", "names no item of the list (1 in the file)", "count the items from 0"),
        ("EWPGW_HEIS__FIRST__ID", "x.example", "names no item of the list", "count the items from 0"),
        ("EWPGW_SIS__PORT", "high", "is a text, not a whole number", "from 0 to 65535"),
        ("EWPGW_SIS__PORT", "70000", "70000 is too large", "from 0 to 65535"),
        ("EWPGW_LOG__LEVEL", "loud", "is not one of the choices", "'debug' or 'info'"),
        ("EWPGW_HEIS__0__PUBLIC_URL", "http://x.example", "is not an https URL", "https://"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    case: Case, right: str, variable: str, value: str, problem: str, remedy: str
) -> None:
    fault = case.fault(right, {variable: value})
    assert (fault.file, fault.key_path, fault.line) == ("environment", variable, None)
    assert problem in fault.problem
    assert remedy in fault.remedy
    assert str(fault).startswith(f"environment: {variable}: ")


def test_two_variables_for_one_key_are_refused(case: Case, right: str) -> None:
    fault = case.fault(right, {"EWPGW_SIS__PORT": "1", "ewpgw_sis__port": "2"})
    assert fault.problem == "sets the same key as EWPGW_SIS__PORT"


def test_the_variables_that_kubernetes_sets_are_explained(case: Case, right: str) -> None:
    found = case.faults(
        right,
        {
            "EWPGW_SERVICE_HOST": "10.0.0.1",
            "EWPGW_PORT": "tcp://10.0.0.1:443",
            "EWPGW_PORT_443_TCP_ADDR": "10.0.0.1",
            "EWPGW_SIS_SERVICE_PORT_HTTP": "80",
        },
    )
    assert len(found) == 4
    assert all("enableServiceLinks: false" in fault.remedy for fault in found)


def test_a_secret_never_shows_in_a_fault_of_a_variable(case: Case, right: str) -> None:
    assert "hunter2" not in str(case.fault(right, {"EWPGW_STORE__URL": "mysql://u:hunter2@h/db"}))
    assert "hunter2" not in str(case.fault(right, {"EWPGW_STORE__PASSWORD": "hunter2"}))
