"""The life of one connection: open, read everything back, serve, lose, wait, open again.

    OFFLINE → CONNECTING → SYNCING → ONLINE ⇄ DEGRADED
    any loss        → BACKOFF → CONNECTING
    wrong setup     → CONFIG_ERROR / AUTH_ERROR / IDENTITY_ERROR until `reconnect_now()`

Nothing is queued across an outage and nothing is sent again after one. What we had set going when
the wire was lost, and still moves when it is back, is stopped before the link counts as up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

from pydantic import ValidationError

from equipment_drivers.contract import (
    Arguments,
    Clock,
    CommandContext,
    CommandResult,
    CommandSpec,
    Driver,
    Effect,
    Emit,
    Options,
    StopOutcome,
    Wired,
)
from equipment_drivers.errors import (
    BadArguments,
    ConnectFailed,
    DriverError,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    PortBusy,
    SetupFault,
    Stopped,
    WireFault,
)
from equipment_drivers.link_table import DOWN as DOWN
from equipment_drivers.link_table import FOLLOWS
from equipment_drivers.link_table import link_after as link_after
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    Fact,
    JobProgress,
    Link,
    LinkChanged,
    Operation,
    Reading,
    Safety,
)
from equipment_drivers.running import Running
from equipment_drivers.storms import Storm
from equipment_drivers.unfinished import MOVING, Unfinished
from equipment_drivers.waking import woken_within

log = logging.getLogger(__name__)

Hook = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """The hook of a connection nobody else shares."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a connection's life, in real seconds.

    The n-th wait in a row lasts min(`backoff_max_s`, `backoff_first_s`·2^n)·U(0.5, 1.5);
    n starts again at 0 after `steady_s` without a loss, and when somebody asks for the wire: a
    machine just switched on may need many short attempts until it has booted. While somebody else
    holds the port or the session a wait is `occupied_s` or more. Lost more than `storm_drops` times
    within `storm_s`, the link is degraded until that is past and no wait under `backoff_max_s`,
    unless somebody asked for the wire since it dropped.
    """

    attempt_s: float = 10.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0
    occupied_s: float = 5.0
    steady_s: float = 60.0
    close_s: float = 3.0
    storm_drops: int = 5
    storm_s: float = 600.0


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
        devices: Wired,
        *,
        clock: Clock,
        emit: Emit,
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
        self._running, self._unfinished = Running(), Unfinished()
        self._storm = Storm(self._limits.storm_drops, self._limits.storm_s)
        self._calming: asyncio.TimerHandle | None = None
        self._called: LinkChanged | None = None
        self._plug = options.plug()
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._stopping = False
        self._closing = False
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
            if first and not self._closing:  # a wire being closed is let close; that is bounded
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
            pause_s = self._pause_after(fault, losses)
            if woken := await woken_within(pause_s, self._wake, self._plug):
                self._storm.wanted()
            losses = 0 if woken else losses + 1

    def _pause_after(self, fault: DriverError, losses: int) -> float | None:
        if isinstance(fault, SetupFault):
            return None
        limits = self._limits
        pause = limits.backoff_first_s * 2.0 ** min(losses, 16)
        if isinstance(fault, PortBusy):
            pause = max(pause, limits.occupied_s)
        if self._storm.slows(self._clock.monotonic()):
            return limits.backoff_max_s * self._rng.uniform(1.0, 1.5)
        return min(limits.backoff_max_s, pause) * self._rng.uniform(0.5, 1.5)

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
            self._called = None
            await self.driver.connect()
            self._become(Link.SYNCING)
            await self.driver.resync()
            await self._stop_what_we_set_going()
            await self._on_online()
        if (left := self._storm.ends_in(self._clock.monotonic())) > 0:
            self._become(Link.DEGRADED)
            self._calming = asyncio.get_running_loop().call_later(left, self._be_as_called)
        else:
            self._be_as_called()
        log.info("connection %s up", self.id)
        self._told_down = False

    async def _stop_what_we_set_going(self) -> None:
        """First thing after a loss: to its resting state, and stopped hard where it resists."""
        moving = [one for one in self._unfinished.due if self.operation(one) in MOVING]
        resisting: set[str] = set()
        for device in moving:
            report = await self.driver.safe_state(device)
            if report.outcome is StopOutcome.FAILED:
                report = await self.driver.stop_now(device)
            self._tell(device, "driver.stopped_after_loss", report.outcome)
            if report.outcome is StopOutcome.FAILED:
                resisting.add(device)
        if moving:
            await self.driver.resync()
        self._unfinished.settled(but=resisting)

    def _be_as_called(self) -> None:
        """Online, unless the driver has called its link degraded, were it while it was opened."""
        self._become(self._called.link if self._called else Link.ONLINE, self._called)

    def _tell(self, device: str, code: str, text: str) -> None:
        self._emit(DeviceMessage(device, code, text, self._clock.now()))

    async def _lose(self, fault: DriverError | None) -> None:
        """Refuse commands first, then end what runs, tell, and close the wire."""
        self._wake.clear()
        if self._calming is not None:
            self._calming.cancel()
        was_up = self._link.carries_commands
        self._become(link_after(fault), fault)
        cause = fault.code if fault else "closed"
        if fault and not self._told_down:
            log.warning("connection %s down: %s", self.id, fault)
            self._told_down = True
        busy = {one for one in self.devices if self.operation(one) in MOVING}
        self._unfinished.lost(busy | {one for one in self.devices if self._running.on(one)})
        self._running.end(OutcomeUnknown(connection=self.id, cause=cause))
        if was_up and fault and self._storm.dropped(self._clock.monotonic()):
            for device in self.devices:
                self._tell(device, "driver.link_storm", fault.code)
        for state in list(self._states.values()):
            if state.operation is not Operation.UNKNOWN:
                self._observe(unknown(state, self._clock))
        self._closing = True
        for closing in (self._before_close, self.driver.close):
            await bounded_close(self.id, closing, self._limits.close_s)
        self._closing = False

    def _become(self, link: Link, told: DriverError | LinkChanged | None = None) -> None:
        if link is self._link:
            return
        if link not in FOLLOWS[self._link]:
            log.error("connection %s: %s must not follow %s", self.id, link, self._link)
        self._link = link
        code, params = (told.code, told.params) if told else ("", {})
        self._emit(LinkChanged(self.id, link, self._clock.now(), code, params))

    def _observe(self, fact: Fact) -> None:
        """Every fact of the driver passes here; it may call its own link degraded or well."""
        if isinstance(fact, LinkChanged):
            if fact.link.carries_commands:
                self._called = fact
                if self._link.carries_commands:
                    self._link = fact.link
                    self._emit(fact)
            return
        if self._link in DOWN and claims_to_know(fact):
            return  # a command that ends with the wire knows nothing of the device any more
        if isinstance(fact, DeviceState):
            self._states[fact.device] = fact
            if not self._running.on(fact.device):
                self._unfinished.seen(fact)
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
        if ending := self._running.end(Stopped(device=device or self.id), device):
            await asyncio.wait(ending)

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
        if spec.effect is not Effect.READ:
            context.demand()
        self._unfinished.told(device, spec)
        command = self.driver.execute(device, spec.verb, args, context)
        try:
            async with asyncio.timeout(spec.timeout_s):
                return await self._running.carry(f"{self.id} {device}", device, command)
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


async def bounded_close(connection: str, closing: Hook, within_s: float) -> None:
    """Whatever goes wrong while closing must not end the connection's life."""
    try:
        async with asyncio.timeout(within_s):
            await closing()
    except TimeoutError:
        log.warning("connection %s did not close in time", connection)
    except Exception:
        log.exception("connection %s did not close cleanly", connection)
