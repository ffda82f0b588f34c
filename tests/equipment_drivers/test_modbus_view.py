"""What a Modbus unit's registers are made into, without a wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from equipment_drivers.contract import DeviceConfig
from equipment_drivers.devices.modbus_options import ModbusDeviceOptions, ModbusOptions
from equipment_drivers.devices.modbus_view import UnitView
from equipment_drivers.model import (
    CycleFinished,
    DeviceMessage,
    DeviceState,
    Operation,
    Quality,
    Reading,
)

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


class Counted:
    """A unit with a status and one counter, polled every ten seconds."""

    def __init__(self, **counter: object) -> None:
        options = ModbusDeviceOptions.model_validate(
            {
                "signals": [
                    {"name": "status", "table": "input", "address": 0, "type": "int16"},
                    {"name": "parts", "table": "input", "address": 1, "max": 60_000},
                ],
                "state": {"signal": "status", "map": {"0": "idle", "-1": "fault"}},
                "counters": [{"signal": "parts", **counter}],
            }
        )
        wire = ModbusOptions(transport="tcp", host="plc")
        self.view = UnitView(DeviceConfig("press1", "1", options), wire)
        self._now = START

    def poll(self, *words: int | None) -> Sequence[object]:
        (block,) = self.view.blocks
        self._now += timedelta(seconds=10)
        found = None if None in words else [word or 0 for word in words]
        return list(self.view.facts({block: found}, self._now))

    def parts(self, *words: int | None) -> list[CycleFinished]:
        return [one for one in self.poll(*words) if isinstance(one, CycleFinished)]


def test_the_first_count_is_only_a_beginning() -> None:
    unit = Counted()
    assert unit.parts(0, 500) == []
    assert unit.parts(0, 500) == []
    assert [one.duration_s for one in unit.parts(0, 501)] == [20.0]


def test_two_parts_since_the_last_look_share_the_time() -> None:
    unit = Counted(verdict="good")
    unit.poll(0, 5)
    told = unit.parts(0, 7)
    assert [(one.duration_s, one.verdict) for one in told] == [(5.0, "good"), (5.0, "good")]


def test_a_counter_set_anew_is_told_and_no_parts_are_made_up() -> None:
    unit = Counted(most=20)
    unit.poll(0, 400)
    for value in (0, 30):
        facts = unit.poll(0, value)
        assert not [one for one in facts if isinstance(one, CycleFinished)]
        assert [one.code for one in facts if isinstance(one, DeviceMessage)] == [
            "message.counter_set_anew"
        ]
    assert len(unit.parts(0, 31)) == 1


def test_a_count_that_cannot_be_read_changes_nothing() -> None:
    unit = Counted()
    unit.poll(0, 5)
    assert unit.parts(None, None) == []
    assert len(unit.parts(0, 6)) == 1


def test_counting_begins_again_after_a_time_of_not_knowing() -> None:
    unit = Counted()
    unit.poll(0, 5)
    unit.view.forget()
    assert unit.parts(0, 9) == []


def test_a_state_without_meaning_is_unknown() -> None:
    unit = Counted()
    told = [
        fact.operation
        for words in ((0, 0), (7, 0), (0xFFFF, 0), (None, None))
        for fact in unit.poll(*words)
        if isinstance(fact, DeviceState)
    ]
    assert told == [Operation.IDLE, Operation.UNKNOWN, Operation.FAULT, Operation.UNKNOWN]


def test_a_state_is_told_when_it_is_news() -> None:
    unit = Counted()
    assert [isinstance(one, DeviceState) for one in unit.poll(0, 0)].count(True) == 1
    assert not [one for one in unit.poll(0, 0) if isinstance(one, DeviceState)]


def test_what_is_not_plausible_is_bad_and_counts_nothing() -> None:
    unit = Counted()
    unit.poll(0, 5)
    facts = unit.poll(0, 65_000)
    (parts,) = [one for one in facts if isinstance(one, Reading) and one.signal == "parts"]
    assert (parts.value, parts.quality) == (None, Quality.BAD)
    assert not [one for one in facts if isinstance(one, CycleFinished | DeviceMessage)]
