"""RTDE packages: what is cut anywhere is whole again, what is no package is said so."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.devices import ur_rtde
from equipment_drivers.devices.ur_rtde import FORMATS, Package, Recipe, Unpacker, Value
from equipment_drivers.errors import ProtocolFault

packages = st.lists(st.builds(Package, st.integers(0, 255), st.binary(max_size=60)), max_size=12)
WHOLE = {
    "BOOL": st.booleans(),
    "UINT8": st.integers(0, 2**8 - 1),
    "UINT32": st.integers(0, 2**32 - 1),
    "UINT64": st.integers(0, 2**64 - 1),
    "INT32": st.integers(-(2**31), 2**31 - 1),
    "DOUBLE": st.floats(allow_nan=False),
}


def values_of(kind: str) -> st.SearchStrategy[Value]:
    if kind in WHOLE:
        return WHOLE[kind]
    item = "DOUBLE" if kind.endswith("D") else kind.removeprefix("VECTOR6")
    count = 3 if kind == "VECTOR3D" else 6
    return st.tuples(*[WHOLE[item]] * count)


@st.composite
def frames(draw: st.DrawFn) -> tuple[Recipe, dict[str, Value]]:
    types = draw(st.lists(st.sampled_from(sorted(FORMATS)), min_size=1, max_size=12))
    names = tuple(f"field_{number}" for number in range(len(types)))
    recipe = Recipe(draw(st.integers(1, 255)), names, tuple(types))
    return recipe, {name: draw(values_of(kind)) for name, kind in zip(names, types, strict=True)}


@given(packages, st.data())
def test_r04_packages_cut_anywhere_come_out_whole(sent: list[Package], data: st.DataObject) -> None:
    stream = b"".join(package.to_bytes() for package in sent)
    unpacker, got, at = Unpacker(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        got += unpacker.feed(stream[at : at + size])
        at += size
    assert got == sent


@given(frames())
def test_what_is_packed_unpacks_the_same(frame: tuple[Recipe, dict[str, Value]]) -> None:
    recipe, values = frame
    package = recipe.pack(values)
    assert package.type == ord("U")
    assert recipe.unpack(package.payload) == values


@given(frames(), st.binary(max_size=400))
def test_a_frame_of_another_recipe_is_refused(
    frame: tuple[Recipe, dict[str, Value]], payload: bytes
) -> None:
    recipe, values = frame
    right = recipe.pack(values).payload
    if len(payload) == len(right) and payload[0] == recipe.id:
        assert set(recipe.unpack(payload)) == set(recipe.names)
    else:
        with pytest.raises(ProtocolFault):
            recipe.unpack(payload)


@given(st.binary(max_size=400))
def test_any_bytes_end_in_packages_or_a_protocol_fault(garbage: bytes) -> None:
    unpacker = Unpacker()
    try:
        found = unpacker.feed(garbage)
    except ProtocolFault:
        return
    taken = sum(len(package.to_bytes()) for package in found)
    assert garbage.startswith(b"".join(package.to_bytes() for package in found))
    rest = garbage[taken:]
    assert len(rest) < 3 or struct.unpack(">H", rest[:2])[0] > len(rest)


@given(st.binary(max_size=80))
def test_any_text_message_is_some_text(payload: bytes) -> None:
    level, text = ur_rtde.text_message(Package(ur_rtde.TEXT_MESSAGE, payload))
    assert level in ur_rtde.LEVELS
    assert isinstance(text, str)


@given(st.sampled_from("VvOIS"), st.binary(max_size=40))
def test_any_answer_is_understood_or_a_protocol_fault(kind: str, payload: bytes) -> None:
    package = Package(ord(kind), payload)
    for read in (
        ur_rtde.accepted,
        ur_rtde.controller_version,
        lambda answer: ur_rtde.recipe(answer, ["timestamp", "robot_mode"]),
    ):
        try:
            read(package)
        except ProtocolFault:
            continue


def test_r04_each_field_says_why_it_is_refused() -> None:
    answer = Package(ur_rtde.SETUP_INPUTS, b"\x00INT32,IN_USE,NOT_FOUND")
    recipe = ur_rtde.recipe(answer, ["a", "b", "c"])
    assert not recipe.whole
    assert recipe.refused() == {"b": "IN_USE", "c": "NOT_FOUND"}


def test_a_size_no_package_can_have_is_refused() -> None:
    with pytest.raises(ProtocolFault):
        Unpacker().feed(b"\x00\x02U")


def test_not_a_number_passes_as_what_it_is() -> None:
    recipe = Recipe(1, ("current",), ("DOUBLE",))
    value = recipe.unpack(b"\x01" + struct.pack(">d", math.nan))["current"]
    assert isinstance(value, float)
    assert math.isnan(value)
