"""Robot cells on OPC UA, as OPC 40010-1 (Robotics) shows them.

Changes come by subscription, so that no step of a counter is missed. A probe reads the same
values every `watchdog_s`: it notices a dead peer, keeps unchanged values fresh, and finds a
subscription that has gone silent behind a living socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from asyncua import Node, ua
from pydantic import Field

from equipment_drivers.contract import (
    Arguments,
    Clock,
    CommandContext,
    CommandResult,
    CommandSpec,
    DeviceConfig,
    DeviceSpec,
    DriverSpec,
    Effect,
    Options,
    SignalSpec,
    StopOutcome,
    StopPlan,
    StopReport,
    StopStep,
)
from equipment_drivers.devices.opcua_robot_nodes import (
    URIS,
    Method,
    Place,
    RobotNodes,
    Tree,
    resolve,
)
from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions, RobotOptions
from equipment_drivers.devices.opcua_robot_view import PAIRING_S, REMOTE_MODES, UNITS, RobotView
from equipment_drivers.devices.opcua_robot_wire import Inbox, RobotWire, our_words
from equipment_drivers.errors import (
    DriverError,
    Faulted,
    LinkLost,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    WrongDevice,
)
from equipment_drivers.model import DeviceMessage, Fact, Link, LinkChanged, Operation

STOP_S = 2.0
SILENT_PROBES = 3
DEGRADED_S = 60.0
SLOW = ("speed_override", "axis_")
RESTING = frozenset({Operation.IDLE, Operation.READY})
ANY_TIME = frozenset(Operation)
PRECISION = {"1": 0, "kW.h": 4, "s": 2}


class NoArguments(Arguments):
    """The verb says it all."""


class ProgramName(Arguments):
    """The program as the robot's controller names it."""

    name: str = Field(min_length=1, max_length=200)


@dataclass(slots=True)
class Robot:
    """One configured system: what it is called, its nodes of this session, its picture."""

    config: DeviceConfig
    options: RobotDeviceOptions
    view: RobotView
    nodes: RobotNodes = field(default_factory=lambda: RobotNodes({}))
    keys: dict[ua.NodeId, str] = field(default_factory=dict)
    stop: tuple[Place, Method] | None = None


