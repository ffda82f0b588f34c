"""kill -9 of the controller in the middle of a run: all stops, nothing moves, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from lab_controller.client import Refused
from tests.system import shift as work
from tests.system.rig import Lab, Row, Since, lab_time, read_truth, running, until
from tests.system.shift import PRINTER, READS, ROBOT, Shift

FACTOR = 40.0
LAST_SECOND = timedelta(seconds=FACTOR * 1.0)
"""One real second, which is what a crash may cost, in lab time."""

pytestmark = pytest.mark.timeout(240)


@dataclass
class Crash:
    """What there was before, when it happened, and the lab that came up after it."""

    shift: Shift
    then: Since
    at: datetime
    latch: Row
    plugs: dict[str, bool]

    @property
    def lab(self) -> Lab:
        return self.shift.lab


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """Killed at work; the stopper has stopped all, and has started the next controller."""
    with running(FACTOR) as lab:
        yield asyncio.run(kill_at_work(lab))


async def kill_at_work(lab: Lab) -> Crash:
    shift = await work.open_shift(lab)
    await work.begin_work(shift)
    run = shift.runs[ROBOT]
    await until(lambda: len(work.evidence(lab, run, "SELECT * FROM part_event")) > 3)
    then, address = lab.from_now(), lab.url
    at = lab.signal_controller(signal.SIGKILL)
    await until(lambda: lab.url != address)
    plugs = {row["entity"]: row["on"] for row in then.truth("hub1", "plug")}
    return Crash(shift, then, at, lab.status()["latch"]["lab"], plugs)


async def test_x10_the_stopper_stopped_everything_and_latched(crash: Crash) -> None:
    assert (crash.latch["by"], crash.latch["cause"]) == ("stopper", "controller_died")
    outcomes = {device: one["outcome"] for device, one in crash.latch["report"].items()}
    assert set(outcomes) == {"printer1", "cobot1", "plug_printer", "plug_cobot"}
    assert "FAILED" not in outcomes.values()
    assert crash.plugs == {"switch.printer1": False, "switch.cobot1": False}
    for sim in work.PLUGS:
        off = crash.then.truth(sim, "power")[0]
        assert off["on"] is False
        assert lab_time(off) - crash.at < LAST_SECOND


async def test_nothing_moves_after_the_restart(crash: Crash) -> None:
    """Power is put back by hand, so that the new controller meets machines it could move."""
    met = crash.lab.from_now()
    async with crash.lab.client() as client:
        await work.power_up(crash.lab, client)
    printed = [row["text"].split()[0] for row in met.truth("printer1", "executed")]
    assert printed, "the printer was read back"
    assert set(printed) <= READS
    assert met.truth("printer1", "heater") == []
    assert met.truth("cobot1", "call") == []
    assert met.truth("cobot1", "part") == []
    assert {row["cause"] for row in met.truth("hub1", "plug")} == {"button"}


async def test_the_runs_are_interrupted_with_their_data(crash: Crash) -> None:
    async with crash.lab.client() as client:
        for equipment in (PRINTER, ROBOT):
            run = crash.shift.runs[equipment]
            found = await work.find_run(client, crash.shift.trials[equipment], run)
            assert (found.state, found.cause) == ("interrupted", "lab.controller_restarted")
            [(newest,)] = work.evidence(crash.lab, run, "SELECT max(t_us) FROM reading")
            newest_at = datetime.fromtimestamp(newest / 1e6, crash.at.tzinfo)
            assert crash.at - newest_at < LAST_SECOND, (crash.at, newest_at)
            assert work.evidence(crash.lab, run, "SELECT device, cause FROM gap")[-1] == (
                "*",
                "lab.controller_restarted",
            )


async def test_no_part_but_those_of_the_last_second_is_lost(crash: Crash) -> None:
    run = crash.shift.runs[ROBOT]
    recorded = work.evidence(crash.lab, run, "SELECT cycle_time_s FROM part_event ORDER BY id")
    [(began,)] = work.evidence(crash.lab, run, "SELECT min(t_us) FROM run_event")
    begin = datetime.fromtimestamp(began / 1e6, crash.at.tzinfo)
    made = [
        row
        for row in read_truth(crash.lab.home, "cobot1", "part")
        if begin <= lab_time(row) <= crash.at
    ]
    safe = [row for row in made if crash.at - lab_time(row) > LAST_SECOND]
    cycles = [round(cycle, 3) for (cycle,) in recorded]
    assert cycles == [row["cycle_time_s"] for row in made[: len(cycles)]]
    assert len(safe) <= len(cycles) <= len(made)


async def test_the_evidence_verifies(crash: Crash) -> None:
    for trial in crash.shift.trials.values():
        done = await asyncio.to_thread(crash.lab.machikoba, "verify", trial, "--json")
        assert done.returncode == 0, done.stderr
        assert set(map(tuple, json.loads(done.stdout).values())) == {()}


async def test_the_lease_is_gone_and_the_bookings_are_intact(crash: Crash) -> None:
    async with crash.lab.client() as client:
        for booking in crash.shift.bookings.values():
            found = await client.booking(booking)
            assert (found.state, found.armed, found.lease) == ("checked_in", False, None)
        for device in await client.devices():
            assert (device.lease, device.lease_holder) == (None, None)


async def test_what_was_left_open_is_unknown(crash: Crash) -> None:
    async with crash.lab.client() as client:
        row = await client.command_row(crash.shift.print_command)
        assert (row.verb, row.state, row.code) == (
            "print_file",
            "unknown",
            "lab.controller_restarted",
        )
        assert row.text != row.code
        assert {one.state for one in await client.command_log()} <= {"done", "unknown"}


async def test_x10_the_latch_stands_until_a_verified_reset_with_a_reason(crash: Crash) -> None:
    lab = crash.lab
    async with lab.client() as client:
        await work.power_up(lab, client)
        printer = crash.shift.bookings[PRINTER]
        for reason, code in (("", "lab.bad_request"), ("  ", "stop.reason_missing")):
            assert await refusal(client.reset(reason)) == code
        with lab.sims.frozen("cobot1"):  # nobody can tell any more what it does
            assert await refusal(client.reset("looked at it")) == "stop.not_verified"
        assert (await client.lab()).latch.latched
        assert await refusal(client.decide(printer, "arm")) == "stop.latched"
        assert await refusal(client.command("printer1", "home")) == "stop.latched"
        await work.recover(crash.shift)
        assert not (await client.lab()).latch.latched
        lab.stop_at_the_door()  # as the other tests found it


async def refusal(asked: Awaitable[object]) -> str:
    """The code with which the lab refuses."""
    with pytest.raises(Refused) as refused:
        await asked
    return refused.value.refusal.code
