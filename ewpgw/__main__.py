"""``python -m ewpgw``: the command ``ewpgw``."""

from __future__ import annotations

from ewpgw.cli import main

main()
