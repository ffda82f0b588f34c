"""How numbers, times and units are written on a report or in a table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from trial_logs.inference.interval import Interval
from trial_logs.metrics import Figure
from trial_logs.stamps import from_us

UNIT_SYMBOLS: Mapping[str, str] = {
    "Cel": "°C",
    "kW.h": "kWh",
    "W.h": "Wh",
    "1": "",
    "mm/s2": "mm/s²",
    "m/s2": "m/s²",
    "deg": "°",
}
"""Symbols of the unit codes that are not written as they are."""


SENTENCE_END = re.compile(r"。|[.;](?:\s|$)")
PARTICULARS = re.compile(r"\s*(?:\([^()]*\{[^()]*\)|「\{\w+\}」|\"\{\w+\}\"|\{\w+\})")


def unit_symbol(code: str) -> str:
    """The symbol people read for a unit code."""
    return UNIT_SYMBOLS.get(code, code)


def with_unit(number: str, code: str) -> str:
    """A number followed by its unit, percent and degree signs set close."""
    symbol = unit_symbol(code)
    return f"{number}{symbol}" if symbol in ("%", "°") else f"{number} {symbol}".rstrip()


def plain(value: float) -> str:
    """A number as somebody wrote it: 20.0 as 20, 0.05 as 0.05."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def grouped_number(value: float) -> str:
    """A number as it is, thousands apart: 12000.0 as 12,000, 0.05 as 0.05."""
    written = plain(float(value))
    whole, point, rest = written.partition(".")
    if abs(value) < 1000 or not whole.lstrip("-").isdigit():
        return written
    return f"{int(whole):,}{point}{rest}"


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, never in exponent form."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}"


def one_decimal(value: float) -> str:
    """A number with one decimal; below one with two digits, so that no sign and no size is lost."""
    return f"{value:.1f}" if value == 0 or abs(value) >= 1 else significant(value, 2)


def percent(share: float) -> str:
    """A share 0..1 with one decimal; only the whole is written as 100 %."""
    tenths = math.floor(share * 1000 + 0.5) if share >= 1 else min(999, round(share * 1000))
    return f"{tenths / 10:.1f}%"


def cause(code: str, words: Mapping[str, str]) -> str:
    """Why something happened: a short word for a code, or what a person wrote, as it stands.

    Of an error's text the first sentence is kept, without the particulars nobody recorded; the
    rest tells staff what to do, which is past when a report is read.
    """
    known = words.get(f"cause.{code}") or words.get(code)
    if known is None:
        return code
    return PARTICULARS.sub("", SENTENCE_END.split(known, maxsplit=1)[0])


def reason(code: str, named: Mapping[str, str], words: Mapping[str, str]) -> str:
    """The plan's own name for a cause, else what `cause` says."""
    return named.get(code) or cause(code, words)


def figure(number: Figure, write: str, words: Mapping[str, str]) -> str:
    """A figure with its flag in words; a missing one is a dash and the reason."""
    flag = words.get(number.code, number.code)
    if number.value is None:
        return f"{words['report.none']} ({flag})" if flag else words["report.none"]
    text = percent(number.value) if write == "%" else WRITERS[write](number.value)
    return f"{text} ({flag})" if flag else text


POINTS = "points"
"""How a difference of two shares is written: 3.7 points, for 3.7 % would be a share of a share."""

WRITERS: Mapping[str, Callable[[float], str]] = {
    "1": one_decimal,
    "2": lambda value: f"{value:.2f}",
    "3s": significant,
    "5s": lambda value: significant(value, 5),
    POINTS: lambda share: f"{100 * share:.1f}",
}


def clock(stamp_us: int, zone: str) -> str:
    """Time of day in a zone, to the second."""
    return f"{local(stamp_us, zone):%H:%M:%S}"


def local(stamp_us: int, zone: str) -> datetime:
    """The time of a µs stamp in a zone."""
    return from_us(stamp_us).astimezone(ZoneInfo(zone))


def length(seconds: float) -> str:
    """A length of time as h:mm:ss, below ten seconds with a decimal."""
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def date_line(stamp_us: int, zone: str, words: Mapping[str, str]) -> str:
    """The day in words, with its weekday."""
    day = local(stamp_us, zone)
    names = words["report.weekdays"]
    weekday = (names.split() if " " in names else list(names))[day.weekday()]
    form = words["report.date"]
    return form.format(year=day.year, month=day.month, day=day.day, weekday=weekday)


def label(labels: Mapping[str, str], device: str, signal: str = "") -> str:
    """What people call a device or one of its signals; the id where nobody named it."""
    key = f"{device}.{signal}" if signal else device
    return labels.get(key, key)


def minus(text: str) -> str:
    """The text with true minus signs."""
    return text.replace("-", "−")


def bracket(interval: Interval, write: Callable[[float], str]) -> str:
    """Both ends in brackets, an open side as an ellipsis; empty where there is no interval."""
    if interval.low is None and interval.high is None:
        return ""
    low, high = ("…" if end is None else write(end) for end in (interval.low, interval.high))
    return minus(f"[{low}, {high}]")


def with_interval(interval: Interval, write: str, words: Mapping[str, str]) -> str:
    """An estimate and its interval behind it: `82.7 [81.6, 83.8]`; what to know is not said."""
    writer = percent if write == "%" else WRITERS[write]
    if interval.estimate is None:
        return words["report.none"]
    text = f"{minus(writer(interval.estimate))} {bracket(interval, writer)}".rstrip()
    return words["report.points"].format(text=text) if write == POINTS else text
