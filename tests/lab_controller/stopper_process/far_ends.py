"""What is wired to a stopper under test: a serial line, a plug, an OPC UA robot."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from tests.lab_controller.stopper_rig import (
    OPCUA_DEVICE,
    PATIENCE_S,
    HttpDevice,
    PtyDevice,
    Rig,
    closed_port,
)
from tests.sims.child import Child, born

NO_SOFTWARE_STOP = {"device": "saw", "means": "stop.means.none", "steps": []}

Starter = Callable[..., Awaitable[Rig]]


async def clean_up(rig: Rig) -> None:
    """Leave nothing running, whatever state the test left it in."""
    if rig.process.returncode is None:
        rig.process.kill()
    for pid in rig.pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    await rig.process.communicate(b"")


async def serial(
    stack: AsyncExitStack, rig: Rig, device: str = "printer", *, reply: str = "", proof: str = ""
) -> PtyDevice:
    """A line to a device, opened by the controller and handed over to the stopper."""
    far = PtyDevice(reply.encode())
    words = {"connection": f"line-{device}", "path": far.path, "device": device, "proof": proof}
    assert "code" not in await rig.do("hand_over", **words)
    far.listen()
    stack.callback(far.close)
    return far


async def http_device(stack: AsyncExitStack, **traits: Any) -> HttpDevice:
    device = await HttpDevice(**traits).start()
    stack.push_async_callback(device.close)
    return device


async def opcua_device(stack: AsyncExitStack) -> tuple[Child, str]:
    process = await born(OPCUA_DEVICE, str(closed_port()))
    stack.push_async_callback(process.let_go)
    async with asyncio.timeout(PATIENCE_S):
        return process, (await process.line())["endpoint"]
