"""The controller's side of the stopper: no fresh permit, no actuation.

A permit counts from the moment its heartbeat was sent, so that one read late (after a freeze)
is worth nothing. Losing the stopper is final for this process: it brings its devices to rest
itself and ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab_controller.stopper.errors import Refused, StopFault, StopperUnreachable
from lab_controller.stopper.latch import LatchState, Press
from lab_controller.stopper.lines import LineSocket, Message, dial

MOST_BEATS_KEPT = 64
ANSWER_TIMEOUT_S = 30.0


class PlanStep(Protocol):
    """One step of a stop plan, as drivers give it."""

    @property
    def kind(self) -> str: ...
    @property
    def connection(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, object]: ...
    @property
    def deadline_s(self) -> float: ...


class PlanLike(Protocol):
    """A stop plan: the driver's own, and what the lab knows of the device."""

    @property
    def device(self) -> str: ...
    @property
    def means(self) -> str: ...
    @property
    def steps(self) -> Sequence[PlanStep]: ...
    @property
    def known(self) -> bool: ...
    @property
    def estop(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Stopping:
    """A stop has begun: nothing may move on these devices; `lab`: nor anywhere else."""

    lab: bool
    devices: tuple[str, ...]
    by: str
    reason: str
    cause: str
    at: str


def plan_json(plan: PlanLike) -> Message:
    """A stop plan as the stopper reads it."""
    steps = [
        {
            "kind": step.kind,
            "connection": step.connection,
            "payload": dict(step.payload),
            "deadline_s": step.deadline_s,
        }
        for step in plan.steps
    ]
    known = {"known": plan.known, "estop": dict(plan.estop)}
    return {"device": plan.device, "means": plan.means, "steps": steps, **known}


class Permit:
    """The channel to the stopper. Callbacks run on the loop and must not wait."""

    def __init__(
        self,
        socket: Path,
        *,
        beat_s: float = 0.5,
        on_stopping: Callable[[Stopping], None] = lambda stopping: None,
        on_stopped: Callable[[Press], None] = lambda press: None,
        on_latch: Callable[[LatchState], None] = lambda latch: None,
        on_lost: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = socket
        self._beat_s = beat_s
        self._on_stopping = on_stopping
        self._on_stopped = on_stopped
        self._on_latch = on_latch
        self._on_lost = on_lost
        self._monotonic = monotonic
        self._line: LineSocket | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._asked = 0
        self._beats: dict[int, float] = {}
        self._beat = 0
        self._until = 0.0
        self._first_word = asyncio.Event()
        self._latch = LatchState()
        self._leaving = False

    @property
    def connected(self) -> bool:
        """Whether the stopper is there."""
        return self._line is not None

    @property
    def alive(self) -> bool:
        """Whether the stopper permits actuation at this moment (never while the lab is latched)."""
        fresh = self._monotonic() < self._until
        return self.connected and fresh and self._latch.lab is None and not self._leaving

    @property
    def latch(self) -> LatchState:
        """What is stopped, as last heard."""
        return self._latch

    def latched(self, device: str) -> bool:
        """Whether a stop stands on this device or on the whole lab."""
        return self._latch.holds(device)

    def may_act(self, device: str) -> bool:
        """Whether this device may be actuated at this moment."""
        return self.alive and not self.latched(device)

    async def open(self) -> None:
        """Connect and say hello; returns with a first permit, or with the lab latched.

        Raises StopperUnreachable, or Refused while another controller is on the channel.
        """
        try:
            self._line = await dial(self._path)
        except OSError as fault:
            raise StopperUnreachable(socket=self._path, cause=fault) from fault
        self._tasks.append(asyncio.create_task(self._listen(self._line)))
        try:
            await self._ask("hello")
            self._tasks.append(asyncio.create_task(self._keep_beating(self._line)))
            await self._first_permit()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the channel; without `farewell` before, the stopper takes it for a death."""
        self._leaving = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._hang_up()

    async def send_plans(self, plans: Iterable[PlanLike]) -> list[Message]:
        """Replace all stop plans; returns what is wrong with them: device, detail, info."""
        answer = await self._ask("plans", plans=[plan_json(plan) for plan in plans])
        return list(answer["problems"])

    async def hand_over(self, connection: str, fd: int) -> None:
        """Give the stopper a duplicate of a connection's open descriptor."""
        await self._ask("descriptor", descriptors=(fd,), connection=connection)

    async def release(self, connection: str) -> None:
        """Have the duplicate closed; await this before closing the wire."""
        await self._ask("release", connection=connection)

    def confirmed(self, device: str) -> None:
        """Tell that the device's stop reply was seen on its line."""
        if self._line is not None:
            self._line.send({"op": "confirmed", "device": device})

    async def stop(self, device: str | None = None, *, by: str, reason: str = "") -> Message:
        """Stop a device, or the whole lab for None; returns the report per device."""
        return await self._ask("stop", device=device, by=by, reason=reason)

    async def reset(
        self, device: str | None = None, *, by: str, reason: str, verified: Iterable[str]
    ) -> LatchState:
        """Open the latch of a device, or all for None, once the devices it covers are verified.

        Returns with a fresh permit: whoever acts next need not wait for the next heartbeat.
        """
        await self._ask("reset", device=device, by=by, reason=reason, verified=list(verified))
        if self._line is not None:
            self._first_word.clear()
            self._send_beat(self._line)
            await self._first_permit()
        return self._latch

    async def status(self) -> Message:
        """Latch, controller and readiness per device, as the stopper sees them."""
        return await self._ask("status")

    async def farewell(self) -> None:
        """Announce a shutdown in good order; from here on nothing may act."""
        self._leaving = True
        await self._ask("farewell")

    async def _ask(self, op: str, *, descriptors: Sequence[int] = (), **fields: object) -> Message:
        if self._line is None:
            raise StopperUnreachable(socket=self._path, cause="")
        self._asked += 1
        number = self._asked
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._line.send({"op": op, "id": number, **fields}, descriptors)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await future
        except TimeoutError as fault:
            raise StopperUnreachable(socket=self._path, cause=op) from fault
        finally:
            del self._waiting[number]
        if not answer["ok"]:
            raise Refused(answer["code"], **answer["params"])
        return {key: value for key, value in answer.items() if key not in ("id", "ok")}

    async def _keep_beating(self, line: LineSocket) -> None:
        while True:
            self._send_beat(line)
            await asyncio.sleep(self._beat_s)

    def _send_beat(self, line: LineSocket) -> None:
        self._beat += 1
        self._beats[self._beat] = self._monotonic()
        self._beats.pop(self._beat - MOST_BEATS_KEPT, None)
        line.send({"op": "heartbeat", "seq": self._beat})

    async def _first_permit(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                if self._latch.lab is None:
                    await self._first_word.wait()
        except TimeoutError as fault:
            raise StopperUnreachable(socket=self._path, cause="no permit") from fault
        if self._line is None:
            raise StopperUnreachable(socket=self._path, cause="closed")

    async def _listen(self, line: LineSocket) -> None:
        pushes: Mapping[object, Callable[[Message], None]] = {
            "permit": self._permitted,
            "stopping": self._stop_began,
            "stopped": self._stop_ended,
            "latch": self._latch_moved,
        }
        while True:
            try:
                message = await line.receive()
            except StopFault:
                break
            if message is None:
                break
            if message.get("push") in pushes:
                pushes[message["push"]](message)
            else:
                self._answered(message)
        self._hang_up()
        if not self._leaving:
            self._on_lost()

    def _answered(self, message: Message) -> None:
        """A latch in an answer counts where it stands in the line: a stop may come right behind."""
        if message.get("ok") and "latch" in message:
            self._take_latch(message["latch"])
        future = self._waiting.get(message.get("id", 0))
        if future is not None and not future.done():
            future.set_result(message)

    def _permitted(self, message: Message) -> None:
        sent = self._beats.get(message["seq"])
        if sent is None:
            return  # answers nothing we sent of late: worth nothing
        self._until = max(self._until, sent + message["valid_s"])
        self._first_word.set()

    def _stop_began(self, message: Message) -> None:
        stopping = Stopping(
            lab=message["lab"],
            devices=tuple(message["devices"]),
            by=message["by"],
            reason=message["reason"],
            cause=message["cause"],
            at=message["at"],
        )
        press = Press(stopping.by, stopping.reason, stopping.cause, stopping.at)
        if stopping.lab:
            self._until = 0.0
        for scope in (None,) if stopping.lab else stopping.devices:
            self._latch = self._latch.pressed(scope, press)
        self._first_word.set()
        self._on_stopping(stopping)
        self._on_latch(self._latch)

    def _stop_ended(self, message: Message) -> None:
        self._on_stopped(Press.from_json({**message, "report": message["devices"]}))

    def _latch_moved(self, message: Message) -> None:
        self._take_latch(message["state"])

    def _take_latch(self, data: Mapping[str, object]) -> None:
        latch = LatchState.from_json(data)
        if latch != self._latch:
            self._latch = latch
            self._on_latch(latch)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        self._until = 0.0
        self._first_word.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(StopperUnreachable(socket=self._path, cause=""))
