"""A trial in words: its plan with what is left, and the run with its counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.style import Style
from rich.text import Text

from lab_controller.wire import DeviceShape
from lab_controller.wire_trials import LimitShape, PlannedShape, RunShape, TrialShape
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
    """Each condition with its runs and, where runs are left, how many; names `width` cells wide."""
    rows: list[Row] = []
    for condition in trial.conditions:
        runs = [run for run in trial.runs if run.condition == condition.name]
        rows += [Row(f"run:{run.id}", _run_line(run, width, t)) for run in runs]
        done, planned = _planned(trial, condition.name)
        waiting = sum(run.state == "planned" or run.state in LIVE for run in runs)
        if planned - done > waiting:
            comes = next_run(trial)
            first = comes is not None and comes.condition == condition.name
            mark = Text(f"{t('plan.next'):>2} " if first else "   ", KEY)
            many = f" {done}/{planned}" if planned > 1 else ""
            left = Text(t("run.left") + many, WARN)
            words = joined([mark, column(condition.name, width, BOLD if first else PLAIN), left])
            rows.append(Row(f"condition:{condition.name}", words))
    return rows


def next_run(trial: TrialShape) -> PlannedShape | None:
    """The run that comes next in the plan's own order."""
    return trial.left.next_run if trial.left else None


def _planned(trial: TrialShape, condition: str) -> tuple[int, int]:
    """How many runs of a condition are done, and how many the plan wants; at least one."""
    told = trial.left.conditions if trial.left else []
    found = next((one for one in told if one.condition == condition), None)
    if found is not None:
        return found.runs_done, found.runs_planned
    finished = any(run.condition == condition and run.state == "finished" for run in trial.runs)
    return int(finished), 1


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


def left_words(trial: TrialShape, t: Texts) -> str:
    """How much of the plan is left, and in which order it is to be done."""
    counts = [_planned(trial, condition.name) for condition in trial.conditions]
    left = sum(max(0, planned - done) for done, planned in counts)
    if not left:
        return t("plan.done")
    words = t("plan.left", n=left, total=sum(planned for _, planned in counts))
    return f"{words}  {t('plan.randomised')}" if trial.protocol.randomised else words


def head_words(trial: TrialShape, party: str, armed: bool, t: Texts) -> Text:
    """What the trial asks, on which part, and whether its equipment is ready."""
    state = (t("trial.armed"), GOOD) if armed else (t("trial.not_armed"), WARN)
    first = Text.assemble(
        (trial.title, BOLD),
        (f"  {party}  {trial.id}  ", DIM),
        state,
        "  ",
        (left_words(trial, t), KEY),
    )
    if trial.plan_version > 1:
        first.append(f"  {t('plan.version', n=trial.plan_version)}", WARN)
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


def run_lines(run: RunShape | None, now: datetime | None, t: Texts) -> list[Text]:
    """The run the keys are about: its state, how long, and its counts with their keys."""
    if run is None:
        return [Text(line, DIM) for line in t("run.none").split("\n")]
    mark = RUN.get(run.state, UNKNOWN)
    end = run.ended or now
    took = (end - run.started).total_seconds() if run.started and end else 0.0
    state = f"{mark.symbol} {t.word('run_state', run.state)}"
    first = Text.assemble(
        (f"#{run.number} {run.condition}  ", BOLD), (state, mark.style), (f"  {clock(took)}", PLAIN)
    )
    if run.rehearsal:
        first.append(f"  {t('run.rehearsal')}", WARN)
    lines = [first, _counts(run, t)]
    if run.unjudged:
        lines.append(Text(t("run.unjudged", n=run.unjudged), KEY))
    if run.cause:
        lines.append(Text(t("run.cause", cause=t.word("cause", run.cause)), WARN))
    return lines


def _counts(run: RunShape, t: Texts) -> Text:
    words = Text()
    for verdict, key in COUNTS:
        words.append(f" {key} ", COUNT_STYLE[verdict])
        words.append(f" {t.word('verdict', verdict)} ", PLAIN)
        words.append(f"{getattr(run, verdict):<4}", BOLD)
    return words


def finish_words(run: RunShape, trial: TrialShape | None, t: Texts) -> Iterator[str]:
    """What finishing a run means, and what of it would stay undone."""
    yield t("ask.finish", n=run.number)
    planned = trial.protocol.sample.parts_per_run if trial else None
    made = run.good + run.scrap + run.rework + run.unjudged
    if planned is not None and made < planned:
        yield t("ask.finish_short", made=made, planned=planned)
    if run.unjudged:
        yield t("ask.finish_unjudged", n=run.unjudged)


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
