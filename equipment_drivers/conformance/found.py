"""Which bench proves a driver: by entry point, or named outright as MODULE:CLASS."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from equipment_drivers.conformance.bench import Bench

GROUP = "machikoba.benches"


class NoBench(LookupError):
    """Nobody offers a bench for this driver."""


def bench_for(driver: str, named: str = "") -> Bench:
    """A bench of this driver, not yet open. Raises NoBench, or what its module raises."""
    point = EntryPoint("bench", named, GROUP) if named else _offered(driver)
    bench = cast(Bench, point.load()())
    if driver not in (bench.driver, bench.id):
        raise NoBench(f"{point.value} is the bench of {bench.driver}")
    return bench


def _offered(driver: str) -> EntryPoint:
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if driver not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise NoBench(f"no bench for {driver} in {GROUP} ({known}); name one: --bench MODULE:CLASS")
    return offered[driver]
