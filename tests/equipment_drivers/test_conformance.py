"""Every driver that has a bench is proved by the one command that proves anybody's driver.

The suite runs as others run it, in a process of its own with its own settings.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from equipment_drivers.registry import installed
from tests.matrix.benches import found

ROOT = Path(__file__).parents[2]
BENCHES = found()
LANES = 2
WITHIN_S = 240.0
LONGEST_TALE = 20_000

Proof = tuple[int, str]


async def prove(driver: str, *options: str) -> Proof:
    """`python -m equipment_drivers.conformance DRIVER …`: exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "equipment_drivers.conformance", driver, *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()


def bench_of(name: str) -> Sequence[str]:
    kind = BENCHES[name]
    return ("--bench", f"{kind.__module__}:{kind.__qualname__}")


@pytest.fixture(scope="module")
def proofs(request: pytest.FixtureRequest) -> Mapping[str, Proof]:
    """The proofs of all drivers asked for, a few at a time."""
    names = {item.name.partition("[")[2].rstrip("]") for item in request.session.items}

    async def play() -> Mapping[str, Proof]:
        free = asyncio.Semaphore(LANES)

        async def one(name: str) -> Proof:
            async with free:
                return await prove(name, *bench_of(name))

        order = [name for name in BENCHES if name in names]
        return dict(zip(order, await asyncio.gather(*map(one, order)), strict=True))

    return asyncio.run(play())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BENCHES)
def test_a_driver_conforms(name: str, proofs: Mapping[str, Proof]) -> None:
    code, printed = proofs[name]
    assert code == 0, printed[-LONGEST_TALE:]


def test_every_driver_of_ours_has_a_bench() -> None:
    ours = {one for one, point in installed().items() if point.module.startswith("equipment_")}
    assert ours <= {kind.driver for kind in BENCHES.values()}


async def test_a_driver_nobody_put_on_a_bench_is_told_so() -> None:
    code, printed = await prove("marlin")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--bench MODULE:CLASS" in printed


async def test_a_bench_of_another_driver_proves_nothing() -> None:
    code, printed = await prove("marlin", *bench_of("manual"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "is the bench of manual" in printed
