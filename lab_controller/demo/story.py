"""One lab day over the public doors: from a request on the web to a report in the factory's hands.

Every step is told, timed and checked; a step that does not hold ends the story.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lab_controller.client import LabClient, Refused
from lab_controller.demo import floor
from lab_controller.demo.offer import offer_pdf
from lab_controller.demo.request import request_on_the_web
from lab_controller.demo.setup import Demo
from lab_controller.wire import (
    BookingShape,
    CommandShape,
    Decision,
    DeviceShape,
    GcodeShape,
    PersonRequest,
    QualificationRequest,
)
from lab_controller.wire_operator import ModeRequest, StopCauseRequest
from lab_controller.wire_stop import StopShape
from lab_controller.wire_trials import (
    MeasurementRequest,
    PartRequest,
    RunRequest,
    RunShape,
    TrialRequest,
    TrialShape,
)

ZONE = ZoneInfo("Asia/Tokyo")
WAIT_S = 120.0
LOOK_S = 0.2
SLOT = timedelta(minutes=30)
ASKING_S = 3.0
"""Real seconds a slow machine may take over the form on the web."""


class StepFailed(AssertionError):
    """A step of the story did not hold."""


@dataclass(slots=True)
class Step:
    """One step as summary.json lists it."""

    name: str
    ok: bool
    seconds: float


Say = Callable[[str, datetime, str], None]
"""Tells that a step begins: its name, the lab's time, and what it is about where names repeat."""


