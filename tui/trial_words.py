"""A trial in words: its plan with what is left, and the run with its counts."""

from __future__ import annotations

from datetime import datetime

from rich.style import Style
from rich.text import Text

from lab_controller.wire import (
    DeviceShape,
)
from lab_controller.wire_trials import (
    LimitShape,
    RunShape,
    TrialShape,
)
from tui.look import BOLD, DIM, GOOD, KEY, PLAIN, RUN, UNKNOWN, WARN, bar, column, joined
from tui.texts import Texts
from tui.widgets.rows import Row

LIVE = frozenset({"running", "paused"})
COUNTS = (("good", "g"), ("scrap", "s"), ("rework", "r"))
COUNT_STYLE = {
    "good": Style(color="#04140a", bgcolor="#6fd08c", bold=True),
    "scrap": Style(color="#ffffff", bgcolor="#a13a34", bold=True),
    "rework": Style(color="#241a00", bgcolor="#e5b94e", bold=True),
}


def live_run(trial: TrialShape) -> RunShape | None:
    """The run under way, if there is one."""
    return next((run for run in trial.runs if run.state in LIVE), None)


def plan_rows(trial: TrialShape, width: int, t: Texts) -> list[Row]:
    """Each condition with its runs, its name `width` cells wide; without a run it is to be done."""
    rows: list[Row] = []
    for condition in trial.conditions:
        runs = [run for run in trial.runs if run.condition == condition.name]
        rows += [Row(f"run:{run.id}", _run_line(run, width, t)) for run in runs]
        if not runs:
            words = joined([Text("   "), column(condition.name, width), Text(t("run.left"), WARN)])
            rows.append(Row(f"condition:{condition.name}", words))
    return rows


def _run_line(run: RunShape, width: int, t: Texts) -> Text:
    mark = RUN.get(run.state, UNKNOWN)
    cells = [
        Text(f"#{run.number:<2}", DIM),
        column(run.condition, width, BOLD if run.state in LIVE else PLAIN),
        Text(f"{mark.symbol} {t.word('run_state', run.state)}", mark.style),
    ]
    if run.good or run.scrap or run.rework:
        cells.append(Text(f"{run.good}/{run.scrap}/{run.rework}", DIM))
    return joined(cells)


def left_count(trial: TrialShape) -> int:
    """How many conditions of the plan have no finished run."""
    finished = {run.condition for run in trial.runs if run.state == "finished"}
    return sum(condition.name not in finished for condition in trial.conditions)


def head_words(trial: TrialShape, party: str, armed: bool, t: Texts) -> Text:
    """What the trial asks, on which part, and whether its equipment is ready."""
    state = (t("trial.armed"), GOOD) if armed else (t("trial.not_armed"), WARN)
    left = left_count(trial)
    plan = t("plan.left", n=left) if left else t("plan.done")
    first = Text.assemble(
        (trial.title, BOLD), (f"  {party}  {trial.id}  ", DIM), state, "  ", (plan, KEY)
    )
    facts = [
        (t("trial.question"), trial.question),
        (t("trial.part"), trial.part),
        (t("trial.material"), trial.material),
        (t("trial.baseline"), trial.baseline),
    ]
    second = Text()
    for label, value in facts:
        if value:
            second.append(f"{label} ", DIM)
            second.append(f"{value}  ", PLAIN)
    return first + Text("\n") + second


def run_words(run: RunShape | None, now: datetime | None, t: Texts) -> Text:
    """The run the keys are about: its state, how long, and its counts with their keys."""
    if run is None:
        return Text(t("run.none"), DIM)
    mark = RUN.get(run.state, UNKNOWN)
    end = run.ended or now
    took = (end - run.started).total_seconds() if run.started and end else 0.0
    state = f"{mark.symbol} {t.word('run_state', run.state)}"
    first = Text.assemble(
        (f"#{run.number} {run.condition}  ", BOLD), (state, mark.style), (f"  {clock(took)}", PLAIN)
    )
    counts = Text("\n\n").join([first, _counts(run, t)])
    if run.unjudged:
        counts.append("\n\n" + t("run.unjudged", n=run.unjudged), KEY)
    if run.cause:
        counts.append("\n" + t("run.cause", cause=t.word("cause", run.cause)), WARN)
    return counts


def _counts(run: RunShape, t: Texts) -> Text:
    words = Text()
    for verdict, key in COUNTS:
        words.append(f" {key} ", COUNT_STYLE[verdict])
        words.append(f" {t.word('verdict', verdict)} ", PLAIN)
        words.append(f"{getattr(run, verdict):<4}", BOLD)
    return words


def clock(seconds: float) -> str:
    """A length of time as h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def job_words(device: DeviceShape | None, live: bool, t: Texts) -> Text:
    """What the machine of this trial is doing."""
    if device is None:
        return Text(" " + t("job.no_device"), DIM)
    state = t.word("operation", device.operation if live else "unknown")
    words = Text.assemble((f" {device.name} ", BOLD), (f" {state} ", KEY if live else DIM))
    if device.job is not None and live:
        done = f" {bar(device.job.fraction, 24)} {device.job.fraction:.0%} "
        words.append(done, GOOD)
        words.append(device.detail.get("job", ""), DIM)
    elif device.detail.get("program"):
        words.append(t("device.program", name=device.detail["program"]), DIM)
    return words


def limit_words(limit: LimitShape) -> str:
    """What a characteristic should measure."""
    name, unit = limit.characteristic, limit.unit
    if limit.tolerance is not None:
        return f"{name} {limit.nominal:g} +/-{limit.tolerance:g} {unit}"
    low, high = ("" if side is None else f"{side:g}" for side in (limit.low, limit.high))
    return f"{name} {low}..{high} {unit}"
