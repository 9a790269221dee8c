"""The program as real processes: each with a log of its own, waited for with a bound, ended by its process id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05

STARTED: list[Running] = []
"""Every process of the run that was started and not yet put away, so that a failing test can show the logs."""


class NotInTime(AssertionError):
    """Something that was waited for did not come about; the text says what, and what was seen last."""


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """What ``condition`` gives, as soon as it is true. Raises NotInTime, naming ``what``."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} seconds; last seen: {found!r}")
        time.sleep(_LOOK_SECONDS)
    return found


def environment(**more: str) -> dict[str, str]:
    """This process's environment without the program's own variables."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("EWPGW_")}
    return {**kept, "COLUMNS": "200", **more}


def ewpgw(
    *arguments: object, cwd: Path | None = None, seconds: float = 120, **environ: str
) -> subprocess.CompletedProcess[str]:
    """A command run to its end: its exit code and what it wrote."""
    command = [sys.executable, "-m", "ewpgw", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, env=environment(**environ), cwd=cwd
    )


def alive(pid: int) -> bool:
    """Whether a process of this id runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children(pid: int) -> list[tuple[int, str]]:
    """The processes that this one started and that still run: their ids and command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):
            continue
        if parent == pid and alive(int(folder.name)):
            found.append((int(folder.name), command))
    return found


def complaints(log: Path) -> list[str]:
    """What no orderly process logs: errors, Python's own warnings, and anything but events."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            found.append(line)
            continue
        if event.get("level") in ("error", "critical") or event.get("logger") in ("asyncio", "py.warnings"):
            found.append(line)
    return found


class Running:
    """One process of the program. Its standard error goes to ``log``, and with it, where not asked for, its output."""

    def __init__(self, name: str, arguments: list[str], folder: Path, *, stdout: Path | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = arguments
        self._folder = folder
        self._stdout = stdout
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it (again); the log goes on."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log, (self._stdout or self.log).open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ewpgw", *self._arguments],
                cwd=self._folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        if self not in STARTED:
            STARTED.append(self)

    def check(self) -> None:
        """Raises where the process has ended."""
        if not self.running:
            raise AssertionError(f"{self.name} ended with exit code {self._started.returncode}:\n{self.tail(10)}")

    def signal(self, number: signal.Signals) -> None:
        self._started.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """The exit code, once it has ended."""
        try:
            return self._started.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotInTime(f"{self.name} has not ended within {seconds:g} seconds") from None

    def terminate(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Asks it to end; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def ask_to_end(self) -> None:
        """Sends SIGTERM, also where it is stopped; nothing where it has ended."""
        if self.running:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)

    def put_away(self) -> None:
        """Ends it for good, whatever state it is in."""
        self.ask_to_end()
        if self.running:
            try:
                self.wait(20)
            except NotInTime:
                self.kill()
        if self in STARTED:
            STARTED.remove(self)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The events of its log, all or those of one name."""
        found = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and name in (None, event.get("event")):
                found.append(event)
        return found

    def tail(self, lines: int = 25) -> str:
        """The last lines that it wrote, the long ones cut."""
        if not self.log.exists():
            return ""
        written = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line[:400] for line in written[-lines:])
