"""Presses behind Modbus units: `python -m hardware_sim.modbus_plc --id press1 --dir DIR …`.

pymodbus' own server speaks the protocol. Before it stands a gate, where the wire goes wrong; with
`--wire rtu` a pty is tied to the gate, and the frames are those of a serial line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.framer import FramerRTU, FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.gate import Gate
from hardware_sim.gcode_printer_wire import PtyWire
from hardware_sim.modbus_press import Press
from hardware_sim.process import Station, options, run
from hardware_sim.wire_faults import WIRE_FAULTS

COILS, DISCRETE, HOLDING, INPUT = "coil", "discrete", "holding", "input"
TABLES = {1: COILS, 2: DISCRETE, 3: HOLDING, 4: INPUT, 5: COILS, 6: HOLDING, 15: COILS, 16: HOLDING}
READS = frozenset({1, 2, 3, 4})

FAULTS: FaultTable = {
    **WIRE_FAULTS,
    "exception": {"does": "answers with exception `code`", "code": 4.0, "writes": 0.0},
    "wrong_unit": {"does": "answers in the name of the next unit"},
    "wrong_transaction": {"does": "answers with another transaction number (TCP)"},
    "mute": {"does": "does what it is told and says nothing"},
    "away": {"does": "unit `unit` does not hear", "unit": 1.0},
    "stuck_output": {"does": "writes are answered and have no effect"},
    "bad_value": {"does": "pressure is no number, the temperature sensor is open"},
    "torn": {"does": "the part counter changes both its words at every request"},
    "wrong_device": {"does": "another model number"},
}


class Plc:
    """The simulated controller as the scaffold sees it: one press per unit id from 1 on."""

    def __init__(self, arguments: argparse.Namespace, place: Station) -> None:
        self._place, self._faults, self._truth = place, place.faults, place.truth
        self._rtu = arguments.wire == "rtu"
        now = place.clock.elapsed()
        self._presses = {
            unit: Press(now, place.seed + unit, low_word_first=arguments.low_word_first)
            for unit in range(1, arguments.units + 1)
        }
        self._gate = Gate(arguments.port, place.faults)
        self._pty: PtyWire | None = None
        if self._rtu:
            link = Path(arguments.link or arguments.dir / f"{arguments.id}.tty").absolute()
            self._pty = PtyWire(link, self._opened, self._from_host)
            place.faults.followers.append(self._follow)
        self._link = ""
        self._tie: asyncio.Task[None] | None = None
        self._to_gate: asyncio.StreamWriter | None = None
        self._early = b""
        self._server: ModbusTcpServer | None = None
        self._torn = False
        self._writes = 0

    # -- the scaffold's doors ---------------------------------------------------------------

    async def start(self) -> str:
        """Switch on; the endpoint is `HOST:PORT`, or the path of the pty's link."""
        await self.power(True)
        return self._link if self._rtu else f"127.0.0.1:{self._gate.port}"

    async def stop(self) -> None:
        """Close the wires; leaves no task."""
        await self.power(False)
        self._gate.release()

    async def power(self, on: bool) -> None:
        """Mains of the controller; the coils fall off with it."""
        if on is (self._server is not None):
            return
        self._truth.write("power", on=on)
        if on:
            await self._boot()
        else:
            await self._die()

    async def on_fault(self, name: str, params: Params) -> None:
        """All faults are states; the gate and the pty follow by themselves."""

    def status(self) -> Fields:
        """What is really true of each press."""
        self._advance()
        presses = self._presses.values()
        units = {
            str(unit): {
                "status": press.status,
                "run": press.coils[0],
                "lamp": press.coils[1],
                "guard_closed": press.guard_closed,
                "pressure": press.pressure,
                "oil": press.oil,
                "good": press.good,
                "scrap": press.scrap,
                "holding": press.held(),
            }
            for unit, press in self._presses.items()
        }
        return {
            "power": self._server is not None,
            "power_w": sum(press.power_w for press in presses) if self._server else 0.0,
            "energy_kwh": sum(press.energy_kwh for press in presses),
            "endpoint": self._link if self._rtu else f"127.0.0.1:{self._gate.port}",
            "writes": self._writes,
            "units": units,
        }

    def ops(self) -> Mapping[str, Op]:
        """`finish_part`, `guard` (closed true or false) and `run` at the machine, of a `unit`."""

        async def finish_part(fields: Fields) -> Fields:
            self._press(fields).finish_part()
            return {}

        async def guard(fields: Fields) -> Fields:
            self._press(fields).guard_closed = bool(fields["closed"])
            return {}

        async def press_run(fields: Fields) -> Fields:
            self._advance()
            self._press(fields).coils[0] = bool(fields["on"])
            return {}

        return {"finish_part": finish_part, "guard": guard, "run": press_run}

    def _press(self, fields: Fields) -> Press:
        return self._presses[int(str(fields.get("unit", 1)))]

    def _advance(self) -> None:
        if self._server is not None:
            for press in self._presses.values():
                press.advance(self._place.clock.elapsed())

    # -- the wires --------------------------------------------------------------------------

    async def _boot(self) -> None:
        self._server = ModbusTcpServer(
            [self._device(unit, press) for unit, press in self._presses.items()],
            framer=FramerType.RTU if self._rtu else FramerType.SOCKET,
            address=("127.0.0.1", 0),
            ignore_missing_devices=True,
            trace_packet=self._packet,
        )
        await self._server.serve_forever(background=True)
        listening = self._server.transport
        assert isinstance(listening, asyncio.Server)
        await self._gate.open(int(listening.sockets[0].getsockname()[1]))
        await self._follow()

    async def _die(self) -> None:
        server, self._server = self._server, None
        if self._pty is not None:
            await self._pty.unplug()
        if self._tie is not None:
            self._tie.cancel()
            await asyncio.gather(self._tie, return_exceptions=True)
        await self._gate.close()
        assert server is not None
        await server.shutdown()  # type: ignore[no-untyped-call]
        for press in self._presses.values():
            press.coils[:] = [False, False]

    async def _follow(self) -> None:
        """The pty is there unless it is unplugged or without power."""
        if self._pty is None:
            return
        if self._server is None or self._faults.get("unplug") is not None:
            await self._pty.unplug()
        else:
            self._link = await self._pty.plug()

    def _opened(self) -> None:
        """A host has opened the pty: tie it to the gate anew."""
        if self._tie is not None:
            self._tie.cancel()
        self._to_gate, self._early = None, b""
        self._tie = asyncio.get_running_loop().create_task(self._carry())

    async def _carry(self) -> None:
        """What comes from the gate goes to the pty; a broken tie is a silent line to the host."""
        assert self._pty is not None
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._gate.port)
            self._to_gate = writer
            try:
                writer.write(self._early)
                while data := await reader.read(4096):
                    self._pty.write(data)
            finally:
                self._to_gate = None
                writer.close()

    def _from_host(self, data: bytes) -> None:
        if self._to_gate is not None:
            self._to_gate.write(data)
        elif self._tie is not None and not self._tie.done():
            self._early += data
        else:
            self._opened()
            self._early = data

    # -- the unit ---------------------------------------------------------------------------

    def _device(self, unit: int, press: Press) -> SimDevice:
        def table(count: int, kind: DataType) -> list[SimData]:
            return [SimData(0, count=count, datatype=kind)]

        words = (table(len(press.held()), DataType.REGISTERS), table(8, DataType.REGISTERS))
        bits = (
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
        )
        return SimDevice(unit, simdata=(*bits, *words), action=partial(self._asked, unit, press))

    async def _asked(
        self,
        unit: int,
        press: Press,
        function: int,
        start: int,
        address: int,
        count: int,
        current: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Before pymodbus answers: bring its registers up to the machine, or take what is set."""
        if (away := self._faults.get("away")) and int(away["unit"]) == unit:
            raise NoSuchIdException  # pymodbus then says nothing, as for a unit that is not there
        press.advance(self._place.clock.elapsed())
        failing = self._faults.get("exception")
        if failing and (values or not failing["writes"]) and self._faults.strikes("exception"):
            return ExcCodes(int(failing["code"]))
        if values is None:
            if function in READS:  # for its echo of a write pymodbus has what it needs
                self._show(press, TABLES[function], current)
            return None
        return self._set(unit, press, TABLES[function], address, list(values))

    def _set(
        self, unit: int, press: Press, table: str, address: int, values: list[int] | list[bool]
    ) -> ExcCodes | None:
        if table == HOLDING and address < 2:
            return ExcCodes.ILLEGAL_ADDRESS
        self._writes += 1
        numbers = [int(value) for value in values]
        self._truth.write("write", unit=unit, table=table, address=address, values=numbers)
        if self._faults.get("stuck_output") is not None:
            return None
        if table == COILS:
            press.coils[address : address + len(values)] = [bool(value) for value in values]
        else:
            press.write_holding(address, numbers)
        return None

    def _show(self, press: Press, table: str, current: list[int]) -> None:
        shown = {
            COILS: [sum(bit << place for place, bit in enumerate(press.coils))],
            DISCRETE: [int(press.guard_closed)],
            HOLDING: press.held(),
            INPUT: press.inputs(),
        }[table]
        if table == INPUT:
            self._spoil(shown)
        if table == HOLDING and self._faults.get("wrong_device") is not None:
            shown[0] ^= 0xFF
        current[: len(shown)] = shown

    def _spoil(self, inputs: list[int]) -> None:
        if self._faults.get("bad_value") is not None:
            inputs[1:4] = [0x7FC0, 0x0000, 0x8000]
        if self._faults.get("torn") is not None:
            self._torn = not self._torn
            inputs[4:6] = [1, 0] if self._torn else [0, 0xFFFF]

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """A frame that comes in or goes out, as the faults leave it."""
        if not sending:
            return data
        if self._faults.get("mute") is not None:
            return b""
        if self._faults.get("wrong_unit") is not None:
            data = self._as_unit(data[0 if self._rtu else 6] + 1, data)
        if not self._rtu and self._faults.get("wrong_transaction") is not None:
            data = bytes([data[0] ^ 0x40]) + data[1:]
        return data

    def _as_unit(self, unit: int, data: bytes) -> bytes:
        if not self._rtu:
            return data[:6] + bytes([unit]) + data[7:]
        body = bytes([unit]) + data[1:-2]
        return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def main() -> int:
    """Read the options and run."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    parser = options("modbus_plc")
    parser.add_argument("--wire", choices=("tcp", "rtu"), default="tcp")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0: any free one")
    parser.add_argument("--link", default="", help="path of the pty's link (default: DIR/ID.tty)")
    parser.add_argument("--units", type=int, default=1, help="presses on the wire, ids from 1")
    parser.add_argument("--low-word-first", action="store_true", help="32-bit values so")
    return run(parser.parse_args(), FAULTS, Plc)


if __name__ == "__main__":
    sys.exit(main())
