"""What RSA alone costs, measured all the while and on the same core as the server that is compared with it.

Machines are shared, and their speed may halve for a tenth of a second: two measurements one after the other would
compare two speeds. So a process of its own verifies and signs in short bursts while the server answers requests, gets a
part of the core, and counts the core's time that it had. ``python -m bench.reference FILE CORE`` is that process.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ewpgw.demo.network import until
from ewpgw.security.keys import generate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MESSAGE = b"x" * 500
"""As long as what the signature of a request or response covers."""
_BURST = 10
_PAUSE_SECONDS = 0.02
_FORMAT = "dd"


@dataclass(frozen=True, slots=True)
class Reading:
    """How many verifications with a signature each there were so far, and the core's time they took, in seconds."""

    count: float
    seconds: float

    def since(self, before: Reading) -> float:
        """The seconds that one took since then."""
        return (self.seconds - before.seconds) / (self.count - before.count)


class Reference:
    """The process from outside."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Reading:
        """Where it stands."""
        return Reading(*struct.unpack(_FORMAT, self._file.read_bytes()))

    async def has_begun(self) -> bool:
        """Whether there is anything to read."""
        return self.read().count > 0


@asynccontextmanager
async def reference(folder: Path, core: int) -> AsyncIterator[Reference]:
    """Runs the process on a core."""
    file = folder / "reference"
    file.write_bytes(struct.pack(_FORMAT, 0, 0))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.reference", str(file), str(core))
    running = Reference(file)
    try:
        await until(running.has_begun, "RSA is measured")
        yield running
    finally:
        process.kill()
        await process.wait()


def work(file: Path, core: int) -> None:
    """Verifies and signs until the process is ended."""
    os.sched_setaffinity(0, {core})
    key = generate()
    signature = key.sign(_MESSAGE)
    count = 0
    with file.open("r+b") as shared, mmap.mmap(shared.fileno(), struct.calcsize(_FORMAT)) as shown:
        while True:
            for _ in range(_BURST):
                assert key.public.verifies(signature, _MESSAGE)
                key.sign(_MESSAGE)
            count += _BURST
            shown[:] = struct.pack(_FORMAT, count, time.thread_time())
            time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
