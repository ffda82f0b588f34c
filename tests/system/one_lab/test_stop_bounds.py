"""What the guarantees of the stop are worth on the wire: without them nothing acts.

Judged by what the simulated machines wrote down themselves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab_controller.client import LabClient, Refused
from tests.system import shift as work
from tests.system.one_lab.conftest import FACTOR
from tests.system.rig import Lab, Since, machikoba, running, until
from tests.system.shift import DEVICE, READS, Shift

END_WITHIN_S = 20.0
ACTING: list[tuple[str, str, dict[str, Any]]] = [
    ("printer1", "home", {}),
    ("printer1", "set_bed", {"celsius": 50}),
    ("cobot1", "load_program", {"name": "pick_and_place"}),
    ("cobot1", "start_program", {}),
    ("plug_printer", "turn_on", {}),
]

pytestmark = pytest.mark.timeout(240)


async def arm(shift: Shift, client: LabClient) -> None:
    """Both machines at rest and leased, whatever the test before left behind."""
    if shift.lab.status()["latch"]["lab"]:
        await work.power_up(shift.lab, client)
        await client.reset("both machines looked at")
    for equipment, device in DEVICE.items():
        await client.decide(shift.bookings[equipment], "arm")  # which switches on
        await until(lambda device=device: work.regained(client, device))  # type: ignore[misc]


async def refusal(asked: Awaitable[object]) -> str:
    """The code with which the lab refuses, empty when it does not."""
    try:
        await asked
    except Refused as refused:
        return refused.refusal.code
    return ""


async def assert_all_refused(client: LabClient, *codes: str, devices: str = "") -> None:
    """Every command that would act is refused, for one of these reasons."""
    for device, verb, arguments in ACTING:
        if devices in device:
            assert await refusal(client.command(device, verb, arguments)) in codes, (device, verb)


def assert_nothing_acted(then: Since) -> None:
    """The machines were read and nothing else."""
    assert {row["text"].split()[0] for row in then.truth("printer1", "executed")} <= READS
    assert then.truth("printer1", "heater") == []
    assert then.truth("cobot1", "call") == []
    assert then.truth("cobot1", "part") == []
    assert {row["cause"] for row in then.truth("hub1", "plug")} <= {"button"}


@contextmanager
def frozen_stopper(lab: Lab) -> Iterator[None]:
    """The stopper hangs: it neither permits nor stops anything."""
    os.kill(lab.stopper.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(lab.stopper.pid, signal.SIGCONT)


async def test_nothing_acts_while_the_lab_is_stopped(opened: Shift) -> None:
    lab = opened.lab
    async with lab.client() as client:
        lab.stop_at_the_door()
        await work.power_up(lab, client)  # machines that could move
        then = lab.from_now()
        await assert_all_refused(client, "stop.latched")
        for booking in opened.bookings.values():
            assert await refusal(client.decide(booking, "arm")) == "stop.latched"
        assert_nothing_acted(then)


async def test_nothing_acts_without_the_stoppers_permit(opened: Shift) -> None:
    lab = opened.lab
    async with lab.client() as client:
        await arm(opened, client)
        with frozen_stopper(lab):
            await until(lambda: has_no_permit(client))
            then = lab.from_now()
            await assert_all_refused(client, "stop.no_permit")
            assert_nothing_acted(then)
        await until(lambda: has_permit(client))


async def has_no_permit(client: LabClient) -> bool:
    return await refusal(client.command("printer1", "home", {})) == "stop.no_permit"


async def has_permit(client: LabClient) -> bool:
    return await refusal(client.command("printer1", "home", {})) == ""


@pytest.mark.parametrize("sim", ["printer1", "cobot1"])
async def test_nothing_acts_on_a_machine_whose_values_are_stale(opened: Shift, sim: str) -> None:
    lab = opened.lab
    async with lab.client() as client:
        await arm(opened, client)
        with lab.sims.frozen(sim):
            await until(lambda: is_gone(client, sim))
            then = lab.from_now()
            codes = ("lab.not_safe_to_act", "driver.not_allowed_now")
            await assert_all_refused(client, *codes, devices=sim)
        await client.reconnect(sim)
        await until(lambda: work.at_rest(client, sim))
        assert_nothing_acted(then)  # nor was anything kept for later


async def is_gone(client: LabClient, device: str) -> bool:
    return (await client.device(device)).link in ("backoff", "connecting", "offline")


async def test_a_stop_pressed_while_a_machine_connects_reaches_the_others(opened: Shift) -> None:
    lab = opened.lab
    async with lab.client() as client:
        await arm(opened, client)
        with lab.sims.frozen("printer1"):
            await client.reconnect("printer1")
            await until(lambda: is_gone(client, "printer1"))
            then = lab.from_now()
            report = (await asyncio.to_thread(lab.stop_at_the_door))["devices"]
            own, plug = report["printer1"]["steps"]
            assert (own["outcome"], own["detail"]) == ("FAILED", "no_descriptor")
            assert plug["outcome"] != "FAILED"
            assert report["cobot1"]["outcome"] != "FAILED"
        await until(lambda: len(then.truth("hub1", "plug")) >= 2)
        assert {row["entity"]: row["on"] for row in then.truth("hub1", "plug")} == {
            "switch.printer1": False,
            "switch.cobot1": False,
        }


async def test_x08_a_second_lab_on_the_same_data_is_refused(opened: Shift) -> None:
    lab = opened.lab
    config = str(lab.home / "lab.toml")
    before = lab.status()["pid"]
    for command in ("serve", "serve-controller"):
        done = await asyncio.to_thread(
            machikoba, command, "--config", config, "--port", "0", "--lang", "en"
        )
        assert done.returncode == 1, done.stderr
        assert "already" in done.stderr
        assert "Traceback" not in done.stderr
    assert lab.status()["pid"] == before
    assert lab.status()["controller"] == "living"


def test_x10_a_terminated_lab_comes_to_rest_and_ends() -> None:
    with running(FACTOR) as lab:
        shift = asyncio.run(work.open_shift(lab))
        asyncio.run(work.begin_work(shift))
        then = lab.from_now()
        lab.stopper.terminate()
        assert lab.stopper.wait(END_WITHIN_S) == 0
        assert not (lab.data_dir / "stop.latch").exists()
        printer, cobot = lab.sims.ask("printer1", "status"), lab.sims.ask("cobot1", "status")
        assert {heater["target"] for heater in printer["heaters"].values()} == {0.0}
        assert cobot["state"] != "Executing"
        assert then.truth("printer1", "kill") == []  # brought to rest, not cut off
        done = len(then.truth("printer1", "executed")), len(then.truth("cobot1", "part"))
        with serving_again(lab):
            asyncio.run(come_up(lab))
            assert lab.status()["latch"]["lab"] is None
            rows = then.truth("printer1", "executed")[done[0] :]
            assert {row["text"].split()[0] for row in rows} <= READS
            assert len(then.truth("cobot1", "part")) == done[1]


@contextmanager
def serving_again(lab: Lab) -> Iterator[None]:
    """The same lab by `machikoba serve`, until the block ends."""
    (lab.data_dir / "controller.url").unlink()
    command = [sys.executable, "-m", "lab_controller", "serve", "--port", "0", "--lang", "en"]
    with (lab.home / "again.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--config", str(lab.home / "lab.toml")], stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(END_WITHIN_S) == 0


async def come_up(lab: Lab) -> None:
    """Power on at the wall, which the end took away, until both machines are read back."""
    await until(lambda: (lab.data_dir / "controller.url").exists())
    async with lab.client() as client:
        await work.power_up(lab, client)
