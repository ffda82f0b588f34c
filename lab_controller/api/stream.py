"""The live stream: what changed since the last frame, at most five frames a second.

The frame is built once per language and sent to all; a client that cannot keep up is dropped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    JobProgress,
    LinkChanged,
    Reading,
)
from lab_controller.api import shapes
from lab_controller.api.auth import TokenMissing, TokenWrong, staff
from lab_controller.bootstrap import Lab
from lab_controller.facts import (
    BookingChanged,
    CommandClosed,
    LatchChanged,
    LeaseChanged,
    RunChanged,
    Told,
)
from lab_controller.i18n import LANGUAGES
from lab_controller.wire import StreamMessage

FRAME_S = 0.2
WHOLE_EVERY = 5
SEND_WITHIN_S = 2.0
POLICY_VIOLATION = 1008

router = APIRouter()

TOPICS = {
    BookingChanged: "bookings",
    LeaseChanged: "bookings",
    RunChanged: "trials",
    CycleFinished: "trials",
    CommandClosed: "commands",
    LatchChanged: "latch",
}


@dataclass(slots=True)
class Changes:
    """What one client has not been told yet."""

    devices: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)

    def hear(self, lab: Lab, fact: Told) -> None:
        """Note a fact (a bus listener)."""
        match fact:
            case Reading() | DeviceState() | JobProgress() | DeviceMessage():
                self.devices.add(fact.device)
            case LinkChanged():
                self.devices.update(lab.connections[fact.connection].devices)
            case LeaseChanged() | LatchChanged():
                self.devices.update(lab.board.views)
            case _:
                pass
        topic = TOPICS.get(type(fact))
        if topic:
            self.topics.add(topic)

    def frame(self, lab: Lab, language: str, *, whole: bool) -> StreamMessage:
        """The next frame, and a clean slate. A whole one has every device with its ages."""
        names = set(lab.board.views) if whole else self.devices
        topics = sorted(self.topics)
        self.devices, self.topics = set(), set()
        return StreamMessage(
            now=lab.clock.now(),
            lab=shapes.lab(lab, language) if whole or "latch" in topics else None,
            devices=[
                shapes.device(lab, view, language)
                for view in lab.board.views.values()
                if view.device in names
            ],
            changed=topics,
        )


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Frames for staff until either side leaves."""
    lab: Lab = socket.app.state.lab
    try:
        await staff(socket)
    except (TokenMissing, TokenWrong) as error:
        await socket.close(POLICY_VIOLATION, error.code)
        return
    await socket.accept()
    wanted = socket.headers.get("accept-language", "")[:2]
    language = wanted if wanted in LANGUAGES else lab.language
    changes = Changes()
    forget = lab.bus.listen(lambda fact: changes.hear(lab, fact))
    leaving = asyncio.create_task(_left(socket))
    try:
        await _send_frames(socket, lab, language, changes, leaving)
    except (WebSocketDisconnect, TimeoutError, RuntimeError):
        pass
    finally:
        forget()
        leaving.cancel()


async def _send_frames(
    socket: WebSocket, lab: Lab, language: str, changes: Changes, leaving: asyncio.Task[None]
) -> None:
    count = 0
    while not leaving.done():
        frame = changes.frame(lab, language, whole=count % WHOLE_EVERY == 0)
        async with asyncio.timeout(SEND_WITHIN_S):
            await socket.send_text(frame.model_dump_json())
        count += 1
        await asyncio.wait({leaving}, timeout=FRAME_S)


async def _left(socket: WebSocket) -> None:
    """Ends when the client has gone; what clients say here means nothing."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
