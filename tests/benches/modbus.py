"""The benches of the `modbus` driver: a simulated press over TCP, and one on a serial line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench
from tests.equipment_drivers.modbus_rig import PRESS

TIMES = {"poll_s": 0.05, "timeout_s": 0.3, "confirm_s": 0.3, "busy_pause_s": 0.01}
NO_LOGIN = "Modbus knows no credentials"
BINARY = "every byte is allowed in a Modbus frame, and TCP's own checksum guards it"

TCP_FAULTS: Mapping[str, Raised | str] = {
    "refuse": Raised("refuse"),
    "hang": Raised("hang"),
    "slow": Raised("slow", {"seconds": 30}),
    "reset_mid_frame": Raised("reset_mid_frame"),
    "half_frame": Raised("half_frame"),
    "bad_checksum": BINARY,
    "duplicate_reply": Raised("duplicate_reply"),
    "out_of_order": Raised("out_of_order"),
    "bad_value": Raised("bad_value"),
    "non_utf8": BINARY,
    "flood": Raised("flood"),
    "unplug": Raised("unplug"),
    "renumber": Raised("renumber"),
    "second_owner": "Modbus TCP has no owner: every client may read and write",
    "auth_revoked": NO_LOGIN,
    "late_execution": Raised("late_execution"),
}
RTU_FAULTS: Mapping[str, Raised | str] = {
    **TCP_FAULTS,
    "refuse": "a serial port refuses nobody; see unplug",
    "bad_checksum": Raised("bad_checksum"),
    "non_utf8": Raised("non_utf8"),
    "renumber": "the port is named by a link that stays the same",
    "second_owner": "the port is locked; a test of the serial line shows that a second is refused",
}


class ModbusBench(SimBench):
    """A press behind Modbus TCP."""

    id = "modbus"
    driver = "modbus"
    device = "press1"
    kind = "modbus_plc"
    flags = ("--wire", "tcp")
    read = Deed("refresh")
    act = Deed("set_dwell", {"value": 700})
    faults = TCP_FAULTS

    def connection_options(self) -> Mapping[str, object]:
        host, port = self.address
        return {"transport": "tcp", "host": host, "port": port, **TIMES}

    def devices(self) -> Sequence[Mapping[str, Any]]:
        return [{"id": self.device, "address": "1", "options": {**PRESS, "max_age_s": 1.0}}]

    async def rest(self) -> None:
        await super().rest()
        await self.sim.ask("run", on=False)

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        return line["what"] == "write"


class ModbusRtuBench(ModbusBench):
    """A press on a serial line."""

    id = "modbus_rtu"
    flags = ("--wire", "rtu")
    has_port = False
    faults = RTU_FAULTS

    def connection_options(self) -> Mapping[str, object]:
        port = {"transport": "rtu", "serial_port": self.sim.endpoint, "parity": "N"}
        return {**port, **TIMES}
