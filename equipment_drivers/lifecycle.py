"""The life of one connection: open, read everything back, serve, lose, wait, open again.

    OFFLINE → CONNECTING → SYNCING → ONLINE ⇄ DEGRADED
    any loss        → BACKOFF → CONNECTING
    wrong setup     → CONFIG_ERROR / AUTH_ERROR / IDENTITY_ERROR until `reconnect_now()`

Nothing is queued across an outage and nothing is sent again after one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from pydantic import ValidationError

from equipment_drivers.contract import (
    Arguments,
    Clock,
    CommandContext,
    CommandResult,
    CommandSpec,
    DeviceConfig,
    Driver,
    Effect,
    Options,
)
from equipment_drivers.errors import (
    AuthRejected,
    BadArguments,
    ConnectFailed,
    DriverError,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    SetupFault,
    Stopped,
    WireFault,
    WrongDevice,
)
from equipment_drivers.model import (
    DeviceState,
    Fact,
    JobProgress,
    Link,
    LinkChanged,
    Operation,
    Reading,
    Safety,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
DOWN = frozenset(Link) - {Link.CONNECTING, Link.SYNCING, Link.ONLINE, Link.DEGRADED}
Hook = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """The hook of a connection nobody else shares."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a connection's life, in real seconds.

    The n-th wait in a row lasts min(`backoff_max_s`, `backoff_first_s`·2^n)·U(0.5, 1.5);
    n starts again at 0 after `steady_s` without a loss, and when somebody asks for the wire: a
    machine just switched on may need many short attempts until it has booted.
    """

    attempt_s: float = 10.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    steady_s: float = 60.0
    close_s: float = 3.0


class Connection:
    """One wire and the actor task (`run`) that owns it.

    `on_online` is awaited after each resync, before the first command may pass; `before_close`
    before the driver closes the wire, so that whoever shares its descriptor can give it back.
    """

    def __init__(
        self,
        id: str,
        driver: type[Driver],
        options: Options,
        devices: Sequence[DeviceConfig],
        *,
        clock: Clock,
        emit: Callable[[Fact], None],
        before_close: Hook = nothing,
        on_online: Hook = nothing,
        rng: Random | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.id = id
        self.devices = tuple(device.id for device in devices)
        self.driver = driver(id, options, devices, clock=clock, emit=self._observe)
        self._clock, self._emit = clock, emit
        self._before_close, self._on_online = before_close, on_online
        self._rng, self._limits = rng or Random(), limits or Limits()
        self._link = Link.OFFLINE
        self._states: dict[str, DeviceState] = {}
        self._running: dict[asyncio.Task[CommandResult], str] = {}
        self._ended_by: dict[asyncio.Task[CommandResult], DriverError] = {}
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._told_down = False

    @property
    def link(self) -> Link:
        """Where the connection stands."""
        return self._link

    def operation(self, device: str) -> Operation:
        """The device's last known operation; UNKNOWN while the link is down."""
        state = self._states.get(device)
        return state.operation if state else Operation.UNKNOWN

    # -- life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the wire until `stop` or cancellation; ends OFFLINE with everything closed."""
        if self._stopping:
            return
        self._life = asyncio.create_task(self._live(), name=f"connection {self.id}")
        try:
            await asyncio.wait({self._life})
        finally:
            await self.stop()
        if not self._life.cancelled():
            self._life.result()

    async def stop(self) -> None:
        """End `run` and wait until the wire is closed. May be called twice."""
        first, self._stopping = not self._stopping, True
        if self._life is None:
            return
        while not self._life.done():
            if first:
                self._life.cancel()  # again when a library has swallowed it
            await asyncio.wait({self._life}, timeout=2 * self._limits.close_s)
        self._become(Link.OFFLINE)

    def reconnect_now(self) -> None:
        """Try again at once, then often, from backoff or a terminal state; keep a living link."""
        self._wake.set()

    async def _live(self) -> None:
        losses = 0
        while not self._stopping:
            began = self._clock.monotonic()
            fault = await self._session()
            if self._stopping:
                break
            if self._clock.monotonic() - began >= self._limits.steady_s:
                losses = 0
            woken = await self._woken_within(self._pause_after(fault, losses))
            losses = 0 if woken else losses + 1

    async def _woken_within(self, seconds: float | None) -> bool:
        """Whether somebody wants the wire now: the waits then begin small again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._wake.wait()
        return False

    def _pause_after(self, fault: DriverError, losses: int) -> float | None:
        if isinstance(fault, SetupFault):
            return None
        longest = min(
            self._limits.backoff_max_s, self._limits.backoff_first_s * 2.0 ** min(losses, 16)
        )
        return longest * self._rng.uniform(0.5, 1.5)

    async def _session(self) -> DriverError:
        """One attempt and, if it holds, one life of the wire; returns what ended it."""
        fault: DriverError | None = None
        try:
            await self._open()
            await self.driver.serve()
            fault = WireFault(connection=self.id, cause="serve returned")
        except DriverError as error:
            fault = error
        except TimeoutError:
            fault = ConnectFailed(connection=self.id, cause="timeout")
        except Exception as error:
            log.exception("connection %s: mistake in its driver", self.id)
            fault = DriverError(connection=self.id, cause=repr(error))
        finally:
            await self._lose(fault)
        return fault

    async def _open(self) -> None:
        async with asyncio.timeout(self._limits.attempt_s):
            self._become(Link.CONNECTING)
            await self.driver.connect()
            self._become(Link.SYNCING)
            await self.driver.resync()
            await self._on_online()
        self._become(Link.ONLINE)
        log.info("connection %s up", self.id)
        self._told_down = False

    async def _lose(self, fault: DriverError | None) -> None:
        """Refuse commands first, then end what runs, tell, and close the wire."""
        self._wake.clear()
        self._become(link_after(fault), fault)
        cause = fault.code if fault else "closed"
        if fault and not self._told_down:
            log.warning("connection %s down: %s", self.id, fault)
            self._told_down = True
        for task in list(self._running):
            self._end(task, OutcomeUnknown(connection=self.id, cause=cause))
        for state in list(self._states.values()):
            if state.operation is not Operation.UNKNOWN:
                self._observe(unknown(state, self._clock))
        for closing in (self._before_close, self.driver.close):
            await self._bounded_close(closing)

    async def _bounded_close(self, closing: Hook) -> None:
        """Whatever goes wrong while closing must not end the connection's life."""
        try:
            async with asyncio.timeout(self._limits.close_s):
                await closing()
        except TimeoutError:
            log.warning("connection %s did not close in time", self.id)
        except Exception:
            log.exception("connection %s did not close cleanly", self.id)

    def _become(self, link: Link, fault: DriverError | None = None) -> None:
        if link is self._link:
            return
        self._link = link
        code, params = (fault.code, fault.params) if fault else ("", {})
        self._emit(LinkChanged(self.id, link, self._clock.now(), code, params))

    def _observe(self, fact: Fact) -> None:
        """Every fact of the driver passes here; it may call its own link degraded or well."""
        if isinstance(fact, LinkChanged):
            if self._link.carries_commands and fact.link.carries_commands:
                self._link = fact.link
                self._emit(fact)
            return
        if self._link in DOWN and claims_to_know(fact):
            return  # a command that ends with the wire knows nothing of the device any more
        if isinstance(fact, DeviceState):
            self._states[fact.device] = fact
        self._emit(fact)

    # -- commands ---------------------------------------------------------------------------

    async def resync(self) -> None:
        """Read everything back, after the short command that may be running."""
        async with self._one_at_a_time:
            self._demand_link()
            try:
                async with asyncio.timeout(self._limits.attempt_s):
                    await self.driver.resync()
            except TimeoutError as error:
                raise PeerSilent(connection=self.id) from error

    async def execute(
        self,
        device: str,
        verb: str,
        args: Arguments | Mapping[str, object],
        context: CommandContext,
    ) -> CommandResult:
        """Carry out one command, or refuse it at once: nothing waits for a link to come back.

        Short commands go one at a time; a job (`timeout_s` None) runs beside them. Raises Refused
        (nothing sent), DeviceFault, or OutcomeUnknown (sent, no proof).
        """
        spec = self._spec(device, verb)
        checked = check_arguments(spec, args)
        self._demand_now(device, spec)
        if spec.timeout_s is None:
            return await self._carry_out(device, spec, checked, context)
        try:
            async with asyncio.timeout(spec.timeout_s):
                await self._one_at_a_time.acquire()
        except TimeoutError as error:
            raise NotAllowedNow(device=device, verb=verb, state="busy") from error
        try:
            self._demand_now(device, spec)
            return await self._carry_out(device, spec, checked, context)
        finally:
            self._one_at_a_time.release()

    async def cancel_jobs(self, device: str | None = None) -> None:
        """End the running commands (of one device) with `Stopped` and wait until they ended."""
        ending = [task for task, of in self._running.items() if device in (None, of)]
        for task in ending:
            self._end(task, Stopped(device=self._running[task]))
        if ending:
            await asyncio.wait(ending)

    def _end(self, task: asyncio.Task[CommandResult], why: DriverError) -> None:
        self._ended_by[task] = why
        task.cancel()

    def _spec(self, device: str, verb: str) -> CommandSpec:
        if device not in self.devices:
            raise NotSupported(device=device, verb=verb)
        spec = self.driver.device_spec(device).commands.get(verb)
        if spec is None:
            raise NotSupported(device=device, verb=verb)
        return spec

    def _demand_link(self) -> None:
        if not self._link.carries_commands:
            raise NotAllowedNow(connection=self.id, state=self._link)

    def _demand_now(self, device: str, spec: CommandSpec) -> None:
        if not self._link.carries_commands:
            raise NotAllowedNow(device=device, verb=spec.verb, state=self._link)
        operation = self.operation(device)
        if operation not in spec.allowed:
            raise NotAllowedNow(device=device, verb=spec.verb, state=operation)

    async def _carry_out(
        self, device: str, spec: CommandSpec, args: Arguments, context: CommandContext
    ) -> CommandResult:
        context.demand()
        command = self.driver.execute(device, spec.verb, args, context)
        try:
            async with asyncio.timeout(spec.timeout_s):
                return await self._tracked(device, command)
        except TimeoutError as error:
            raise OutcomeUnknown(device=device, verb=spec.verb, cause="timeout") from error
        except ConnectFailed:
            raise
        except WireFault as error:
            if spec.effect is Effect.READ:
                raise
            raise OutcomeUnknown(device=device, verb=spec.verb, cause=error.code) from error
        except DriverError:
            raise
        except Exception as error:
            log.exception("connection %s: mistake in its driver", self.id)
            raise OutcomeUnknown(device=device, verb=spec.verb, cause=repr(error)) from error

    async def _tracked(
        self, device: str, command: Coroutine[object, object, CommandResult]
    ) -> CommandResult:
        """Await the command as a task that a loss or `cancel_jobs` can end with its reason."""
        task = asyncio.create_task(command, name=f"{self.id} {device}")
        self._running[task] = device
        try:
            return await task
        except asyncio.CancelledError:
            why = self._ended_by.get(task)
            caller = asyncio.current_task()
            if why is None or (caller is not None and caller.cancelling()):
                raise
            raise why from None
        finally:
            self._running.pop(task, None)
            self._ended_by.pop(task, None)


