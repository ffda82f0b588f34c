"""A stopper with the plans of a test, killed with its controller at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab_controller.stopper_process.far_ends import Starter, clean_up
from tests.lab_controller.stopper_rig import (
    Rig,
)


@pytest.fixture(autouse=True)
def _own_runtime_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(stack: AsyncExitStack, tmp_path: Path) -> Starter:
    """Start a stopper with these plans; it is killed with its controller at the end."""

    async def started(*plans: Any, options: tuple[str, ...] = ("--no-restart",)) -> Rig:
        rig = await Rig.with_plans(tmp_path, plans, *options)
        stack.push_async_callback(clean_up, rig)
        return rig

    return started
