"""Child processes of the demonstration: started with a log file each, ended with it, never left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TERM_SECONDS = 15.0

# Runs the command in place of itself after asking the kernel to end it with its parent, so that a demonstration that is
# killed leaves no servers behind (Linux; elsewhere the command just runs). The first argument is the parent's process
# id: one that ended before the kernel was asked is not missed.
_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.executable, [sys.executable, "-m", "ewpgw", *sys.argv[2:]])
"""


class ProcessEnded(Exception):
    """A server ended by itself; the text says which, how, and what it last wrote."""


@dataclass(slots=True)
class Server:
    """One running server of the demonstration network."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @classmethod
    async def start(cls, name: str, arguments: list[str], *, folder: Path, log: Path) -> Server:
        """Starts ``ewpgw`` with these arguments in ``folder``, its output going to ``log``."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _WITH_PARENT,
                str(os.getpid()),
                *arguments,
                cwd=folder,
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C ends the demonstration, which then ends its servers in order
            )
        return cls(name, process, log)

    def check(self) -> None:
        """Raises ProcessEnded where the server is not running any more."""
        if self.process.returncode is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise ProcessEnded(f"{self.name} ended with exit code {self.process.returncode}: {last}")

    async def stop(self) -> int:
        """Asks the server to end and waits; after fifteen seconds it is killed. Returns the exit code."""
        with suppress(ProcessLookupError):
            if self.process.returncode is None:
                self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), _TERM_SECONDS)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


def _environment() -> dict[str, str]:
    """Ours without the settings of a gateway: they would hold for both nodes alike."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("EWPGW_")}


async def run(arguments: list[str], *, folder: Path) -> tuple[int, str]:
    """Runs an ``ewpgw`` command to its end; its exit code and standard output, or what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ewpgw",
        *arguments,
        cwd=folder,
        env=_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:  # too slow, or the demonstration is being ended
            process.kill()
            await process.wait()
    code = process.returncode or 0
    return code, ((err or out) if code else out).decode(errors="replace")
