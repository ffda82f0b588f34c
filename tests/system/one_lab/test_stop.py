"""Stop reaches every device while a print streams and a run is recorded, whoever presses it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system import shift as work
from tests.system.one_lab.conftest import FACTOR
from tests.system.rig import Lab, Since, running, until
from tests.system.shift import PRINTER, ROBOT, Shift

ALL = {"printer1", "cobot1", "plug_printer", "plug_cobot"}

pytestmark = pytest.mark.timeout(240)


async def assert_stopped(then: Since) -> None:
    """By the simulators' own word: halted or without power, and nothing done after that.

    The stop bytes and the relay race each other, so either may come first; that the bytes stop a
    machine by themselves is proved with a relay that is stuck.
    """
    for sim in ("printer1", "cobot1"):
        await until(lambda sim=sim: then.truth(sim, "power"))  # type: ignore[misc]
    for sim, ends, work_done in (
        ("printer1", ("kill", "power"), "executed"),
        ("cobot1", ("halt", "power"), "part"),
    ):
        rows = then.truth(sim)
        end = next(n for n, row in enumerate(rows) if row["what"] in ends)
        assert [row for row in rows[end:] if row["what"] == work_done] == []
        assert [row["on"] for row in rows if row["what"] == "power"] == [False]
    plugs = {row["entity"]: row["on"] for row in then.truth("hub1", "plug")}
    assert plugs == {"switch.printer1": False, "switch.cobot1": False}


@contextmanager
def stuck_relay(lab: Lab, sim: str) -> Iterator[None]:
    """The plug of a machine keeps its power on, whatever it is told."""
    lab.sims.ask("hub1", "fault", name="stuck_switch", entity=f"switch.{sim}")
    try:
        yield
    finally:
        lab.sims.ask("hub1", "clear", name="stuck_switch")


async def test_from_the_api(shift: Shift) -> None:
    then = shift.lab.from_now()
    async with shift.lab.client() as client:
        report = await client.stop(reason="test")
        assert {one.device for one in report.devices} == ALL
        assert "FAILED" not in {one.outcome for one in report.devices}
        assert report.latch.latched
        await assert_stopped(then)
        for equipment in (PRINTER, ROBOT):
            run = shift.runs[equipment]
            await until(lambda e=equipment, r=run: work.is_over(client, shift.trials[e], r))
            assert (await work.find_run(client, shift.trials[equipment], run)).state == "aborted"
            assert (await client.booking(shift.bookings[equipment])).armed is False
        row = await client.command_row(shift.print_command)
        assert row.state in ("failed", "unknown")


async def test_from_the_command_line(shift: Shift) -> None:
    then = shift.lab.from_now()
    report = shift.lab.stop_by_hand()
    assert "FAILED" not in {one["outcome"] for one in report["devices"].values()}
    await assert_stopped(then)


async def test_from_the_command_line_with_the_controller_frozen(shift: Shift) -> None:
    lab, then = shift.lab, shift.lab.from_now()
    lab.signal_controller(signal.SIGSTOP)
    report = lab.stop_by_hand()
    assert "FAILED" not in {one["outcome"] for one in report["devices"].values()}
    assert report["cause"] == "pressed"
    await assert_stopped(then)
    assert lab.status()["controller"] == "living"  # the stopper had not given it up: CLI did it


async def test_the_robot_is_told_to_stop_and_not_only_cut_off(shift: Shift) -> None:
    lab, then = shift.lab, shift.lab.from_now()
    with stuck_relay(lab, "cobot1"):
        report = lab.stop_by_hand("cobot1")
        steps = {step["kind"]: step for step in report["devices"]["cobot1"]["steps"]}
        assert steps["opcua_call"]["outcome"] != "FAILED", steps
        assert steps["http"]["outcome"] != "CONFIRMED", steps
        await until(lambda: then.truth("cobot1", "halt"))
        calls = [(row["method"], row["arguments"]) for row in then.truth("cobot1", "call")]
        assert calls == [("Stop", [0])]
        assert then.truth("cobot1", "state")[-1]["state"] != "Executing"
        assert then.truth("cobot1", "power") == []


async def test_the_printer_is_told_to_stop_and_not_only_cut_off(shift: Shift) -> None:
    lab, then = shift.lab, shift.lab.from_now()
    with stuck_relay(lab, "printer1"):
        report = lab.stop_by_hand("printer1")
        steps = {step["kind"]: step for step in report["devices"]["printer1"]["steps"]}
        assert steps["descriptor"]["outcome"] != "FAILED", steps
        assert steps["http"]["outcome"] != "CONFIRMED", steps
        await until(lambda: then.truth("printer1", "kill"))
        told = then.truth("printer1")
        halted = next(n for n, row in enumerate(told) if row["what"] == "kill")
        assert told[halted]["reason"] == "M112"
        assert [row for row in told[halted:] if row["what"] == "executed"] == []
        heaters = lab.sims.ask("printer1", "status")["heaters"]
        assert {name: heater["target"] for name, heater in heaters.items()} == {
            "hotend": 0.0,
            "bed": 0.0,
        }
        assert then.truth("printer1", "power") == []


async def test_stopping_one_machine_leaves_the_other_at_work(shift: Shift) -> None:
    lab, then = shift.lab, shift.lab.from_now()
    lab.stop_by_hand("printer1")
    assert then.truth("printer1", "power")
    assert then.truth("cobot1", "power") == []
    async with lab.client() as client:
        assert (await client.lab()).latch.scopes == ["printer1"]
        made = len(then.truth("cobot1", "part"))
        await until(lambda: len(then.truth("cobot1", "part")) > made + 1)


def test_from_the_command_line_with_the_controller_dead() -> None:
    with running(FACTOR, "--no-restart") as lab:
        shift = asyncio.run(work.open_shift(lab))
        asyncio.run(work.begin_work(shift))
        then = lab.from_now()
        lab.signal_controller(signal.SIGKILL)
        report = lab.stop_by_hand()
        assert set(report["devices"]) == ALL
        status = lab.status()
        assert status["controller"] == "absent"
        assert status["latch"]["lab"]["cause"] == "controller_died"
        assert [one["cause"] for one in status["latch"]["lab"]["again"]] == ["pressed"]
        asyncio.run(assert_stopped(then))
