"""The configuration's JSON Schema and the page docs/configuration.md, both made of the models' descriptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

from ewpgw.config.fields import bounds, keys, kind_of
from ewpgw.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_HEAD = """\
# Configuration

ewpgw reads one YAML file. A relative path in it starts from the file's own folder. Check a file before you use it:

```sh
ewpgw config check --config ewpgw.yaml
```

Every fault is one line: the file, the key, the line, what is wrong, what would be right. All faults are told at once.
The daemon starts only where the check finds none.

[`config/ewpgw.example.yaml`](../config/ewpgw.example.yaml) has every key with its default;
[`config/ewpgw.minimal.yaml`](../config/ewpgw.minimal.yaml) is the least that works. For completion in an editor, write
the JSON Schema to a file with `ewpgw config schema`.

A value is a text, a whole number, `true` or `false`, or `null`. `no`, `on` and dates are texts; they need no quotes.
A key given twice, and a key that is not in the tables below, are faults.

## Environment

A variable `EWPGW_SECTION__KEY` overrides a key of the file: upper or lower case, two underscores between levels, `_`
where a key has `-`, items of a list by their number from 0. The value is read as an unquoted YAML value, or as it
stands where the key holds a text.

| Variable | Sets |
|---|---|
| `EWPGW_STORE__URL` | `store.url`, so that its password stays out of the file |
| `EWPGW_NETWORK__LIMITS__MAX_HEI_IDS` | `network.limits.max-hei-ids` |
| `EWPGW_HEIS__0__ADAPTER__KIND` | `adapter.kind` of the first HEI |

`EWPGW_CONFIG` is the exception: it names the configuration file where a command is not given `--config`. Any other
variable that begins with `EWPGW_` and names no key is a fault. Kubernetes sets such variables for a service called
`ewpgw`; set `enableServiceLinks: false` in the pod.
"""

_FOOT = """\
## Texts that stay secret

The password in `store.url` and the options of adapters never appear in faults, logs or `ewpgw config check`.
"""


def json_schema() -> dict[str, object]:
    """The JSON Schema of the configuration file, for editors."""
    schema: dict[str, object] = Settings.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "ewpgw configuration"}


def page() -> str:
    """The text of docs/configuration.md."""
    return "\n".join([_HEAD, *_sections(Settings, ""), _FOOT])


def _sections(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for key, field in keys(model).items():
        kind = kind_of(field.annotation)
        if kind.model is None:
            continue
        path = f"{prefix}{key}" + ("[]" if kind.is_list else "")
        below = keys(kind.model)
        yield f"## `{path}`\n"
        yield f"{field.description}\n"
        yield "| Key | Value | Default | Meaning |"
        yield "|---|---|---|---|"
        for name, inner in below.items():
            yield f"| `{name}` | {_value(inner)} | {_default(inner)} | {inner.description} |"
        if kind.model.model_config.get("extra") == "allow":
            yield "| … | | | Options of this kind, checked by the adapter itself. |"
        yield ""
        yield from _sections(kind.model, f"{path}.")


def _value(field: FieldInfo) -> str:
    kind = kind_of(field.annotation)
    limits = bounds(field)
    return f"{kind.words}, {limits[0]} to {limits[1]}" if limits else kind.words


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "see below"
    value = field.get_default()
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"
