"""The documentation and the examples say what the settings are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel

from ewpgw.config import Settings, load, reference
from ewpgw.config.fields import keys, kind_of
from ewpgw.security import keys as rsa_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))
REMAKE = "ewpgw config docs > docs/configuration.md"


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel] | None, str | None]]:
    for key, field in keys(model).items():
        kind = kind_of(field.annotation)
        here = f"{path}{key}" + ("[]" if kind.is_list and kind.model else "")
        yield here, kind.model, field.description
        if kind.model:
            yield from _fields(kind.model, f"{here}.")


def test_the_committed_page_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == reference.page(), f"run: {REMAKE}"


def test_every_key_is_described_on_the_page() -> None:
    page = reference.page()
    for path, model, description in _fields(Settings):
        assert description, path
        assert (f"## `{path}`" if model else f"| `{path.rpartition('.')[2]}` |") in page


def test_the_json_schema_knows_every_key_and_no_other() -> None:
    schema: dict[str, Any] = reference.json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(keys(Settings))
    limits = schema["$defs"]["LimitSettings"]
    assert set(limits["properties"]) == {
        "max-iia-ids",
        "max-hei-ids",
        "max-ounit-ids",
        "max-ounit-codes",
        "max-los-ids",
        "max-los-codes",
        "max-omobility-ids",
    }
    assert schema["$defs"]["NetworkSettings"]["properties"]["port"]["maximum"] == 65535
    assert schema["$defs"]["HeiSettings"]["required"][:2] == ["id", "public_url"]


def _file_names(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("file", "certificate", "key") and isinstance(value, str):
                yield value
            elif key == "trusted_certificates":
                yield from value
            else:
                yield from _file_names(value)
    elif isinstance(data, list):
        for item in data:
            yield from _file_names(item)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads(example: Path, made_files: Path, tmp_path: Path) -> None:
    text = example.read_text(encoding="utf-8")
    (tmp_path / example.name).write_text(text, encoding="utf-8")
    for name in _file_names(yaml.safe_load(text)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if path.parent.name in ("tls", "seal"):
            made = {"chain.pem": "chain.pem", "key.pem": "tls.pem", "partners.pem": "ca.pem"}[path.name]
            path.write_bytes((made_files / made).read_bytes())
        else:
            rsa_keys.write_private_key(path, rsa_keys.generate())
    assert load(tmp_path / example.name, {}).heis


def test_there_are_two_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"ewpgw.example.yaml", "ewpgw.minimal.yaml"}


def test_the_complete_example_has_every_key() -> None:
    data = yaml.safe_load((ROOT / "config" / "ewpgw.example.yaml").read_text(encoding="utf-8"))

    def paths(value: object, path: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield f"{path}{key}"
                yield from paths(inner, f"{path}{key}.")
        elif isinstance(value, list):
            for inner in value:
                yield from paths(inner, path)

    # sis.tls has the keys of network.tls, and is null in the example
    wanted = {re.sub(r"\[\]", "", path) for path, _, _ in _fields(Settings)} - {"sis.tls.certificate", "sis.tls.key"}
    assert wanted - set(paths(data)) == set()


def test_the_complete_example_shows_the_defaults() -> None:
    data = yaml.safe_load((ROOT / "config" / "ewpgw.example.yaml").read_text(encoding="utf-8"))
    for section, shown in data.items():
        if section == "heis":
            continue
        model = kind_of(Settings.model_fields[section].annotation).model
        assert model is not None, section
        for key, value in shown.items():
            field = keys(model)[key]
            if (section, key) == ("network", "tls"):
                continue
            default = field.get_default(call_default_factory=True)
            if isinstance(default, BaseModel):
                default = default.model_dump(by_alias=True)
            if section == "store" and key == "url":
                default = default.get_secret_value()
            assert value == default, f"{section}.{key}"
