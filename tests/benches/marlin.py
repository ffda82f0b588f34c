"""The bench of the `marlin` driver: a simulated printer on a pty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench

QUESTIONS = {"M27", "M105", "M110", "M113", "M114", "M115", "M155", "M400"}
"""What a host asks or sets without moving or heating anything."""
CALMING = {"M104 S0", "M107", "M108", "M112", "M140 S0", "M410", "G90", "M82"}
"""What only ever takes motion or heat away."""
LONG_WAY = [f"G1 X{20 + turn % 2} Y20 F600" for turn in range(6000)]
"""Minutes of moving in short moves, without heat."""


class MarlinBench(SimBench):
    """A printer behind a USB serial line."""

    id = "marlin"
    driver = "marlin"
    device = "printer1"
    kind = "gcode_printer"
    has_port = False
    act = Deed("set_bed", {"celsius": 30.0})
    faults: Mapping[str, Raised | str] = {
        "refuse": "a serial port refuses nobody; see unplug",
        "hang": Raised("hang"),
        "slow": Raised("slow", {"seconds": 30.0}),
        "reset_mid_frame": Raised("reset_mid_frame"),
        "half_frame": Raised("half_frame"),
        "bad_checksum": Raised("noise_out", {"p": 0.3}),
        "duplicate_reply": Raised("duplicate_reply"),
        "out_of_order": "a serial line keeps its order, and one command is on it at a time",
        "bad_value": Raised("bad_value"),
        "non_utf8": Raised("non_utf8", {"p": 0.3, "bytes": 1.0}),
        "flood": Raised("flood", {"text": "echo:Unknown command"}),
        "unplug": Raised("unplug"),
        "renumber": Raised("renumber"),
        "second_owner": Raised("second_owner"),
        "auth_revoked": "a serial line knows no credentials",
        "late_execution": Raised("late_execution"),
    }

    def furnish(self) -> None:
        super().furnish()
        path = self.folder / "long_way.gcode"
        path.write_text("\n".join(LONG_WAY) + "\n", encoding="ascii")
        self.job = Deed("print_file", {"path": str(path), "name": "long way"})

    def connection_options(self) -> Mapping[str, object]:
        quick = {"banner_s": 0.03, "settle_s": 0.01, "stop_confirm_s": 0.5, "cool_s": 0.5}
        patience = {"ok_timeout_s": 0.5, "long_ok_timeout_s": 1.0, "max_silence_s": 2.0}
        return {"port": self.sim.endpoint, **quick, **patience}

    async def rest(self) -> None:
        """Off and on again: cold, at rest, and no longer killed."""
        for on in (False, True):
            await self.sim.ask("power", on=on)

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        if line["what"] != "executed":
            return False
        command = str(line["text"])
        return command.split()[0] not in QUESTIONS and command not in CALMING
