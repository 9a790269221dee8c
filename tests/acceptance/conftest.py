"""Networks of real processes, shared where tests leave them as they were; logs are shown where a test fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from support.closed_network import ClosedNetwork, closed_network
from support.processes import STARTED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the ends of all running processes' logs to the report of a failure."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {process.name}", process.tail()) for process in STARTED]
    return report


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    """North covers north.example and uw.edu.pl, south covers south.example and hibo.no; both have folder adapters.

    For tests that end no process of it and put records of ids of their own.
    """
    with closed_network(tmp_path_factory.mktemp("network")) as found:
        found.gateway("north", "north.example", "uw.edu.pl")
        found.gateway("south", "south.example", "hibo.no")
        found.start()
        yield found
