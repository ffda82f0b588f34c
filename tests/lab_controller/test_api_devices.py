"""The HTTP door to the lab and its devices: states, commands, the stop, telemetry, job files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from equipment_drivers.errors import OutcomeUnknown, Rejected
from lab_controller.client import LabClient, Refused
from tests.lab_controller.bench import Bench
from tests.lab_controller.test_jobfiles import GOOD


async def test_the_lab_at_a_glance(lab: LabClient, bench: Bench) -> None:
    found = await lab.lab()
    assert (found.name, found.timezone, found.permit) == ("Test lab", "Asia/Tokyo", True)
    assert found.now == bench.clock.now()
    assert not found.latch.latched


async def test_a_device_on_its_three_axes(lab: LabClient, bench: Bench) -> None:
    bench.driver("usb").measure("printer", "heat", 205.5)
    bench.clock.go(11)
    found = {one.id: one for one in await lab.devices()}
    printer = found["printer"]
    assert (printer.link, printer.operation, printer.safety) == ("online", "idle", "normal")
    assert (printer.equipment, printer.connection, printer.kind) == ("bench", "usb", "fake")
    (heat,) = printer.readings
    assert (heat.value, heat.unit, heat.quality, heat.stale, heat.age_s) == (
        205.5,
        "Cel",
        "GOOD",
        True,
        11.0,
    )
    assert printer.commands == ["look", "move", "run_job"]
    assert printer.estop == "red button at the front"
    assert printer.stoppable
    assert found["room"].equipment is None
    assert (await lab.device("printer")) == printer
    assert (await lab.reconnect("printer")).id == "printer"
    with pytest.raises(Refused) as unknown:
        await lab.device("lathe")
    assert (unknown.value.status, unknown.value.refusal.code) == (404, "lab.unknown_device")


async def test_commands_and_their_refusals(lab: LabClient, bench: Bench) -> None:
    async def code(device: str, verb: str, arguments: dict[str, object] | None = None):
        with pytest.raises(Refused) as refusal:
            await lab.command(device, verb, arguments)
        return refusal.value.status, refusal.value.refusal.code

    assert await code("robot", "move", {"x": 1}) == (409, "lease.missing")
    assert await code("robot", "fly") == (404, "lab.unknown_command")
    await bench.armed("cell")
    assert await code("robot", "move", {"y": 1}) == (422, "lab.bad_arguments")
    assert await code("robot", "run_job", {"file": "nobody"}) == (404, "lab.unknown_gcode")
    lost = OutcomeUnknown(device="robot", cause="no answer in 3 s")
    bench.driver("lan").command_faults["move"] = lost
    assert await code("robot", "move", {"x": 1}) == (504, "driver.timeout")
    bench.driver("lan").command_faults["move"] = Rejected(device="robot")
    assert await code("robot", "move", {"x": 1}) == (409, "driver.rejected")
    del bench.driver("lan").command_faults["move"]
    row = await lab.command("robot", "move", {"x": 1.5})
    assert (row.state, row.issuer, row.arguments) == ("done", "staff", {"x": 1.5})
    assert await lab.command_row(row.id) == row
    log = await lab.command_log("robot")
    assert [one.state for one in log] == ["done", "failed", "unknown"]
    assert log[1].text
    assert "no answer in 3 s" in log[2].text
    assert await lab.command_log("plug") == []
    with pytest.raises(Refused) as unknown:
        await lab.command_row("nobody")
    assert unknown.value.status == 404


async def test_stop_and_reset(lab: LabClient, bench: Bench) -> None:
    with pytest.raises(Refused) as unknown:
        await lab.stop("lathe")
    assert unknown.value.status == 404
    assert bench.stopper.keeper.state.is_open
    found = await lab.stop(reason="smoke")
    assert {one.device: one.outcome for one in found.devices} == dict.fromkeys(
        ("printer", "robot", "plug"), "SENT"
    )
    assert found.notice
    assert found.devices[0].name
    assert (found.device, found.reason, found.cause) == (None, "smoke", "stop button")
    assert found.by
    assert {one.device: one.estop for one in found.devices}["printer"] == "red button at the front"
    await bench.until(lambda: bench.lab.board["robot"].latched)
    shown = await lab.lab()
    assert (shown.latch.latched, shown.latch.scopes, shown.latch.reason) == (
        True,
        ["lab"],
        "smoke",
    )
    with pytest.raises(Refused) as empty:
        await lab.reset("")
    assert empty.value.status == 422
    bench.driver("lan").resync_faults = [Rejected(device="robot")]
    with pytest.raises(Refused) as unverified:
        await lab.reset("clear")
    assert unverified.value.refusal.code == "stop.not_verified"
    assert "robot" in unverified.value.refusal.text
    assert not (await lab.reset("clear")).latched


async def test_a_window_of_telemetry(lab: LabClient, bench: Bench) -> None:
    start = bench.clock.now()
    for value in (10.0, 20.0, 30.0):
        bench.driver("usb").measure("printer", "heat", value)
        bench.clock.go(10)
    await bench.lab.recorder.flush()
    end = start + timedelta(seconds=40)
    found = await lab.window("printer", "heat", start, end, buckets=4)
    assert found.unit == "Cel"
    assert [(one.mean, one.count) for one in found.buckets] == [
        (10.0, 1),
        (20.0, 1),
        (30.0, 1),
        (None, 0),
    ]
    assert found.buckets[0].start == start
    for given, code in (
        ({"signal": "torque"}, "lab.unknown_signal"),
        ({"end": start.isoformat()}, "lab.bad_window"),
        ({"start": "2026-11-20T10:00:00"}, "lab.bad_window"),
        ({"buckets": 0}, "lab.bad_request"),
        ({"buckets": 100_000}, "lab.bad_request"),
    ):
        asked = {
            "device": "printer",
            "signal": "heat",
            "start": start.isoformat(),
            "end": end.isoformat(),
            **given,
        }
        with pytest.raises(Refused) as refusal:
            await lab._call("GET", "/telemetry", params=asked)
        assert refusal.value.refusal.code == code


async def test_job_files(lab: LabClient) -> None:
    kept = await lab.upload_gcode("jig.gcode", GOOD)
    assert (kept.name, kept.lines) == ("jig.gcode", 3)
    assert await lab.gcode() == [kept]
    with pytest.raises(Refused) as bad:
        await lab.upload_gcode("bad.gcode", b"M500\nM501\n")
    assert (bad.value.status, bad.value.refusal.code) == (422, "gcode.refused")
    assert [one.field for one in bad.value.refusal.problems] == ["line 1", "line 2"]
    assert all(one.text for one in bad.value.refusal.problems)
    with pytest.raises(Refused) as stranger:
        await lab.command("printer", "move", {"path": "/etc/passwd"})
    assert stranger.value.refusal.code == "lab.unknown_gcode"
