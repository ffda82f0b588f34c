"""One value of an OPC UA server in our words: plain value, quality from its status, source time.

Status codes and their severity and overflow bits are those of OPC 10000-4, 7.39.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncua import ua

from equipment_drivers.model import Quality

OVERFLOW = 0x0480
"""Info bits of a status code: a value was lost in the server's queue."""

QUALITIES = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)

Value = float | int | bool | str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as the server gave it."""

    value: Value
    quality: Quality = Quality.GOOD
    source: datetime | None = None

    @property
    def number(self) -> float | None:
        """The value as a number, or None where it is none."""
        if self.quality is Quality.BAD or isinstance(self.value, str) or self.value is None:
            return None
        return float(self.value)


NOTHING = Sample(None, Quality.BAD)


def sample_of(data: ua.DataValue) -> Sample:
    """A DataValue in our words. Good without a source time is UNCERTAIN: nobody says since when."""
    code = data.StatusCode.value if data.StatusCode else 0
    value = plain(data.Value.Value) if data.Value is not None else None
    source = aware(data.SourceTimestamp)
    quality = Quality.BAD if value is None else QUALITIES[code >> 30]
    if quality is Quality.GOOD and source is None:
        quality = Quality.UNCERTAIN
    return Sample(value, quality, source)


def overflowed(data: ua.DataValue) -> bool:
    """Whether the server says that it dropped values before this one."""
    code = data.StatusCode.value if data.StatusCode else 0
    return code & OVERFLOW == OVERFLOW


def plain(value: object) -> Value:
    """Localised texts and qualified names as text; numbers, booleans and texts as they are."""
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) else None


def aware(instant: datetime | None) -> datetime | None:
    """OPC UA times are UTC; the library leaves that out."""
    if instant is None:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