class OpcuaRobot:
    """One endpoint with one or more robot systems on it."""

    spec: ClassVar[DriverSpec] = DriverSpec(
        id="opcua_robot",
        kind="robot",
        connection_options=RobotOptions,
        device_options=RobotDeviceOptions,
    )

    def __init__(
        self,
        connection: str,
        options: Options,
        devices: Sequence[DeviceConfig],
        *,
        clock: Clock,
        emit: Callable[[Fact], None],
    ) -> None:
        assert isinstance(options, RobotOptions)
        self._connection, self._options = connection, options
        self._clock, self._emit = clock, emit
        self._robots = {device.id: self._robot(device) for device in devices}
        self._wire: RobotWire | None = None
        self._inbox = Inbox()
        self._started: datetime | None = None
        self._silent = 0
        self._marked, self._well_at = Link.ONLINE, 0.0

    def _robot(self, device: DeviceConfig) -> Robot:
        assert isinstance(device.options, RobotDeviceOptions)
        view = RobotView(device.id, clock=self._clock, emit=self._emit)
        return Robot(device, device.options, view)

    # -- what it is -------------------------------------------------------------------------

    @property
    def max_silence_s(self) -> float:
        return 2 * self._options.watchdog_s

    def device_spec(self, device: str) -> DeviceSpec:
        options, longest = self._robots[device].options, self._options.timeout_s
        starting, stopping = longest + self._options.start_s, longest + self._options.stop_s
        act = Effect.ACTUATE
        commands = (
            CommandSpec("load_program", ProgramName, Effect.CONFIGURE, RESTING, stopping),
            CommandSpec("start_program", NoArguments, act, frozenset({Operation.READY}), starting),
            CommandSpec("stop_program", NoArguments, act, ANY_TIME, stopping),
            CommandSpec("hold", NoArguments, act, frozenset({Operation.BUSY}), stopping),
            CommandSpec("resume", NoArguments, act, frozenset({Operation.PAUSED}), starting),
        )
        units = {f"axis_{number}": "deg" for number in range(1, options.axes + 1)} | UNITS
        return DeviceSpec(
            device=device,
            kind="robot",
            commands={command.verb: command for command in commands},
            signals={
                name: SignalSpec(name, unit, options.max_age_s, PRECISION.get(unit, 1))
                for name, unit in units.items()
            },
        )

    def stop_plan(self, device: str) -> StopPlan:
        """The Stop method by its browse path; known once the robot has been seen."""
        stop = self._robots[device].stop
        if stop is None:
            return StopPlan(device, "stop.means.robot_without_method")
        machine, method = stop
        state = [*machine.path, (URIS["0"], "CurrentState")]
        payload = {
            "endpoint": self._options.url,
            "object": [list(step) for step in machine.path],
            "method": [method.uri, method.name],
            "args": [[value.VariantType.name, value.Value] for value in method.inputs],
            "confirm": {"path": [list(step) for step in state], "equals": ["Ready", "Idle"]},
        }
        step = StopStep("opcua_call", self._connection, payload, deadline_s=STOP_S)
        return StopPlan(device, "stop.means.robot", (step,))

    def stop_descriptor(self) -> int | None:
        return None

    # -- the wire ---------------------------------------------------------------------------

    async def connect(self) -> None:
        self._wire = wire = RobotWire(self._options)
        namespaces = await wire.open()
        if not {URIS["DI"], URIS["ROB"]} <= set(namespaces):
            raise WrongDevice(cause="no Robotics namespace")
        await self._note_restart(wire)
        tree = Tree(wire.client, namespaces)
        for robot in self._robots.values():
            with our_words(self._options.url):
                robot.nodes = await resolve(tree, robot.config.address, robot.options)
            robot.keys = {node.nodeid: key for key, node in robot.nodes.values.items()}
            robot.view.scales = robot.nodes.scales
            machine, method = robot.nodes.machine, robot.nodes.methods.get("Stop")
            robot.stop = (machine, method) if machine and method else None

    async def _note_restart(self, wire: RobotWire) -> None:
        before, self._started = self._started, await wire.started()
        if before is not None and before != self._started:
            for device in self._robots:
                now = self._clock.now()
                self._emit(DeviceMessage(device, "message.server_restarted", str(before), now))

    async def resync(self) -> None:
        """Read every value, and subscribe when this session has not yet.

        Beside a living subscription every part finished before has been told when this returns.
        """
        wire = self._open_wire()
        for robot in self._robots.values():
            values = await wire.read(list(robot.nodes.values.values()))
            samples = dict(zip(robot.nodes.values, values, strict=True))
            if wire.subscribed:
                robot.view.refresh(samples)
                await robot.view.catch_up(samples, self._lag_s)
            else:
                robot.view.begin(samples)
        if not wire.subscribed:
            self._inbox, self._silent, self._marked = Inbox(), 0, Link.ONLINE
            nodes = [item for robot in self._robots.values() for item in robot.nodes.values.items()]
            slow = [node for key, node in nodes if key.startswith(SLOW)]
            fast = [node for key, node in nodes if not key.startswith(SLOW)]
            await wire.subscribe(self._inbox, fast, self._options.fast_ms, self._options.queue)
            await wire.subscribe(self._inbox, slow, self._options.slow_ms, 1)

    async def serve(self) -> None:
        wire = self._open_wire()
        parts: list[Coroutine[Any, Any, None]] = [
            self._drain(),
            self._watch(wire),
            self._until_lost(wire),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    @property
    def _lag_s(self) -> float:
        """How long after its end a part may be told: a publishing interval, then its pairing."""
        return 2 * self._options.fast_ms / 1000 + PAIRING_S

    def _open_wire(self) -> RobotWire:
        if self._wire is None:
            raise LinkLost(url=self._options.url, cause="closed")
        return self._wire

    async def _until_lost(self, wire: RobotWire) -> None:
        await wire.lost.wait()
        raise LinkLost(url=self._options.url, cause="connection closed")

    async def _drain(self) -> None:
        while True:
            batch = await self._inbox.take()
            self._silent = 0
            for node, sample in batch:
                for robot in self._robots.values():
                    if node in robot.keys:
                        robot.view.take(robot.keys[node], sample)
            for robot in self._robots.values():
                robot.view.settle()
            self._tell_lost()

    def _tell_lost(self) -> None:
        """Steps were lost between server and us: counts may be short, and people must know."""
        lost, self._inbox.lost = self._inbox.lost, 0
        if lost:
            now = self._clock.now()
            for device in self._robots:
                self._emit(DeviceMessage(device, "message.samples_lost", str(lost), now))
            self._mark(Link.DEGRADED)

    def _mark(self, link: Link) -> None:
        """Call the link degraded, and well again when nothing was lost for a while."""
        now = self._clock.monotonic()
        if link is Link.DEGRADED:
            self._well_at = now + DEGRADED_S
        elif now < self._well_at:
            return
        if link is not self._marked:
            self._marked = link
            self._emit(LinkChanged(self._connection, link, self._clock.now()))

    async def _watch(self, wire: RobotWire) -> None:
        """Probe; changes that the probe sees and the subscription never brings mean it is dead."""
        while True:
            await asyncio.sleep(self._options.watchdog_s)
            told = True
            for robot in self._robots.values():
                nodes: list[Node] = list(robot.nodes.values.values())
                samples = await wire.probe(nodes, self._options.watchdog_s)
                for key, sample in zip(robot.nodes.values, samples, strict=True):
                    told &= robot.view.confirm(key, sample)
                robot.view.settle()
            self._mark(Link.ONLINE)
            self._silent = 0 if told else self._silent + 1
            if self._silent > SILENT_PROBES:
                raise PeerSilent(url=self._options.url, cause="subscription")

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: Arguments, context: CommandContext
    ) -> CommandResult:
        robot = self._robots[device]
        match verb:
            case "load_program":
                assert isinstance(args, ProgramName)
                await self._load(robot, args.name, context)
            case "start_program":
                await self._run(robot, "Start", context)
            case "resume":
                named = robot.options.resume
                await self._run(robot, named if named in robot.nodes.methods else "Start", context)
            case "hold":
                await self._still(robot, robot.options.hold, context)
            case "stop_program":
                await self._still(robot, "Stop", context)
            case _:
                raise NotSupported(device=device, verb=verb)
        return CommandResult(text=robot.view.operation, values={"state": robot.view.operation})

    async def _load(self, robot: Robot, name: str, context: CommandContext) -> None:
        view = robot.view
        await self._call(robot, "LoadByName", context, ua.Variant(name, ua.VariantType.String))
        loaded = await view.reaches(
            lambda: view.operation is Operation.READY and view.value("program") == name,
            self._options.stop_s,
        )
        if not loaded:
            raise OutcomeUnknown(device=robot.config.id, verb="load_program", cause=name)

    async def _run(self, robot: Robot, method: str, context: CommandContext) -> None:
        """Start moving; a start that is accepted and then does nothing is a fault."""
        view = robot.view
        if view.mode not in REMOTE_MODES:
            state = f"mode {view.mode or 'unknown'}"
            raise NotAllowedNow(device=robot.config.id, verb=method, state=state)
        await self._call(robot, method, context)
        if not await view.reaches(lambda: view.operation is Operation.BUSY, self._options.start_s):
            raise Faulted(device=robot.config.id, cause=f"{method}: never Executing")

    async def _still(self, robot: Robot, method: str, context: CommandContext) -> None:
        await self._call(robot, method, context)
        if not await self._rests(robot, self._options.stop_s):
            raise OutcomeUnknown(device=robot.config.id, verb=method, cause="still Executing")

    @staticmethod
    async def _rests(robot: Robot, within_s: float) -> bool:
        at_rest = (Operation.IDLE, Operation.READY, Operation.PAUSED)
        return await robot.view.reaches(lambda: robot.view.operation in at_rest, within_s)

    async def _call(
        self, robot: Robot, name: str, context: CommandContext, *inputs: ua.Variant
    ) -> None:
        method, machine = robot.nodes.methods.get(name), robot.nodes.machine
        if method is None or machine is None:
            raise NotSupported(device=robot.config.id, verb=name)
        wire = self._open_wire()
        context.demand()
        await wire.call(machine.node, method, *inputs)

    async def stop_now(self, device: str) -> StopReport:
        return await self._stop(self._robots[device], STOP_S)

    async def safe_state(self, device: str) -> StopReport:
        return await self._stop(self._robots[device], self._options.stop_s)

    async def _stop(self, robot: Robot, within_s: float) -> StopReport:
        device = robot.config.id
        try:
            async with asyncio.timeout(within_s):
                await self._call(robot, "Stop", CommandContext("stop", None))
        except (DriverError, TimeoutError) as error:
            return StopReport(device, StopOutcome.FAILED, str(error) or "timeout")
        rests = await self._rests(robot, within_s)
        return StopReport(device, StopOutcome.CONFIRMED if rests else StopOutcome.SENT)
