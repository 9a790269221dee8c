"""The registry's status as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from ewpgw.registry.server import Status

_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Registry of this network</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem; border-bottom: 1px solid #c8c8d0; }
td { overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; }
</style>
</head>
<body>
<h1>Registry of this network</h1>
{% if status.catalogue %}
<p>The <a href="/catalogue-v1.xml">catalogue</a> lists {{ status.catalogue.hei_ids | length }} institutions
from {{ status.catalogue.hosts }} hosts, in {{ status.catalogue.bytes }} bytes.
It last changed at {{ status.catalogue.changed_at.isoformat(timespec="seconds") }}.</p>
{% else %}
<p>The manifests have not been read yet.</p>
{% endif %}
{% if status.problem %}<p role="alert">{{ status.problem }}</p>{% endif %}
<table>
<thead><tr><th scope="col">Manifest</th><th scope="col">Institution</th><th scope="col">State</th>
<th scope="col">Last read</th><th scope="col">Faults</th></tr></thead>
<tbody>
{% for manifest in status.manifests %}
<tr><td>{{ manifest.url }}</td><td>{{ manifest.hei_id or "none" }}</td>
<td>{{ manifest.state }}</td>
<td>{{ manifest.checked_at.isoformat(timespec="seconds") if manifest.checked_at else "never" }}</td>
<td>{% if manifest.faults %}<ul>{% for fault in manifest.faults %}<li>{{ fault }}</li>{% endfor %}</ul>
{% else %}none{% endif %}</td></tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""
)


def render(status: Status) -> str:
    """The page, as HTML."""
    return _TEMPLATE.render(status=status)
