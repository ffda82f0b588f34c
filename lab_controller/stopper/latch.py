"""The latch: what is stopped, by whom and why. Values only; the file is in `latch_file`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MOST_AGAIN = 50

PRESSED = "pressed"
CONTROLLER_DIED = "controller_died"
CONTROLLER_HUNG = "controller_hung"
LATCH_UNREADABLE = "latch_unreadable"


@dataclass(frozen=True, slots=True)
class Again:
    """A later press on something already stopped. `at` is ISO wall-clock UTC."""

    by: str
    reason: str
    cause: str
    at: str


@dataclass(frozen=True, slots=True)
class Press:
    """One stop that stands: the first cause, later presses, and the last report per device."""

    by: str
    reason: str
    cause: str
    at: str
    again: tuple[Again, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Press:
        """Read what `asdict` wrote. Raises KeyError, TypeError or ValueError."""
        again = tuple(Again(**one) for one in data.get("again", ()))
        words = {key: str(data[key]) for key in ("by", "reason", "cause", "at")}
        return cls(**words, again=again, report=dict(data.get("report", {})))


@dataclass(frozen=True, slots=True)
class LatchState:
    """The whole lab's latch and the single devices'. `saved`: the file says the same."""

    lab: Press | None = None
    devices: Mapping[str, Press] = field(default_factory=dict)
    saved: bool = True

    @property
    def is_open(self) -> bool:
        """Whether nothing is stopped."""
        return self.lab is None and not self.devices

    def holds(self, device: str) -> bool:
        """Whether this device may not act."""
        return self.lab is not None or device in self.devices

    def get(self, device: str | None) -> Press | None:
        """The press that stands on a device, or on the whole lab for None."""
        return self.lab if device is None else self.devices.get(device)

    def pressed(self, device: str | None, press: Press) -> LatchState:
        """With one more press; the first on a scope stays and later ones are listed under it."""
        first = self.get(device)
        if first is not None:
            late = Again(press.by, press.reason, press.cause, press.at)
            press = replace(first, again=(*first.again, late)[-MOST_AGAIN:])
        return self._with(device, press)

    def reported(self, device: str | None, report: Mapping[str, Any]) -> LatchState:
        """With the outcome of a stop; a scope that is no longer latched is left alone."""
        standing = self.get(device)
        if standing is None:
            return self
        return self._with(device, replace(standing, report={**standing.report, **report}))

    def cleared(self, device: str | None) -> LatchState:
        """Without this device's latch; for None without any."""
        if device is None:
            return LatchState(saved=False)
        rest = {name: press for name, press in self.devices.items() if name != device}
        return replace(self, devices=rest, saved=False)

    def _with(self, device: str | None, press: Press) -> LatchState:
        if device is None:
            return replace(self, lab=press, saved=False)
        return replace(self, devices={**self.devices, device: press}, saved=False)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "lab": asdict(self.lab) if self.lab else None,
            "devices": {name: asdict(press) for name, press in self.devices.items()},
            "saved": self.saved,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LatchState:
        """Read what `to_json` gave. Raises KeyError, TypeError, AttributeError or ValueError."""
        lab = data["lab"]
        return cls(
            lab=Press.from_json(lab) if lab is not None else None,
            devices={name: Press.from_json(one) for name, one in data["devices"].items()},
            saved=bool(data.get("saved", True)),
        )
