"""The console's loops, without debug mode: it doubles the time Textual's callbacks take."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture(autouse=True)
async def plain_loop() -> None:
    """The loop of this test as it runs at work; every other room's runs in debug mode."""
    asyncio.get_running_loop().set_debug(False)
