"""A first sync: agreements from a university's PostgreSQL into a gateway's, by the sql adapter; and a pull after it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bench import postgresql
from bench.figures import Figure
from bench.machine import tree, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANY, _FEW = 20_000, 3_000
_LEAST_RATE = 2_000.0
_MOST_CPU_MS = 1.0  # that rate on two cores
_MOST_UNCHANGED = 0.05
_MOST_MIB = 250.0
_LOOK_SECONDS = 0.05

_TABLES = """
CREATE TABLE agreement (
    number text PRIMARY KEY, partner text NOT NULL, code text NOT NULL, active boolean NOT NULL,
    changed_at timestamptz NOT NULL);
CREATE TABLE condition (
    id bigint PRIMARY KEY, agreement text NOT NULL REFERENCES agreement, outgoing boolean NOT NULL, faculty text,
    people integer NOT NULL, months numeric(5, 1) NOT NULL, first_year text NOT NULL, last_year text NOT NULL,
    isced text NOT NULL, language text NOT NULL, cefr text NOT NULL, remark text);
CREATE INDEX ON condition (agreement);
INSERT INTO agreement
    SELECT 'A' || n, 'partner' || n % 400 || '.example', n || '/2026', false,
        timestamptz '2026-01-01' + n * interval '1 s'
    FROM generate_series(1, :count) AS n;
INSERT INTO condition
    SELECT 2 * n + d, 'A' || n, d = 0, 'faculty-' || n % 12, 1 + n % 5, 5 * (1 + n % 5), '2027/2028', '2029/2030',
        '0613', 'en', 'B2', 'Nominations by the fifteenth of April.'
    FROM generate_series(1, :count) AS n, generate_series(0, 1) AS d;
ANALYZE
"""

_CONDITION = """
        item:
          sending_hei_id: SENDING
          receiving_hei_id: RECEIVING
          sending_ounit_id: faculty
          receiving_first_academic_year_id: first_year
          receiving_last_academic_year_id: last_year
          mobilities_per_year: people
          total_months_per_year: months
          recommended_language_skill:
            - {language: language, cefr_level: cefr}
          subject_area:
            - isced_f_code: isced
          other_info_terms: remark
          blended: false
"""
_OUT = _CONDITION.replace("SENDING", "$hei_id").replace("RECEIVING", "$row.partner")
_IN = _CONDITION.replace("SENDING", "$row.partner").replace("RECEIVING", "$hei_id")
_MAPPING = f"""
entity: iias
key: number
source:
  select: SELECT number, partner, code, active, changed_at FROM agreement
  MODIFIED
  lists:
    conditions:
      select: SELECT * FROM condition
      key: agreement
      of: number
      order: [id]
record:
  partner:
    - hei_id: $hei_id
      iia_id: number
      iia_code: code
    - hei_id: partner
  in_effect: active
  cooperation_conditions:
    student_studies_mobility_spec:
      - each: conditions
        where: {{outgoing: true}}{_OUT}
      - each: conditions
        where: {{outgoing: false}}{_IN}
"""


@dataclass(frozen=True, slots=True)
class _Cost:
    """What one pull took: on the clock, and on any core by the gateway, its processes and the database's."""

    wall: float
    cpu: float


async def measure(quick: bool) -> list[Figure]:
    """The rate of a first sync, what a pull costs that finds nothing new, and the most memory of the gateway."""
    return await asyncio.to_thread(_measure, _FEW if quick else _MANY)


def _measure(count: int) -> list[Figure]:
    with postgresql.cluster() as url:
        if url is None:
            return []
        by_column, memory = _synced(url, count, "modified: changed_at")
        by_content, _ = _synced(url, count, "")
    first, *later = by_column
    again, compared = _usual(later), _usual(by_content[1:])
    what = f"{count:,} agreements"
    return [
        Figure(f"first sync of {what}", count / first.wall, "records/s", at_least=_LEAST_RATE),
        Figure(
            "its processor time, databases included", first.cpu / count * 1e3, "ms/record", at_most=2e3 / _LEAST_RATE
        ),
        Figure("a pull without news, of that time", again.wall / first.wall, "", at_most=_MOST_UNCHANGED),
        Figure("… of its processor time", again.cpu / first.cpu, "", at_most=_MOST_UNCHANGED),
        Figure("a pull without news where contents are compared, of its processor time", compared.cpu / first.cpu, ""),
        Figure("most memory, with the processes that prepare", memory, "MiB", at_most=_MOST_MIB),
    ]


def _usual(costs: list[_Cost]) -> _Cost:
    """What most of them cost."""
    return _Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def _synced(cluster: str, count: int, modified: str) -> tuple[list[_Cost], float]:
    """The costs of all pulls by a fresh gateway from a fresh source, and its most memory in MiB."""
    administrator = create_engine(
        cluster.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with administrator.connect() as connection:
        for name in ("university", "gateway"):
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
    university = cluster.replace("/postgres?", "/university?")
    engine = create_engine(university.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.begin() as connection:
        for statement in _TABLES.split(";"):
            connection.execute(text(statement), {"count": count} if ":count" in statement else {})
    with tempfile.TemporaryDirectory(prefix="ewpgw-bench-sync-") as folder:
        mapping = Path(folder, "iias.yaml")
        mapping.write_text(_MAPPING.replace("MODIFIED", modified), "utf-8")
        started = [
            sys.executable,
            "-m",
            "bench.syncing",
            cluster.replace("/postgres?", "/gateway?"),
            university,
            folder,
        ]
        return _observed(started, Path(cluster.partition("host=")[2]), count)


def _observed(command: list[str], cluster: Path, count: int) -> tuple[list[_Cost], float]:
    """What the pulls of a process cost. It writes a line after each; the databases' time is read at that moment."""
    databases = int((cluster / "data" / "postmaster.pid").read_text().splitlines()[0])
    costs: list[_Cost] = []
    most = 0.0
    before = usage(databases)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        watch = _Memory(process.pid)
        for line in process.stdout:
            told = json.loads(line)
            assert told["served"] == count, told
            now = usage(databases)
            costs.append(_Cost(told["wall"], told["cpu"] + now - before))
            before = now
            process.stdin.write("\n")
            process.stdin.flush()
        most = watch.end()
    assert process.returncode == 0
    return costs, most


class _Memory:
    """Watches what a process and those it started hold, shared parts counted once."""

    def __init__(self, pid: int) -> None:
        import threading

        self._ended = threading.Event()
        self._most = 0.0
        self._thread = threading.Thread(target=self._watch, args=(pid,))
        self._thread.start()

    def end(self) -> float:
        """The most at any time, in MiB."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self, pid: int) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._most = max(self._most, sum(_proportional(each) for each in tree(pid)))


def _proportional(pid: int) -> float:
    try:
        lines: Iterator[str] = iter(Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024
