"""A lathe with a PLC on OPC UA: `python -m hardware_sim.opcua_machine --id lathe1 --dir DIR …`.

Plain nodes of a vendor, no companion specification: spindle, load, door, program, a part counter,
two values that can be written and two methods.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from asyncua import ua

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.opcua_doors import DOOR_FAULTS, Doors, add_options
from hardware_sim.opcua_machine_lathe import LOAD_PERCENT, SPINDLE_RPM, Lathe, Part
from hardware_sim.opcua_machine_server import APPLICATION_URI, LatheServer
from hardware_sim.opcua_readings import READING_FAULTS, Readings
from hardware_sim.process import Station, options, run

PATH = "/machikoba/plc"
LOOK_PERIOD_S = 0.1

FAULTS: FaultTable = {
    **DOOR_FAULTS,
    **READING_FAULTS,
    "door_open": {"does": "the door stands open, the cycle ended"},
    "start_accepted_but_not_running": {"does": "StartCycle is answered well, nothing starts"},
    "write_ignored": {"does": "a written value is answered well and not taken"},
}


class Machine:
    """The simulated lathe as the scaffold sees it."""

    def __init__(self, arguments: argparse.Namespace, place: Station) -> None:
        self._arguments, self._place = arguments, place
        self._doors = Doors(arguments, place, PATH)
        self._lathe: Lathe | None = None
        self._readings: Readings | None = None
        self._coolant = False
        self._mains, self._looking = asyncio.Lock(), asyncio.Lock()
        self._work: asyncio.Task[None] | None = None
        self._used_kwh = 0.0
        place.faults.followers.append(self._look)

    async def start(self) -> str:
        """Power up and return the URL."""
        await self.power(True)
        return self._doors.url

    async def stop(self) -> None:
        """Close the wire and leave no task."""
        await self.power(False)
        self._doors.release()

    async def power(self, on: bool) -> None:
        """Mains power; when it is cut, the server is just gone."""
        async with self._mains:
            if on is (self._work is not None):
                return
            await (self._power_up() if on else self._power_down())
            self._place.truth.write("power", on=on, energy_kwh=self._energy_kwh())

    async def on_fault(self, name: str, params: Params) -> None:
        """Nothing: the machine looks whenever a fault begins or ends."""

    def status(self) -> Fields:
        """Power, energy, state and counters."""
        lathe, powered = self._lathe, self._work is not None
        shared = {
            "endpoint": self._doors.url,
            "certificate": str(self._doors.certificate),
            "sessions": self._doors.sessions,
            "power": powered,
            "energy_kwh": self._energy_kwh(),
        }
        if lathe is None:
            return {**shared, "power_w": 0.0, "state": "Off"}
        lathe.settle(self._place.clock.elapsed())
        return {
            **shared,
            "power_w": lathe.power_w,
            "state": lathe.state.name,
            "parts": lathe.parts,
            "feed_percent": lathe.feed_percent,
            "coolant": self._coolant,
        }

    def ops(self) -> Mapping[str, Op]:
        """None of its own."""
        return {}

    def _energy_kwh(self) -> float:
        return self._used_kwh + (self._lathe.energy_kwh if self._lathe else 0.0)

    async def _power_up(self) -> None:
        doors, place = self._doors, self._place
        self._lathe = Lathe(place.clock.elapsed())
        wire = await doors.server(APPLICATION_URI, "urn:machikoba:sim:plc:product", "MK-PLC")
        server = LatheServer(wire, self._called, self._written)
        await server.build(place.seed, self._arguments.absent, place.now())
        self._readings = Readings(place.faults, server.publish)
        await self._look()
        await doors.open(wire)
        place.truth.write("booted", endpoint=doors.url)
        self._work = asyncio.get_running_loop().create_task(self._run())

    async def _power_down(self) -> None:
        assert self._work is not None
        await self._look()
        async with self._looking:
            self._used_kwh, self._lathe, self._readings = self._energy_kwh(), None, None
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        self._work = None
        await self._doors.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_PERIOD_S)
            await self._look()

    async def _look(self) -> None:
        """Bring faults, physics and shown values up to now."""
        async with self._looking:
            if self._lathe is None or self._readings is None:
                return
            now = self._place.clock.elapsed()
            self._lathe.settle(now)
            self._lathe.open_door(self._place.faults.get("door_open") is not None)
            for part in self._lathe.take_parts():
                await self._happened(part, self._readings)
            await self._show(self._lathe, self._readings, now)

    async def _happened(self, part: Part, readings: Readings) -> None:
        at = self._place.now(part.at)
        facts = {"cycle_time_s": part.cycle_s, "parts": part.count}
        self._place.truth.write("part", at=at.isoformat(), **facts)
        await readings.show("LastCycleTime", part.cycle_s, at, always=True)
        await readings.show("PartsTotal", part.count, at, always=True)

    async def _show(self, lathe: Lathe, readings: Readings, now: float) -> None:
        at = self._place.now(now)
        cutting = lathe.cutting
        values: dict[str, Any] = {
            "State": int(lathe.state),
            "SpindleSpeed": SPINDLE_RPM * lathe.feed_percent / 100 if cutting else 0.0,
            "SpindleLoad": LOAD_PERCENT if cutting else 0.0,
            "DoorClosed": not lathe.door_open,
            "Program": "O0001 FLANGE",
            "PartsTotal": lathe.parts,
            "LastCycleTime": lathe.last_cycle_s,
            "PowerDraw": lathe.power_w / 1000,
            "Alarm": "1004 door open" if lathe.door_open else "",
        }
        for name, value in values.items():
            await readings.show(name, value, at)

    async def _called(self, name: str, given: list[Any]) -> int:
        """One method call from the wire; returns its status code."""
        await self._look()
        accepted = self._lathe is not None and self._obey(self._lathe, name)
        code = ua.StatusCodes.Good if accepted else ua.StatusCodes.BadInvalidState
        self._place.truth.write("call", method=name, arguments=given, accepted=accepted)
        await self._look()
        return code

    def _obey(self, lathe: Lathe, name: str) -> bool:
        if name == "StopCycle":
            lathe.stop()
            return True
        if self._place.faults.strikes("start_accepted_but_not_running"):
            return True
        return lathe.start()

    def _written(self, name: str, value: Any) -> bool:
        """A value from the wire; the machine takes it, unless a fault says it does not."""
        taken = self._lathe is not None and not self._place.faults.strikes("write_ignored")
        self._place.truth.write("write", node=name, value=value, taken=taken)
        if taken and self._lathe is not None:
            self._lathe.settle(self._place.clock.elapsed())
            if name == "FeedOverride":
                self._lathe.feed_percent = max(0.0, float(value))
            else:
                self._coolant = bool(value)
        return taken


def main() -> int:
    """Read the options and run."""
    parser = options("opcua_machine")
    add_options(parser)
    parser.add_argument(
        "--absent",
        action="append",
        default=[],
        help="variable or method this machine comes without, e.g. StopCycle",
    )
    return run(parser.parse_args(), FAULTS, Machine)


if __name__ == "__main__":
    sys.exit(main())
