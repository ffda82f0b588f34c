"""A stretch of one signal in buckets, whether of the lab's telemetry or of a run's own record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import Query

from lab_controller.errors import LabError
from lab_controller.wire import BucketShape, WindowShape
from trial_logs.buckets import Bucket
from trial_logs.model import Series
from trial_logs.stamps import from_us

Buckets = Annotated[int, Query(gt=0, le=2000)]


class BadWindow(LabError):
    """A window must have a beginning before its end."""

    code = "lab.bad_window"


def demand_stretch(start: datetime, end: datetime) -> None:
    """Raise BadWindow for times without a zone, and for an end that is not after its start."""
    if start.tzinfo is None or end.tzinfo is None or start >= end:
        raise BadWindow


def window(of: Series, buckets: Iterable[Bucket]) -> WindowShape:
    """The window as clients see it; empty buckets are gaps."""
    return WindowShape(
        device=of.device,
        signal=of.signal,
        unit=of.unit,
        buckets=[
            BucketShape(
                start=from_us(one.t0_us),
                mean=one.mean,
                low=one.minimum,
                high=one.maximum,
                count=one.count,
                quality="" if one.worst is None else one.worst.name,
            )
            for one in buckets
        ],
    )
