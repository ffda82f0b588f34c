"""Watching the controller: its death or silence stops everything; then it is started again."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_controller.stopper.child import Child
from lab_controller.stopper.controller import ControllerChannel
from lab_controller.stopper.errors import CommandFailed
from lab_controller.stopper.latch import CONTROLLER_DIED, CONTROLLER_HUNG
from lab_controller.stopper.lines import Message
from lab_controller.stopper.stopper import Stopper

TICK_S = 0.2
HANG_S = 3.0
FIRST_PAUSE_S = 1.0
SAVE_AGAIN_S = 1.0
FAREWELL_S = 10.0
MOST_RESTARTS = 5
RESTART_WINDOW_S = 600.0
BY = "stopper"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient the supervision is, in real seconds, and how nice the controller has to be."""

    hang_s: float = HANG_S
    restart: bool = True
    first_pause_s: float = FIRST_PAUSE_S
    farewell_s: float = FAREWELL_S
    niceness: int = 0


class Supervisor:
    """Runs the controller's lives one after the other until told to end."""

    def __init__(
        self,
        command: Sequence[str],
        socket: Path,
        stopper: Stopper,
        controller: ControllerChannel,
        rules: Rules,
    ) -> None:
        self._command = command
        self._socket = socket
        self._stopper = stopper
        self._controller = controller
        self._rules = rules
        self._ending = asyncio.Event()
        self._death: asyncio.Task[Message] | None = None
        self._mourned = 0
        self._restarts: list[float] = []
        controller.watch(self._channel_gone, self._process_dead)

    def facts(self) -> Message:
        """What `status` says of the supervision."""
        return {"restarts": len(self._restarts)}

    def end(self) -> None:
        """Begin the shutdown: the controller is asked to end, then we do."""
        self._ending.set()

    async def run(self) -> int:
        """Supervise; returns the exit code of the stopper. Raises CommandFailed."""
        watchers = [
            asyncio.create_task(self._watch_beats()),
            asyncio.create_task(self._save_again()),
        ]
        try:
            return await self._lives()
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.wait(watchers)

    async def _lives(self) -> int:
        while True:
            greetings = self._controller.greetings
            code = await self._one_life_if_any()
            greeted = self._controller.greetings > greetings
            if self._ending.is_set():
                return int(greeted and not self._controller.departed)
            if (greeted and self._controller.departed) or self._controller.greetings == 0:
                return code  # ended by itself in good order, or never got as far as hello
            log.warning("stop.controller_ended code=%s", code)
            if not await self._time_to_restart():
                await self._ending.wait()
            if self._ending.is_set():
                return 1

    async def _one_life_if_any(self) -> int:
        """A program that has gone missing between two lives does not take the front door along."""
        try:
            return await self._one_life()
        except CommandFailed as fault:
            if self._controller.greetings == 0:
                raise
            log.error("%s", fault)
            return 127

    async def _one_life(self) -> int:
        """From start to exit; a death is stopped, latched and settled when this returns."""
        self._death = None
        greetings = self._controller.greetings
        child = Child(self._command, self._socket, self._rules.niceness)
        farewell = asyncio.create_task(self._see_off(child))
        code = await child.exit_code()
        farewell.cancel()
        await asyncio.wait([farewell])
        if self._controller.greetings > greetings and not self._controller.departed:
            self._channel_gone()
        if self._death is not None:
            await self._death
        return code

    async def _see_off(self, child: Child) -> None:
        """When told to end: ask the controller, wait for its farewell, and insist."""
        await self._ending.wait()
        child.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._rules.farewell_s):
                await child.exit_code()
        except TimeoutError:
            if self._controller.greetings and not self._controller.departed:
                self._stop_for_death(CONTROLLER_HUNG)
            child.send(signal.SIGKILL)

    def _channel_gone(self) -> None:
        self._stop_for_death(CONTROLLER_DIED)

    def _stop_for_death(self, cause: str) -> None:
        """Stop everything once per channel, then give the descriptors up for the next one."""
        if self._death is not None and self._mourned == self._controller.greetings:
            return
        self._mourned = self._controller.greetings
        self._death = self._stopper.press(None, by=BY, reason="", cause=cause)
        self._death.add_done_callback(self._give_up_descriptors)

    def _give_up_descriptors(self, _: asyncio.Task[Message]) -> None:
        if self._controller.word == "absent":
            self._stopper.reach.descriptors.release_all()

    def _process_dead(self) -> None:
        self._stopper.reach.descriptors.listen(True)

    async def _time_to_restart(self) -> bool:
        """Wait the pause before the next life; False when there is to be none."""
        now = asyncio.get_running_loop().time()
        self._restarts = [at for at in self._restarts if now - at < RESTART_WINDOW_S]
        if not self._rules.restart or len(self._restarts) >= MOST_RESTARTS:
            log.error("stop.front_door_only restarts=%d", len(self._restarts))
            return False
        pause = self._rules.first_pause_s * 2 ** len(self._restarts)
        self._restarts.append(now)
        try:
            async with asyncio.timeout(pause):
                await self._ending.wait()
        except TimeoutError:
            return True
        return False

    async def _watch_beats(self) -> None:
        """Notice a silent controller; a stall of our own is not held against it."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            overslept = loop.time() - due > TICK_S
            silent = loop.time() - self._controller.last_beat > self._rules.hang_s
            expected = self._controller.living and not self._controller.departed
            if silent and expected and not overslept:
                self._controller.hung = True
                self._stopper.press(None, by=BY, reason="", cause=CONTROLLER_HUNG)

    async def _save_again(self) -> None:
        """A latch that could not be written is written as soon as it can be."""
        while True:
            await asyncio.sleep(SAVE_AGAIN_S)
            await self._stopper.keeper.save()
