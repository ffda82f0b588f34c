"""Interlocks over a running lab: refused before, ended during, told once, and never by mistake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.errors import Refused
from equipment_drivers.model import DeviceMessage, Operation, Quality, Reading
from lab_controller import interlock_watch
from lab_controller.guard import Interlocked, InterlockSettling
from lab_controller.i18n import say
from tests.lab_controller.bench import BY, CONFIG, Bench, Site

INTERLOCKS = """
[[interlock]]
id = "cool"
name = { ja = "室温", en = "Room temperature" }
devices = ["printer"]
when = { device = "room", signal = "heat", below = 45, hysteresis = 2 }
settle_s = 5
on_trip = "rest"

[[interlock]]
id = "door"
name = { ja = "セルの扉", en = "Cell door" }
devices = ["robot"]
when = [
  { device = "room", signal = "heat", above = 10 },
  { device = "printer", operation = ["idle", "ready"] },
]
settle_s = 0
"""


@pytest.fixture
async def guarded(site: Site) -> AsyncIterator[Bench]:
    """The lab with interlocks; the room is warm and everything has settled."""
    (site.folder / "lab.toml").write_text(CONFIG + INTERLOCKS, encoding="utf-8")
    async with site.open() as bench:
        room(bench, 20.0)
        bench.clock.go(6)
        yield bench


def room(bench: Bench, value: float, quality: Quality = Quality.GOOD) -> None:
    """The room's thermometer says."""
    bench.driver("hub").measure("room", "heat", value, quality)


async def send(bench: Bench, device: str, verb: str = "run_job"):
    return await bench.lab.coordinator.command(device, verb, {}, by=BY, wait=verb != "run_job")


async def running(bench: Bench, equipment: str, device: str):
    """A job under way on armed equipment, the device in motion."""
    await bench.armed(equipment)
    driver = bench.driver("usb" if device == "printer" else "lan")
    driver.gate.clear()
    room(bench, 20.0)
    row = await send(bench, device)
    await bench.when(lambda: "run_job" in driver.started)
    driver.report(device, Operation.BUSY)
    return row


def told(bench: Bench) -> list[DeviceMessage]:
    return [one for one in bench.heard if isinstance(one, DeviceMessage)]


@pytest.mark.parametrize(
    ("value", "quality", "said"),
    [
        (50.0, Quality.GOOD, "50 Cel"),
        (20.0, Quality.UNCERTAIN, "20 Cel"),
        (20.0, Quality.BAD, "20 Cel"),
    ],
)
async def test_refused_with_sensor_value_and_limit(
    guarded: Bench, value: float, quality: Quality, said: str
) -> None:
    await guarded.armed()
    room(guarded, value, quality)
    with pytest.raises(Interlocked) as refused:
        await send(guarded, "printer")
    for language, sensor in (("ja", "室内"), ("en", "Room")):
        words = say(language, refused.value)
        assert all(part in words for part in (sensor, said, "< 45 Cel"))
    assert "run_job" not in guarded.driver("usb").started
    assert await guarded.ledger() == [("plug", "turn_on", "done", "")]


async def test_a_value_that_grew_old_denies(guarded: Bench) -> None:
    await guarded.armed("cell", minutes=480)
    room(guarded, 20.0)
    guarded.lab.guard.demand("robot", "run_job")
    guarded.clock.go(61)
    with pytest.raises(Interlocked):
        guarded.lab.guard.demand("robot", "run_job")


async def test_a_wire_that_is_down_denies(guarded: Bench) -> None:
    guarded.lab.guard.demand("printer", "run_job")
    guarded.driver("hub").connect_faults = [Refused()] * 3
    guarded.driver("hub").lose()
    await guarded.until(lambda: guarded.lab.board["room"].link != "online")
    with pytest.raises(Interlocked):
        guarded.lab.guard.demand("printer", "run_job")


async def test_permission_comes_back_beyond_the_hysteresis_and_after_settling(
    guarded: Bench,
) -> None:
    demand = guarded.lab.guard.demand
    room(guarded, 46.0)
    for value in (44.0, 43.0):
        room(guarded, value)
        with pytest.raises(Interlocked):
            demand("printer", "run_job")
    room(guarded, 42.9)
    with pytest.raises(InterlockSettling) as settling:
        demand("printer", "run_job")
    assert settling.value.params["left"] == "5"
    guarded.clock.go(5)
    demand("printer", "run_job")


async def test_settling_is_lab_time(guarded: Bench) -> None:
    guarded.clock.factor = 60.0
    room(guarded, 46.0)
    room(guarded, 20.0)
    with pytest.raises(InterlockSettling):
        guarded.lab.guard.demand("printer", "run_job")
    guarded.clock.go(5 / 60)
    guarded.lab.guard.demand("printer", "run_job")


async def test_other_devices_and_what_calms_are_not_held_up(guarded: Bench) -> None:
    await guarded.armed()
    room(guarded, 99.0)
    guarded.driver("usb").report("printer", Operation.IDLE)
    await guarded.lab.coordinator.command("plug", "turn_on", {}, by=BY)
    assert guarded.lab.guard.denials("plug") == []
    assert [one.denial is None for one in guarded.lab.guard.standings("printer")] == [False]


