"""Listening to the lab for as long as the console is open; a lost lab is tried again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from lab_controller.client import LabClient, Refused, Unreachable
from tui.messages import FrameCame, LabLost

RETRY_S = 1.0


async def listen(client: LabClient, tell: Callable[[Message], object]) -> None:
    """Tell every frame of the live stream, and each time it ends why; never returns."""
    while True:
        try:
            async for frame in client.stream():
                tell(FrameCame(frame))
        except (Refused, Unreachable):
            tell(LabLost(await why_lost(client)))
        await asyncio.sleep(RETRY_S)


async def why_lost(client: LabClient) -> str:
    """The lab's own sentence where it refuses us; empty when nobody answers."""
    try:
        await client.devices()
    except Refused as error:
        return error.refusal.text
    except Unreachable:
        pass
    return ""
