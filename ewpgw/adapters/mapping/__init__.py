"""The mapping language: how rows of any source become records, told in YAML.

``docs/adapters/mapping.md`` is its manual. The sql, rest and folder adapters share it. A mapping file is compiled once;
applying it to a row costs microseconds.
"""

from __future__ import annotations

from ewpgw.adapters.mapping.faults import BadMapping, MappingFault, Unmappable, quoted
from ewpgw.adapters.mapping.files import MappingFile, RecordMapping, load_file, load_folder, of_columns
from ewpgw.adapters.mapping.rows import content_digest, reading, row_digest, row_key
from ewpgw.adapters.mapping.schema import json_schema

__all__ = [
    "BadMapping",
    "MappingFault",
    "MappingFile",
    "RecordMapping",
    "Unmappable",
    "content_digest",
    "json_schema",
    "load_file",
    "load_folder",
    "of_columns",
    "quoted",
    "reading",
    "row_digest",
    "row_key",
]
