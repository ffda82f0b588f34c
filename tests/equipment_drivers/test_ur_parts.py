from __future__ import annotations

from equipment_drivers.devices.ur_options import UrArmOptions
from equipment_drivers.devices.ur_parts import Parts


def counted(parts: Parts, *steps: tuple[float, str, int]) -> list[float]:
    """The durations told over (timestamp, runtime state, register) steps."""
    told: list[float] = []
    for stamp, runtime, level in steps:
        told += parts.take(stamp, runtime, {"output_int_register_0": level}, safe=True)
    return told


def by_register() -> Parts:
    return Parts(UrArmOptions(part_register=0))


def test_a_program_that_ends_by_itself_is_a_part() -> None:
    steps = [(0.0, "STOPPED", 0), (1.0, "PLAYING", 0), (9.5, "STOPPED", 0)]
    assert counted(Parts(UrArmOptions()), *steps) == [8.5]
    assert counted(Parts(UrArmOptions(part_program=False)), *steps) == []


def test_a_pause_is_no_end_and_no_new_beginning() -> None:
    parts = Parts(UrArmOptions())
    steps = [
        (0.0, "STOPPED"),
        (1.0, "PLAYING"),
        (2.0, "PAUSED"),
        (5.0, "PLAYING"),
        (6.0, "STOPPED"),
    ]
    assert counted(parts, *((stamp, runtime, 0) for stamp, runtime in steps)) == [5.0]


def test_a_program_ended_by_stop_or_by_safety_is_none() -> None:
    parts = Parts(UrArmOptions())
    parts.take(0.0, "STOPPED", {}, safe=True)
    parts.take(1.0, "PLAYING", {}, safe=True)
    parts.spoil()
    assert parts.take(2.0, "STOPPED", {}, safe=True) == []
    parts.take(3.0, "PLAYING", {}, safe=True)
    parts.take(4.0, "PAUSED", {}, safe=False)
    parts.take(5.0, "PLAYING", {}, safe=True)
    assert parts.take(6.0, "STOPPED", {}, safe=True) == []


def test_a_register_counts_and_parts_share_the_time_between() -> None:
    steps = [(0.0, "STOPPED", 7), (1.0, "PLAYING", 7), (4.0, "PLAYING", 8), (10.0, "PLAYING", 10)]
    assert counted(by_register(), *steps) == [3.0, 3.0, 3.0]


def test_what_was_there_before_and_what_is_set_anew_is_not_counted() -> None:
    parts = by_register()
    assert counted(parts, (0.0, "STOPPED", 500), (1.0, "PLAYING", 500)) == []
    assert counted(parts, (2.0, "PLAYING", 0)) == []
    assert parts.set_anew
    assert counted(parts, (5.0, "PLAYING", 1)) == [4.0]
    assert not parts.set_anew
    assert counted(parts, (6.0, "PLAYING", 4711)) == []
    assert parts.set_anew


def test_an_output_counts_its_rising_edges() -> None:
    parts = Parts(UrArmOptions(part_output=3))
    told: list[float] = []
    for stamp, bits in enumerate([0b0111, 0b1000, 0b1000, 0b0000, 0b1001]):
        told += parts.take(float(stamp), "PLAYING", {"actual_digital_output_bits": bits}, safe=True)
    assert told == [1.0, 3.0]
