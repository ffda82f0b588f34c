"""A stretch of one series as a blob and back, without loss; only the standard library.

Stamps: the difference of differences, in units of their greatest common divisor. Values: where a
step is declared and every value is a whole number of it, differences of these numbers; otherwise
the bits of each double XOR those of the one before (Pelkonen et al., Gorilla, VLDB 2015), all in
one shift of one big integer. Both are laid down in byte planes and compressed with zlib. Quality,
missing values and source stamps cost nothing where there are none, and little where they repeat.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, islice, repeat
from math import gcd
from operator import floordiv, mul, sub, truediv

from trial_logs.samples.columns import NO_VALUE, Columns

VERSION = 1
STATES, SOURCES, SCALED = 1, 2, 4
LEVEL = 1  # the higher levels of zlib take 3 to 10 times as long for 1 % less

WIDTHS = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31), ("q", 1 << 63))
SIZES = {"b": 1, "h": 2, "i": 4, "q": 8, "z": 0}
_WHOLE = 1 << 64
_HALF = 1 << 63
_PAIR = struct.Struct("<qq")
_SCALE = struct.Struct("<dq")
_RUN = struct.Struct("<BI")
_COUNT = struct.Struct("<I")


class Unreadable(ValueError):
    """The blob was written by a later release, or is damaged."""


def encode(columns: Columns, step: float | None = None) -> bytes:
    """The columns, whose stamps rise, as a blob; `step` is the declared step of the values."""
    flags, parts = 0, [_times(columns.stamps)]
    values = columns.values
    if columns.states is not None and any(columns.states):
        flags |= STATES
        parts.append(_runs(columns.states))
        there = [not state & NO_VALUE for state in columns.states]
        values = array("d", (v for v, has in zip(values, there, strict=True) if has))
    if columns.sources is not None and any(one is not None for one in columns.sources):
        flags |= SOURCES
        parts.append(_sources(columns.stamps, columns.sources))
    packed = None if step is None else _scaled(values, step)
    if packed is not None:
        flags |= SCALED
    parts.append(_xored(values) if packed is None else packed)
    return bytes((VERSION, flags)) + zlib.compress(b"".join(parts), LEVEL)


def decode(t0: int, count: int, blob: bytes) -> Columns:
    """The columns of a blob that begins at `t0` µs. Raises Unreadable."""
    if not blob or blob[0] != VERSION:
        raise Unreadable
    flags, source = blob[1], _Source(zlib.decompress(blob[2:]))
    stamps = _read_times(source, t0, count)
    states = _read_runs(source, count) if flags & STATES else None
    sources = _read_sources(source, stamps) if flags & SOURCES else None
    there = count if states is None else sum(not state & NO_VALUE for state in states)
    values = _read_scaled(source, there) if flags & SCALED else _read_xored(source, there)
    if there < count and states is not None:
        found = iter(values)
        values = array("d", (0.0 if state & NO_VALUE else next(found) for state in states))
    return Columns(stamps, values, states, sources)


class _Source:
    """The bytes of a blob, taken piece by piece."""

    __slots__ = ("at", "whole")

    def __init__(self, whole: bytes) -> None:
        self.whole, self.at = whole, 0

    def take(self, many: int) -> bytes:
        found = self.whole[self.at : self.at + many]
        self.at += many
        if len(found) < many:
            raise Unreadable
        return found


# -- whole numbers ------------------------------------------------------------------------


def _ints(numbers: Sequence[int]) -> bytes:
    """Whole numbers in the narrowest width that holds them all, by byte planes."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    if low == high == 0:
        return b"z"
    code = next(code for code, bound in WIDTHS if -bound <= low and high < bound)
    return code.encode() + _planes(_little(array(code, numbers)).tobytes(), SIZES[code])


def _read_ints(source: _Source, count: int) -> Iterable[int]:
    code = source.take(1).decode()
    if code == "z":
        return repeat(0, count)
    size = SIZES[code]
    found = array(code)
    found.frombytes(_unplaned(source.take(size * count), size))
    return _little(found)


def _planes(whole: bytes, size: int) -> bytes:
    return whole if size == 1 else b"".join(whole[n::size] for n in range(size))


def _unplaned(planes: bytes, size: int) -> bytes:
    if size == 1:
        return planes
    count, found = len(planes) // size, bytearray(len(planes))
    for n in range(size):
        found[n::size] = planes[n * count : (n + 1) * count]
    return bytes(found)


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


# -- stamps -------------------------------------------------------------------------------


