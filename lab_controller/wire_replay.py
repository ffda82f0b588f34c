"""The shapes of a run played back from its record; as in `wire`."""

from __future__ import annotations

from datetime import datetime

from lab_controller.wire import Shape


class CurveShape(Shape):
    """One series the run has readings of."""

    device: str
    device_name: str
    signal: str
    signal_name: str
    unit: str


class ElementShape(Shape):
    """One stretch of the run by its time element (production, setup, delay, down, …)."""

    element: str
    start: datetime
    end: datetime


class ReplayShape(Shape):
    """A run that can be played back: whose it is, from when to when, and what it recorded."""

    run: str
    trial: str
    number: int
    condition: str
    simulated: bool
    start: datetime
    end: datetime
    curves: list[CurveShape]
    elements: list[ElementShape]


class ReplayEventShape(Shape):
    """Something that happened; `text` says what, `kind` is its table in the record."""

    at: datetime
    kind: str
    text: str


class LastReadingShape(Shape):
    """The last reading of a series at an instant, and how old it was then."""

    device: str
    signal: str
    value: float | None
    unit: str
    quality: str
    age_s: float


class DeviceThenShape(Shape):
    """A device as it stood at an instant; `dark`: it was not being recorded then."""

    device: str
    name: str
    link: str
    operation: str
    safety: str
    since: datetime
    dark: bool


class MomentShape(Shape):
    """A run as it stood at an instant, the events around it, and where the next ones are."""

    run: str
    simulated: bool
    at: datetime
    state: str
    mode: str
    readings: list[LastReadingShape]
    devices: list[DeviceThenShape]
    good: int
    scrap: int
    rework: int
    unjudged: int
    before: list[ReplayEventShape]
    after: list[ReplayEventShape]
    previous: datetime | None
    next: datetime | None
