"""The OPC UA drivers on the simulated lathe and the simulated robot cell."""

from __future__ import annotations

from typing import Any, cast

from equipment_drivers.contract import CommandContext, DeviceConfig
from equipment_drivers.devices.opcua_machine import OpcuaMachine
from equipment_drivers.devices.opcua_machine_options import MachineDeviceOptions, MachineOptions
from equipment_drivers.devices.opcua_robot import OpcuaRobot
from equipment_drivers.devices.opcua_robot_options import RobotDeviceOptions, RobotOptions
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Operation,
    Safety,
)
from lab_controller.clock import LabClock
from tests.equipment_drivers.driver_bench import DriverBench

GO = CommandContext("c1", 1)
URI = "urn:machikoba:sim:plc"
QUICK_LATHE = {
    "allow_unsecured": True,
    "timeout_s": 0.5,
    "watchdog_s": 0.3,
    "start_s": 0.5,
    "confirm_s": 0.5,
    "degraded_s": 0.1,
}


def node(name: str) -> str:
    return f"nsu={URI};s=Machine.{name}"


def path(name: str) -> list[list[str]]:
    return [[URI, "Machine"], [URI, name]]


LATHE: dict[str, Any] = {
    "signals": [
        {"name": "spindle_speed", "node": node("SpindleSpeed"), "unit": "1/min", "precision": 0},
        {"name": "spindle_load", "node": path("SpindleLoad"), "unit": "%"},
        {"name": "power", "node": node("PowerDraw"), "unit": "W", "scale": 1000.0},
        {"name": "door_closed", "node": node("DoorClosed")},
        {"name": "nowhere", "node": node("Nowhere"), "optional": True},
    ],
    "counters": {"parts": node("PartsTotal"), "cycle_time": path("LastCycleTime")},
    "state": {
        "node": node("State"),
        "values": {"0": "idle", "1": "busy", "2": "paused", "3": "fault"},
    },
    "safety": {
        "node": node("DoorClosed"),
        "values": {"true": "normal", "false": "safeguard_stop"},
    },
    "message": node("Alarm"),
    "setpoints": [
        {
            "name": "feed",
            "node": node("FeedOverride"),
            "unit": "%",
            "min": 0,
            "max": 120,
            "rest": 0,
        },
        {"name": "coolant", "node": node("Coolant"), "min": 0, "max": 1},
    ],
    "methods": [
        {
            "name": "start_cycle",
            "object": path("Machine")[:1],
            "method": [URI, "StartCycle"],
            "reaches": "busy",
        },
    ],
    "stop": {
        "object": [[URI, "Machine"]],
        "method": [URI, "StopCycle"],
        "args": [["Int32", 0]],
        "confirm": {"node": path("State"), "equals": [0, 3]},
    },
}


class Bench(DriverBench):
    """A connection to one lathe and what it told."""

    def __init__(self, url: str, clock: LabClock, device: dict[str, Any], **more: Any) -> None:
        super().__init__(
            "plc",
            OpcuaMachine,
            MachineOptions.model_validate({"url": url, **QUICK_LATHE, **more}),
            [DeviceConfig("m", "", MachineDeviceOptions.model_validate(device))],
            clock=clock,
        )

    async def shows(self, operation: Operation, safety: Safety = Safety.NORMAL) -> None:
        def holds() -> bool:
            states = [fact for fact in self.facts if isinstance(fact, DeviceState)]
            return bool(states) and (states[-1].operation, states[-1].safety) == (operation, safety)

        await self.until(holds)

    async def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        result = await self.connection.execute("m", verb, arguments, GO)
        return dict(result.values)

    @property
    def cycles(self) -> list[CycleFinished]:
        return [fact for fact in self.facts if isinstance(fact, CycleFinished)]

    @property
    def messages(self) -> list[tuple[str, str]]:
        return [(f.code, f.text) for f in self.facts if isinstance(f, DeviceMessage)]


QUICK_ROBOT = {"timeout_s": 0.5, "watchdog_s": 0.3, "start_s": 1.0, "stop_s": 1.0}


class Cell(DriverBench):
    """A connection to one robot and what it told."""

    def __init__(self, url: str, clock: LabClock, device: dict[str, Any] | None = None) -> None:
        options = RobotDeviceOptions.model_validate(device or {})
        super().__init__(
            "cell",
            OpcuaRobot,
            RobotOptions.model_validate({"url": url, "allow_unsecured": True, **QUICK_ROBOT}),
            [DeviceConfig("r", (device or {}).get("address", ""), options)],
            clock=clock,
        )
        self.driver = cast(OpcuaRobot, self.connection.driver)

    async def shows(self, operation: Operation, safety: Safety = Safety.NORMAL) -> None:
        def holds() -> bool:
            state = self.state
            return state is not None and (state.operation, state.safety) == (operation, safety)

        await self.until(holds)

    async def do(self, verb: str, **arguments: Any) -> None:
        await self.connection.execute("r", verb, arguments, GO)

    @property
    def state(self) -> DeviceState | None:
        states = [fact for fact in self.facts if isinstance(fact, DeviceState)]
        return states[-1] if states else None

    @property
    def cycles(self) -> list[CycleFinished]:
        return [fact for fact in self.facts if isinstance(fact, CycleFinished)]
