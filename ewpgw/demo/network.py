"""The demonstration network while it runs: a registry, two gateways, the tester, and a way to talk to each."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from ewpgw.demo import processes
from ewpgw.demo.layout import MEMBERS, Layout, prepare
from ewpgw.demo.tester import HEI_ID, Tester

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_PATIENCE_SECONDS = 30.0


class StepFailed(Exception):
    """Something that must hold did not; the text says what was expected and what was found."""


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = _PATIENCE_SECONDS) -> Any:
    """Waits until ``condition`` gives something true, and returns it. Raises StepFailed naming ``what``."""
    deadline = monotonic() + seconds
    while True:
        found = await condition()
        if found:
            return found
        if monotonic() > deadline:
            raise StepFailed(f"{what}: not within {seconds:g} seconds")
        await asyncio.sleep(0.1)


class Network:
    """Three members on this machine's loopback, over real TLS."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._laid_out: tuple[Layout, Tester] | None = None
        self.tokens: dict[str, str] = {}
        self._servers: list[processes.Server] = []

    @property
    def layout(self) -> Layout:
        """Where everything is."""
        assert self._laid_out is not None, "start() comes first"
        return self._laid_out[0]

    @property
    def tester(self) -> Tester:
        """The outside client."""
        assert self._laid_out is not None, "start() comes first"
        return self._laid_out[1]

    async def start(self) -> None:
        """Lays the files out, starts every process and waits until each node takes the tester's signed calls.

        Raises OSError or KeyProblem where the files cannot be written, StepFailed and ProcessEnded.
        """
        layout = await asyncio.to_thread(prepare, self._root)
        self._laid_out = layout, Tester(layout)
        await self.tester.start()
        made = await asyncio.gather(*(self._create_token(member) for member in ("north", "south")))
        self.tokens = dict(made)
        for name, command in (("registry", "registry"), ("north", "serve"), ("south", "serve")):
            arguments = [command, "--config", f"{name}.yaml"]
            server = await processes.Server.start(name, arguments, folder=layout.root, log=layout.log(name))
            self._servers.append(server)
        for member in ("north", "south"):
            await until(partial(self._knows_the_tester, member), f"{member}.example takes signed calls")
        self._write_description()

    async def _create_token(self, member: str) -> tuple[str, str]:
        arguments = ["tokens", "create", "demo", "--config", f"{member}.yaml"]
        arguments += ["--scope", "read", "--scope", "write", "--scope", "decide"]
        code, output = await processes.run(arguments, folder=self.layout.root)
        if code:
            raise StepFailed(f"no SIS API token for {member}: {output}")
        return member, output.strip()

    async def _knows_the_tester(self, member: str) -> bool:
        for server in self._servers:
            server.check()
        try:
            draft = self.tester.sign(f"{self.layout.base_url(member)}/echo/v2", [])
            return (await self.tester.send(draft)).status == 200
        except OSError:
            return False

    async def sis(self, member: str, path: str) -> Any:
        """The JSON that a gateway's SIS API answers to a GET. Raises StepFailed for anything but 200."""
        return json.loads(await self.download(member, path))

    async def download(self, member: str, path: str) -> bytes:
        """The bytes that a gateway's SIS API answers to a GET. Raises StepFailed for anything but 200."""
        reply = await self.tester.fetch(f"{self.layout.sis_url(member)}{path}", self.tokens[member])
        if reply.status != 200:
            raise StepFailed(f"GET {path} at {member}: HTTP {reply.status}")
        return reply.body

    async def ask(self, member: str, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """A request to a gateway's SIS API: the status and the JSON of the answer, None where it has none."""
        url, token = f"{self.layout.sis_url(member)}{path}", self.tokens[member]
        reply = await self.tester.fetch(url, token, method=method, document=document)
        return reply.status, json.loads(reply.body) if reply.body else None

    async def stop(self) -> None:
        """Ends every process, the newest first."""
        if self._laid_out is not None:
            await self.tester.close()
        for server in reversed(self._servers):
            await server.stop()

    def describe(self) -> dict[str, object]:
        """What an outside client needs to join in: URLs, tokens, the certificate authority, the tester's key."""
        layout = self.layout
        nodes = [
            {
                "hei_id": f"{member}.example",
                "base_url": layout.base_url(member),
                "manifest_url": layout.manifest_url(member),
                "sis_api_url": layout.sis_url(member),
                "token": self.tokens[member],
                "data_folder": str(layout.data(member)),
            }
            for member in MEMBERS[:2]
        ]
        return {
            "catalogue_url": layout.catalogue_url,
            "ca_certificate_file": str(layout.ca_file),
            "nodes": nodes,
            "tester": {
                "hei_id": HEI_ID,
                "private_key_file": str(layout.key_file("tester")),
                "manifest_url": layout.manifest_url("tester"),
            },
        }

    def _write_description(self) -> None:
        target = self.layout.root / "network.json"
        draft = target.with_suffix(".tmp")
        draft.touch(mode=0o600)  # it holds tokens
        draft.write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")
        draft.replace(target)
