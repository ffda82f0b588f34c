"""A device's state in a run's record says why it does not go on, where anybody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from equipment_drivers.contract import DeviceSpec
from equipment_drivers.model import DeviceMessage, Link, Operation, Safety
from lab_controller.board import DeviceView
from lab_controller.seen import cause_of, seen, stands

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
AT_WORK = DeviceView(
    "arm",
    "lan",
    DeviceSpec("arm", "robot", {}, {}),
    link=Link.ONLINE,
    operation=Operation.BUSY,
    own_safety=Safety.NORMAL,
)
JAM = DeviceMessage("arm", "message.halted", "jam", NOW)


def test_a_short_stop_in_a_cycle_is_paused_with_the_machines_own_cause() -> None:
    waits = replace(AT_WORK, detail={"micro_stop": "feeder_empty"})
    found = seen(waits, NOW)
    assert (found.operation, found.cause) == ("paused", "feeder_empty")
    idle = replace(waits, operation=Operation.IDLE)
    assert (seen(idle, NOW).operation, seen(idle, NOW).cause) == ("idle", "")
    assert (seen(AT_WORK, NOW).operation, seen(AT_WORK, NOW).cause) == ("busy", "")


@pytest.mark.parametrize(
    "view",
    [
        replace(AT_WORK, operation=Operation.FAULT),
        replace(AT_WORK, operation=Operation.PAUSED),
        replace(AT_WORK, own_safety=Safety.PROTECTIVE_STOP),
    ],
)
def test_what_stands_has_the_cause_of_its_newest_message(view: DeviceView) -> None:
    assert stands(view)
    view = replace(view, messages=[replace(JAM, code="message.older"), JAM])
    assert seen(view, NOW).cause == cause_of(JAM) == "halted"
    assert seen(view, NOW + timedelta(minutes=1)).cause == ""  # about something else
    assert seen(view, NOW, "driver.timeout").cause == "driver.timeout"
    assert seen(replace(AT_WORK, messages=[JAM]), NOW).cause == ""
