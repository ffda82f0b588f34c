"""The RTDE server of a Universal Robots controller, protocol version 2 (port 30004).

Written from the RTDE guide: packages of uint16 size and uint8 type, big-endian; recipes by field
names, answered with types; outputs at the frequency asked for; inputs of one owner each.
"""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections.abc import Callable, Mapping

from hardware_sim.faults import Faults
from hardware_sim.ur_robot_arm import VOLTAGE, Arm

DOUBLE, INT32, UINT32, UINT64, VECTOR6D = "DOUBLE", "INT32", "UINT32", "UINT64", "VECTOR6D"
PACKING = {DOUBLE: "d", INT32: "i", UINT32: "I", UINT64: "Q", VECTOR6D: "6d"}
BOOT_S = 1000.0
FASTEST_HZ = 500.0
TOO_LARGE = 1e308

INPUTS: Mapping[str, str] = {
    "speed_slider_mask": UINT32,
    "speed_slider_fraction": DOUBLE,
    **{f"input_int_register_{number}": INT32 for number in range(48)},
    **{f"input_double_register_{number}": DOUBLE for number in range(48)},
}


class Outputs:
    """The output fields: type, and value of now."""

    def __init__(self, arm: Arm, faults: Faults, elapsed: Callable[[], float]) -> None:
        self._arm, self._faults, self._elapsed = arm, faults, elapsed
        self._stuck = 0.0
        self.types: dict[str, str] = {
            "timestamp": DOUBLE,
            "robot_mode": INT32,
            "safety_mode": INT32,
            "safety_status": INT32,
            "runtime_state": UINT32,
            "target_speed_fraction": DOUBLE,
            "speed_scaling": DOUBLE,
            "actual_robot_voltage": DOUBLE,
            "actual_robot_current": DOUBLE,
            "actual_q": VECTOR6D,
            "actual_TCP_force": VECTOR6D,
            "joint_temperatures": VECTOR6D,
            "tool_temperature": DOUBLE,
            "actual_digital_input_bits": UINT64,
            "actual_digital_output_bits": UINT64,
            **{f"output_int_register_{number}": INT32 for number in range(48)},
        }

    def value(self, name: str) -> float | int | tuple[float, ...]:
        """What a field shows now."""
        arm, bad = self._arm, self._faults.get("bad_value") is not None
        strange = self._faults.get("unknown_mode") is not None
        shown: dict[str, float | int | tuple[float, ...]] = {
            "timestamp": self._timestamp(),
            "robot_mode": 42 if strange else arm.mode,
            "safety_mode": 99 if strange else arm.safety,
            "safety_status": 99 if strange else arm.safety,
            "runtime_state": 17 if strange else arm.runtime,
            "target_speed_fraction": arm.slider,
            "speed_scaling": arm.speed if arm.moving else 0.0,
            "actual_robot_voltage": VOLTAGE,
            "actual_robot_current": math.nan if bad else arm.current_a,
            "actual_q": arm.joints(),
            "actual_TCP_force": arm.force(),
            "joint_temperatures": (arm.heat_c,) * 6,
            "tool_temperature": TOO_LARGE if bad else arm.heat_c + 2,
            "actual_digital_input_bits": arm.inputs,
            "actual_digital_output_bits": arm.parts % 2,
            "output_int_register_0": arm.parts,
        }
        return shown.get(name, 0)

    def _timestamp(self) -> float:
        if self._faults.get("timestamp_frozen") is None:
            self._stuck = BOOT_S + self._elapsed()
        return self._stuck