@dataclass(slots=True)
class Story:
    """The day and what it has come to so far."""

    demo: Demo
    lab: LabClient
    gcode_folder: Path
    begin: Say
    bookings: dict[str, BookingShape] = field(default_factory=dict)
    trials: dict[str, TrialShape] = field(default_factory=dict)
    jobs: dict[str, GcodeShape] = field(default_factory=dict)
    prints: list[CommandShape] = field(default_factory=list)
    stopped: StopShape | None = None
    steps: list[Step] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=lambda: load_words())

    async def play(self) -> None:
        """The whole day. Raises StepFailed, or the refusal that ended it."""
        for name, step in (
            ("ask_printer", self.ask_printer),
            ("confirm_printer", lambda: self.confirm("printer")),
            ("check_in", lambda: self.check_in("printer")),
            ("certificate", lambda: self.show_certificate("printer")),
            ("upload", self.upload),
            ("plan_printer", lambda: self.plan("printer")),
            ("arm_printer", lambda: self.arm("printer")),
            ("print_first", lambda: self.print_run(0)),
            ("print_second", lambda: self.print_run(1)),
            ("disarm_printer", lambda: self.disarm("printer")),
            ("check_out_printer", lambda: self.check_out("printer")),
            ("ask_robot", self.ask_robot),
            ("confirm_robot", lambda: self.confirm("robot")),
            ("check_in_robot", lambda: self.check_in("robot")),
            ("certificate_robot", lambda: self.show_certificate("robot")),
            ("plan_robot", lambda: self.plan("robot")),
            ("arm_robot", lambda: self.arm("robot")),
            ("pick_and_place", self.pick_and_place),
            ("stop", self.stop_everything),
            ("recover", self.recover),
            ("check_out_robot", lambda: self.check_out("robot")),
            ("sheet", self.decide_purchase),
        ):
            await self.step(name, step)

    async def step(self, name: str, work: Callable[[], Awaitable[None]], about: str = "") -> None:
        """Tell, do, time."""
        began = self.demo.clock.monotonic()
        self.begin(name, self.demo.clock.now(), about)
        done = False
        try:
            await work()
            done = True
        finally:
            seconds = round(self.demo.clock.monotonic() - began, 2)
            self.steps.append(Step(name, done, seconds))

    # -- booking ----------------------------------------------------------------------------

    async def ask_printer(self) -> None:
        """A first-time visitor asks on the web page; staff see it at once."""
        words, party = self.words["printer"], self.words["party"]
        start, end = self._slot("printer")
        number = await request_on_the_web(
            self.demo.url, words["equipment"], start, end, party, words["purpose"]
        )
        seen = await self.lab.bookings(start, end)
        self.bookings["printer"] = demand(
            next((one for one in seen if one.number == number), None), "not seen by staff"
        )

    async def ask_robot(self) -> None:
        """The same party asks for the robot cell, on the web page again."""
        words, party = self.words["robot"], self.words["party"]
        start, end = self._slot("robot")
        number = await request_on_the_web(
            self.demo.url, words["equipment"], start, end, party, words["purpose"]
        )
        seen = await self.lab.bookings(start, end)
        self.bookings["robot"] = demand(
            next((one for one in seen if one.number == number), None), "not seen by staff"
        )

    async def confirm(self, which: str) -> None:
        """Staff say yes."""
        await self._decide(which, "confirm", "confirmed")

    async def check_in(self, which: str) -> None:
        """When the time has come, the party is at the desk."""
        opens = self.bookings[which].start
        if which == "robot":
            opens -= timedelta(minutes=30)
        await self._until(opens)
        people = self.words["party"]["head_count"]
        await self._decide(which, "check-in", "checked_in", Decision(head_count=people))

    async def show_certificate(self, which: str) -> None:
        """The operator shows the certificate; without it arming is refused."""
        words, party = self.words[which], self.words["party"]
        booking = self.bookings[which]
        try:
            await self.lab.decide(booking.id, "arm")
        except Refused as refused:
            demand(refused.refusal.problems, "armed without a reason why not")
        else:
            raise StepFailed("armed without a qualified operator")
        wanted = PersonRequest(name=party["operator"], kana=party["operator_kana"])
        person = await self.lab.add_person(booking.party, wanted)
        today = self.demo.clock.now().date()
        held = QualificationRequest(
            qualification_class=words["qualification"],
            issued_on=today - timedelta(days=200),
            expires_on=today + timedelta(days=900),
            certificate_no=words["certificate"],
        )
        await self.lab.add_qualification(person.id, held)
        await self._decide(which, "operator", "checked_in", Decision(operator=person.id))

    async def arm(self, which: str) -> None:
        """Lease granted, plug on, the machine answers."""
        booking = await self._decide(which, "arm", "checked_in")
        demand(booking.armed and booking.lease, "no lease")
        plug = await self.lab.device(self.words[which]["plug"])
        demand(value(plug, "on") == 1.0, "plug is not on")
        machine = await self.lab.device(self.words[which]["device"])
        demand(machine.may_actuate, f"{machine.id} does not answer")

    async def disarm(self, which: str) -> None:
        """Heaters off, plug off, lease gone."""
        booking = await self._decide(which, "disarm", "checked_in")
        demand(not booking.armed, "lease is still there")
        plug = await self.lab.device(self.words[which]["plug"])
        demand(value(plug, "on") == 0.0, "plug is still on")

    async def check_out(self, which: str) -> None:
        """The party leaves."""
        await self._decide(which, "check-out", "completed")

    # -- trials -----------------------------------------------------------------------------

    async def upload(self) -> None:
        """The sliced files are checked and kept."""
        for one in self.words["printer"]["run"]:
            path = self.gcode_folder / one["file"]
            self.jobs[one["file"]] = await self.lab.upload_gcode(path.name, path.read_bytes())

    async def plan(self, which: str) -> None:
        """What is to be found out, compared with what, under which conditions, by which limits."""
        plan = self.words[which]["plan"]
        wanted = TrialRequest(booking=self.bookings[which].id, **plan)
        self.trials[which] = await self.lab.create_trial(wanted)

    async def print_run(self, index: int) -> None:
        """One condition: each part printed from the sliced file, looked at, measured."""
        words = self.words["printer"]
        played = words["run"][index]
        run = await self._start_run("printer", words["plan"]["conditions"][index]["name"])
        job = self.jobs[played["file"]]
        for verdict in played["verdicts"]:
            arguments = {"file": job.id}
            done = await self.lab.command(words["device"], "print_file", arguments, wait=False)
            self.prints.append(await self._command_end(done.id))
            cause = words["scrap_cause"] if verdict == "scrap" else ""
            run = await self.lab.count_part(run.id, PartRequest(verdict=verdict, cause=cause))
        limit = words["plan"]["limits"][0]
        for number, bore in enumerate(played["bores"], start=1):
            measured = MeasurementRequest(
                characteristic=limit["characteristic"],
                value=bore,
                unit=limit["unit"],
                part=number,
                gauge=words["gauge"],
            )
            run = await self.lab.measure(run.id, measured)
        await self.lab.note(run.id, words["note"])
        ended = await self.lab.run_step(run.id, "finish")
        expected = len(played["verdicts"])
        demand(ended.good + ended.scrap == expected, f"{ended} has not {expected} parts")

    async def pick_and_place(self) -> None:
        """The robot works until it has made its parts; counts and cycle times are its own."""
        words = self.words["robot"]
        run = await self._start_run("robot", words["plan"]["conditions"][0]["name"])
        device = words["device"]
        await self.lab.set_mode(run.id, ModeRequest(mode="setup"))
        await self.lab.command(device, "load_program", {"name": words["program"]})
        await asyncio.sleep(self.demo.clock.real_seconds(60 * words["set_up_minutes"]))
        await self.lab.set_mode(run.id, ModeRequest(mode="production"))
        await self.lab.command(device, "start_program")
        await self._look_until(lambda: self._made(run), words["parts"])
        await self.lab.command(device, "stop_program")
        await self._explain_stops(run)
        ended = await self.lab.run_step(run.id, "finish")
        demand(ended.good >= words["parts"] * 0.7, f"only {ended.good} good parts")

    async def _explain_stops(self, run: RunShape) -> None:
        """The operator says of every short stop what it was."""
        causes = self.words["robot"]["causes"]
        floor_now = await self.lab.run_floor(run.id)
        for stop in floor_now.stops:
            cause = causes.get(stop.cause, "other")
            wanted = StopCauseRequest(cause=cause, device=stop.device, at=stop.at)
            await self.lab.explain_stop(run.id, wanted)

    async def decide_purchase(self) -> None:
        """The factory adds the vendor's offer and what the machine would cost, for the dossier."""
        words, trial = self.words["robot"], self.trials["robot"].id
        day = self.demo.clock.now().astimezone(ZONE).date()
        offer = await asyncio.to_thread(offer_pdf, words["offer"], words["sheet"], day)
        await self.lab.attach(trial, words["offer"]["file"], offer, "quote")
        await self.lab.enter_sheet(trial, words["sheet"])

    # -- stop and recovery ------------------------------------------------------------------

    async def stop_everything(self) -> None:
        """In the middle of a run somebody presses stop, and everything stops."""
        words = self.words["robot"]
        run = await self._start_run("robot", words["plan"]["conditions"][1]["name"])
        await self.lab.command(words["device"], "load_program", {"name": words["program"]})
        await self.lab.command(words["device"], "start_program")
        await self._look_until(lambda: self._made(run), words["stop_after"])
        self.stopped = await self.lab.stop(reason=words["stop_reason"])
        failed = [one.device for one in self.stopped.devices if one.outcome == "FAILED"]
        demand(not failed and self.stopped.latch.latched, f"not stopped: {failed}")
        await self._look_until(lambda: self._is_over(run), 1)
        try:
            await self.lab.decide(self.bookings["robot"].id, "arm")
        except Refused as refused:
            demand(refused.refusal.code == "stop.latched", refused.refusal.code)
        else:
            raise StepFailed("armed under the latch")

    async def recover(self) -> None:
        """Staff switch plugs on at the wall, see the machines idle, reset with a reason."""
        entities = ("switch.printer1", "switch.cobot1")
        for entity in entities:
            demand(floor.press_plug(self.demo, entity), f"{entity} did not come on")
        for which in ("printer", "robot"):
            device = self.words[which]["device"]
            await self.lab.reconnect(device)
            await self._look_until(lambda device=device: self._at_rest(device), 1)  # type: ignore[misc]
        latch = await self.lab.reset(self.words["robot"]["reset_reason"])
        demand(not latch.latched, "latch still stands")
        for entity in entities:
            demand(not floor.press_plug(self.demo, entity), f"{entity} did not go off")

    # -- the means --------------------------------------------------------------------------

    async def _start_run(self, which: str, condition: str) -> RunShape:
        operator = self.words["party"]["operator"]
        wanted = RunRequest(condition=condition, operator=operator)
        run = await self.lab.plan_run(self.trials[which].id, wanted)
        return await self.lab.run_step(run.id, "start")

    async def _decide(
        self, which: str, step: str, state: str, decision: Decision | None = None
    ) -> BookingShape:
        booking = await self.lab.decide(self.bookings[which].id, step, decision)
        self.bookings[which] = booking
        demand(booking.state == state, f"{step}: {booking.state} instead of {state}")
        return booking

    async def _command_end(self, command: str) -> CommandShape:
        async def closed() -> int:
            return int((await self.lab.command_row(command)).closed is not None)

        await self._look_until(closed, 1)
        row = await self.lab.command_row(command)
        demand(row.state == "done", f"{row.verb}: {row.state} {row.text}")
        return row

    async def _made(self, run: RunShape) -> int:
        trial = await self.lab.trial(run.trial)
        now = next(one for one in trial.runs if one.id == run.id)
        return now.good + now.scrap

    async def _is_over(self, run: RunShape) -> int:
        trial = await self.lab.trial(run.trial)
        return int(next(one for one in trial.runs if one.id == run.id).state == "aborted")

    async def _at_rest(self, device: str) -> int:
        shown = await self.lab.device(device)
        return int(shown.link == "online" and shown.operation in ("idle", "ready"))

    async def _look_until(self, look: Callable[[], Awaitable[int]], least: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while await look() < least:  # noqa: ASYNC110 - a public door can only be asked
                await asyncio.sleep(LOOK_S)

    async def _until(self, moment: datetime) -> None:
        wait = (moment - self.demo.clock.now()).total_seconds()
        await asyncio.sleep(max(0.0, self.demo.clock.real_seconds(wait)))

    def _slot(self, which: str) -> tuple[datetime, datetime]:
        clock = self.demo.clock
        return slot_of(self.words[which], clock.now(), timedelta(seconds=ASKING_S * clock.factor))


def slot_of(
    words: Mapping[str, Any], now: datetime, asking: timedelta
) -> tuple[datetime, datetime]:
    """The hours of the story, or so many half hours later that they can still be asked for.

    The lab's clock does not wait for a slow machine: `asking` is how long a request takes of it.
    """
    here = now.astimezone(ZONE)
    start, end = (
        datetime.combine(here.date(), time.fromisoformat(words[key]), ZONE)
        for key in ("starts", "ends")
    )
    late = max(0, -((start - here - asking) // SLOT)) * SLOT
    return start + late, end + late


def load_words() -> dict[str, Any]:
    """What the people of the story write and say."""
    text = (files("lab_controller.demo") / "story.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def demand(found: Any, otherwise: str) -> Any:
    """The thing itself, or StepFailed."""
    if not found:
        raise StepFailed(otherwise)
    return found


def value(device: DeviceShape, signal: str) -> float | None:
    """A live value, or nothing."""
    reading = next((one for one in device.readings if one.signal == signal), None)
    return None if reading is None or reading.stale else reading.value
