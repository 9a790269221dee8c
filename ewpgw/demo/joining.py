"""The first act: a registry and two gateways come up, find each other, and exchange signed calls."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from ewpgw.demo import processes
from ewpgw.demo.network import until
from ewpgw.demo.steps import Act, expect
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.network.catalogue import Catalogue

if TYPE_CHECKING:
    from ewpgw.demo.network import Network


class Joining:
    """The network before there is any agreement."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def act(self) -> Act:
        """What is shown."""
        return Act(
            "The network comes up",
            (
                ("The network starts", self._start),
                ("Manifests tell what each node runs", self._manifests),
                ("The catalogue lists the members", self._catalogue),
                ("A signed echo, north to south", partial(self._echo, "north", "south")),
                ("A signed echo, south to north", partial(self._echo, "south", "north")),
            ),
        )

    async def _start(self) -> str:
        await self._network.start()
        return "a registry, north.example and south.example, each a process; tester.example with a key of its own"

    async def _manifests(self) -> str:
        runs: list[str] = []
        for member in ("north", "south"):
            reply = await self._network.tester.fetch(self._network.layout.manifest_url(member))
            expect(reply.status == 200, f"{member}'s manifest: HTTP {reply.status}")
            root = parse(reply.body)
            faults = schemas().faults(root)
            expect(not faults, f"{member}'s manifest is not valid: {faults[:1]}")
            runs = list(dict.fromkeys(str(each.tag).partition("}")[2] for each in root.iter() if each.get("version")))
        return f"valid; both run {', '.join(runs)}"

    async def _catalogue(self) -> str:
        async def members() -> Catalogue | None:
            reply = await self._network.tester.fetch(self._network.layout.catalogue_url)
            expect(reply.status == 200, f"the catalogue: HTTP {reply.status}")
            catalogue = Catalogue.read(reply.body)
            return catalogue if len(catalogue.hei_ids) == 3 else None

        catalogue: Catalogue = await until(members, "three institutions in the catalogue")
        for member in ("north.example", "south.example"):
            expect(catalogue.entry(member, "iias", 7) is not None, f"no IIAs API 7 of {member} in the catalogue")
        for member in ("north", "south"):
            await until(partial(self._has_catalogue, member), f"{member}'s gateway has this catalogue")
        return f"{', '.join(sorted(catalogue.hei_ids))}, with their APIs and keys"

    async def _has_catalogue(self, member: str) -> bool:
        checks = (await self._network.sis(member, "/health/ready"))["checks"]
        return any(check["name"] == "catalogue" and check["detail"].startswith("3 HEIs") for check in checks)

    async def _echo(self, caller: str, called: str) -> str:
        arguments = ["call", f"{called}.example", "echo", "", f"echo=hello from {caller}", "--config", f"{caller}.yaml"]
        code, output = await processes.run([*arguments, "--json"], folder=self._network.layout.root)
        expect(code == 0, f"ewpgw call ended with {code}: {output.strip()[-300:]}")
        answer = json.loads(output)
        expect(answer["status"] == 200 and answer["signed"], f"the answer was not signed: {answer}")
        expect(f"<hei-id>{caller}.example</hei-id>" in answer["body"], "the caller was not recognised")
        return f"{called} knew the caller as {caller}.example; the answer's signature was verified"
