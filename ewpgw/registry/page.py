"""The registry's status as a page for people."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from ewpgw.registry.server import Status

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #57606a; --back: #fff; --line: #d0d7de;
  --link: #0550ae; --good: #116329; --bad: #a40e26 }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem;
  color: var(--text); background: var(--back) }
h1 { line-height: 1.2 }
a { color: var(--link) }
ul { margin: .25rem 0 0; padding-left: 1.2rem }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem }
caption { text-align: left; font-weight: 700; padding-bottom: .5rem }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere }
th[scope=row] { font-weight: 400; min-width: 14rem }
time { white-space: nowrap }
.good { color: var(--good) }
.bad { color: var(--bad) }
.problem { border-left: 4px solid var(--bad); padding: .5rem .75rem }
.quiet { color: var(--quiet) }
@media (max-width: 44rem) {
  thead { display: none }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line) }
  th, td { display: block; border: 0; padding: .1rem 0 }
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9ea7b3; --back: #0d1117; --line: #3d444d; --link: #79c0ff;
    --good: #7ee787; --bad: #ffa198 }
}
"""

_PAGE = """{% macro moment(at) -%}
<time datetime="{{ at.isoformat() }}">{{ at.strftime("%Y-%m-%d %H:%M:%S") }} UTC</time>
{%- endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Registry of this network</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<h1>Registry of this network</h1>
{% if status.problem %}<p role="alert" class="problem">{{ status.problem }}</p>{% endif %}

{% if status.catalogue %}
<p>The <a href="/catalogue-v1.xml">catalogue</a> lists {{ status.catalogue.hei_ids | length }}
institution{{ "" if status.catalogue.hei_ids | length == 1 else "s" }}.
It last changed at {{ moment(status.catalogue.changed_at) }}.</p>
{% else %}
<p>The manifests have not been read yet.</p>
{% endif %}
<table>
<caption>{{ status.manifests | selectattr("ok") | list | length }} of {{ status.manifests | length }}
manifests are in order</caption>
<thead><tr><th scope="col">Manifest</th><th scope="col">Institution</th><th scope="col">State</th>
<th scope="col">Last read</th></tr></thead>
<tbody>
{% for manifest in status.manifests %}
<tr><th scope="row">{{ manifest.url }}</th>
<td>{% if manifest.hei_id %}{{ manifest.hei_id }}{% else %}<span class="quiet">none</span>{% endif %}</td>
<td><span class="{{ 'good' if manifest.ok else 'bad' }}">{{ manifest.state }}</span>
{% if manifest.faults %}<ul>{% for fault in manifest.faults %}<li>{{ fault }}</li>{% endfor %}</ul>{% endif %}</td>
<td>{% if manifest.checked_at %}{{ moment(manifest.checked_at) }}{% else %}never{% endif %}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="quiet">The same for programs: <a href="/status">/status</a>.</p>
</main>
</body>
</html>
"""

_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
    _PAGE
)

POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy that lets exactly the page's own style apply."""


def render(status: Status) -> str:
    """The page, as HTML."""
    return _TEMPLATE.render(status=status, style=_STYLE)
