"""The times of a run: in which time element each microsecond lies, where it stood still, and OEE.

The elements are the lab's own after OPC 40001-1 Annex C.2, Table 68, the formulas those of OPC
40501-1 Annex C.2.4. Both cite ISO 22400-2, against which neither was checked: it is not named to
people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trial_logs.metrics import Figure


class Element(StrEnum):
    """What a moment of a run is counted as.

    PRODUCTION APT, SETUP AUST, DELAY ADET, DOWN ADOT. IDLE: no booking was in force. UNKNOWN:
    nobody recorded what the machine did.
    """

    PRODUCTION = "production"
    SETUP = "setup"
    DELAY = "delay"
    DOWN = "down"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """[t0, t1) µs in one element; `device` decided it (empty: the run itself), `cause` if told."""

    element: Element
    t0_us: int
    t1_us: int
    device: str
    cause: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A machine stood still by itself or for safety over [t0, t1) µs.

    `kind` is its state's word, `micro` a チョコ停, `cause` the person's word where there is one
    (then `explained_by`), else the device's code. `ended` False: it still stood when the run ended.
    """

    t0_us: int
    t1_us: int
    device: str
    kind: str
    micro: bool
    cause: str
    text: str
    explained_by: str
    ended: bool

    @property
    def seconds(self) -> float:
        """How long it stood."""
        return (self.t1_us - self.t0_us) / 1e6


@dataclass(frozen=True, slots=True)
class Indicator:
    """A share or a time with its formula: `formula` is a code, `inputs` what went in, by symbol."""

    figure: Figure
    formula: str
    inputs: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The times of one run; the spans partition it, the seconds sum up to it.

    `stop_s` are seconds of all stops, micro-stops among them. `order_known` False: the record does
    not say whether a booking was in force, and it is taken as in force.
    """

    spans: tuple[TimeSpan, ...]
    seconds: Mapping[Element, float]
    stops: tuple[Stop, ...]
    stop_count: int
    stop_s: float
    micro_count: int
    micro_s: float
    microstop_s: float
    order_known: bool
    first_part_s: Figure
    first_good_s: Figure
    availability: Indicator
    effectiveness: Indicator
    quality: Indicator
    oee: Indicator
    setup_ratio: Indicator
    bekido: Indicator
    kado: Indicator
