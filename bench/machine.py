"""The machine: which core the server gets, what a process has used of it, and what RSA alone costs there."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.security.keys import PrivateKey

_MESSAGE = b"x" * 500
"""As long as what a signature of a request or response covers."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the server under test, and that of everything else. On a machine with one core they are the same."""

    server: int
    others: int


def cores() -> Cores:
    """The last two of the cores that this process may use: the first one often serves the machine's interrupts.

    Ask before anything is pinned.
    """
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(server=allowed[-1], others=allowed[-2] if len(allowed) > 1 else allowed[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This thread, and what it starts, runs on one core only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """The time on any core that a process has had so far, kernel included. Linux; exact to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes the number of the clock


def tree(pid: int) -> list[int]:
    """A process and all that it started, directly or not, as far as they still run."""
    parents: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(file.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def usage(pid: int) -> float:
    """Seconds on any core of a process and all that it started, those that have ended included."""
    total = 0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15] if each == pid else fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """How long a process's main thread could have run so far, but another had the core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def resident_mib(pid: int) -> float:
    """What a process holds in memory, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def bare_rsa(key: PrivateKey, core: int, seconds: float) -> float:
    """How many times a second of that core's time it can verify one RSA signature and make one: no more answers."""
    signature = key.sign(_MESSAGE)
    count = 0
    with pinned(core):
        started = time.thread_time()
        while (taken := time.thread_time() - started) < seconds:
            for _ in range(20):
                assert key.public.verifies(signature, _MESSAGE)
                key.sign(_MESSAGE)
            count += 20
    return count / taken
