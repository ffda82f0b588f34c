"""A Marlin-style FDM printer on a pty or on TCP: power, wire, noise and faults around a board.

`python -m hardware_sim.gcode_printer --id printer1 --dir DIR [--wire tcp --port 0] …`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.gcode_printer_board import Board, Settings
from hardware_sim.gcode_printer_commands import handle
from hardware_sim.gcode_printer_line import LINE_FAULTS, FaultyLine
from hardware_sim.gcode_printer_plant import Plant
from hardware_sim.gcode_printer_wire import PtyWire, TcpWire, Wire
from hardware_sim.process import Station, options, run

FAULTS: FaultTable = {
    **LINE_FAULTS,
    "second_owner": {"does": "another program has the port open and locked until it ends"},
    "garbage": {"does": "at once: a burst of random bytes", "bytes": 64.0},
    "reset": {"does": "at once: the board boots anew"},
    "heater_dead": {"does": "the heater gives no heat", "heater": "hotend"},
    "heater_stuck": {"does": "full heat whatever the target, until off", "heater": "hotend"},
}
MOMENTARY = frozenset({"garbage", "reset"})
DEFECTS = {"heater_dead": "dead", "heater_stuck": "stuck"}


class Printer:
    """The printer as a machine: mains, cable and faults. The firmware is a `Board` per life."""

    def __init__(self, arguments: argparse.Namespace, station: Station) -> None:
        self._station = station
        self._faults, self._truth, self._clock = station.faults, station.truth, station.clock
        self._source = random.Random(station.seed)
        self._plant = Plant(arguments.room, self._clock.elapsed(), self._source)
        self._dtr_reset = arguments.dtr_reset
        self._settings = Settings(
            planner_size=arguments.planner,
            ok_after_resend=arguments.ok_after_resend,
            silent_duplicates=arguments.duplicates == "silent",
            advanced_ok=arguments.advanced_ok,
            rx_buffer=arguments.rx_buffer,
            firmware=arguments.firmware,
            emergency_parser=arguments.emergency_parser,
            machine=arguments.machine,
            uuid=arguments.uuid,
        )
        self._wire = self._make_wire(arguments)
        self._board: Board | None = None
        self._line = FaultyLine(self._faults, self._wire.write, self._take, self._hang_up)
        self._jobs: set[asyncio.Task[object]] = set()
        self._faults.on_end = self._fault_ended

    def _make_wire(self, arguments: argparse.Namespace) -> Wire:
        if arguments.wire == "tcp":
            return TcpWire(arguments.port, self._opened, lambda data: self._line.received(data))
        link = arguments.link or arguments.dir / f"{arguments.id}.tty"
        path = Path(link).absolute()
        return PtyWire(path, self._opened, lambda data: self._line.received(data))

    async def start(self) -> str:
        """Switch on and return the path of the link or the `socket://` address."""
        endpoint = await self._wire.plug()
        await self.power(on=True)
        return endpoint

    async def stop(self) -> None:
        """Switch off; ends every timer and closes the wire."""
        await self.power(on=False)
        self._line.close()
        for job in list(self._jobs):
            job.cancel()

    async def power(self, on: bool) -> None:
        """Mains. Off: the link goes and the firmware's state with it. On: a fresh boot."""
        if on == (self._board is not None):
            return
        self._truth.write("power", on=on)
        if on:
            self._plant.power(on=True, now=self._clock.elapsed())
            if self._faults.get("unplug") is None:
                await self._wire.plug()
            self._boot("power")
        else:
            self._end_life()
            self._plant.power(on=False, now=self._clock.elapsed())
            await self._wire.unplug()

    async def on_fault(self, name: str, params: Params) -> None:
        """Carry out the faults that are events or defects; the others bite on their own."""
        if name == "garbage":
            self._wire.write(self._source.randbytes(int(params["bytes"])))
        elif name == "reset" and self._board:
            self._end_life()
            self._boot("reset")
        elif name == "unplug":
            await self._wire.unplug()
        elif name == "renumber" and self._board:
            await self._wire.replug()
        elif name == "second_owner" and self._board:
            await self._wire.occupy(True)
        elif name in DEFECTS:
            self._plant.advance(self._clock.elapsed())
            self._plant.heaters[params["heater"]].defect = DEFECTS[name]
        if name in MOMENTARY:
            self._faults.clear(name)

    def status(self) -> Fields:
        """Ground truth of this moment."""
        now = self._clock.elapsed()
        plant, board = self._plant, self._board
        plant.advance(now)
        heaters = {
            name: {
                "now": round(heater.temperature, 3),
                "target": heater.target,
                "duty": round(heater.duty, 4),
            }
            for name, heater in plant.heaters.items()
        }
        return {
            "kind": "gcode_printer",
            "power": board is not None,
            "power_w": round(plant.power_w, 3),
            "energy_kwh": round(plant.energy_kwh, 9),
            "link": self._wire.open,
            "endpoint": self._wire.endpoint,
            "heaters": heaters,
            **(_firmware_status(board, now) if board else {}),
        }

    def ops(self) -> Mapping[str, Op]:
        """No ops beyond the shared ones: what the printer does is in its truth log."""
        return {}

    def _boot(self, reason: str) -> None:
        self._line.clear()
        say = self._line.say
        self._board = Board(
            self._settings, self._plant, self._clock, self._truth, self._source, say, handle
        )
        self._board.boot(reason)

    def _end_life(self) -> None:
        if self._board:
            self._board.halt()
            self._board = None
        self._line.clear()

    def _opened(self) -> None:
        self._truth.write("opened")
        self._line.opened()
        if self._dtr_reset and self._board and not self._board.killed:
            self._end_life()
            self._boot("open")

    def _take(self, lines: bytes) -> None:
        if self._board:
            self._board.receive(lines)

    def _hang_up(self) -> None:
        """The cable breaks contact for a moment."""
        self._later(self._wire.replug())

    def _later(self, work: Coroutine[object, object, object]) -> None:
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    def _fault_ended(self, name: str, params: Params) -> None:
        if name == "unplug" and self._board:
            self._later(self._wire.plug())
        elif name == "second_owner":
            self._later(self._wire.occupy(False))
        elif name in DEFECTS:
            self._plant.advance(self._clock.elapsed())
            self._plant.heaters[params["heater"]].defect = ""


