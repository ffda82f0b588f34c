"""A Marlin-style FDM printer on a pty or on TCP: power, wire, noise and faults around a board.

`python -m hardware_sim.gcode_printer --id printer1 --dir DIR [--wire tcp --port 0] …`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.gcode_printer_board import Board, Settings
from hardware_sim.gcode_printer_commands import handle
from hardware_sim.gcode_printer_plant import Plant
from hardware_sim.gcode_printer_wire import DelayLine, PtyWire, TcpWire, Wire
from hardware_sim.process import Station, options, run

FAULTS: FaultTable = {
    "noise_in": {"p": 0.05},  # one byte of a received line replaced
    "noise_out": {"p": 0.05},  # one byte of a sent line replaced
    "mute": {},  # nothing is sent; lines are still executed
    "drop_ok": {"p": 1.0},  # an ok line is lost
    "delay": {"seconds": 0.5},  # every sent line comes so many real seconds late
    "garbage": {"bytes": 64.0},  # at once: a burst of random bytes
    "unplug": {},  # at once: the cable is pulled; plugged in again when the fault ends
    "reset": {},  # at once: the board boots anew
    "heater_dead": {"heater": "hotend"},  # the heater gives no heat
    "heater_stuck": {"heater": "hotend"},  # full heat whatever the target, until mains is off
}
MOMENTARY = frozenset({"garbage", "reset"})
DEFECTS = {"heater_dead": "dead", "heater_stuck": "stuck"}
NOISE_BYTES = bytes(byte for byte in range(0x20, 0x100) if byte not in (0x7F, 0xFF))


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
            emergency_parser=arguments.emergency_parser,
            machine=arguments.machine,
            uuid=arguments.uuid,
        )
        self._wire = self._make_wire(arguments)
        self._partial = bytearray()
        self._board: Board | None = None
        self._outlet = DelayLine(self._wire.write)
        self._jobs: set[asyncio.Task[object]] = set()
        self._faults.on_end = self._fault_ended

    def _make_wire(self, arguments: argparse.Namespace) -> Wire:
        if arguments.wire == "tcp":
            return TcpWire(arguments.port, self._opened, self._received)
        link = arguments.link or arguments.dir / f"{arguments.id}.tty"
        return PtyWire(Path(link).absolute(), self._opened, self._received)

    async def start(self) -> str:
        """Switch on and return the path of the link or the `socket://` address."""
        endpoint = await self._wire.plug()
        await self.power(on=True)
        return endpoint

    async def stop(self) -> None:
        """Switch off; ends every timer and closes the wire."""
        await self.power(on=False)
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
        elif name in DEFECTS:
            self._plant.advance(self._clock.elapsed())
            self._plant.heaters[params["heater"]].defect = DEFECTS[name]
        if name in MOMENTARY:
            self._faults.clear(name)
        elif params["for_s"]:
            delay = self._clock.real(params["for_s"])
            asyncio.get_running_loop().call_later(delay, self._faults.get, name)

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
            "heaters": heaters,
            **(_firmware_status(board, now) if board else {}),
        }

    def ops(self) -> Mapping[str, Op]:
        """No ops beyond the shared ones: what the printer does is in its truth log."""
        return {}

    def _boot(self, reason: str) -> None:
        self._partial.clear()
        self._board = Board(
            self._settings, self._plant, self._clock, self._truth, self._source, self._say, handle
        )
        self._board.boot(reason)

    def _end_life(self) -> None:
        if self._board:
            self._board.halt()
            self._board = None
        self._outlet.clear()

    def _opened(self) -> None:
        self._truth.write("opened")
        if self._dtr_reset and self._board and not self._board.killed:
            self._end_life()
            self._boot("open")

    def _received(self, data: bytes) -> None:
        """Hand complete lines to the firmware, some of them with a byte replaced."""
        self._partial += data.replace(b"\r", b"\n")
        whole, newline, rest = self._partial.rpartition(b"\n")
        self._partial = bytearray(rest)
        if not newline or self._board is None:
            return
        lines = bytes(whole).split(b"\n")
        if self._faults.get("noise_in"):
            lines = [self._noisy(line, "noise_in") for line in lines]
        self._board.receive(b"\n".join(lines) + b"\n")

    def _say(self, line: str) -> None:
        """Send one line, through whatever is wrong with the wire."""
        if self._faults.get("mute"):
            return
        if line.startswith("ok") and self._faults.strikes("drop_ok"):
            return
        data = line.encode("latin-1", "replace")
        if self._faults.get("noise_out"):
            data = self._noisy(data, "noise_out")
        late = self._faults.get("delay")
        self._outlet.put(data + b"\n", late["seconds"] if late else 0.0)

    def _noisy(self, line: bytes, fault: str) -> bytes:
        """Replace one byte behind the first letter, never by or of a line end."""
        first = len(line) - len(line.lstrip(b" ")) + 1
        if len(line) <= first or not self._faults.strikes(fault):
            return line
        place = self._faults.source().randrange(first, len(line))
        byte = self._faults.source().choice(NOISE_BYTES.replace(line[place : place + 1], b""))
        return line[:place] + bytes([byte]) + line[place + 1 :]

    def _fault_ended(self, name: str, params: Params) -> None:
        if name == "unplug" and self._board:
            job = asyncio.get_running_loop().create_task(self._wire.plug())
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
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
    parser.add_argument("--emergency-parser", action="store_true")
    parser.add_argument("--dtr-reset", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--machine", default="FDM printer", help="MACHINE_TYPE in M115")
    parser.add_argument("--uuid", default="00000000-0000-0000-0000-000000000000")
    return run(parser.parse_args(), FAULTS, Printer)


if __name__ == "__main__":
    sys.exit(main())