class Client:
    """One connection: its recipes, and the stream it is sent."""

    def __init__(self, server: RtdeServer, writer: asyncio.StreamWriter) -> None:
        self._server, self._writer = server, writer
        self._outputs: list[str] = []
        self._hz = FASTEST_HZ
        self._recipes: dict[int, list[str]] = {}
        self._stream: asyncio.Task[None] | None = None
        self._doors: dict[str, Callable[[bytes], bytes | None]] = {
            "V": self._protocol,
            "v": self._version,
            "O": self._setup_outputs,
            "I": self._setup_inputs,
            "S": self._start,
            "P": self._pause,
            "U": self._data,
        }

    def say(self, kind: str, payload: bytes) -> None:
        """Send one package."""
        self._writer.write(struct.pack(">HB", 3 + len(payload), ord(kind)) + payload)

    def hear(self, kind: int, payload: bytes) -> None:
        """Answer one package; one of a kind that does not exist is passed over."""
        door = self._doors.get(chr(kind))
        if door is None:
            return
        answer = door(payload)
        if answer is not None:
            self.say(chr(kind), answer)

    def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def end(self) -> None:
        """Stop the stream."""
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)
        self._stream = None

    def _protocol(self, payload: bytes) -> bytes:
        return bytes([payload == b"\x00\x02"])

    def _version(self, payload: bytes) -> bytes:
        return struct.pack(">4I", *self._server.version())

    def _setup_outputs(self, payload: bytes) -> bytes:
        self._hz = min(FASTEST_HZ, max(1.0, struct.unpack(">d", payload[:8])[0]))
        names = payload[8:].decode("ascii").split(",")
        types = [self._server.output_type(name) for name in names]
        if "NOT_FOUND" in types:
            return b"\x00" + ",".join(types).encode()
        self._outputs = names
        return b"\x01" + ",".join(types).encode()

    def _setup_inputs(self, payload: bytes) -> bytes:
        names = payload.decode("ascii").split(",")
        types = [self._server.input_type(name, self) for name in names]
        if {"NOT_FOUND", "IN_USE"} & set(types):
            return b"\x00" + ",".join(types).encode()
        number = len(self._recipes) + 1
        self._recipes[number] = names
        self._server.own(names, self)
        return bytes([number]) + ",".join(types).encode()

    def _start(self, payload: bytes) -> bytes:
        if not self._outputs:
            return b"\x00"
        if self._stream is None:
            self._stream = asyncio.get_running_loop().create_task(self._send())
        return b"\x01"

    def _pause(self, payload: bytes) -> bytes:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None
        return b"\x01"

    def _data(self, payload: bytes) -> None:
        names = self._recipes.get(payload[0]) if payload else None
        if names is None or self._stream is None:
            return
        layout = ">" + "".join(PACKING[INPUTS[name]] for name in names)
        if len(payload) - 1 == struct.calcsize(layout):
            values = struct.unpack(layout, payload[1:])
            self._server.take(dict(zip(names, values, strict=True)))

    async def _send(self) -> None:
        due, held = time.monotonic(), b""
        try:
            while True:
                frame = b"\x01" + self._server.frame(self._outputs)
                if self._server.swaps and not held:
                    held = frame
                else:
                    for one in (frame, held) if held else (frame,):
                        self.say("U", one)
                    held = b""
                await self._writer.drain()
                due = max(due + 1 / self._hz, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        except ConnectionError:
            pass  # hung up: the reader sees it too


class RtdeServer:
    """Any number of clients; each input belongs to whoever asked for it first."""

    def __init__(
        self,
        arm: Arm,
        faults: Faults,
        version: str,
        without: frozenset[str],
        elapsed: Callable[[], float],
    ) -> None:
        self._arm, self._faults, self._elapsed = arm, faults, elapsed
        self._version, self._without = version, without
        self._outputs = Outputs(arm, faults, elapsed)
        self._owners: dict[str, Client] = {}
        self._slider_on = False
        self._server: asyncio.Server | None = None
        self._clients: dict[Client, asyncio.Task[None] | None] = {}
        self.kicks = 0

    async def start(self) -> int:
        """Listen on a free port and return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody, and wait until they are served no more."""
        if self._server is not None:
            self._server.close()
            serving = [task for task in self._clients.values() if task is not None]
            for client in self._clients:
                client.hang_up()
            await asyncio.gather(*serving)

    def text(self, level: int, text: str, source: str) -> None:
        """Tell every client something."""
        said, by = text.encode(), source.encode()
        body = bytes([len(said)]) + said + bytes([len(by)]) + by + bytes([level])
        for client in self._clients:
            client.say("M", body)

    def strange(self) -> None:
        """Send every client a package of a type nobody knows."""
        for client in self._clients:
            client.say("z", b"\x01\x02\x03")

    # -- what a client sees -----------------------------------------------------------------

    def version(self) -> tuple[int, int, int, int]:
        """Major, minor, bugfix, build."""
        text = "10.7.0" if self._faults.get("polyscope_x") is not None else self._version
        major, minor, bugfix = (int(part) for part in text.split("."))
        return major, minor, bugfix, 1031110

    @property
    def swaps(self) -> bool:
        """Whether two frames change places."""
        return self._faults.get("frames_swapped") is not None

    def output_type(self, name: str) -> str:
        """The type of an output, or NOT_FOUND."""
        return "NOT_FOUND" if name in self._without else self._outputs.types.get(name, "NOT_FOUND")

    def input_type(self, name: str, client: Client) -> str:
        """The type of an input, NOT_FOUND, or IN_USE where somebody else has it."""
        if name not in INPUTS or name in self._without:
            return "NOT_FOUND"
        held = self._faults.get("input_in_use")
        taken = held is not None and name.startswith(str(held["field"]))
        return "IN_USE" if taken or self._owners.get(name, client) is not client else INPUTS[name]

    def own(self, names: list[str], client: Client) -> None:
        """These inputs are this client's until it hangs up."""
        self._owners |= dict.fromkeys(names, client)

    def take(self, values: Mapping[str, float]) -> None:
        """Inputs that came."""
        if any(name.startswith("input_") for name in values):
            self.kicks += 1
            self._arm.kick(time.monotonic())
        if values.get("speed_slider_mask") == 1:
            self._arm.set_speed(values["speed_slider_fraction"])

    def frame(self, names: list[str]) -> bytes:
        """The values of now."""
        self._arm.advance(self._elapsed())
        data = b""
        for name in names:
            value = self._outputs.value(name)
            layout = ">" + PACKING[self._outputs.types[name]]
            data += struct.pack(layout, *(value if isinstance(value, tuple) else (value,)))
        return data

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, writer)
        self._clients[client] = asyncio.current_task()
        try:
            while True:
                size, kind = struct.unpack(">HB", await reader.readexactly(3))
                client.hear(kind, await reader.readexactly(size - 3))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError, struct.error):
            pass  # hung up, or not RTDE: that client is gone
        finally:
            del self._clients[client]
            self._owners = {name: one for name, one in self._owners.items() if one is not client}
            await client.end()
            client.hang_up()
