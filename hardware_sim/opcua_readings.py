"""What an OPC UA server shows, as the faults of readings leave it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from hardware_sim.faults import Faults, FaultTable

READING_FAULTS: FaultTable = {
    "bad_status": {
        "does": "a value has a bad or uncertain status code",
        "node": "",
        "status": "BadSensorFailure",
    },
    "stuck_value": {"does": "a value stays what it was", "node": ""},
    "bad_value": {"does": "a number is `value`: nan, inf or 1e308", "node": "", "value": "nan"},
    "no_source_time": {"does": "a value comes without its source time", "node": ""},
    "overflow": {"does": "a value says that others before it were lost", "node": ""},
}
"""`node` is the name of one reading; empty: all of them."""

Write = Callable[[str, Any, datetime | None, str], Awaitable[None]]
"""Name, value, source time, name of the status code (empty: Good; `Overflow`)."""


class Readings:
    """Writes a reading when it changed, or what a fault makes of it did."""

    def __init__(self, faults: Faults, write: Write) -> None:
        self._faults, self._write = faults, write
        self._shown: dict[str, tuple[Any, ...]] = {}

    async def show(self, name: str, value: Any, at: datetime, *, always: bool = False) -> None:
        """Show one reading as it is now; `always`: also when it is what it was."""
        if self._struck("stuck_value", name) is not None:
            return
        status = "Overflow" if self._struck("overflow", name) is not None else ""
        if (bad := self._struck("bad_status", name)) is not None:
            status = str(bad["status"])
        strange = self._struck("bad_value", name)
        if strange is not None and isinstance(value, float):
            value = float(strange["value"])
        timeless = self._struck("no_source_time", name) is not None
        shown = (repr(value), status, timeless)
        if always or self._shown.get(name) != shown:
            self._shown[name] = shown
            await self._write(name, value, None if timeless else at, status)

    def _struck(self, fault: str, name: str) -> Mapping[str, Any] | None:
        params = self._faults.get(fault)
        return params if params is not None and params["node"] in ("", name) else None
