"""Universal Robots arms over the real wires, against the simulator's own log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.errors import (
    BadArguments,
    NotAllowedNow,
    Rejected,
)
from equipment_drivers.model import (
    CycleFinished,
    Link,
    Operation,
    Quality,
    Reading,
    Safety,
)
from tests.equipment_drivers.ur_rig import Lease, desk, signal


async def test_a_program_is_loaded_started_held_resumed_and_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("load_program", name="one_part.urp")
        assert table.state.detail["program"] == "/programs/one_part.urp"
        await table.send("load_program", name="pick_and_place.urp")
        await table.send("start_program")
        await table.is_(Operation.BUSY, Safety.NORMAL)
        await table.send("hold")
        assert table.state.operation is Operation.PAUSED
        await table.send("resume")
        await table.send("stop_program")
        assert table.state.operation is Operation.READY
        assert table.done() == ["load", "load", "play", "pause", "play", "stop"]
        assert not table.messages("message.program_paused")


async def test_the_speed_slider_is_set_by_rtde_and_read_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("set_speed", percent=40)
        reading = await table.next(Reading, signal("speed_override"))
        assert (reading.value, reading.unit) == (40.0, "%")
        assert (await table.sim.ask("status"))["slider"] == 0.4
        with pytest.raises(BadArguments):
            await table.send("set_speed", percent=140)


async def test_power_and_brakes_only_by_command(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("power_off")
        await table.is_(Operation.IDLE)
        await table.send("power_on")
        assert table.state.detail["mode"] == "IDLE"
        await table.send("brake_release")
        await table.is_(Operation.READY)
        assert table.done() == ["power_off", "power_on", "brake_release"]


async def test_what_it_measures(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("inputs", bits=5)
        await table.next(Reading, lambda one: one.signal == "inputs" and one.value == 5)
        power = await table.next(Reading, signal("power"))
        assert power.unit == "W"
        assert power.value == pytest.approx(48 * 1.6)
        spec = table.driver.device_spec("ur1")
        assert spec.moves
        told = {one.signal for one in table.facts if isinstance(one, Reading)}
        assert told == set(spec.signals)


async def test_values_no_arm_can_have_are_bad(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="bad_value")
        for name in ("current", "power", "tool_temp"):
            bad = await table.next(Reading, signal(name, Quality.BAD))
            assert bad.value is None


@pytest.mark.parametrize(
    "arm", [{}, {"part_register": 0}, {"part_output": 0}], ids=["program", "register", "output"]
)
async def test_a_part_is_told_with_its_time_by_the_controllers_clock(
    tmp_path: Path, arm: dict[str, Any]
) -> None:
    flags = ("--program", "short.urp=0.6:1", "--load", "short.urp")
    async with desk(tmp_path, *flags, arm=arm) as table:
        await table.send("start_program")
        part = await table.next(CycleFinished)
        assert part.verdict == "unknown"
        assert part.duration_s == pytest.approx(0.6, abs=0.25)
        assert len(table.sim.truth("part")) == 1


async def test_a_program_that_is_stopped_is_no_part(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("start_program")
        await table.send("stop_program")
        await table.next(Reading)
        assert not [one for one in table.facts if isinstance(one, CycleFinished)]


async def test_a_program_the_stopper_ended_is_no_part(tmp_path: Path) -> None:
    """The latch falls first, then the arm stops, whoever told it to."""
    async with desk(tmp_path, "--watchdog-hz", "0", kicks_hz=1) as table:
        lease = Lease()
        await table.send("start_program", lease.context)
        lease.valid = False
        await table.sim.ask("press", key="stop")
        await table.is_(Operation.READY)
        assert not [one for one in table.facts if isinstance(one, CycleFinished)]


async def test_unknown_programs_and_names_that_are_lines(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        with pytest.raises(Rejected):
            await table.send("load_program", name="missing.urp")
        with pytest.raises(BadArguments):
            await table.send("load_program", name="a.urp\nplay")
        assert table.done() == []


async def test_stop_now_is_confirmed_whether_a_program_runs_or_not(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        assert (await table.driver.stop_now("ur1")).outcome is StopOutcome.CONFIRMED
        await table.send("start_program")
        assert (await table.driver.safe_state("ur1")).outcome is StopOutcome.CONFIRMED
        await table.is_(Operation.READY)
        assert table.done() == ["play", "stop"]


async def test_a_program_found_running_is_foreign_and_left_alone(tmp_path: Path) -> None:
    async with desk(tmp_path, "--watchdog-hz", "0", faults=("refuse",), link=Link.BACKOFF) as table:
        await table.sim.ask("press", key="play")
        await table.sim.ask("clear", name="refuse")
        await table.link(Link.ONLINE)
        await table.message("message.foreign_program")
        await table.is_(Operation.BUSY)
        with pytest.raises(NotAllowedNow):
            await table.send("start_program")
        await table.next(Reading)
        assert (await table.sim.ask("status"))["kicks"] == 0
        await table.send("stop_program")


async def test_a_program_of_ours_that_outlived_the_wire_is_stopped_on_return(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, "--watchdog-hz", "0", watchdog=False) as table:
        await table.send("start_program")
        await table.sim.ask("fault", name="unplug")
        await table.link(Link.BACKOFF)
        await table.sim.ask("clear", name="unplug")
        await table.link(Link.ONLINE)
        await table.is_(Operation.READY)
        assert table.done() == ["play", "stop"]


async def test_a_frozen_controller_is_lost_and_found_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        table.sim.freeze()
        await table.link(Link.BACKOFF)
        assert table.state.operation is Operation.UNKNOWN
        table.sim.thaw()
        await table.link(Link.ONLINE)
        await table.is_(Operation.READY)


async def test_another_serial_number_is_another_robot(tmp_path: Path) -> None:
    async with desk(tmp_path, serial_number="1", link=Link.IDENTITY_ERROR) as table:
        assert table.connection.link is Link.IDENTITY_ERROR
