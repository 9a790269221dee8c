"""Every command of docs/sis-api.md, in the order of the page."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ewpgw.sis.app import operations
from ewpgw.store import copies
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from support.sis_api import Sis

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sis-api.md"


async def test_every_command_of_the_page_works(sis: Sis, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl, which the page uses, is not installed")
    async with sis.store.transaction() as tx:
        key = CopyKey("north.example", "iias", "south.example", "S-0042")
        await copies.put_received(
            tx, key, Received(b"<iia/>", '{"partner": [{"iia_id": "S-0042"}]}', "a hash"), sis.services.now()
        )
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 10
    for block in blocks:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            block,
            cwd=tmp_path,
            env={**os.environ, "GATEWAY": sis.base, "TOKEN": str(sis.token), "no_proxy": "127.0.0.1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
        assert process.returncode == 0, f"{block}\n{output.decode()}"
    assert (tmp_path / "received.xml").read_bytes() == b"<iia/>"


def test_the_page_names_every_kind_of_change() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in FeedKind if f"`{kind.value}`" not in text] == []


def test_the_page_has_a_command_for_every_collection_of_the_api() -> None:
    text = PAGE.read_text(encoding="utf-8")
    collections = {each.path.split("/")[5] for each in operations() if each.path.count("/") > 4}
    assert [name for name in sorted(collections) if f"/north.example/{name}" not in text] == []
