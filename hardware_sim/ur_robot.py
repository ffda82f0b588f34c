"""A Universal Robots arm: `python -m hardware_sim.ur_robot --id ur1 --dir DIR …`.

Joins the arm, its dashboard and its RTDE server, a gate before each. The endpoint is
`HOST:DASHBOARD:RTDE`, two ports of one host. A wire's faults strike both of them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.gate import Gate
from hardware_sim.process import Station, options, run
from hardware_sim.ur_robot_arm import NORMAL, REDUCED, ROBOT_ESTOP, SAFEGUARD, Arm, Program
from hardware_sim.ur_robot_dashboard import MODES, SAFETIES, STATES, DashboardServer
from hardware_sim.ur_robot_rtde import RtdeServer
from hardware_sim.wire_faults import WIRE_FAULTS

TICK_S = 0.02
PROGRAMS = ("pick_and_place.urp=8:0", "one_part.urp=1:1")

FAULTS: FaultTable = {
    **WIRE_FAULTS,
    "protective_stop": {"does": "the arm halts in mid-move; it is unlocked, not cleared"},
    "estop": {"does": "the emergency stop is pressed, the arm loses power"},
    "safeguard": {"does": "somebody is in the safeguarded space"},
    "reduced": {"does": "reduced mode: half speed"},
    "local_control": {"does": "the pendant is in local control"},
    "popup": {"does": "a popup halts the program until it is closed"},
    "play_without_effect": {"does": "play is answered well and nothing starts"},
    "rtde_down": {"does": "the RTDE port is closed, the dashboard is not"},
    "timestamp_frozen": {"does": "frames come, the controller's clock stands"},
    "unknown_mode": {"does": "modes and states with numbers nobody knows"},
    "frames_swapped": {"does": "of two RTDE frames the younger comes first"},
    "input_in_use": {"does": "inputs beginning with `field` are in use", "field": "input_int"},
    "polyscope_x": {"does": "PolyScope X: no dashboard, RTDE says version 10"},
    "old_greeting": {"does": "the dashboard greets as old ones did"},
    "strange_reply": {"does": "the dashboard answers what nobody understands"},
    "no_text": {"does": "the dashboard answers bytes that are no text"},
    "dashboard_mute": {"does": "the dashboard does what it is told and says nothing"},
    "bad_value": {"does": "the current is no number, the tool's temperature 1e308"},
}


def program(text: str) -> Program:
    """A program as an option says it: `NAME=SECONDS:PARTS`."""
    name, _, rest = text.partition("=")
    cycle, _, parts = rest.partition(":")
    return Program(name, float(cycle), int(parts or 0))


class UrRobot:
    """The simulated controller as the scaffold sees it."""

    def __init__(self, arguments: argparse.Namespace, place: Station) -> None:
        self._arguments, self._place = arguments, place
        self._desk = Gate(arguments.dashboard_port, place.faults)
        self._data = Gate(arguments.rtde_port, place.faults)
        programs = [program(text) for text in arguments.program or PROGRAMS]
        self._arm = Arm(
            {one.name: one for one in programs}, arguments.watchdog_hz, place.truth.write
        )
        self._arm.advance(place.clock.elapsed())
        if arguments.load:
            self._arm.put(arguments.load)
        self._dashboard: DashboardServer | None = None
        self._rtde: RtdeServer | None = None
        self._behind = (0, 0)
        self._clockwork: asyncio.Task[None] | None = None
        place.faults.followers.append(self._follow)

    async def start(self) -> str:
        """Switch on and return the endpoint."""
        await self.power(True)
        return self._endpoint

    async def stop(self) -> None:
        """Close the wires; leaves no task."""
        await self.power(False)
        self._desk.release()
        self._data.release()

    async def power(self, on: bool) -> None:
        """Mains of the controller; without them the arm stands and nothing is loaded."""
        if on is (self._clockwork is not None):
            return
        self._place.truth.write("power", on=on)
        if on:
            await self._boot()
        else:
            await self._die()

    async def on_fault(self, name: str, params: Params) -> None:
        """The two that are events; all others are states."""
        self._look()
        if name == "protective_stop":
            self._arm.protect()
        if name == "popup":
            self._arm.ask("Is the tray empty?")

    def status(self) -> Fields:
        """What is really true of the arm."""
        self._look()
        arm = self._arm
        return {
            "endpoint": self._endpoint,
            "power": self._clockwork is not None,
            "power_w": arm.power_w if self._clockwork else 0.0,
            "energy_kwh": arm.energy_kwh,
            "mode": MODES[arm.mode],
            "safety": SAFETIES[arm.safety],
            "runtime": STATES[arm.runtime],
            "program": arm.loaded.name if arm.loaded else None,
            "popup": arm.popup,
            "slider": arm.slider,
            "parts": arm.parts,
            "acts": arm.acts,
            "kicks": self._rtde.kicks if self._rtde else 0,
        }

    def ops(self) -> Mapping[str, Op]:
        """`press` (play or stop at the pendant), `say`, `strange`, `recover`, `inputs`."""

        async def press(fields: Fields) -> Fields:
            self._look()
            if fields["key"] == "play":
                self._arm.play(time.monotonic())
            else:
                self._arm.stop()
            return {}

        async def say(fields: Fields) -> Fields:
            if self._rtde is not None:
                self._rtde.text(int(str(fields["level"])), str(fields["text"]), "RTDE")
            return {}

        async def strange(_: Fields) -> Fields:
            if self._rtde is not None:
                self._rtde.strange()
            return {}

        async def recover(fields: Fields) -> Fields:
            self._look()
            self._arm.recover()
            if name := fields.get("load"):
                self._arm.put(str(name))
            return {}

        async def inputs(fields: Fields) -> Fields:
            self._arm.inputs = int(str(fields["bits"]))
            return {}

        return {
            "press": press,
            "say": say,
            "strange": strange,
            "recover": recover,
            "inputs": inputs,
        }

    @property
    def _endpoint(self) -> str:
        return f"127.0.0.1:{self._desk.port}:{self._data.port}"

    async def _boot(self) -> None:
        place, version = self._place, self._arguments.polyscope
        self._dashboard = DashboardServer(self._arm, place.faults, version, self._look)
        self._rtde = RtdeServer(
            self._arm,
            place.faults,
            version,
            frozenset(self._arguments.without),
            place.clock.elapsed,
        )
        self._behind = await self._dashboard.start(), await self._rtde.start()
        self._clockwork = asyncio.get_running_loop().create_task(self._tick())
        await self._follow()

    async def _die(self) -> None:
        assert self._clockwork is not None
        clockwork, self._clockwork = self._clockwork, None
        clockwork.cancel()
        await asyncio.gather(clockwork, return_exceptions=True)
        self._arm.recover()
        self._arm.loaded = None
        await self._follow()
        for server in (self._dashboard, self._rtde):
            if server is not None:
                await server.stop()

    async def _follow(self) -> None:
        """The ports and the safety inputs, as power and faults have them now."""
        get = self._place.faults.get
        shut = {self._desk: get("polyscope_x"), self._data: get("rtde_down")}
        for gate, behind in zip((self._desk, self._data), self._behind, strict=True):
            if self._clockwork is None or shut[gate] is not None:
                await gate.close()
            else:
                await gate.open(behind)
        self._look()

    def _look(self) -> None:
        """Bring the arm up to now."""
        get = self._place.faults.get
        self._arm.advance(self._place.clock.elapsed())
        inputs = (("estop", ROBOT_ESTOP), ("safeguard", SAFEGUARD), ("reduced", REDUCED))
        wanted = next((safety for name, safety in inputs if get(name) is not None), NORMAL)
        if wanted != self._arm.safety:
            self._arm.guard(wanted)

    async def _tick(self) -> None:
        while True:
            self._look()
            self._arm.watch(time.monotonic())
            await asyncio.sleep(TICK_S)


def main() -> int:
    """Read the options and run."""
    parser = options("ur_robot")
    parser.add_argument("--dashboard-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--rtde-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--polyscope", default="5.12.0", help="version, e.g. 3.15.8 for a CB3")
    parser.add_argument("--program", action="append", default=[], help="NAME=SECONDS:PARTS")
    parser.add_argument("--load", default="", help="program loaded from the beginning")
    parser.add_argument(
        "--watchdog-hz", type=float, default=10.0, help="of rtde_set_watchdog; 0: none"
    )
    parser.add_argument(
        "--without", action="append", default=[], help="an RTDE field it does not have"
    )
    return run(parser.parse_args(), FAULTS, UrRobot)


if __name__ == "__main__":
    sys.exit(main())
