from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.gcode_printer_line import NOISE_BYTES
from hardware_sim.gcode_printer_serial import (
    Accepted,
    Duplicate,
    LineGate,
    Reason,
    Refused,
    parse,
    plain,
)
from tests.hardware_sim.rig import numbered

WORDS = st.sampled_from(["G1 X10.5 Y-3 E.2 F1800", "M105", "G28", "M117 part 12", "G1 X100 Y100"])


def accepted(number: int, text: str) -> Accepted:
    return Accepted(number, text)


@given(st.lists(WORDS, min_size=1, max_size=20))
def test_lines_in_order_are_taken_with_their_text(texts: list[str]) -> None:
    gate = LineGate()
    for number, text in enumerate(texts, 1):
        assert gate.judge(numbered(number, text).encode()) == accepted(number, text)
    assert gate.last == len(texts)


@given(WORDS, st.integers(1, 99), st.data())
def test_one_replaced_byte_never_changes_a_numbered_command(
    text: str, number: int, data: st.DataObject
) -> None:
    line = numbered(number, text).encode()
    place = data.draw(st.integers(1, len(line) - 1))
    byte = data.draw(st.sampled_from(sorted(set(NOISE_BYTES) - {line[place]})))
    gate = LineGate()
    gate.last = number - 1
    verdict = gate.judge(line[:place] + bytes([byte]) + line[place + 1 :])
    assert isinstance(verdict, Refused) or verdict == accepted(number, text)


def test_the_number_is_judged_before_the_checksum() -> None:
    gate = LineGate()
    assert gate.judge(b"N2 M105*0") == Refused(Reason.LINE_NUMBER, 2)
    assert gate.judge(b"N1 M105*0") == Refused(Reason.CHECKSUM, 1)
    assert gate.judge(b"N1 M105") == Refused(Reason.NO_CHECKSUM, 1)
    assert gate.last == 0


def test_a_repeat_is_asked_on_or_dropped() -> None:
    line = numbered(1, "M105").encode()
    for silent, verdict in ((False, Refused(Reason.LINE_NUMBER, 1)), (True, Duplicate(1))):
        gate = LineGate(silent_duplicates=silent)
        gate.judge(line)
        assert gate.judge(line) == verdict


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"G1 X1 ; go", "G1 X1 "),
        (b"; only", ""),
        (b"G1 X12\b", "G1 X1"),
        (b"M117 a\\;b", "M117 a;b"),
        (b"G28\0junk", "G28"),
        (b"M117 " + b"x" * 200, "M117 " + "x" * 90),
    ],
)
def test_what_is_left_in_the_command_buffer(raw: bytes, kept: str) -> None:
    assert plain(raw) == kept


@given(st.binary(max_size=120))
def test_no_bytes_break_the_gate(raw: bytes) -> None:
    verdict = LineGate().judge(raw)
    if isinstance(verdict, Accepted):
        parse(verdict)


def test_a_command_is_split_into_code_and_numbers() -> None:
    command = parse(Accepted(3, "G01 X-1.5Y.25 E2. Z"))
    assert command.code == "G1"
    assert command.values == {"X": -1.5, "Y": 0.25, "E": 2.0}
    assert command.letters == {"X", "Y", "E", "Z"}
    assert parse(Accepted(None, "hello")).code == ""
