"""What the suite is given: the bench, kept open for all checks, and a live connection on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from equipment_drivers.conformance.bench import Bench
from equipment_drivers.conformance.found import NoBench, bench_for
from equipment_drivers.conformance.left_over import Held, held
from equipment_drivers.conformance.wire import Wire
from equipment_drivers.contract import Driver
from equipment_drivers.registry import find


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which driver, on which bench, and how long the long checks are."""
    group = parser.getgroup("machikoba", "conformance of a Machi-koba driver")
    group.addoption("--driver", required=True, help="entry point of the driver")
    group.addoption("--bench", default="", help="MODULE:CLASS (default: by entry point)")
    group.addoption("--cycles", type=int, default=100, help="how often to connect and disconnect")


def pytest_report_header(config: pytest.Config) -> str:
    """What is proved here."""
    return f"driver: {config.getoption('--driver')} {config.getoption('--bench')}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """A driver without a bench is a mistake of the caller, told in one line."""
    try:
        bench_for(session.config.getoption("--driver"), session.config.getoption("--bench"))
    except NoBench as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
async def peer(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """The bench, open from the first check to the last."""
    bench = bench_for(pytestconfig.getoption("--driver"), pytestconfig.getoption("--bench"))
    await bench.open(tmp_path_factory.mktemp("bench"), seed=1)
    yield bench
    await bench.close()


@pytest.fixture
async def bench(peer: Bench) -> Bench:
    """The bench in its known state."""
    await peer.prepare()
    return peer


@pytest.fixture
def driver(bench: Bench) -> type[Driver]:
    """The driver under proof."""
    return find(bench.driver)


@pytest.fixture
async def before(bench: Bench) -> Held:
    """What this process holds before the check."""
    return held()


@pytest.fixture
async def offline(bench: Bench, driver: type[Driver], before: Held) -> AsyncIterator[Wire]:
    """A connection that is not started; at the end it has left nothing behind."""
    wire = Wire(bench, driver)
    yield wire
    await bench.freeze(False)
    await wire.stop()
    assert await before.more() == ""


@pytest.fixture
async def wire(offline: Wire) -> Wire:
    """A connection that is online."""
    await offline.online()
    return offline