def _times(stamps: Sequence[int]) -> bytes:
    steps = list(map(sub, islice(stamps, 1, None), stamps))
    if not steps:
        return b""
    if steps.count(steps[0]) == len(steps):
        return _PAIR.pack(steps[0], 1) + b"z"
    unit = gcd(*steps)
    if unit > 1:
        steps = list(map(floordiv, steps, repeat(unit)))
    return _PAIR.pack(unit, steps[0]) + _ints(list(map(sub, islice(steps, 1, None), steps)))


def _read_times(source: _Source, t0: int, count: int) -> Sequence[int]:
    if count < 2:
        return array("q", [t0] * count)
    unit, first = _PAIR.unpack(source.take(_PAIR.size))
    changes = _read_ints(source, count - 2)
    if isinstance(changes, repeat):  # no change at all
        return range(t0, t0 + unit * first * count, unit * first)
    steps: Iterable[int] = accumulate(changes, initial=first)
    if unit > 1:
        steps = map(mul, steps, repeat(unit))
    return array("q", accumulate(steps, initial=t0))


# -- values -------------------------------------------------------------------------------


def scale_of(step: float) -> float:
    """What whole numbers are divided by; negative: minus what they are multiplied by.

    7 / 100 is the double nearest to 0.07, while 7 * 0.01 is its neighbour.
    """
    parts = float(round(1 / step)) if step < 1 else 0.0
    return parts if parts and 1 / parts == step else -step


def _scaled(values: array[float], step: float) -> bytes | None:
    """Whole numbers of the step; None where a value is not one, to the last bit."""
    scale = scale_of(step)
    try:
        to_whole, back = (mul, truediv) if scale > 0 else (truediv, mul)
        numbers = list(map(round, map(to_whole, values, repeat(abs(scale)))))
        if array("d", map(back, numbers, repeat(abs(scale)))).tobytes() != values.tobytes():
            return None
        first = numbers[0] if numbers else 0
        steps = list(map(sub, islice(numbers, 1, None), numbers))
        return _SCALE.pack(scale, first) + _ints(steps)
    except (OverflowError, struct.error, StopIteration):
        return None  # too large to be counted


def _read_scaled(source: _Source, count: int) -> array[float]:
    scale, first = _SCALE.unpack(source.take(_SCALE.size))
    if not count:
        return array("d")
    numbers = accumulate(_read_ints(source, count - 1), initial=first)
    return array("d", map(truediv if scale > 0 else mul, numbers, repeat(abs(scale))))


def _xored(values: array[float]) -> bytes:
    size = 8 * len(values)
    bits = int.from_bytes(_little(array("Q", values.tobytes())).tobytes(), "little")
    return _planes((bits ^ bits << 64).to_bytes(size + 8, "little")[:size], 8)


def _read_xored(source: _Source, count: int) -> array[float]:
    bits = int.from_bytes(_unplaned(source.take(8 * count), 8), "little")
    shift = 1
    while shift < count:  # each value is the XOR of all steps up to it: doubled, not one by one
        bits ^= bits << 64 * shift
        shift *= 2
    whole = (bits & (1 << 64 * count) - 1).to_bytes(8 * count, "little")
    return array("d", _little(array("Q", whole)).tobytes())


# -- what is mostly absent ----------------------------------------------------------------


def _runs(states: Iterable[int]) -> bytes:
    runs = [_RUN.pack(state, sum(1 for _ in same)) for state, same in groupby(states)]
    return _COUNT.pack(len(runs)) + b"".join(runs)


def _read_runs(source: _Source, count: int) -> bytes:
    (many,) = _COUNT.unpack(source.take(_COUNT.size))
    runs = _RUN.iter_unpack(source.take(many * _RUN.size))
    states = b"".join(bytes((state,)) * length for state, length in runs)
    if len(states) != count:
        raise Unreadable
    return states


def _sources(stamps: Sequence[int], sources: Sequence[int | None]) -> bytes:
    known = [one is not None for one in sources]
    away = [
        (one - stamp + _HALF) % _WHOLE - _HALF
        for one, stamp in zip(sources, stamps, strict=True)
        if one is not None
    ]
    return _runs(known) + _ints(away)


def _read_sources(source: _Source, stamps: Sequence[int]) -> list[int | None]:
    known = _read_runs(source, len(stamps))
    away = iter(_read_ints(source, sum(known)))
    return [
        (stamp + next(away) + _HALF) % _WHOLE - _HALF if has else None
        for stamp, has in zip(stamps, known, strict=True)
    ]
