"""`machikoba demo --headless`: the story at speed, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.clock import LabClock
from lab_controller.database import connect
from lab_controller.demo import floor, setup
from lab_controller.demo.setup import Demo, DemoFailed
from lab_controller.demo.story import Say, StepFailed, Story
from lab_controller.wire_trials import RunShape
from trial_logs import metrics, record
from trial_logs.exports.folder import PACKAGE
from trial_logs.model import Verdict
from trial_logs.record import Part

FACTOR = 100.0
MORNING = time(9, 15)  # early enough for a slow machine to be up before 10:00
ZONE = ZoneInfo("Asia/Tokyo")
REPORTS = {"printer": "", "robot": "robot-"}
MARK = ".machikoba-demo"


class NotOurs(DemoFailed):
    """The folder holds something else than an earlier demo, and is not touched."""

    code = "demo.not_ours"


def play(out: Path, gcode_folder: Path, *, language: str, factor: float, begin: Say) -> bool:
    """Play the whole story into `out`; whether every step held. Raises NotOurs."""
    clear(out)
    morning = datetime.combine(datetime.now(ZONE).date(), MORNING, ZONE)
    clock = LabClock.beginning(morning, factor)
    with setup.running(out, clock, language=language, seed=_empty_books) as demo:
        return asyncio.run(_play(demo, gcode_folder, language, begin))


def clear(out: Path) -> None:
    """Make the folder, or empty it of an earlier demo. Raises NotOurs for anything else in it."""
    mark = out / MARK
    if out.exists() and any(out.iterdir()):
        if not mark.exists():
            raise NotOurs(dir=out)
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _empty_books(config: Path) -> None:
    """The story begins with nobody known."""


async def _play(demo: Demo, gcode_folder: Path, language: str, begin: Say) -> bool:
    token = demo.data_dir / "staff.token"
    async with LabClient.for_lab(demo.url, token, language=language) as lab:
        story = Story(demo, lab, gcode_folder, begin)
        failure = ""
        try:
            await story.play()
            await story.step("report", lambda: _fetch_reports(story))
            await story.step("dossier", lambda: _fetch_dossier(story))
        except (StepFailed, Refused, Unreachable, DemoFailed, TimeoutError) as error:
            failure = f"{type(error).__name__}: {error}"
        await _summarise(story, failure)
    return not failure


async def _fetch_reports(story: Story) -> None:
    """The report of each trial, into the factory's hands."""
    for which, prefix in REPORTS.items():
        trial = story.trials[which].id
        made = await story.lab.make_report(trial)
        for name in made.files:
            if prefix and name == PACKAGE:
                continue  # it names its files as they are called without a prefix
            content = await story.lab.report_file(trial, name)
            (story.demo.home / f"{prefix}{name}").write_bytes(content)


async def _fetch_dossier(story: Story) -> None:
    """The purchase dossier of the trial that has an investment sheet."""
    bought = story.trials["robot"].id
    made = await story.lab.make_dossier(bought)
    for name in made.files:
        content = await story.lab.dossier_file(bought, name)
        (story.demo.home / name).write_bytes(content)


async def _summarise(story: Story, failure: str) -> None:
    home = story.demo.home
    summary = {
        "ok": not failure,
        "failure": failure,
        "factor": story.demo.clock.factor,
        "steps": [asdict(step) for step in story.steps],
        "trials": [await _trial(story, which) for which in story.trials],
        "gcode": _gcode(story),
        "stop": story.stopped.model_dump(mode="json") if story.stopped else None,
        "files": {
            path.name: path.stat().st_size
            for path in sorted(home.iterdir())
            if path.is_file() and path.name != MARK
        },
    }
    text = json.dumps(summary, ensure_ascii=False, indent=2)
    (home / "summary.json").write_text(text + "\n", encoding="utf-8")


async def _trial(story: Story, which: str) -> dict[str, Any]:
    trial = await story.lab.trial(story.trials[which].id)
    begun = [run for run in trial.runs if run.started is not None]
    runs = [_run(run, await story.lab.run_numbers(run.id)) for run in begun]
    evidence = story.demo.data_dir / "evidence"
    parts = [part for run in begun for part in _parts(evidence / f"{run.id}.db")]
    used = [run["energy_kwh"] for run in runs]
    return {
        "id": trial.id,
        "equipment": trial.equipment,
        "runs": runs,
        **together(parts, None if None in used else sum(used)),
    }


def _parts(path: Path) -> list[Part]:
    db = connect(path, read_only=True)
    try:
        return record.parts(db)
    finally:
        db.close()


def together(parts: Iterable[Part], energy_kwh: float | None) -> dict[str, Any]:
    """The figures of a trial over all its runs, by the formulas of a run."""
    made = [part for part in parts if part.verdict is not Verdict.VOID]
    counts = metrics.count_parts(part.verdict for part in made)
    cycle = metrics.cycle_stats([s for part in made if (s := part.event.cycle_time_s) is not None])
    return {
        "parts_good": counts.good,
        "parts_scrap": counts.scrap,
        "cycle_time_s": {
            "n": cycle.n,
            **{key: getattr(cycle, key).value for key in ("mean", "median", "p95")},
        },
        "energy_kwh": energy_kwh,
        "energy_kwh_per_part": metrics.per_part(metrics.Figure(energy_kwh), counts).value,
        "yield": metrics.yield_share(counts).value,
    }


def _run(run: RunShape, numbers: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run; a number that cannot be given is null."""
    cycle = numbers["cycle_time_s"]
    return {
        "id": run.id,
        "condition": run.condition,
        "state": run.state,
        "started": run.started.isoformat() if run.started else None,
        "ended": run.ended.isoformat() if run.ended else None,
        "parts_good": run.good,
        "parts_scrap": run.scrap,
        "cycle_time_s": {
            "n": cycle["n"],
            **{key: cycle[key]["value"] for key in ("mean", "median", "p95")},
        },
        "energy_kwh": numbers["energy_kwh"]["value"],
        "energy_kwh_per_part": numbers["energy_kwh_per_part"]["value"],
        "yield": numbers["yield_share"]["value"],
    }


def _gcode(story: Story) -> dict[str, int]:
    """Lines of the print jobs as sent, and as the simulated printer executed them."""
    wanted: Counter[str] = Counter()
    for row in story.prints:
        path = story.demo.data_dir / "job_logs" / f"{row.id}.log"
        wanted.update(line for line in path.read_text().splitlines() if line)
    executed = Counter(
        row["text"]
        for row in floor.truth(story.demo.home, "printer1")
        if row["what"] == "executed" and row.get("numbered")
    )
    return {
        "lines_sent": sum(wanted.values()),
        "lines_executed": sum((wanted & executed).values()),
    }
