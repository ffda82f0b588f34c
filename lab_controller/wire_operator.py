"""The shapes of what the one at the machine enters during a run; as in `wire`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lab_controller.wire import Request, Shape
from lab_controller.wire_trials import RunShape


class StoodShape(Shape):
    """A stop of a machine: since when, how long, what it was, and why where somebody said so.

    `ended` False: it still stands, or nobody saw its end. `micro` is a チョコ停.
    """

    device: str
    device_name: str
    at: datetime
    seconds: float
    kind: str
    kind_text: str
    micro: bool
    ended: bool
    cause: str
    cause_text: str
    text: str
    explained_by: str


class KeyShape(Shape):
    """A code that can be scanned or put on a key; `name` is in the reader's language."""

    code: str
    kind: str
    value: str
    name: str


class FloorShape(Shape):
    """How a run stands for the one who works at it; `element` is what its time is counted as.

    `undo_part` is the part an undo would change.
    """

    run: str
    mode: str
    mode_text: str
    element: str
    stops: list[StoodShape]
    keys: list[KeyShape]
    undo_part: int | None = None


class ScanShape(Shape):
    """What a code did (`kind`, `value`), said in a sentence, and the run after it."""

    kind: str
    value: str
    text: str
    run: RunShape


class ModeRequest(Request):
    """What the equipment is used for from now on."""

    mode: Literal["production", "setup", "trial", "maintenance"]


class StopCauseRequest(Request):
    """Why a machine stood still; without `device` and `at`, the newest stop without a cause."""

    cause: str = Field(min_length=1, max_length=80)
    text: str = Field(default="", max_length=500)
    device: str = ""
    at: datetime | None = None


class ConsumableRequest(Request):
    """Something used up. A negative amount takes back and needs `why`."""

    name: str = Field(min_length=1, max_length=80)
    amount: float = Field(allow_inf_nan=False)
    unit: str = Field(default="1", max_length=20)
    why: str = Field(default="", max_length=500)


class SerialRequest(Request):
    """The mark of a part; without `part`, of the newest one made."""

    serial: str = Field(min_length=1, max_length=80)
    part: int | None = None


class UndoRequest(Request):
    """Take back the newest part or verdict a person gave."""

    why: str = Field(default="", max_length=500)


class CorrectionRequest(Request):
    """A later word on a part (takes a verdict) or a measurement (a value, or `void`).

    `by` is the person who says so; without it, whoever sent it.
    """

    about: Literal["part_event", "measurement"]
    row: int
    by: str = Field(default="", max_length=80)
    why: str = Field(min_length=1, max_length=500)
    verdict: Literal["good", "scrap", "rework", "unjudged", "void"] | None = None
    value: float | None = Field(default=None, allow_inf_nan=False)


class ScanRequest(Request):
    """One barcode or one key."""

    code: str = Field(min_length=1, max_length=200)
