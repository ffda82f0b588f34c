"""The live stream: what changed since the last frame, at most five frames a second.

Each frame is built and encoded once per language, however many clients look on or come in at once.
A client that falls too far behind is dropped; it comes back with a whole frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
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

log = logging.getLogger(__name__)

FRAME_S = 0.2
WHOLE_EVERY = 5
FRAMES_BEHIND = 10
SEND_WITHIN_S = 2.0
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013

router = APIRouter()

TOPICS = {
    BookingChanged: "bookings",
    LeaseChanged: "bookings",
    RunChanged: "trials",
    CycleFinished: "trials",
    CommandClosed: "commands",
    LatchChanged: "latch",
}

Frames = asyncio.Queue[str]
GIVEN_UP = ""


@dataclass(slots=True)
class Changes:
    """What has happened since the last frame."""

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


class Feed:
    """The frames of one lab, and who looks on in which language."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._watching: dict[str, set[Frames]] = {language: set() for language in LANGUAGES}
        self._first: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._listening = contextlib.ExitStack()

    @contextlib.contextmanager
    def watch(self, language: str) -> Iterator[Frames]:
        """The frames from now on, a whole one first; `GIVEN_UP` after too many unread ones."""
        frames = Frames(FRAMES_BEHIND)
        self._watching[language].add(frames)
        self._begin_if_first()
        try:
            frames.put_nowait(self._whole(language))
            yield frames
        finally:
            self._watching[language].discard(frames)
            self._rest_if_alone()

    def _begin_if_first(self) -> None:
        if self._task is None:
            changes = Changes()
            forget = self._lab.bus.listen(lambda fact: changes.hear(self._lab, fact))
            self._listening.callback(forget)
            self._task = asyncio.create_task(self._run(changes), name="stream")

    def _rest_if_alone(self) -> None:
        if self._task is not None and not any(self._watching.values()):
            self._listening.close()
            self._task.cancel()
            self._task = None  # who comes while it ends gets a new one
            self._first.clear()

    def _whole(self, language: str) -> str:
        """What a client sees first. Who comes before the next frame shares it: that frame says
        what has changed since the last one, so since this one too.
        """
        if language not in self._first:
            self._first[language] = self._frame(language, Changes(), whole=True)
        return self._first[language]

    async def _run(self, changes: Changes) -> None:
        count = 0
        while True:
            await asyncio.sleep(FRAME_S)
            count += 1
            self._first.clear()
            try:
                self._tell(changes, whole=count % WHOLE_EVERY == 0)
            except Exception:  # one frame that cannot be built must not end all that follow
                log.exception("a stream frame could not be built")
            changes.devices.clear()
            changes.topics.clear()

    def _tell(self, changes: Changes, *, whole: bool) -> None:
        for language, watching in self._watching.items():
            if not watching:
                continue
            frame = self._frame(language, changes, whole=whole)
            for frames in list(watching):
                try:
                    frames.put_nowait(frame)
                except asyncio.QueueFull:
                    watching.discard(frames)
                    frames.get_nowait()
                    frames.put_nowait(GIVEN_UP)

    def _frame(self, language: str, changes: Changes, *, whole: bool) -> str:
        """One encoded frame. A whole one has every device with its ages."""
        lab = self._lab
        names = lab.board.views if whole else changes.devices
        latched = "latch" in changes.topics
        return StreamMessage(
            now=lab.clock.now(),
            lab=shapes.lab(lab, language) if whole or latched else None,
            devices=[
                shapes.device(lab, view, language)
                for view in lab.board.views.values()
                if view.device in names
            ],
            changed=sorted(changes.topics),
        ).model_dump_json()


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Frames for staff until either side leaves."""
    feed: Feed = socket.app.state.feed
    try:
        await staff(socket)
    except (TokenMissing, TokenWrong) as error:
        await socket.accept()  # a close code reaches only a client that was let in
        await socket.close(POLICY_VIOLATION, error.code)
        return
    await socket.accept()
    wanted = socket.headers.get("accept-language", "")[:2]
    language = wanted if wanted in LANGUAGES else socket.app.state.lab.language
    with feed.watch(language) as frames:
        tasks = {
            asyncio.create_task(_send(socket, frames), name="stream out"),
            asyncio.create_task(_left(socket), name="stream in"),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: WebSocket, frames: Frames) -> None:
    """Send what comes, until the client has fallen too far behind."""
    while frame := await frames.get():
        async with asyncio.timeout(SEND_WITHIN_S):
            await socket.send_text(frame)
    await socket.close(TRY_AGAIN_LATER)


async def _left(socket: WebSocket) -> None:
    """Ends when the client has gone; what clients say here means nothing."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