async def test_a_trip_ends_a_job_without_a_latch_where_rest_is_enough(guarded: Bench) -> None:
    row = await running(guarded, "bench", "printer")
    room(guarded, 50.0)
    room(guarded, 51.0)  # told once
    await guarded.lab.watch.settled()
    assert guarded.driver("usb").done == []
    assert guarded.driver("usb").rested == ["printer"]
    assert (await guarded.lab.coordinator.row(row.id)).state == "failed"
    rest = (await guarded.ledger())[-1]
    assert rest[:3] == ("printer", "safe_state", "done")
    sql = "SELECT issuer, arguments FROM lab_command WHERE verb = 'safe_state'"
    ((issuer, arguments),) = await guarded.lab.db.read(lambda db: db.execute(sql).fetchall())
    assert issuer == "interlock:cool"
    assert all(part in arguments for part in ("room.heat", "50 Cel", "< 45 Cel"))
    assert [(one.device, one.code) for one in told(guarded)] == [("printer", interlock_watch.ENDED)]
    assert not guarded.lab.permit.latched("printer")
    assert guarded.lab.leases.of("printer") is not None


async def test_a_trip_stops_motion_and_latches(guarded: Bench) -> None:
    await running(guarded, "cell", "robot")
    room(guarded, 5.0)
    await guarded.lab.watch.settled()
    await guarded.lab.stop_desk.settled()
    assert guarded.lab.permit.latched("robot")
    assert not guarded.lab.permit.latched("printer")
    assert guarded.lab.permit.latch.devices["robot"].by == "interlock:door"
    assert guarded.driver("lan").done == []
    assert ("robot", "stop") in [row[:2] for row in await guarded.ledger()]
    assert len(told(guarded)) == 1


async def test_not_a_byte_more_of_a_running_job(guarded: Bench) -> None:
    """The demand before each write denies by itself, however busy the watch is."""
    row = await running(guarded, "bench", "printer")
    guarded.lab.board["room"].readings["heat"] = Reading(
        "room", "heat", 50.0, "Cel", Quality.GOOD, guarded.clock.now()
    )  # the board knows, nobody was told
    guarded.driver("usb").gate.set()
    with pytest.raises(Refused):
        await guarded.lab.coordinator.finished(row.id)
    assert guarded.driver("usb").done == []


async def test_an_axis_of_another_device_can_guard(guarded: Bench) -> None:
    await running(guarded, "cell", "robot")
    guarded.driver("usb").report("printer", Operation.BUSY)
    await guarded.lab.watch.settled()
    assert guarded.lab.permit.latched("robot")


async def test_heat_that_nobody_commands_is_ended_too(guarded: Bench) -> None:
    driver = guarded.driver("usb")
    driver.report("printer", Operation.IDLE)
    driver.emit(Reading("printer", "bed_target", 60.0, "Cel", Quality.GOOD, guarded.clock.now()))
    room(guarded, 50.0)
    await guarded.lab.watch.settled()
    assert driver.rested == ["printer"]
    assert not guarded.lab.permit.latched("printer")


async def test_what_does_not_rest_is_stopped(guarded: Bench) -> None:
    await running(guarded, "bench", "printer")
    guarded.driver("usb").rest_outcome = {"printer": StopOutcome.FAILED}
    room(guarded, 50.0)
    await guarded.lab.watch.settled()
    assert guarded.lab.permit.latched("printer")


async def test_what_says_it_rests_and_goes_on_is_stopped(guarded: Bench) -> None:
    await running(guarded, "bench", "printer")
    room(guarded, 50.0)
    await guarded.lab.watch.settled()
    driver = guarded.driver("usb")
    driver.emit(Reading("printer", "bed_target", 60.0, "Cel", Quality.GOOD, guarded.clock.now()))
    driver.report("printer", Operation.BUSY)
    await guarded.lab.watch.settled()
    guarded.clock.go(interlock_watch.REST_WITHIN_S + 1)
    await guarded.lab.watch.tick()
    await guarded.lab.watch.settled()
    assert guarded.lab.permit.latched("printer")


async def test_silence_alone_trips(guarded: Bench) -> None:
    await running(guarded, "cell", "robot")
    guarded.clock.go(61)
    assert guarded.lab.board["room"].is_stale(
        guarded.lab.board["room"].readings["heat"], guarded.clock.now()
    )
    await guarded.lab.watch.tick()
    await guarded.lab.watch.settled()
    assert guarded.lab.permit.latched("robot")


async def test_a_start_that_does_not_know_its_sensors_stops_no_machine(site: Site) -> None:
    """A job somebody began at the machine: ended only for a limit seen crossed."""
    (site.folder / "lab.toml").write_text(CONFIG + INTERLOCKS, encoding="utf-8")
    async with site.open() as bench:
        bench.lab.watch._seen_still.clear()
        driver = bench.driver("usb")
        driver.report("printer", Operation.BUSY)
        await bench.lab.watch.tick()
        await bench.lab.watch.settled()
        assert driver.rested == []
        room(bench, 50.0)
        await bench.lab.watch.settled()
        assert driver.rested == ["printer"]


async def test_a_machine_started_by_hand_against_an_interlock_is_ended(guarded: Bench) -> None:
    room(guarded, 50.0)
    guarded.driver("usb").report("printer", Operation.BUSY)
    await guarded.lab.watch.settled()
    assert guarded.driver("usb").rested == ["printer"]