def link_after(fault: DriverError | None) -> Link:
    """The link a fault leaves behind; none: it was closed on purpose."""
    match fault:
        case None:
            return Link.OFFLINE
        case AuthRejected():
            return Link.AUTH_ERROR
        case WrongDevice():
            return Link.IDENTITY_ERROR
        case SetupFault():
            return Link.CONFIG_ERROR
        case _:
            return Link.BACKOFF


def claims_to_know(fact: Fact) -> bool:
    """Whether the fact is about how the device stands now."""
    if isinstance(fact, DeviceState):
        return fact.operation is not Operation.UNKNOWN
    return isinstance(fact, Reading | JobProgress)


def unknown(state: DeviceState, clock: Clock) -> DeviceState:
    """What is known of a device whose wire was lost; the absence of a safety signal stays."""
    safety = Safety.NONE if state.safety is Safety.NONE else Safety.UNKNOWN
    return DeviceState(state.device, Operation.UNKNOWN, safety, clock.now())


def check_arguments(spec: CommandSpec, args: Arguments | Mapping[str, object]) -> Arguments:
    """The command's arguments as its own type. Raises BadArguments."""
    if isinstance(args, spec.args):
        return args
    fields = args.model_dump() if isinstance(args, Arguments) else dict(args)
    try:
        return spec.args.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "-"
        raise BadArguments(verb=spec.verb, key=where, cause=first["msg"]) from error
