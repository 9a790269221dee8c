"""The texts of the starters: what to do next, pieces of the gateway's configuration, sources of mapping files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_README = """\
# The adapter of {hei_id}: {kind}

{what}
Then:

- Put what is in `adapter.yaml` into the gateway's configuration, below the institution {hei_id}.
- `ewpgw adapter check --config ewpgw.yaml --hei {hei_id} --limit 20` reads a sample and says, for each kind of
  record, how many are right and what is wrong with the others. It changes nothing; run it as often as you like.
- `ewpgw adapter check --config ewpgw.yaml --hei {hei_id} --key KEY` shows one record beside the document that
  partners get.
- When all is well, start the gateway, or run `ewpgw adapter sync --config ewpgw.yaml --hei {hei_id}` to import at
  once. From then on partners see the records. **An identifier that was imported and deleted can never be used
  again**, so check the identifiers before.

What each field means is in the gateway's documentation, `docs/records`; `ewpgw records example iias` writes
an example.
"""


def readme(kind: str, hei_id: str, what: str) -> str:
    """What to do with the files of a starter."""
    return _README.format(kind=kind, hei_id=hei_id, what=what)


def configuration(piece: str, hei_id: str, folder: Path) -> str:
    """A piece of the gateway's configuration, for a starter in ``folder``."""
    places = {name: _as_yaml(folder / name.replace("_", "-")) for name in _PLACES}
    return piece.format(hei_id=hei_id, **places)


_PLACES = ("records", "mappings", "password", "token", "webhook_secret")
_PLAIN = re.compile(r"/[A-Za-z0-9._/-]*")


def _as_yaml(path: Path) -> str:
    """A path as YAML reads it again, whatever it is called."""
    text = str(path)
    if _PLAIN.fullmatch(text):
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


FOLDER = """\
`records` is the folder that the gateway reads. `examples` has a complete record of each kind; the gateway does
not read it. Make a subfolder of `records` for each kind of record that you keep in files (`records/iias`), and
put one file for each record there, as `docs/adapters/folder.md` says.
"""
FOLDER_YAML = """\
# Below the institution, in the gateway's configuration:
adapter:
  kind: folder
  path: {records}
  # A file is read once it has not changed for so long.
  settle_seconds: 0.5
"""

CSV = """\
`records` is the folder that the gateway reads: CSV or Excel files in a subfolder for each kind of record
(`records/iias/export.csv`). `mappings` says which column makes which field; change the names there to those of
your files, and delete the mapping files of records that you do not have. `examples` has a file for each mapping
file as it is now; the gateway does not read it. `docs/adapters/mapping.md` explains the mapping files.
"""
CSV_YAML = """\
# Below the institution, in the gateway's configuration:
adapter:
  kind: folder
  path: {records}
  mappings: {mappings}
  # What is between two cells of a CSV file, and how its texts are encoded.
  delimiter: ","
  encoding: utf-8
"""
CSV_SOURCE = """\
  # Which files in the entity's folder this is for.
  files: "*"
"""
CSV_ROWS_SOURCE = """\
  # Which files in the entity's folder this is for.
  files: "*"
  # A record takes as many rows, one below the other, as it has {name}.
  rows: {name}
"""

SQL = """\
`mappings` has a file for each kind of record: the SELECT that reads them, and which column makes which field.
Change both to fit your database, and delete the files of records that you do not have. A view for each SELECT
keeps the files short. A user who may only read is enough. `docs/adapters/mapping.md` explains the mapping
files, `docs/adapters/sql.md` the rest.
"""
SQL_YAML = """\
# Below the institution, in the gateway's configuration:
adapter:
  kind: sql
  # Of a user who may only read. PostgreSQL, MariaDB, MySQL and SQLite need nothing more to be installed.
  url: postgresql://ewpgw_reader@localhost/sis
  # A file with that user's password.
  # password_file: {password}
  mappings: {mappings}
  # How often the database is read.
  poll_seconds: 60
  # Where partners' copies and decisions go: tables of these first letters, which the gateway lays out.
  # outward:
  #   url: postgresql://ewpgw_writer@localhost/sis
  #   tables: ewp_
"""
SQL_SOURCE = """\
  # One SELECT that gives one row for each record.
  select: >-
    SELECT {columns}
    FROM {table}
  # The column that changes whenever the row or its lists do, where there is one. Without it the content is compared.
#  modified: changed_at
"""
SQL_LIST = """\
  # Further rows that belong to a row.
  lists:
    {name}:
      select: >-
        SELECT {columns}
        FROM {table}
      key: {key}
      # The columns by which the list is sorted; without them by all that it holds. Partners see the order.
#      order: [position]
"""

REST = """\
`mappings` has a file for each kind of record: where the service has them, and which field there makes which
field here. Change both to fit your service, and delete the files of records that you do not have.
`docs/adapters/mapping.md` explains the mapping files, `docs/adapters/rest.md` the rest.
"""
REST_YAML = """\
# Below the institution, in the gateway's configuration:
adapter:
  kind: rest
  base_url: https://sis.{hei_id}/api/
  # How the gateway shows who it is: a file with a token, or as docs/adapters/rest.md says.
  # auth:
  #   bearer: {{file: {token}}}
  mappings: {mappings}
  # How often the service is asked.
  look_seconds: 300
  # Where partners' copies and decisions are sent to, signed with a secret that both sides know.
  # webhook:
  #   url: https://sis.{hei_id}/ewp
  #   secrets: [{{file: {webhook_secret}}}]
"""
REST_SOURCE = """\
  # Where the items are, from base_url.
  url: {url}
  # Where a page has the list of its items, as JMESPath; @ is the whole page.
  items: "@"
  # How one gets from page to page: link, cursor, page or offset.
#  paging:
#    by: page
#    parameter: page
"""
REST_LIST = """\
  # An item is supposed to have the list {name} in it.
"""
