"""Registers to numbers and back, for every type and order, and the requests that read them."""

from __future__ import annotations

import math
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.devices.modbus_registers import (
    FORMATS,
    MOST_AT_ONCE,
    Kind,
    Order,
    Place,
    Table,
    Unrepresentable,
    Write,
    blocks,
    writes,
)

WIDE: list[Kind] = [kind for kind in get_args(Kind) if kind != "bit"]
ORDERS: tuple[Order, ...] = get_args(Order)
orders = st.sampled_from(ORDERS)


@st.composite
def places(draw: st.DrawFn) -> Place:
    table: Table = draw(st.sampled_from(get_args(Table)))
    bits = table in ("coil", "discrete")
    kind: Kind = "bit" if bits else draw(st.sampled_from(WIDE))
    return Place(table, draw(st.integers(0, 400)), kind)


def smallest(kind: Kind) -> int:
    return -(2 ** (8 * struct.calcsize(FORMATS[kind]) - 1)) if kind.startswith("int") else 0


@given(kind=st.sampled_from(WIDE), word=orders, byte=orders, data=st.data())
def test_b03_what_is_written_reads_back_the_same(
    kind: Kind, word: Order, byte: Order, data: st.DataObject
) -> None:
    width = 8 * struct.calcsize(FORMATS[kind])
    value: float
    if kind.startswith("float"):
        value = data.draw(st.floats(width=32 if width == 32 else 64, allow_nan=False))
        if math.isinf(value):
            return
    else:
        low = smallest(kind)
        value = data.draw(st.integers(low, low + 2**width - 1))
        if abs(value) > 2**53:
            return  # a reading is a float: whole numbers beyond are told rounded
    place = Place("holding", 0, kind, word, byte)
    words = place.encode(value)
    assert len(words) == place.width
    assert all(0 <= one <= 0xFFFF for one in words)
    assert place.decode(words) == value


@given(
    raw=st.integers(-32768, 32767),
    scale=st.sampled_from([0.01, 0.1, 0.5, 2.0, -0.1]),
    offset=st.sampled_from([0.0, -40.0, 273.15]),
)
def test_a_scaled_value_comes_back_to_its_own_register(
    raw: int, scale: float, offset: float
) -> None:
    place = Place("holding", 0, "int16", scale=scale, offset=offset)
    value = place.decode([raw & 0xFFFF])
    assert value is not None
    assert place.encode(value) == [raw & 0xFFFF]


@pytest.mark.parametrize(
    ("word", "byte", "words"),
    [
        ("big", "big", [0x1122, 0x3344]),
        ("little", "big", [0x3344, 0x1122]),
        ("big", "little", [0x2211, 0x4433]),
        ("little", "little", [0x4433, 0x2211]),
    ],
)
def test_b03_the_four_orders_of_a_32_bit_value(word: Order, byte: Order, words: list[int]) -> None:
    place = Place("input", 0, "uint32", word, byte)
    assert place.decode(words) == 0x11223344
    assert place.encode(0x11223344) == words


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("int16", [0xFFFF], -1),
        ("uint16", [0xFFFF], 65535),
        ("int32", [0xFFFF, 0xFFFE], -2),
        ("uint32", [0xFFFF, 0xFFFE], 4294967294),
        ("float32", [0x41C8, 0x0000], 25.0),
        ("float64", [0x4039, 0, 0, 0], 25.0),
        ("int64", [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD], -3),
    ],
)
def test_b03_signed_and_unsigned(kind: Kind, words: list[int], value: float) -> None:
    assert Place("holding", 0, kind).decode(words) == value


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_no_number_is_no_value(words: list[int]) -> None:
    assert Place("input", 0, "float32").decode(words) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int16", 32768),
        ("uint16", -1),
        ("bit", 0.5),
        ("bit", 2),
        ("float32", 1e39),
        ("int16", 1e999),
    ],
)
def test_what_does_not_fit_is_refused(kind: Kind, value: float) -> None:
    with pytest.raises(Unrepresentable):
        Place("holding", 0, kind).encode(value)


@given(wanted=st.lists(places(), min_size=1, max_size=30), gap=st.integers(0, 20))
def test_b03_every_value_lies_wholly_in_one_request(wanted: list[Place], gap: int) -> None:
    found = blocks(wanted, gap)
    for place in wanted:
        assert any(block.holds(place) for block in found)
    for block in found:
        assert 1 <= block.count <= MOST_AT_ONCE[block.table]
    assert len(found) <= len(wanted)


def test_b03_neighbours_are_read_together() -> None:
    wanted = [Place("input", 0, "uint16"), Place("input", 1, "float32"), Place("input", 5, "int16")]
    assert [(one.address, one.count) for one in blocks(wanted, 0)] == [(0, 3), (5, 1)]
    assert [(one.address, one.count) for one in blocks(wanted, 2)] == [(0, 6)]


def test_a_request_never_asks_for_more_than_one_answer_can_hold() -> None:
    wanted = [Place("holding", address, "uint16") for address in range(300)]
    assert [one.count for one in blocks(wanted, 0)] == [125, 125, 50]


def test_outputs_side_by_side_are_one_message() -> None:
    run, lamp = Place("coil", 0, "bit"), Place("coil", 1, "bit")
    speed = Place("holding", 7, "uint32")
    assert writes([(lamp, 1), (run, 0), (speed, 65536)]) == [
        Write("coil", 0, (0, 1)),
        Write("holding", 7, (1, 0)),
    ]
