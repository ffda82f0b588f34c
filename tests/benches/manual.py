"""The bench of the `manual` driver: no wire, hence no peer and nothing that could fail on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equipment_drivers.conformance.bench import FAULTS, Deed, Raised

NO_WIRE = "there is no wire"


class ManualBench:
    """A calliper and the person who reads it."""

    id = "manual"
    driver = "manual"
    device = "gauge1"
    read: Deed | None = Deed("record", {"signal": "width", "value": 12.03})
    act: Deed | None = None
    job: Deed | None = None
    faults: Mapping[str, Raised | str] = dict.fromkeys(FAULTS, NO_WIRE)

    async def open(self, folder: Path, seed: int) -> None: ...

    async def close(self) -> None: ...

    def connection_options(self) -> Mapping[str, object]:
        return {}

    def devices(self) -> Sequence[Mapping[str, Any]]:
        signals = [{"name": "width", "unit": "mm", "min": 0, "max": 200}]
        return [{"id": self.device, "address": "", "options": {"signals": signals}}]

    async def prepare(self) -> None: ...

    async def raise_fault(self, fault: str) -> None:
        raise AssertionError(f"{fault}: {NO_WIRE}")

    async def clear_faults(self) -> None: ...

    async def witness(self) -> int:
        return 0  # a person's hands are not counted

    async def vanish(self) -> None: ...

    async def freeze(self, frozen: bool) -> None: ...
