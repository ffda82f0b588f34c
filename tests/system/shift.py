"""A party at work on both machines: a print is streamed, a robot makes parts, both are recorded."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lab_controller.client import LabClient
from lab_controller.wire import (
    BookingRequestShape,
    Decision,
    DeviceShape,
    ReadingShape,
)
from lab_controller.wire_trials import (
    ConditionShape,
    RunRequest,
    RunShape,
    TrialRequest,
)
from tests.system.rig import LONG_DAY_H, TEN_O_CLOCK, Lab, until

PRINTER, ROBOT = "fdm-bench", "cobot-cell"
DEVICE = {PRINTER: "printer1", ROBOT: "cobot1"}
PLUGS = ("printer1", "cobot1")
STREAMING_LINES = 300
LONG_JOB = "\n".join(
    ["M140 S60", "M104 S200", "G28", "G90"]
    + [f"G1 X{60 + 20 * (n % 2)} Y{60 + n % 100} F6000" for n in range(8_000)]
)
"""Eight thousand moves that need no heat: a print that is still streaming whenever one looks."""

READS = {"M105", "M110", "M113", "M114", "M115", "M155", "M27"}
"""What the driver says to a printer it only looks at."""


@dataclass
class Shift:
    """The party's two bookings and trials, and the runs that are live."""

    lab: Lab
    bookings: dict[str, str]
    trials: dict[str, str]
    job: str
    runs: dict[str, str] = field(default_factory=dict)
    print_command: str = ""


async def open_shift(lab: Lab) -> Shift:
    """Both machines booked from 10:00 on, the party checked in, trials planned."""
    async with lab.client() as client:
        bookings = {one: await book(client, one) for one in DEVICE}
        trials = {}
        for equipment, booking in bookings.items():
            wanted = TrialRequest(
                booking=booking, title=equipment, conditions=[ConditionShape(name="as usual")]
            )
            trials[equipment] = (await client.create_trial(wanted)).id
        job = await client.upload_gcode("long.gcode", LONG_JOB.encode())
    return Shift(lab, bookings, trials, job.id)


async def book(client: LabClient, equipment: str) -> str:
    """A booking of the known, qualified party, checked in; its id. It lasts on a slow machine."""
    wanted = BookingRequestShape(
        equipment=equipment,
        start=TEN_O_CLOCK,
        end=TEN_O_CLOCK + timedelta(hours=LONG_DAY_H),
        party="sakura",
        operator="sakura-operator",
        head_count=2,
        idempotency_key=uuid.uuid4().hex,
    )
    booking = await client.request_booking(wanted)
    await client.decide(booking.id, "confirm")
    early = Decision(head_count=2, override_reason="they are here already")
    checked_in = await client.decide(booking.id, "check-in", early)
    return checked_in.id


async def begin_work(shift: Shift) -> None:
    """Arm both, start a run on each, and wait until both machines are in the middle of it."""
    lab = shift.lab
    begun = lab.from_now()
    async with lab.client() as client:
        for equipment in DEVICE:
            await client.decide(shift.bookings[equipment], "arm")
            shift.runs[equipment] = await start_run(client, shift.trials[equipment])
        await client.command("cobot1", "load_program", {"name": "pick_and_place"})
        await client.command("cobot1", "start_program")
        sent = await client.command("printer1", "print_file", {"file": shift.job}, wait=False)
        shift.print_command = sent.id
        await until(lambda: len(begun.truth("printer1", "executed")) > STREAMING_LINES)
        await until(lambda: has_made_parts(client, shift.trials[ROBOT], shift.runs[ROBOT]))


async def start_run(client: LabClient, trial: str) -> str:
    """A run under the plan's only condition, recording."""
    run = await client.plan_run(trial, RunRequest(condition="as usual", operator="佐倉 健一"))
    return (await client.run_step(run.id, "start")).id


async def has_made_parts(client: LabClient, trial: str, run: str) -> bool:
    """Whether the device has counted a part in this run."""
    found = await find_run(client, trial, run)
    return found.good + found.scrap > 0


async def find_run(client: LabClient, trial: str, run: str) -> RunShape:
    """One run of a trial."""
    return next(one for one in (await client.trial(trial)).runs if one.id == run)


async def recover(shift: Shift) -> None:
    """What staff do after a stop: power on at the wall, look, reset with a reason."""
    async with shift.lab.client() as client:
        await power_up(shift.lab, client)
        await client.reset("nobody in the cell, both machines looked at")
        for equipment, run in shift.runs.items():
            await until(lambda e=equipment, r=run: is_over(client, shift.trials[e], r))  # type: ignore[misc]


async def power_up(lab: Lab, client: LabClient) -> None:
    """Off and on at the wall; returns when both machines answer and do nothing."""
    for plug in PLUGS:
        lab.press_plug(plug, on=False)
        lab.press_plug(plug, on=True)
    await until(lambda: lab.sims.ask("cobot1", "status")["booted"])
    for device in DEVICE.values():
        await client.reconnect(device)
        await until(lambda device=device: regained(client, device))  # type: ignore[misc]


async def regained(client: LabClient, device: str) -> bool:
    """`at_rest`; as staff do, asks for its wire again as often as that is given up.

    A wire lost more than five times in ten minutes is by itself tried only twice a minute, and
    these tests lose each much oftener.
    """
    if (await client.device(device)).link in ("backoff", "offline"):
        await client.reconnect(device)
    return await at_rest(client, device)


async def at_rest(client: LabClient, device: str) -> bool:
    """Whether a device answers and does nothing."""
    shown = await client.device(device)
    return shown.link in ("online", "degraded") and shown.operation in ("idle", "ready")


async def is_over(client: LabClient, trial: str, run: str) -> bool:
    """Whether a run has ended, in whatever way."""
    return (await find_run(client, trial, run)).state in ("finished", "aborted", "interrupted")


def reading(device: DeviceShape, signal: str) -> ReadingShape:
    """One value of a device as shown."""
    return next(one for one in device.readings if one.signal == signal)


def evidence(lab: Lab, run: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a run's own file, read as any other program would."""
    path = lab.data_dir / "evidence" / f"{run}.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()
