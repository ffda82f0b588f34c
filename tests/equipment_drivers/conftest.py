"""A printer in the test's hand, and what it prints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.equipment_drivers.fake_marlin import FakeFirmware, PtyPrinter
from tests.equipment_drivers.marlin_bench import JOB


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A file to print, on its path."""
    path = tmp_path / "jig.gcode"
    path.write_text("; a jig\n" + "\n".join(JOB) + "\n", encoding="utf-8")
    return path


@pytest.fixture
async def far() -> AsyncIterator[PtyPrinter]:
    """The far end of a pty with Marlin's rules behind it."""
    end = PtyPrinter(FakeFirmware("always", Random(1)))
    yield end
    end.unplug()
