"""What the cobot's server shows of the cell: every reading by name."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from hardware_sim.opcua_cobot_cell import Cell, Event, MicroStop, Part, State, StateChange
from hardware_sim.opcua_cobot_nodes import AXES
from hardware_sim.opcua_cobot_server import CobotServer
from hardware_sim.opcua_readings import Readings
from hardware_sim.process import Station

METER_PERIOD_S = 1.0
AUTOMATIC_EXTERNAL = 4


class Display:
    """Shows the cell's readings; those of a part share the time of its cycle's end."""

    def __init__(self, server: CobotServer, place: Station) -> None:
        self._faults = place.faults
        self._readings = Readings(place.faults, server.publish)
        self._metered = -METER_PERIOD_S

    async def happened(self, event: Event, at: datetime) -> None:
        """Show what an event changed, at the event's own time."""
        if isinstance(event, Part):
            values = {
                "LastCycleTime": event.cycle_time_s,
                "EnergyConsumed": event.energy_kwh,
                "PowerDraw": round(event.power_w, 1),
                "PartsGood": event.parts_good,
                "PartsScrap": event.parts_scrap,
            }
            for name, value in values.items():
                await self._readings.show(name, value, at, always=True)
        elif isinstance(event, MicroStop):
            await self._readings.show("MicroStopCause", event.cause, at)
        elif isinstance(event, StateChange):
            await self._readings.show("ReadySubstate", _substate(event.state, event.suspended), at)
            await self._readings.show("CurrentState", event.state.value, at)

    async def show(self, cell: Cell, at: datetime) -> None:
        """Show the cell as it is now."""
        values = {**_state(cell), **_safety(cell, self._mode(cell)), **_production(cell)}
        values.update(zip(AXES, (round(angle, 3) for angle in cell.pose), strict=True))
        if time.monotonic() - self._metered >= METER_PERIOD_S:
            self._metered = time.monotonic()
            values["EnergyConsumed"] = cell.energy_kwh
        for name, value in values.items():
            await self._readings.show(name, value, at)

    def _mode(self, cell: Cell) -> int:
        turned = self._faults.get("manual_mode")
        return AUTOMATIC_EXTERNAL if cell.automatic or turned is None else int(turned["mode"])


def _substate(state: State, suspended: bool) -> str:
    if state is not State.READY:
        return ""
    return "Suspended" if suspended else "AtProgramStart"


def _state(cell: Cell) -> dict[str, Any]:
    return {
        "ReadySubstate": _substate(cell.state, cell.suspended),
        "CurrentState": cell.state.value,
        "TaskProgramName": cell.program.name if cell.program else "",
        "TaskProgramLoaded": cell.program is not None,
        "ExecutionMode": 1,
    }


def _safety(cell: Cell, mode: int) -> dict[str, Any]:
    out = cell.estop or cell.protective_stop
    working = cell.state is State.EXECUTING and not cell.micro_stop
    return {
        "EmergencyStop": cell.estop,
        "ProtectiveStop": cell.protective_stop,
        "OperationalMode": mode,
        "MachineryItemState": "OutOfService" if out else "Executing" if working else "NotExecuting",
        "OnPath": cell.state is State.EXECUTING,
        "InControl": cell.program is not None and not cell.estop,
        "SpeedOverride": 100.0,
    }


def _production(cell: Cell) -> dict[str, Any]:
    return {
        "MicroStopCause": cell.micro_stop,
        "LastCycleTime": cell.last_cycle_s,
        "PowerDraw": round(cell.power_w, 1),
        "PartsGood": cell.parts[True],
        "PartsScrap": cell.parts[False],
    }
