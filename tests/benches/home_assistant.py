"""The bench of the `home_assistant` driver: a simulated hub with a plug and a room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench

TOKEN = "sim-token"
HTTP = "HTTP has no checksum of its own; TCP's guards it"


class HomeAssistantBench(SimBench):
    """A plug with its meter, and the room's sensors beside it."""

    id = "home_assistant"
    driver = "home_assistant"
    device = "plug1"
    kind = "home_assistant_hub"
    read = Deed("refresh")
    act = Deed("turn_on")
    flags = ("--room", "lab", "--plug", "plug1=", "--interval", "0.2")
    faults: Mapping[str, Raised | str] = {
        "refuse": Raised("refuse"),
        "hang": Raised("hang"),
        "slow": Raised("slow", {"seconds": 30.0}),
        "reset_mid_frame": Raised("reset_mid_frame"),
        "half_frame": Raised("half_frame"),
        "bad_checksum": HTTP,
        "duplicate_reply": Raised("duplicate_reply"),
        "out_of_order": Raised("out_of_order"),
        "bad_value": Raised("unit"),
        "non_utf8": Raised("non_utf8"),
        "flood": Raised("flood"),
        "unplug": Raised("unplug"),
        "renumber": Raised("renumber"),
        "second_owner": "a hub has no owner: every client with a token may read and call",
        "auth_revoked": Raised("auth_revoked"),
        "late_execution": Raised("late_execution"),
    }

    def furnish(self) -> None:
        super().furnish()
        (self.folder / "token").write_text(TOKEN, encoding="ascii")

    def connection_options(self) -> Mapping[str, object]:
        token = str(self.folder / "token")
        quick = {"poll_s": 0.1, "timeout_s": 0.5, "confirm_s": 0.5}
        return {"url": self.sim.endpoint, "token_file": token, **quick}

    def devices(self) -> Sequence[Mapping[str, Any]]:
        plug = {
            "kind": "plug",
            "power_entity": "sensor.plug1_power",
            "energy_entity": "sensor.plug1_energy",
        }
        room = {"kind": "sensors", "signals": {"room_temperature": "sensor.lab_temperature"}}
        return [
            {"id": self.device, "address": "switch.plug1", "options": plug},
            {"id": "room1", "address": "", "options": room},
        ]

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        return bool(line["what"] == "service_call") and str(line["service"]).startswith("switch.")
