"""Home Assistant's state machine: entities, their states and times, and the events of changes.

Entities report what they measure; what is shown passes the faults of entities on its way.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hardware_sim.faults import Faults

Attributes = Mapping[str, object]
Json = dict[str, Any]

# factor and offset from a unit to another: what Home Assistant does when a unit is changed
CONVERSIONS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("°C", "°F"): (1.8, 32.0),
    ("°C", "K"): (1.0, 273.15),
    ("W", "kW"): (0.001, 0.0),
    ("kWh", "Wh"): (1000.0, 0.0),
    ("kWh", "MWh"): (0.001, 0.0),
    ("mm/s", "in/s"): (1 / 25.4, 0.0),
}
UNIT = "unit_of_measurement"


@dataclass(frozen=True, slots=True)
class Shown:
    """One state as Home Assistant holds it; `last_reported` moves with every report."""

    entity: str
    state: str
    attributes: Attributes
    last_changed: datetime
    last_updated: datetime
    last_reported: datetime
    context: str

    def as_json(self) -> Json:
        """The state object of the REST and WebSocket APIs."""
        return {
            "entity_id": self.entity,
            "state": self.state,
            "attributes": dict(self.attributes),
            "last_changed": self.last_changed.isoformat(),
            "last_reported": self.last_reported.isoformat(),
            "last_updated": self.last_updated.isoformat(),
            "context": context_json(self.context),
        }


def context_json(context: str) -> Json:
    """A context object: who caused a change."""
    return {"id": context, "parent_id": None, "user_id": None}


def new_context() -> str:
    """A fresh context id."""
    return uuid.uuid4().hex


class States:
    """All entities; listeners are called with the event of every change."""

    def __init__(self, now: Callable[[], datetime], faults: Faults) -> None:
        self._now = now
        self._faults = faults
        self._true: dict[str, tuple[str, Attributes]] = {}
        self._shown: dict[str, Shown] = {}
        self.listeners: set[Callable[[Json], None]] = set()

    def report(
        self, entity: str, state: str, attributes: Attributes, context: str | None = None
    ) -> None:
        """An entity reports its state; an unchanged one fires no event."""
        self._true[entity] = (state, attributes)
        seen_state, seen_attributes = self._faulted(entity, state, attributes)
        now, old = self._now(), self._shown.get(entity)
        if old and (old.state, old.attributes) == (seen_state, seen_attributes):
            self._shown[entity] = replace(old, last_reported=now)
            return
        changed = now if old is None or old.state != seen_state else old.last_changed
        new = Shown(
            entity, seen_state, seen_attributes, changed, now, now, context or new_context()
        )
        self._shown[entity] = new
        self._fire(old, new)

    def show_faults(self) -> None:
        """Report everything again after a fault began or ended."""
        for entity, (state, attributes) in list(self._true.items()):
            self.report(entity, state, attributes)

    def get(self, entity: str) -> Shown | None:
        """What is shown of one entity."""
        return self._shown.get(entity)

    def all(self) -> list[Json]:
        """Every state object."""
        return [shown.as_json() for shown in self._shown.values()]

    def caused_by(self, context: str, among: Iterable[str] | None = None) -> list[Json]:
        """The states whose last change has this context."""
        names = self._shown if among is None else among
        found = (self._shown[name] for name in names)
        return [shown.as_json() for shown in found if shown.context == context]

    def _faulted(self, entity: str, state: str, attributes: Attributes) -> tuple[str, Attributes]:
        for fault in ("unavailable", "unknown"):
            if self._hits(fault, entity) is not None:
                return fault, attributes
        changed = self._hits("unit", entity)
        if changed is None or UNIT not in attributes:
            return state, attributes
        unit = str(changed["unit"])
        factor, offset = CONVERSIONS.get((str(attributes[UNIT]), unit), (1.0, 0.0))
        return f"{float(state) * factor + offset:.6g}", {**attributes, UNIT: unit}

    def _hits(self, fault: str, entity: str) -> Mapping[str, Any] | None:
        params = self._faults.get(fault)
        return params if params is not None and params["entity"] in ("", entity) else None

    def _fire(self, old: Shown | None, new: Shown) -> None:
        event = {
            "event_type": "state_changed",
            "data": {
                "entity_id": new.entity,
                "old_state": old.as_json() if old else None,
                "new_state": new.as_json(),
            },
            "origin": "LOCAL",
            "time_fired": new.last_updated.isoformat(),
            "context": context_json(new.context),
        }
        for listener in list(self.listeners):
            listener(event)
