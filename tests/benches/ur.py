"""The bench of the `ur` driver: a simulated arm with its dashboard and its RTDE server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench
from tests.sims.sim import running

PROGRAM = "pick_and_place.urp"
DEEDS = {"load", "play", "speed", "power_on", "brake_release", "unlock"}
"""What makes the arm move, or be about to; stop and pause only calm it."""


class UrBench(SimBench):
    """An arm that is released and has its program loaded."""

    id = "ur"
    driver = "ur"
    device = "arm1"
    kind = "ur_robot"
    has_port = False
    read = Deed("refresh")
    act = Deed("set_speed", {"percent": 80.0})
    job = Deed("start_program")
    flags = ("--load", PROGRAM, "--watchdog-hz", "0.5")
    faults: Mapping[str, Raised | str] = {
        "refuse": Raised("refuse"),
        "hang": Raised("hang"),
        "slow": Raised("slow", {"seconds": 30.0}),
        "reset_mid_frame": Raised("reset_mid_frame"),
        "half_frame": Raised("half_frame"),
        "bad_checksum": "neither RTDE nor the dashboard has one; TCP's guards them",
        "duplicate_reply": Raised("duplicate_reply"),
        "out_of_order": Raised("frames_swapped"),
        "bad_value": Raised("bad_value"),
        "non_utf8": Raised("no_text"),
        "flood": Raised("flood"),
        "unplug": Raised("unplug"),
        "renumber": Raised("renumber"),
        "second_owner": Raised("input_in_use", {"field": ""}),
        "auth_revoked": "the controller asks nobody who he is; see local_control",
        "late_execution": Raised("late_execution"),
    }

    def __init__(self) -> None:
        super().__init__()
        self._ports = ("0", "0")

    async def _start(self) -> None:
        dashboard, rtde = self._ports
        ports = ("--dashboard-port", dashboard, "--rtde-port", rtde)
        started = running(self.kind, self.folder, *self.flags, *ports, id=self.id, seed=self.seed)
        self._sim = await self._stack.enter_async_context(started)
        _, dashboard, rtde = self.sim.endpoint.split(":")
        self._ports = (dashboard, rtde)

    def connection_options(self) -> Mapping[str, object]:
        host, dashboard, rtde = self.sim.endpoint.split(":")
        quick = {"timeout_s": 0.5, "greeting_s": 1.0, "probe_s": 0.4, "look_s": 0.2}
        brief = {"start_s": 1.0, "stop_s": 1.0, "rtde_retry_s": 0.2, "power_s": 2.0}
        frames = {"hz": 25.0, "silent_frames": 25}  # as long as where nothing is configured
        ports = {"host": host, "dashboard_port": int(dashboard), "rtde_port": int(rtde)}
        return {**ports, **quick, **brief, **frames}

    def devices(self) -> list[Mapping[str, Any]]:
        return [{"id": self.device, "address": "", "options": {"sample_s": 0.1}}]

    async def rest(self) -> None:
        """Stopped and released at the pendant, with a program loaded there."""
        await self.sim.ask("power", on=True)
        await self.sim.ask("recover", load=PROGRAM)

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        return line["what"] in DEEDS
