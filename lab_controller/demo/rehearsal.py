"""`machikoba trial rehearse`: a plan played beforehand in a simulated lab of its own.

The lab lies in the folder it is given, is configured as a rehearsal, and ends with it; the real
lab's data folder is never opened. Every run and every file carries the simulated flag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.clock import LabClock
from lab_controller.demo import setup
from lab_controller.demo.headless import MORNING, clear
from lab_controller.demo.setup import Demo, DemoFailed
from lab_controller.demo.story import SLOT, Say, StepFailed, Story, demand
from lab_controller.i18n import text
from lab_controller.wire_trials import PartRequest, RunShape, TrialRequest, TrialShape

ZONE = ZoneInfo("Asia/Tokyo")
PRINTED = "fdm_part"


class RehearsalFailed(DemoFailed):
    """The plan could not be played to its end; `cause` says why."""

    code = "rehearsal.failed"


class Departure(NamedTuple):
    """One thing in which a rehearsal was not what the plan asks for."""

    code: str
    params: dict[str, object]


class Rehearsed(NamedTuple):
    """What a rehearsal left, what it did, and where it departed from the plan."""

    files: list[Path]
    runs: list[RunShape]
    departures: list[Departure]


@dataclass(slots=True)
class Rehearsal(Story):
    """A party that comes, tries its plan condition by condition, and leaves."""

    wanted: TrialRequest = field(default_factory=lambda: TrialRequest(booking="", title=""))
    parts: int = 3
    runs: list[RunShape] = field(default_factory=list)

    async def play(self) -> None:
        """From the booking to the last run."""
        which = "printer" if self.wanted.protocol.template == PRINTED else "robot"
        steps = (
            ("rehearse_book", lambda: self._book(which)),
            ("rehearse_come", lambda: self._come(which)),
            ("rehearse_plan", lambda: self.plan(which)),
            ("rehearse_arm", lambda: self.arm(which)),
        )
        for name, step in steps:
            await self.step(name, step)
        for condition in self.trials[which].conditions:
            name = condition.name
            await self.step("rehearse_run", lambda name=name: self._try(which, name), name)  # type: ignore[misc]
        await self.disarm(which)

    async def _book(self, which: str) -> None:
        await (self.ask_printer() if which == "printer" else self.ask_robot())
        await self.confirm(which)

    async def _come(self, which: str) -> None:
        await self.check_in(which)
        await self.show_certificate(which)
        if which == "printer":
            await self.upload()

    async def plan(self, which: str) -> None:
        """The plan itself, named a rehearsal."""
        title = text(self.lab.language, "rehearsal.title", {"title": self.wanted.title})
        changed = {"booking": self.bookings[which].id, "title": title}
        self.trials[which] = await self.lab.create_trial(self.wanted.model_copy(update=changed))

    async def _try(self, which: str, condition: str) -> None:
        run = await self._start_run(which, condition)
        demand(run.simulated and run.rehearsal, "not marked as a rehearsal")
        await (self._print(run) if which == "printer" else self._pick(run))
        self.runs.append(await self.lab.run_step(run.id, "finish"))

    async def _print(self, run: RunShape) -> None:
        device, job = self.words["printer"]["device"], next(iter(self.jobs.values()))
        for _ in range(self.parts):
            done = await self.lab.command(device, "print_file", {"file": job.id}, wait=False)
            await self._command_end(done.id)
            await self.lab.count_part(run.id, PartRequest(verdict="good"))

    async def _pick(self, run: RunShape) -> None:
        words = self.words["robot"]
        await self.lab.command(words["device"], "load_program", {"name": words["program"]})
        await self.lab.command(words["device"], "start_program")
        await self._look_until(lambda: self._made(run), self.parts)
        await self.lab.command(words["device"], "stop_program")

    def _slot(self, which: str) -> tuple[datetime, datetime]:
        """The next half hour that can still be asked for, four hours long."""
        soon = self.demo.clock.now().astimezone(ZONE) + timedelta(minutes=10)
        midnight = soon.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight + -(-(soon - midnight) // SLOT) * SLOT
        return start, start + 8 * SLOT


def rehearse(
    wanted: TrialRequest,
    out: Path,
    gcode_folder: Path,
    *,
    language: str,
    parts: int,
    factor: float,
    begin: Say,
) -> Rehearsed:
    """Play the plan in `out` and leave its report there. Raises DemoFailed."""
    clear(out)
    morning = datetime.combine(datetime.now(ZONE).date(), MORNING, ZONE)
    clock = LabClock.beginning(morning, factor)
    with setup.running(out, clock, language=language, seed=mark) as demo:
        return asyncio.run(_play(demo, wanted, gcode_folder, language, parts, begin))


def mark(config: Path) -> None:
    """Say in the lab.toml of a simulated lab that it is there for a rehearsal."""
    lines = config.read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("simulated = true"))
    lines.insert(place + 1, "rehearsal = true")
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def _play(
    demo: Demo, wanted: TrialRequest, gcode: Path, language: str, parts: int, begin: Say
) -> Rehearsed:
    token = demo.data_dir / "staff.token"
    async with LabClient.for_lab(demo.url, token, language=language) as lab:
        played = Rehearsal(demo, lab, gcode, begin, wanted=wanted, parts=parts)
        try:
            await played.play()
            (trial,) = played.trials.values()
            files = await _fetch_report(lab, trial.id, demo.home)
            return Rehearsed(files, played.runs, list(departures(trial, played.runs)))
        except Refused as refused:
            raise RehearsalFailed(cause=refused.refusal.text) from refused
        except (StepFailed, Unreachable, TimeoutError) as error:
            raise RehearsalFailed(cause=str(error) or type(error).__name__) from error


def departures(plan: TrialShape, runs: Sequence[RunShape]) -> Iterator[Departure]:
    """What of the plan was not played as it stands; by rule from plan and runs."""
    sample = plan.protocol.sample
    for run in runs:
        made = run.good + run.scrap + run.rework
        if sample.parts_per_run is not None and made != sample.parts_per_run:
            params = {"condition": run.condition, "made": made, "planned": sample.parts_per_run}
            yield Departure("rehearsal.other_parts", params)
    if sample.runs_per_condition > 1:
        yield Departure("rehearsal.one_run", {"planned": sample.runs_per_condition})
    if plan.protocol.randomised:
        yield Departure("rehearsal.other_order", {})
    settings = {name for condition in plan.conditions for name in condition.settings}
    if settings:
        yield Departure("rehearsal.same_job", {"settings": ", ".join(sorted(settings))})
    if plan.limits:
        names = ", ".join(limit.characteristic for limit in plan.limits)
        yield Departure("rehearsal.not_measured", {"names": names})


async def _fetch_report(lab: LabClient, trial: str, home: Path) -> list[Path]:
    made = await lab.make_report(trial)
    found = []
    for name in made.files:
        content = await lab.report_file(trial, name)
        found.append(home / name)
        await asyncio.to_thread(found[-1].write_bytes, content)
    return found
