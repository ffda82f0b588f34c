"""What is packed comes back to the last bit, and small."""

from __future__ import annotations

import random
import zlib
from array import array
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trial_logs.samples.codec import Unreadable, decode, encode
from trial_logs.samples.columns import NO_VALUE, Columns, place

START_US = 1_793_000_000_000_000
STATE = st.sampled_from([0, 0, 0, 1, 2, NO_VALUE | 2])
STEPS = st.sampled_from([None, 0.01, 0.1, 0.25, 0.003, 1.0, 5.0])
VALUE = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-10_000, 10_000).map(lambda whole: whole / 100),
    st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308]),
)
SOURCE = st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1))
GAP = st.one_of(st.just(1_000_000), st.integers(1, 10), st.integers(1, 1 << 40))


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    gaps = draw(st.lists(GAP, max_size=30))
    stamps = array("q", [START_US])
    for gap in gaps:
        stamps.append(stamps[-1] + gap)
    many = len(stamps)
    states = draw(st.one_of(st.none(), st.lists(STATE, min_size=many, max_size=many).map(bytes)))
    values = draw(st.lists(VALUE, min_size=many, max_size=many))
    if states is not None:
        values = [0.0 if s & NO_VALUE else v for v, s in zip(values, states, strict=True)]
    sources = draw(st.one_of(st.none(), st.lists(SOURCE, min_size=many, max_size=many)))
    return Columns(stamps, array("d", values), states, sources)


@given(columns(), STEPS)
@settings(max_examples=150, deadline=None)
def test_everything_comes_back_to_the_last_bit(whole: Columns, step: float | None) -> None:
    found = decode(whole.stamps[0], len(whole.stamps), encode(whole, step))
    assert list(found.stamps) == list(whole.stamps)
    first, last = whole.stamps[0], whole.stamps[-1]
    for stamp in (first - 1, (first + last) // 2, last, last + 1):
        assert place(found.stamps, stamp) == bisect_left(whole.stamps, stamp)
    assert found.values.tobytes() == whole.values.tobytes()
    assert (found.states or bytes(len(whole.stamps))) == (whole.states or bytes(len(whole.stamps)))
    nothing = [None] * len(whole.stamps)
    assert (found.sources or nothing) == (whole.sources or nothing)


def walk(jitter_us: int = 0) -> Columns:
    """A thousand samples at 1 Hz in hundredths."""
    draw, level, values = random.Random(1), 2_000, array("d")
    for _ in range(1_000):
        level += draw.randrange(-3, 4)
        values.append(level / 100)
    stamps = [START_US + n * 1_000_000 + draw.randrange(jitter_us + 1) for n in range(1_000)]
    return Columns(array("q", sorted(stamps)), values)


@pytest.mark.parametrize(
    ("whole", "step", "bytes_a_sample"),
    [
        (walk(), None, 5.0),
        (walk(), 0.01, 0.7),
        (walk(4_000), 0.01, 3.0),
        (Columns(walk().stamps, array("d", [20.5] * 1_000)), None, 0.12),
    ],
)
def test_it_is_small(whole: Columns, step: float | None, bytes_a_sample: float) -> None:
    assert len(encode(whole, step)) / len(whole.stamps) < bytes_a_sample


def test_a_value_between_the_steps_is_kept_as_it_is() -> None:
    whole = walk()
    whole.values[500] = 20.0049
    packed = encode(whole, 0.01)
    assert decode(START_US, 1_000, packed).values == whole.values
    assert len(packed) > 4 * len(encode(walk(), 0.01)), "all of the chunk falls back to XOR"


def test_what_cannot_be_read_is_said() -> None:
    packed = encode(walk())
    with pytest.raises(Unreadable):
        decode(START_US, 1_000, b"\x63" + packed[1:])
    with pytest.raises(Unreadable):
        decode(START_US, 1_001, packed)
    with pytest.raises((Unreadable, zlib.error)):
        decode(START_US, 1_000, packed[:40])
