"""What was typed into forms, as the lab wants it. What cannot be read is a BadField."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from typing import TypeVar

from lab_controller.wire import (
    BookingRequestShape,
    Decision,
)
from lab_controller.wire_trials import (
    ConditionShape,
    LimitShape,
    MeasurementRequest,
    PlanShape,
    SampleShape,
    TrialRequest,
)
from tui.trial_words import limit_words

T = TypeVar("T")
COMMA = "[,\uff0c\u3001]"
Given = Mapping[str, str]


class BadField(Exception):
    """What was typed cannot be read; `text_key` says what to write instead."""

    def __init__(self, field: str, text_key: str) -> None:
        super().__init__(text_key)
        self.field, self.text_key = field, text_key


def decision_of(given: Given) -> Decision:
    """A booking step's entries."""
    head_count = given.get("head_count")
    return Decision(
        reason=given.get("reason", ""),
        head_count=whole_number("head_count", head_count) if head_count else None,
        operator=given.get("operator") or None,
        override_reason=given.get("override_reason") or None,
    )


def request_of(given: Given, zone: tzinfo, key: str) -> BookingRequestShape:
    """A request for a slot in the lab's zone."""
    day = _read("day", given["day"], date.fromisoformat, "bad.day")
    start = _read("start", given["start"], time.fromisoformat, "bad.time")
    end = _read("end", given["end"], time.fromisoformat, "bad.time")
    return BookingRequestShape(
        equipment=given["equipment"],
        start=datetime.combine(day, start, zone),
        end=datetime.combine(day, end, zone),
        purpose=given["purpose"],
        head_count=whole_number("head_count", given["head_count"]),
        party=given["party"] or None,
        company=given["company"],
        contact=given["contact"],
        phone=given["phone"],
        operator=given["operator"] or None,
        idempotency_key=key,
        override_reason=given["override_reason"] or None,
    )


def trial_of(given: Given, booking: str, plan: PlanShape) -> TrialRequest:
    """A new trial; conditions and limits are lists parted by commas.

    What the plan it began with says more of a condition or limit stays, where its words still
    stand. Conditions that were typed are taken instead of those the plan's factors would give,
    and the factors with them: a name alone does not say at which level each of them stands.
    """
    conditions = {one.name: one for one in plan.conditions}
    limits = {limit_words(one): one for one in plan.limits}
    names = _listed(given["conditions"])
    parts = given["parts"]
    sample = SampleShape(
        parts_per_run=whole_number("parts", parts) if parts else None,
        runs_per_condition=whole_number("runs", given["runs"]),
    )
    more: dict[str, object] = {"sample": sample, "randomised": bool(given["order"])}
    if plan.expand and names:
        more["factors"] = []
    changed = {
        **{name: given[name] for name in ("title", "question", "part", "material", "baseline")},
        "conditions": [conditions.get(name, ConditionShape(name=name)) for name in names],
        "limits": [limits.get(words) or _limit(words) for words in _listed(given["limits"])],
        "protocol": plan.protocol.model_copy(update=more),
        "expand": plan.expand and not names,
    }
    return TrialRequest(booking=booking, **plan.model_copy(update=changed).model_dump())


def measurement_of(given: Given) -> MeasurementRequest:
    """A value read from a gauge."""
    part = given["part"]
    return MeasurementRequest(
        characteristic=given["characteristic"],
        value=number("value", given["value"]),
        unit=given["unit"],
        part=whole_number("part", part) if part else None,
        gauge=given["gauge"],
    )


def number(field: str, text: str) -> float:
    """A number as people type it, full-width digits and a decimal comma included."""
    found = _read(field, text, lambda typed: float(typed.replace(",", ".")), "bad.number")
    if not math.isfinite(found):
        raise BadField(field, "bad.number")
    return found


def run_time(text: str) -> float:
    """A time from the beginning of a run in seconds: 0:12:30, 12:30 or 90."""

    def seconds(typed: str) -> float:
        parts = [float(part) for part in typed.strip().split(":")]
        if len(parts) > 3 or any(not 0 <= part < math.inf for part in parts):
            raise ValueError(typed)
        return math.fsum(part * 60.0**place for place, part in enumerate(reversed(parts)))

    return _read("at", text, seconds, "bad.run_time")


def whole_number(field: str, text: str) -> int:
    """A count."""
    return _read(field, text, int, "bad.whole_number")


def _listed(text: str) -> list[str]:
    """The parts of a list; Japanese commas part like ours."""
    return [part.strip() for part in re.split(COMMA, text) if part.strip()]


def _limit(words: str) -> LimitShape:
    """`name nominal tolerance unit`."""
    parts = words.split()
    if len(parts) != 4:
        raise BadField("limits", "bad.limit")
    name, nominal, tolerance, unit = parts
    return LimitShape(
        characteristic=name,
        nominal=_read("limits", nominal, float, "bad.limit"),
        tolerance=_read("limits", tolerance.removeprefix("+/-"), float, "bad.limit"),
        unit=unit,
    )


def _read(field: str, text: str, reader: Callable[[str], T], text_key: str) -> T:
    """Read a field; full-width figures and colons are as good as others."""
    try:
        return reader(unicodedata.normalize("NFKC", text))
    except ValueError:
        raise BadField(field, text_key) from None
