"""The whole lab on fake drivers, for the tests that need more than one module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lab_controller.bench import Bench, Site
from tests.lab_controller.bench import site as at


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with at(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
async def bench(site: Site) -> AsyncIterator[Bench]:
    async with site.open() as found:
        yield found
