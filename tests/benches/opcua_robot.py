"""The bench of the `opcua_robot` driver: a simulated cobot cell, without encryption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench
from tests.hardware_sim.waiting import until

OPCUA_FAULTS: Mapping[str, Raised | str] = {
    "refuse": Raised("refuse"),
    "hang": Raised("hang"),
    "slow": Raised("slow", {"seconds": 30.0}),
    "reset_mid_frame": Raised("reset_mid_frame"),
    "half_frame": Raised("half_frame"),
    "bad_checksum": "an unsecured OPC UA message has none of its own; TCP's guards it",
    "duplicate_reply": Raised("duplicate_reply"),
    "out_of_order": Raised("out_of_order"),
    "bad_value": Raised("bad_value"),
    "non_utf8": Raised("non_utf8", {"run": 8.0}),
    "flood": Raised("flood"),
    "unplug": Raised("unplug"),
    "renumber": Raised("renumber"),
    "second_owner": Raised("second_owner"),
    "auth_revoked": Raised("auth_revoked"),
    "late_execution": Raised("late_execution"),
}
CALMING = {"Stop", "Hold"}


class OpcuaRobotBench(SimBench):
    """A robot that has its program loaded."""

    id = "opcua_robot"
    driver = "opcua_robot"
    device = "robot1"
    kind = "opcua_cobot"
    act = Deed("load_program", {"name": "pick_and_place"})
    job = Deed("start_program")
    faults = OPCUA_FAULTS
    flags = ("--micro-stop-rate", "0")

    def connection_options(self) -> Mapping[str, object]:
        quick = {"timeout_s": 0.5, "watchdog_s": 0.3, "start_s": 1.0, "stop_s": 1.0}
        return {"url": self.sim.endpoint, "allow_unsecured": True, **quick}

    async def rest(self) -> None:
        """Booted, stopped at the pendant, with a program loaded there."""
        await self.sim.ask("power", on=True)
        await until(lambda: self.sim.ask("status"), lambda status: bool(status["booted"]))
        await self.sim.ask("pendant", method="Stop")
        await until(
            lambda: self.sim.ask("status"), lambda status: status["state"] != "Executing"
        )  # it takes a moment to stand still
        await self.sim.ask("pendant", method="LoadByName", arguments=["pick_and_place"])

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        called = line["what"] == "call" and not line["refused"]
        return bool(called and line["method"] not in CALMING)
