"""A task's times as the dossier prints them: on the card, in the answer, beside the effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trial_logs.content import RunSection
from trial_logs.dossier.amounts import Words
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import TaskTime
from trial_logs.dossier.task import runs_measured, seconds_after, seconds_before
from trial_logs.inference.interval import Interval
from trial_logs.shown import minus, one_decimal, with_interval


def task_of(content: DossierContent) -> TaskTime | None:
    """The task the money is about, None where it is about parts."""
    return content.sheet.task if content.sheet and content.finding else None


def task_facts(task: TaskTime, runs: Sequence[RunSection], words: Words) -> dict[str, str]:
    """Everything the effect of a task is reckoned from, by its key under `dossier.fact.`."""
    before, after = task_times(task, runs, words)
    source = "measured" if runs_measured(task, runs) else "entered"
    return {
        "task": task.name,
        "times": f"{task.times_per_year:,}",
        "minutes_before": before,
        "minutes_after": after,
        "minutes_source": words[f"dossier.task.{source}"].format(name=task.measured),
    }


def task_times(task: TaskTime, runs: Sequence[RunSection], words: Words) -> tuple[str, str]:
    """Minutes before and after with interval and number of pieces."""
    return _counted(seconds_before(task), words), _counted(seconds_after(task, runs), words)


def task_difference(task: TaskTime, runs: Sequence[RunSection], words: Words) -> str:
    """How many minutes more or less a piece takes, of the minutes as they are printed."""
    before, after = seconds_before(task).estimate, seconds_after(task, runs).estimate
    if before is None or after is None:
        return words["report.none"]
    then, today = (float(one_decimal(each / 60)) for each in (after, before))
    return minus(one_decimal(round(then - today, 2)))


def task_card(task: TaskTime, runs: Sequence[RunSection], words: Words) -> dict[str, str]:
    """The first card of page 1."""
    before, after = (
        words["report.none"] if each.estimate is None else one_decimal(each.estimate / 60)
        for each in (seconds_before(task), seconds_after(task, runs))
    )
    return {
        "name": words["dossier.task.card"],
        "value": words["dossier.task.card_value"].format(before=before, after=after),
        "note": task.name,
    }


def task_sentence(task: TaskTime, runs: Sequence[RunSection], words: Words) -> str:
    """What the trial answers about a task."""
    before, after = seconds_before(task), seconds_after(task, runs)
    if after.estimate is None or before.estimate is None:
        return words["dossier.task.no_answer"].format(name=task.name)
    return words["dossier.task.answer"].format(
        name=task.name,
        before=one_decimal(before.estimate / 60),
        after=one_decimal(after.estimate / 60),
        n=after.n or 1,
    )


def _counted(seconds: Interval, words: Words) -> str:
    if seconds.estimate is None:
        return words["report.none"]
    text = with_interval(_minutes(seconds), "1", words)
    return words["dossier.task.n" if seconds.n else "dossier.task.told"].format(
        text=text, n=seconds.n
    )


def _minutes(seconds: Interval) -> Interval:
    sides = (seconds.estimate, seconds.low, seconds.high)
    estimate, low, high = (None if side is None else side / 60 for side in sides)
    return replace(seconds, estimate=estimate, low=low, high=high)
