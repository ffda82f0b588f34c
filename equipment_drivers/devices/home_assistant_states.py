"""Home Assistant's states as numbers with a unit and an honest quality.

A state is always text there; `unavailable` means no contact, `unknown` means no value yet
(https://developers.home-assistant.io/docs/core/entity).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from equipment_drivers.errors import ProtocolFault
from equipment_drivers.model import Quality

UNITS: dict[str, tuple[str, float, float]] = {
    "°C": ("Cel", 1.0, 0.0),
    "°F": ("Cel", 5 / 9, -160 / 9),
    "K": ("Cel", 1.0, -273.15),
    "W": ("W", 1.0, 0.0),
    "kW": ("W", 1e3, 0.0),
    "MW": ("W", 1e6, 0.0),
    "Wh": ("kW.h", 1e-3, 0.0),
    "kWh": ("kW.h", 1.0, 0.0),
    "MWh": ("kW.h", 1e3, 0.0),
    "mm/s": ("mm/s", 1.0, 0.0),
    "m/s": ("mm/s", 1e3, 0.0),
}
"""Home Assistant's unit → our unit, and value·factor + offset. Others stand for themselves."""

TRUTH = {"on": 1.0, "off": 0.0}


@dataclass(frozen=True, slots=True)
class EntityState:
    """One entity as the hub last had it; `reported` is when its integration last spoke."""

    entity: str
    state: str
    unit: str = ""
    reported: datetime | None = None


def entity_states(answer: object) -> dict[str, EntityState]:
    """All entities of a `GET /api/states`. Raises ProtocolFault when it is not a list."""
    if not isinstance(answer, list):
        raise ProtocolFault(cause="states are not a list")
    states = [entity_state(item) for item in answer if isinstance(item, dict)]
    return {state.entity: state for state in states}


def entity_state(item: dict[str, Any]) -> EntityState:
    """One entity of the hub's answer; what is malformed in it is left out."""
    attributes = item.get("attributes")
    unit = attributes.get("unit_of_measurement") if isinstance(attributes, dict) else None
    reported = item.get("last_reported") or item.get("last_updated")
    return EntityState(
        entity=str(item.get("entity_id", "")),
        state=str(item.get("state", "")),
        unit=unit if isinstance(unit, str) else "",
        reported=_instant(reported),
    )


def _instant(text: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant and instant.tzinfo else None


def measure(state: EntityState | None, unit: str) -> tuple[float | None, Quality]:
    """The state in the promised unit; never a number where there is none."""
    if state is None or state.state == "unavailable":
        return None, Quality.BAD
    if state.state == "unknown":
        return None, Quality.UNCERTAIN
    value = TRUTH.get(state.state) if unit == "1" else _converted(state, unit)
    return value, Quality.BAD if value is None else Quality.GOOD


def _converted(state: EntityState, unit: str) -> float | None:
    code, factor, offset = UNITS.get(state.unit, (state.unit, 1.0, 0.0))
    if code != unit or "_" in state.state:
        return None
    try:
        value = float(state.state) * factor + offset
    except ValueError:
        return None
    return value if math.isfinite(value) else None
