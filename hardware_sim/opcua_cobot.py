"""A cobot cell on OPC UA: `python -m hardware_sim.opcua_cobot --id robot1 --dir DIR …`.

Joins the cell's physics, the OPC UA server behind a gate, the control port and the truth log.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Mapping
from typing import Any

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.opcua_cobot_cell import (
    MICRO_STOP_RATE,
    SCRAP_RATE,
    Cell,
    Event,
    Halt,
    MicroStop,
    Part,
    Refused,
    StateChange,
)
from hardware_sim.opcua_cobot_display import Display
from hardware_sim.opcua_cobot_nodes import APPLICATION_URI
from hardware_sim.opcua_cobot_path import REST
from hardware_sim.opcua_cobot_server import CobotServer
from hardware_sim.opcua_doors import DOOR_FAULTS, Doors, add_options
from hardware_sim.opcua_readings import READING_FAULTS
from hardware_sim.process import Station, options, run

PATH = "/machikoba/cobot"
LOOK_PERIOD_S = 0.1

FAULTS: FaultTable = {
    **DOOR_FAULTS,
    **READING_FAULTS,
    "estop": {"does": "the emergency stop is pressed"},
    "protective_stop": {"does": "the safety system halts the arm, in the middle of a move too"},
    "manual_mode": {"does": "the key switch is not on automatic", "mode": 1.0},
    "start_accepted_but_not_executing": {"does": "Start is answered well and nothing starts"},
}


class Cobot:
    """The simulated cell as the scaffold sees it."""

    def __init__(self, arguments: argparse.Namespace, place: Station) -> None:
        self._arguments = arguments
        self._place = place
        self._source = random.Random(place.seed)
        self._doors = Doors(arguments, place, PATH)
        self._cell: Cell | None = None
        self._boot: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._display: Display | None = None
        self._mains = asyncio.Lock()
        self._lock = asyncio.Lock()
        self._poke = asyncio.Event()
        self._used_kwh = 0.0
        self._rest = REST
        place.faults.followers.append(self._look)

    async def start(self) -> str:
        """Power up, wait until the server listens, return its URL."""
        await self.power(True)
        assert self._boot is not None
        await self._boot
        return self._doors.url

    async def stop(self) -> None:
        """Close the wire and leave no task."""
        await self.power(False)
        self._doors.release()

    async def power(self, on: bool) -> None:
        """Mains power. Booting takes a second or two; when it is cut, the server is just gone."""
        async with self._mains:
            if on is (self._boot is not None):
                return
            if on:
                self._boot = asyncio.get_running_loop().create_task(self._power_up())
            else:
                await self._power_down()
            self._place.truth.write("power", on=on, energy_kwh=self._energy_kwh())

    async def on_fault(self, name: str, params: Params) -> None:
        """Nothing: the cell looks whenever a fault begins or ends."""

    def status(self) -> Fields:
        """Power, energy (a mains meter: never reset), state and counters."""
        cell = self._cell
        if cell is not None:
            cell.settle(self._place.clock.elapsed())
        powered = self._boot is not None
        shared = {
            "endpoint": self._doors.url,
            "certificate": str(self._doors.certificate),
            "sessions": self._doors.sessions,
            "power": powered,
            "energy_kwh": self._energy_kwh(),
        }
        if cell is None:
            return {**shared, "power_w": 0.0, "state": "Off", "booted": False}
        return {
            **shared,
            "power_w": cell.power_w,
            "state": cell.state.value,
            "suspended": cell.suspended,
            "booted": self._work is not None,
            "program": cell.program.name if cell.program else None,
            "parts_good": cell.parts[True],
            "parts_scrap": cell.parts[False],
            "last_cycle_s": cell.last_cycle_s,
            "micro_stop": cell.micro_stop,
            "axes": list(cell.pose),
        }

    def ops(self) -> Mapping[str, Op]:
        """`pendant`: somebody at the robot does what `method` with `arguments` names."""

        async def pendant(fields: Fields) -> Fields:
            given = fields.get("arguments") or []
            if not isinstance(given, list):
                raise ValueError("arguments: a list")
            if refused := await self._told(str(fields["method"]), given, "pendant"):
                raise ValueError(refused)
            return {}

        return {"pendant": pendant}

    def _energy_kwh(self) -> float:
        return self._used_kwh + (self._cell.energy_kwh if self._cell else 0.0)

    async def _power_up(self) -> None:
        self._cell = Cell(
            self._source,
            self._place.clock.elapsed(),
            rest=self._rest,
            scrap_rate=self._arguments.scrap_rate,
            micro_stop_rate=self._arguments.micro_stop_rate,
        )
        doors, place = self._doors, self._place
        wire = await doors.server(APPLICATION_URI, "urn:machikoba:sim:cobot:product", "MK-C2")
        server = CobotServer(wire, self._called)
        await server.build(place.seed, place.id, self._arguments.absent, place.now())
        self._display = Display(server, place)
        await self._look()
        await doors.open(wire)
        self._place.truth.write("booted", endpoint=self._doors.url)
        self._work = asyncio.get_running_loop().create_task(self._run())

    async def _power_down(self) -> None:
        """Cut in the middle of whatever was going on; what was settled stays true."""
        assert self._boot is not None
        await self._boot
        async with self._lock:
            await self._settle(self._place.clock.elapsed())
            assert self._cell is not None
            self._rest, self._used_kwh = self._cell.pose, self._energy_kwh()
            self._cell = self._display = None
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._boot = self._work = None
        await self._doors.close()

    async def _run(self) -> None:
        """Wake for what the cell does by itself, and often enough to show where its axes are."""
        clock = self._place.clock
        while self._cell is not None:
            due = self._cell.next_event()
            wait = LOOK_PERIOD_S
            if due is not None:
                wait = min(wait, max(0.0, clock.real(due - clock.elapsed())))
            self._poke.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._poke.wait()
            except TimeoutError:
                pass
            await self._look()

    async def _look(self) -> None:
        """Bring faults, physics and shown values up to now."""
        async with self._lock:
            if self._cell is None:
                return
            faults = self._place.faults
            now = self._place.clock.elapsed()
            self._cell.set_safety(
                now,
                estop=faults.get("estop") is not None,
                protective=faults.get("protective_stop") is not None,
                automatic=faults.get("manual_mode") is None,
            )
            await self._settle(now)

    async def _called(self, name: str, given: list[Any]) -> str:
        """One method call from the wire; returns why it is refused, or nothing."""
        return await self._told(name, given, "call")

    async def _told(self, name: str, given: list[Any], by: str) -> str:
        """One order, from the wire or at the pendant."""
        await self._look()
        async with self._lock:
            if self._cell is None:
                return "state"
            refused = ""
            try:
                self._obey(self._cell, name, given)
            except Refused as error:
                refused = error.reason
            self._place.truth.write(by, method=name, arguments=given, refused=refused)
            await self._settle(self._place.clock.elapsed())
            self._poke.set()
            return refused

    def _obey(self, cell: Cell, name: str, given: list[Any]) -> None:
        now = self._place.clock.elapsed()
        if name == "LoadByName":
            cell.load(now, str(given[0]))
        elif name == "Start" and self._place.faults.strikes("start_accepted_but_not_executing"):
            cell.may_start(now)
        else:
            acts = {
                "Start": cell.start,
                "Stop": cell.stop,
                "Hold": cell.hold,
                "Continue": cell.proceed,
                "UnloadProgram": cell.unload,
            }
            acts[name](now)

    async def _settle(self, now: float) -> None:
        """Let the cell work until now; record and show what happened, in order."""
        if self._cell is None:
            return
        self._cell.settle(now)
        for event in self._cell.take_events():
            at = self._place.now(event.at)
            self._record(event, at.isoformat())
            if self._display is not None:
                await self._display.happened(event, at)
        if self._display is not None:
            await self._display.show(self._cell, self._place.now(now))

    def _record(self, event: Event, at: str) -> None:
        match event:
            case Part():
                facts: dict[str, object] = {
                    "cycle_time_s": event.cycle_time_s,
                    "verdict": "good" if event.good else "scrap",
                    "parts_good": event.parts_good,
                    "parts_scrap": event.parts_scrap,
                    "energy_kwh": self._used_kwh + event.energy_kwh,
                }
                self._place.truth.write("part", at=at, **facts)
            case StateChange():
                facts = {"suspended": event.suspended, "reason": event.reason}
                self._place.truth.write("state", at=at, state=event.state.value, **facts)
            case MicroStop():
                self._place.truth.write(
                    "micro_stop", at=at, cause=event.cause, seconds=event.seconds
                )
            case Halt():
                self._place.truth.write("halt", at=at, reason=event.reason, took_s=event.took_s)


def main() -> int:
    """Read the options and run."""
    parser = options("opcua_cobot")
    add_options(parser)
    parser.add_argument(
        "--absent",
        action="append",
        default=[],
        help="browse name or method this server does not have; a server that only shows: Start…",
    )
    parser.add_argument("--scrap-rate", type=float, default=SCRAP_RATE)
    parser.add_argument("--micro-stop-rate", type=float, default=MICRO_STOP_RATE)
    return run(parser.parse_args(), FAULTS, Cobot)


if __name__ == "__main__":
    sys.exit(main())