def _firmware_status(board: Board, now: float) -> dict[str, object]:
    place = board.planner.where(now)
    return {
        "killed": board.killed,
        "homed": board.homed,
        "position": {axis.lower(): round(value, 4) for axis, value in place.items()},
        "queued": board.planner.queued(now),
        "ordered_s": round(board.planner.ordered_s, 4),
        "last_line": board.gate.last,
        "waiting": board.waiting,
    }


def main() -> int:
    """Run one printer until it is told to end."""
    parser = options("gcode_printer")
    parser.add_argument("--wire", choices=("pty", "tcp"), default="pty")
    parser.add_argument("--link", help="path of the pty's link (default: DIR/ID.tty)")
    parser.add_argument("--port", type=int, default=0, help="TCP port, 0: any free one")
    parser.add_argument("--room", type=float, default=22.0, help="room temperature in °C")
    parser.add_argument("--planner", type=int, default=16, help="moves the look-ahead queue holds")
    parser.add_argument(
        "--ok-after-resend", choices=("always", "never", "sometimes"), default="always"
    )
    parser.add_argument(
        "--duplicates",
        choices=("resend", "silent"),
        default="resend",
        help="a repeated line number: asked on (Marlin 1.1, 2.0) or dropped without a word (2.1)",
    )
    parser.add_argument("--advanced-ok", action="store_true", help="ok N12 P15 B3")
    parser.add_argument("--rx-buffer", type=int, default=16_384, help="bytes; 128 on an AVR UART")
    parser.add_argument("--firmware", default="Marlin 2.0.9.7", help="FIRMWARE_NAME in M115")
    parser.add_argument("--emergency-parser", action="store_true")
    parser.add_argument("--dtr-reset", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--machine", default="FDM printer", help="MACHINE_TYPE in M115")
    parser.add_argument("--uuid", default="00000000-0000-0000-0000-000000000000")
    return run(parser.parse_args(), FAULTS, Printer)


if __name__ == "__main__":
    sys.exit(main())
