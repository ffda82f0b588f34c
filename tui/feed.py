"""Listening to the lab for as long as the console is open; a lost lab is tried again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from lab_controller.client import LabClient, Refused, Unreachable
from tui.messages import FrameCame, LabLost

RETRY_S = 1.0
ADDRESS = "controller.url"


async def listen(
    client: LabClient, tell: Callable[[Message], object], data_dir: Path | None = None
) -> None:
    """Tell every frame of the live stream, and each time it ends why; never returns.

    A controller that was restarted may have another port: its address lies in `data_dir`.
    """
    while True:
        try:
            async for frame in client.stream():
                tell(FrameCame(frame))
        except (Refused, Unreachable):
            tell(LabLost(await why_lost(client)))
        await asyncio.sleep(RETRY_S)
        address = address_in(data_dir)
        if address and address != client.url:
            client.move_to(address)


def address_in(data_dir: Path | None) -> str:
    """Where the controller of this data folder says it is; empty when nobody says."""
    if data_dir is None:
        return ""
    try:
        return (data_dir / ADDRESS).read_text(encoding="ascii").strip().rstrip("/")
    except (OSError, UnicodeDecodeError):
        return ""


async def why_lost(client: LabClient) -> str:
    """The lab's own sentence where it refuses us; empty when nobody answers."""
    try:
        await client.devices()
    except Refused as error:
        return error.refusal.text
    except Unreachable:
        pass
    return ""
