"""The simulated arm: what it really does, by its log, whoever tells it to."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

from hardware_sim.ur_robot_arm import (
    ARM_IDLE,
    NORMAL,
    PAUSED,
    PLAYING,
    POWER_OFF,
    PROTECTIVE,
    RUNNING,
    STOPPED,
    Arm,
    Program,
    Refused,
)
from tests.hardware_sim.rig import PATIENCE_S, simulator
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim

PROGRAMS = {"a": Program("a", 8.0, 3)}


def arm(watchdog_hz: float = 0.0) -> tuple[Arm, list[str]]:
    told: list[str] = []
    one = Arm(PROGRAMS, watchdog_hz, lambda what, **facts: told.append(what))
    one.put("a")
    return one, told


def refused(deed: object) -> str:
    try:
        deed()  # type: ignore[operator]
    except Refused as refusal:
        return str(refusal)
    return ""


def test_a_program_makes_its_parts_and_ends() -> None:
    one, told = arm()
    one.play(0.0)
    one.advance(16.0)
    assert (one.parts, one.runtime) == (2, PLAYING)
    one.advance(25.0)
    assert (one.parts, one.runtime) == (3, STOPPED)
    assert told == ["play", "start", "part", "part", "part", "end"]


def test_the_slider_and_a_pause_stretch_it() -> None:
    one, _ = arm()
    one.play(0.0)
    one.set_speed(0.5)
    one.advance(8.0)
    assert one.parts == 0
    one.pause()
    one.advance(100.0)
    assert (one.parts, one.runtime) == (0, PAUSED)
    one.play(0.0)
    one.advance(108.5)
    assert one.parts == 1


def test_a_protective_stop_is_unlocked_only_after_a_while_and_starts_nothing() -> None:
    one, _ = arm()
    one.play(0.0)
    one.advance(1.0)
    one.protect()
    assert (one.safety, one.runtime) == (PROTECTIVE, PAUSED)
    one.advance(3.0)
    assert "5s" in refused(one.unlock)
    assert refused(lambda: one.play(0.0)) == "Failed to execute: play"
    one.guard(NORMAL)
    assert one.safety == PROTECTIVE
    one.advance(7.0)
    one.unlock()
    assert (one.safety, one.runtime) == (NORMAL, PAUSED)


def test_an_emergency_stop_takes_the_power_and_it_comes_back_by_command() -> None:
    one, _ = arm()
    one.play(0.0)
    one.guard(7)
    assert (one.mode, one.runtime) == (POWER_OFF, STOPPED)
    assert refused(one.power_on)
    one.guard(NORMAL)
    one.advance(10.0)
    assert one.mode == POWER_OFF
    one.power_on()
    one.advance(11.0)
    assert one.mode == ARM_IDLE
    one.release_brakes()
    one.advance(12.0)
    assert one.mode == RUNNING


def test_a_watchdog_that_is_not_kicked_ends_the_program() -> None:
    one, told = arm(watchdog_hz=10)
    one.play(100.0)
    one.watch(100.09)
    one.kick(100.09)
    one.watch(100.18)
    assert one.moving
    one.watch(100.21)
    assert not one.moving
    assert told[-2:] == ["watchdog", "end"]


def test_moving_costs_power_and_warms_the_joints() -> None:
    one, _ = arm()
    one.advance(600.0)
    resting = one.energy_kwh
    assert one.heat_c < 23.1
    one.play(0.0)
    one.advance(603.0)
    assert one.current_a > 1.6
    assert one.energy_kwh > resting
    assert one.heat_c > 23.0


async def data(rig: Sim) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", rig.endpoint.split(":")[2])


async def asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str, payload: bytes
) -> bytes:
    writer.write(struct.pack(">HB", 3 + len(payload), ord(kind)) + payload)
    async with asyncio.timeout(PATIENCE_S):
        size, answered = struct.unpack(">HB", await reader.readexactly(3))
        assert chr(answered) == kind
        return await reader.readexactly(size - 3)


async def test_an_input_belongs_to_whoever_asked_first_until_he_hangs_up(tmp_path: Path) -> None:
    async with simulator(tmp_path, "ur_robot", factor=1.0) as rig:
        first, second = await data(rig), await data(rig)
        name = b"input_int_register_24"
        assert await asked(*first, "I", name) == b"\x01INT32"
        assert await asked(*second, "I", name) == b"\x00IN_USE"
        assert await asked(*second, "I", b"no_such_field") == b"\x00NOT_FOUND"
        first[1].close()
        await first[1].wait_closed()

        async def again() -> bytes:
            return await asked(*second, "I", name)

        assert await until(again, lambda answer: answer != b"\x00IN_USE") == b"\x01INT32"
        second[1].close()


async def test_each_wire_can_be_shut_alone(tmp_path: Path) -> None:
    async with simulator(tmp_path, "ur_robot", factor=1.0) as rig:
        _, dashboard, rtde = rig.endpoint.split(":")

        async def open_ports() -> list[bool]:
            return [await reached(int(port)) for port in (dashboard, rtde)]

        assert await open_ports() == [True, True]
        await rig.ask("fault", name="rtde_down")
        assert await open_ports() == [True, False]
        await rig.ask("clear")
        await rig.ask("fault", name="polyscope_x")
        assert await open_ports() == [False, True]
        await rig.ask("clear")
        await rig.ask("power", on=False)
        assert await open_ports() == [False, False]
        await rig.ask("power", on=True)
        assert await open_ports() == [True, True]


async def reached(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_a_program_runs_in_lab_time(tmp_path: Path) -> None:
    async with simulator(
        tmp_path, "ur_robot", "--load", "one_part.urp", "--watchdog-hz", "0", factor=50.0
    ) as rig:
        await rig.ask("press", key="play")
        done = await until(lambda: rig.ask("status"), lambda now: now["runtime"] == "STOPPED")
        assert done["parts"] == 1
        assert [one["why"] for one in rig.truth("end")] == ["program"]
