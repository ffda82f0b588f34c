"""Robot cells on OPC UA, as OPC 40010-1 (Robotics) shows them.

A server that only shows (methods are optional there) is monitored: its commands are refused as not
supported, and its stop plan has no steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from asyncua import ua
from pydantic import Field

from equipment_drivers import contract as c
from equipment_drivers.devices.opcua_endpoint import Endpoint, OnEndpoint, Watched
from equipment_drivers.devices.opcua_robot_nodes import URIS, RobotNodes, resolve
from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions, RobotOptions
from equipment_drivers.devices.opcua_robot_view import REMOTE_MODES, UNITS, RobotView
from equipment_drivers.devices.opcua_session import our_words
from equipment_drivers.devices.opcua_stop import stopped
from equipment_drivers.devices.opcua_tree import CORE, Method, Place
from equipment_drivers.errors import (
    Faulted,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    WrongDevice,
)
from equipment_drivers.model import Operation

SLOW = ("speed_override", "axis_")
RESTING = frozenset({Operation.IDLE, Operation.READY})
BUSY = frozenset({Operation.BUSY})
PRECISION = {"1": 0, "kW.h": 4, "s": 2}


class ProgramName(c.Arguments):
    """The program as the robot's controller names it."""

    name: str = Field(min_length=1, max_length=200)


@dataclass(slots=True)
class Robot:
    """One configured system: what it is called, its nodes of this session, its picture."""

    config: c.DeviceConfig
    options: RobotDeviceOptions
    view: RobotView
    watched: Watched
    nodes: RobotNodes = field(default_factory=lambda: RobotNodes({}))
    stop: tuple[Place, Method] | None = None


class OpcuaRobot(OnEndpoint):
    """One endpoint with one or more robot systems on it."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="opcua_robot",
        kind="robot",
        connection_options=RobotOptions,
        device_options=RobotDeviceOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, RobotOptions)
        self._options = options
        self._robots: dict[str, Robot] = {}
        for device in devices:
            assert isinstance(device.options, RobotDeviceOptions)
            view = RobotView(device.id, clock=clock, emit=emit)
            watched = Watched(view, slow=SLOW)
            self._robots[device.id] = Robot(device, device.options, view, watched)
        self._endpoint = Endpoint(
            connection,
            options,
            [robot.watched for robot in self._robots.values()],
            clock=clock,
            emit=emit,
            slow_ms=options.slow_ms,
        )

    # -- what it is -------------------------------------------------------------------------

    def device_spec(self, device: str) -> c.DeviceSpec:
        options, longest = self._robots[device].options, self._options.timeout_s
        starting, stopping = longest + self._options.start_s, longest + self._options.stop_s
        none, act = c.NoArguments, c.Effect.ACTUATE
        commands = (
            c.CommandSpec("load_program", ProgramName, c.Effect.CONFIGURE, RESTING, stopping),
            c.CommandSpec("start_program", none, act, frozenset({Operation.READY}), starting),
            c.CommandSpec("stop_program", none, act, c.ANY_TIME, stopping, calms=True),
            c.CommandSpec("hold", none, act, BUSY, stopping, calms=True),
            c.CommandSpec("resume", none, act, frozenset({Operation.PAUSED}), starting),
        )
        units = {f"axis_{number}": "deg" for number in range(1, options.axes + 1)} | UNITS
        return c.DeviceSpec(
            device=device,
            kind="robot",
            commands={command.verb: command for command in commands},
            signals={
                name: c.SignalSpec(name, unit, options.max_age_s, PRECISION.get(unit, 1))
                for name, unit in units.items()
            },
            moves=True,
        )

    def stop_plan(self, device: str) -> c.StopPlan:
        """The Stop method by its browse path; known once the robot has been seen."""
        stop = self._robots[device].stop
        if stop is None:
            return c.StopPlan(device, "stop.means.robot_without_method")
        machine, method = stop
        shown = (*machine.path, (CORE, "CurrentState")), ("Ready", "Idle")
        step = self._endpoint.stop_step(machine.path, method, shown)
        return c.StopPlan(device, "stop.means.robot", (step,))

    # -- the wire ---------------------------------------------------------------------------

    async def connect(self) -> None:
        tree = await self._endpoint.open()
        if not {URIS["DI"], URIS["ROB"]} <= set(tree.namespaces):
            raise WrongDevice(cause="no Robotics namespace")
        for robot in self._robots.values():
            with our_words(self._options.url):
                robot.nodes = await resolve(tree, robot.config.address, robot.options)
            robot.watched.found(robot.nodes.values)
            robot.view.scales = robot.nodes.scales
            machine, method = robot.nodes.machine, robot.nodes.methods.get("Stop")
            robot.stop = (machine, method) if machine and method else None

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
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
        return c.CommandResult(text=robot.view.operation, values={"state": robot.view.operation})

    async def _load(self, robot: Robot, name: str, context: c.CommandContext) -> None:
        view = robot.view
        await self._call(robot, "LoadByName", context, ua.Variant(name, ua.VariantType.String))
        loaded = await view.reaches(
            lambda: view.operation is Operation.READY and view.value("program") == name,
            self._options.stop_s,
        )
        if not loaded:
            raise OutcomeUnknown(device=robot.config.id, verb="load_program", cause=name)

    async def _run(self, robot: Robot, method: str, context: c.CommandContext) -> None:
        """Start moving; a start that is accepted and then does nothing is a fault."""
        view = robot.view
        if view.mode not in REMOTE_MODES:
            state = f"mode {view.mode or 'unknown'}"
            raise NotAllowedNow(device=robot.config.id, verb=method, state=state)
        await self._call(robot, method, context)
        if not await view.reaches(lambda: view.operation is Operation.BUSY, self._options.start_s):
            raise Faulted(device=robot.config.id, cause=f"{method}: never Executing")

    async def _still(self, robot: Robot, method: str, context: c.CommandContext) -> None:
        await self._call(robot, method, context)
        if not await self._rests(robot, self._options.stop_s):
            raise OutcomeUnknown(device=robot.config.id, verb=method, cause="still Executing")

    @staticmethod
    async def _rests(robot: Robot, within_s: float) -> bool:
        at_rest = (Operation.IDLE, Operation.READY, Operation.PAUSED)
        return await robot.view.reaches(lambda: robot.view.operation in at_rest, within_s)

    async def _call(
        self, robot: Robot, name: str, context: c.CommandContext, *inputs: ua.Variant
    ) -> None:
        method, machine = robot.nodes.methods.get(name), robot.nodes.machine
        if method is None or machine is None:
            raise NotSupported(device=robot.config.id, verb=name)
        session = self._endpoint.session
        context.demand()
        await session.call(machine.node, method, *inputs)

    async def stop_now(self, device: str) -> c.StopReport:
        return await self._stop(self._robots[device], self._options.stop_deadline_s)

    async def safe_state(self, device: str) -> c.StopReport:
        return await self._stop(self._robots[device], self._options.stop_s)

    async def _stop(self, robot: Robot, within_s: float) -> c.StopReport:
        return await stopped(
            robot.config.id,
            lambda: self._call(robot, "Stop", c.CommandContext("stop", None)),
            lambda: self._rests(robot, within_s),
            within_s,
        )
