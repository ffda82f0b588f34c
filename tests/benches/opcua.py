"""The bench of the `opcua` driver: a simulated lathe with plain vendor nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from equipment_drivers.conformance.bench import Deed, Raised
from tests.benches.sim import SimBench
from tests.equipment_drivers.opcua_bench import LATHE

FAULTS: Mapping[str, Raised | str] = {
    "refuse": Raised("refuse"),
    "hang": Raised("hang"),
    "slow": Raised("slow", {"seconds": 30}),
    "reset_mid_frame": Raised("reset_mid_frame"),
    "half_frame": Raised("half_frame"),
    "bad_checksum": "an unsecured frame has no checksum of its own, TCP's guards it; a secured "
    "one that was changed ends its channel",
    "duplicate_reply": Raised("duplicate_reply"),
    "out_of_order": Raised("out_of_order"),
    "bad_value": Raised("bad_value", {"value": "nan"}),
    "non_utf8": Raised("non_utf8", {"run": 8.0}),
    "flood": Raised("flood"),
    "unplug": Raised("unplug"),
    "renumber": Raised("renumber"),
    "second_owner": Raised("second_owner"),
    "auth_revoked": Raised("auth_revoked"),
    "late_execution": Raised("late_execution"),
}


class OpcuaBench(SimBench):
    """A lathe and its driver with short times."""

    id = "opcua"
    driver = "opcua"
    device = "lathe1"
    kind = "opcua_machine"
    act = Deed("set_feed", {"value": 80})
    faults = FAULTS

    def connection_options(self) -> Mapping[str, object]:
        times = {"timeout_s": 0.5, "watchdog_s": 0.3, "start_s": 0.5, "confirm_s": 0.5}
        return {"url": self.sim.endpoint, "allow_unsecured": True, "close_s": 0.2, **times}

    def devices(self) -> Sequence[Mapping[str, Any]]:
        signals = [{**one, "max_age_s": 1.0} for one in LATHE["signals"]]
        options = {**LATHE, "signals": signals, "max_age_s": 1.0}
        return [{"id": self.device, "address": "", "options": options}]

    def is_deed(self, line: Mapping[str, Any]) -> bool:
        return line["what"] in ("write", "call")
