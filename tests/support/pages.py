"""Following a page of the documentation: its blocks of commands, run as they stand there, in one terminal.

A block runs in the order of its page, unless a comment before it says otherwise:

- ``<!-- not run: REASON -->``: it cannot run in a test
- ``<!-- background until: TEXT -->``: it runs until Ctrl-C; it works when it has written TEXT
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from textwrap import dedent

import pytest

from support.processes import until

BLOCK = re.compile(r"(?:<!-- (not run|background until): (.+?) -->\n)?```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NEEDED = ("curl", "sqlite3")


@dataclass(frozen=True)
class Block:
    """Commands of a page, and what its comment says of them."""

    commands: str
    mark: str
    words: str


def blocks(page: Path) -> list[Block]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(commands, mark, words) for mark, words, commands in found]


def fenced(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [dedent(each) for each in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)]


@dataclass
class Reader:
    """Somebody who follows a page in one terminal, and opens another one for what goes on running.

    - ``environ``: what is set in the terminal; ``settings`` only for the commands of ewpgw that are typed in it
    - ``moved``: absolute folders of the page that are below the reader's home here
    - ``waits``: for what the reader waits before a block with these words
    """

    home: Path
    environ: dict[str, str]
    cwd: Path
    settings: dict[str, str] = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    waits: dict[str, Callable[[], bool]] = field(default_factory=dict)
    running: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def __post_init__(self) -> None:
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            pytest.fail(f"{' and '.join(missing)}, which the pages use, not installed; .ci/run installs them")
        self.home.joinpath("bin").mkdir(parents=True, exist_ok=True)
        given = " ".join(f"{name}={quote(value)}" for name, value in self.settings.items())
        self.tool("ewpgw", f'exec env {given} {quote(sys.executable)} -m ewpgw "$@"')
        # What is run as the service's user on the page is run by the reader here.
        self.tool("runuser", 'shift 3\nexec "$@"')
        for folder in self.moved:
            (self.home / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        self._state = self.home / "state.sh"
        self._state.write_text(f"cd {quote(str(self.cwd))}\n")

    def tool(self, name: str, script: str) -> None:
        """A command of the reader's machine."""
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def run(self, page: Path) -> int:
        """Runs the page's blocks, and ends what went on running; how many blocks ran."""
        count = 0
        try:
            for block in blocks(page):
                if block.mark == "not run":
                    continue
                count += 1
                self._run_block(block)
        finally:
            for process, log in reversed(self.running):
                _press_ctrl_c(process, log)
        return count

    def _run_block(self, block: Block) -> None:
        commands = block.commands
        for words, condition in self.waits.items():
            if words in commands:
                until(condition, f"what comes before {words}")
        for folder in self.moved:
            commands = re.sub(rf"(?<![\w/.]){re.escape(folder)}(?=/)", f"{self.home}{folder}", commands)
        kept = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} > {quote(str(self._state))}"
        script = f"source {quote(str(self._state))}\nset -euo pipefail\n{commands}\n"
        environ = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "CURL_HOME": str(self.home),
            "LANG": "C.UTF-8",
            **self.environ,
        }
        if block.mark:
            self._run_behind(script, environ, block)
            return
        done = subprocess.run(
            ["bash", "-c", f"{script}{kept}\n"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        logs = "".join(f"\n--- {log.name}:\n{log.read_text()[-3000:]}" for _, log in self.running)
        assert done.returncode == 0, f"{block.commands}\n{done.stdout}{logs}"

    def _run_behind(self, script: str, environ: dict[str, str], block: Block) -> None:
        log = self.home / f"terminal-{len(self.running) + 2}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", script],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.running.append((process, log))

        def works() -> bool:
            assert process.poll() is None, f"{block.commands} ended:\n{log.read_text()}"
            return block.words in log.read_text(errors="replace")

        until(works, f"{block.commands.strip()} writes {block.words!r}", seconds=120)


def _press_ctrl_c(process: subprocess.Popen[bytes], log: Path) -> None:
    """Ends what runs in a terminal, as Ctrl-C does: everything in it is told."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"Ctrl-C did not end it:\n{log.read_text()}") from None


def curl_goes(home: Path, *ways: str, ca_file: Path | None = None) -> None:
    """Leads curl's connections elsewhere: ``host:port:host:port``."""
    lines = [f'connect-to = "{way}"' for way in ways] + ([f'cacert = "{ca_file}"'] if ca_file else [])
    (home / ".curlrc").write_text("\n".join(["silent", "show-error", *lines]) + "\n")
