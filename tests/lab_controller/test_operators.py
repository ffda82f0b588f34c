"""What the one at the machine enters: one key or one barcode each, over the lab's own door."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from equipment_drivers.model import CycleFinished, DeviceMessage, Operation
from lab_controller.api.app import create_app
from lab_controller.cli.main import main
from lab_controller.client import LabClient, Refused
from lab_controller.wire_operator import (
    ConsumableRequest,
    CorrectionRequest,
    ModeRequest,
    SerialRequest,
    StopCauseRequest,
    UndoRequest,
)
from lab_controller.wire_trials import MeasurementRequest
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_stream import TOKEN, Served
from trial_logs import context_record, record
from trial_logs.model import RunHeader
from trial_logs.proof import verify
from trial_logs.summary import RunNumbers, summarise


@pytest.fixture
async def lab(bench: Bench) -> AsyncIterator[LabClient]:
    transport = httpx.ASGITransport(create_app(bench.lab, "t"), raise_app_exceptions=False)
    async with LabClient("http://testserver", "t", language="en", transport=transport) as client:
        yield client


def quiet(bench: Bench) -> None:
    """Nothing is woken by real time: what happens is what the test does."""
    assert bench.lab._scheduler is not None
    bench.lab._scheduler.pause()


async def running(bench: Bench) -> str:
    quiet(bench)
    run = await bench.run(await bench.armed())
    await bench.lab.trials.start(run, by=BY)
    return run


def evidence(bench: Bench, run: str, function: Any) -> Any:
    return bench.lab.trials.read_evidence(run, function, None)


async def test_a_shift_of_keys_and_barcodes(bench: Bench, lab: LabClient) -> None:
    run = await running(bench)
    header: RunHeader = evidence(bench, run, record.read_header)
    assert header.machines == ("printer",)  # the plug only feeds it, the room only measures
    usb, clock = bench.driver("usb"), bench.clock

    assert (await lab.set_mode(run, ModeRequest(mode="setup"))).id == run
    clock.go(60)
    assert (await lab.scan(run, "production")).text == "Changed to “production”"
    usb.report("printer", Operation.BUSY)
    clock.go(100)
    usb.report("printer", Operation.FAULT)
    clock.go(20)
    usb.report("printer", Operation.BUSY)
    clock.go(80)
    bench.lab.bus.tell(CycleFinished("printer", clock.now(), 180.0, "unknown"))
    usb.report("printer", Operation.IDLE)

    assert (await lab.run_floor(run)).element == "production"
    clock.go(1)
    floor = await lab.run_floor(run)
    (stop,) = floor.stops
    assert floor.element == "delay"
    assert (floor.mode, stop.kind, stop.micro, stop.seconds) == ("production", "fault", True, 20.0)
    done = await lab.scan(run, "ＳＴＯＰ－ｊａｍ")
    assert (done.kind, done.value, done.text) == (
        "stop_cause",
        "jam",
        "Cause of the stop recorded: jam",
    )
    found = await lab.explain_stop(
        run, StopCauseRequest(cause="tool", text="tip", device=stop.device, at=stop.at)
    )
    assert found.unjudged == 1
    assert (await lab.scan(run, "GOOD")).run.good == 1
    assert (await lab.scan(run, "UNDO")).run.unjudged == 1
    assert (await lab.scan(run, "scrap")).run.scrap == 1
    assert (await lab.scan(run, "SN-A17")).kind == "serial"
    assert (await lab.scan(run, "COND-1")).text == "Yes, the condition is “標準”"
    await lab.use(run, ConsumableRequest(name="PLA", amount=12.5, unit="g"))
    await lab.run_step(run, "finish")

    numbers: RunNumbers = evidence(bench, run, summarise)
    seconds = {element.value: s for element, s in numbers.times.seconds.items() if s}
    assert seconds == {"setup": 60.0, "production": 180.0, "delay": 21.0}
    assert numbers.times.order_known
    assert [(one.cause, one.text) for one in numbers.times.stops] == [("tool", "tip")]
    assert [(one.name, one.amount) for one in numbers.consumables] == [("PLA", 12.5)]
    assert evidence(bench, run, context_record.serials)[1].serial == "A17"
    assert evidence(bench, run, verify) == []


async def test_a_word_on_a_run_that_is_over_is_a_correction(bench: Bench, lab: LabClient) -> None:
    run = await running(bench)
    await lab.scan(run, "GOOD")
    wanted = MeasurementRequest(characteristic="bore", value=5.2, unit="mm")
    await lab.measure(run, wanted)
    await lab.run_step(run, "finish")
    fix = CorrectionRequest(about="measurement", row=1, why="misread", value=5.02)
    await lab.correct(run, fix)
    fixed = CorrectionRequest(about="part_event", row=1, why="crack", verdict="scrap")
    assert (await lab.correct(run, fixed)).scrap == 1
    (measured,) = evidence(bench, run, record.measurements)
    assert (measured.measurement.value, measured.value) == (5.2, 5.02)
    assert [(one.by, one.why) for one in evidence(bench, run, record.corrections)] == [
        (BY, "misread"),
        (BY, "crack"),
    ]
    heads = await bench.lab.db.read(
        lambda db: [
            row[0] for row in db.execute("SELECT head FROM trial_run_head ORDER BY segments")
        ]
    )
    assert evidence(bench, run, lambda db: verify(db, heads)) == []


async def test_what_makes_no_sense_is_said(bench: Bench, lab: LabClient) -> None:
    run = await bench.run(await bench.armed())
    with pytest.raises(Refused, match="Start the run first"):
        await lab.scan(run, "GOOD")
    await lab.run_step(run, "start")
    for code, refused in (
        ("SCRPA", "trial.unknown_code"),
        ("COND-9", "trial.unknown_code"),
        ("UNDO", "trial.nothing_to_undo"),
        ("STOP-jam", "trial.no_stop"),
        ("SN-1", "trial.no_such_part"),
    ):
        with pytest.raises(Refused) as told:
            await lab.scan(run, code)
        assert told.value.refusal.code == refused
        assert told.value.refusal.text != refused
    with pytest.raises(Refused, match="part"):
        await lab.mark_part(run, SerialRequest(serial="A1", part=7))
    with pytest.raises(Refused):
        await lab.use(run, ConsumableRequest(name="PLA", amount=-1.0))
    with pytest.raises(Refused):
        await lab.undo(run, UndoRequest(why="slip"))
    await lab.run_step(run, "finish")
    with pytest.raises(Refused) as over:
        await lab.set_mode(run, ModeRequest(mode="setup"))
    assert over.value.refusal.code == "evidence.closed"


async def test_the_end_of_the_booking_is_written_down_once(bench: Bench) -> None:
    booking = await bench.armed(minutes=60)
    quiet(bench)
    run = await bench.run(booking)
    await bench.lab.trials.start(run, by=BY)
    begun = bench.clock.now()
    await bench.lab.operators.mark_orders()
    bench.clock.go((booking.end - begun).total_seconds() + 30)
    for _ in range(2):
        await bench.lab.operators.mark_orders()
    told = evidence(bench, run, context_record.orders)
    assert [(one.at, one.in_force, one.booking) for one in told] == [
        (begun, True, booking.id),
        (booking.end, False, booking.id),
    ]


async def test_a_correction_from_the_command_line_says_who_and_why(bench: Bench) -> None:
    served = Served(bench)
    folder = bench.lab.settings.lab.data_dir
    (folder / "controller.url").write_text(served.url + "\n", encoding="ascii")
    (folder / "staff.token").write_text(TOKEN + "\n", encoding="ascii")
    run = await running(bench)
    await bench.lab.operators.scan(run, "GOOD", by=BY)

    async def correct(*words: str) -> Result:
        typed = ["trial", "correct", run, *words, "--data", str(folder), "--lang", "en"]
        return await asyncio.to_thread(CliRunner().invoke, main, typed, catch_exceptions=False)

    signed = ("--by", "Sakura", "--why", "crack")
    done = await correct("part", "1", "--verdict", "scrap", *signed, "--json")
    assert (done.exit_code, json.loads(done.stdout)["scrap"]) == (0, 1)
    assert (await correct("part", "1", "--value", "2", *signed)).exit_code == 1
    assert (await correct("part", "9", "--verdict", "void", *signed)).exit_code == 1
    assert (await correct("part", "1", *signed)).exit_code == 2
    fixes = evidence(bench, run, record.corrections)
    assert [(one.by, one.why) for one in fixes] == [("Sakura", "crack")]
    await served.stop()


async def test_the_machines_own_cause_comes_before_anybody_names_one(
    bench: Bench, lab: LabClient
) -> None:
    run = await running(bench)
    usb, clock = bench.driver("usb"), bench.clock
    usb.report("printer", Operation.BUSY)
    clock.go(5)
    usb.report("printer", Operation.FAULT)
    bench.lab.bus.tell(DeviceMessage("printer", "message.person_wanted", "M600", clock.now()))
    clock.go(3)
    usb.report("printer", Operation.BUSY)
    (stop,) = (await lab.run_floor(run)).stops
    assert (stop.cause, stop.cause_text) == ("person_wanted", "waits for a person")
    assert (stop.micro, stop.seconds, stop.explained_by) == (True, 3.0, "")
    await lab.scan(run, "STOP-material")
    (stop,) = (await lab.run_floor(run)).stops
    assert (stop.cause, stop.explained_by) == ("material", BY)
