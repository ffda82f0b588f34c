"""What was changed in a trial's plan, by whom and why, and which runs were made under what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trial_logs.blocks import (
    Block,
    Words,
    callout,
    heading,
    small,
    table_block,
    table_row,
    together,
)
from trial_logs.content import ReportContent, RunSection
from trial_logs.model import PlanVersion
from trial_logs.plan_versions import SAMPLE, changed_keys, version_of
from trial_logs.shown import clock, local
from trial_logs.stamps import from_us, to_us

COLUMNS = ("version", "made", "by", "why", "changed", "runs")
DIGITS = 12
MOST_KEYS = 12


@dataclass(frozen=True, slots=True)
class PlanChange:
    """One version after the first: what it changed, and which runs had begun before it."""

    version: PlanVersion
    changed: tuple[str, ...]
    begun: tuple[RunSection, ...]

    @property
    def sample_changed_after_runs(self) -> bool:
        """Whether how many parts or runs to make was changed with results to be seen."""
        return bool(self.begun) and any(key.startswith(SAMPLE) for key in self.changed)


def plan_changes(content: ReportContent) -> tuple[PlanChange, ...]:
    """Every amendment, oldest first."""
    pairs = zip(content.versions, content.versions[1:], strict=False)
    return tuple(
        PlanChange(
            after,
            changed_keys(before.plan, after.plan),
            tuple(run for run in content.runs if run.started_us < to_us(after.made)),
        )
        for before, after in pairs
    )


def plan_alarm(content: ReportContent, words: Words) -> str:
    """What must be said first of a plan that was changed after a run; empty where it was not."""
    late = [each for each in plan_changes(content) if each.begun]
    if not late:
        return ""
    said = [words["report.plan_changed_late"].format(count=len(late))]
    if any(each.sample_changed_after_runs for each in late):
        said.append(words["report.plan_sample_changed"])
    return words["dossier.sentence_gap"].join(said)


def plan_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """The versions of an amended plan; nothing where it stands as it was registered."""
    changes = plan_changes(content)
    if not changes:
        return
    alarm = plan_alarm(content, words)
    tone, text = ("alarm", alarm) if alarm else ("note", words["report.plan_changed_early"])
    keys = {each.version.number: each.changed for each in changes}
    rows = [
        table_row(
            str(each.number),
            f"{local(to_us(each.made), content.zone):%Y-%m-%d} "
            f"{clock(to_us(each.made), content.zone)[:5]}",
            each.by or words["report.none"],
            each.why or words["report.plan_first"],
            _keys(keys.get(each.number, ()), words),
            _runs(content, each, words),
        )
        for each in content.versions
    ]
    header = [words[f"report.plan.{name}"] for name in COLUMNS]
    sums = "  ".join(f"{each.number}: {each.sha256[:DIGITS]}…" for each in content.versions)
    yield together([heading(words["report.plan_changes"]),
                    callout(tone, words["report.plan_changed"], text)])  # fmt: skip
    yield table_block("llLLLl", header, rows)
    yield small(words["report.plan_note"].format(sums=sums))


def _keys(changed: Sequence[str], words: Words) -> str:
    if not changed:
        return words["report.none"]
    shown = ", ".join(changed[:MOST_KEYS])
    return f"{shown}, …" if len(changed) > MOST_KEYS else shown


def _runs(content: ReportContent, version: PlanVersion, words: Words) -> str:
    made = [
        str(run.number)
        for run in content.runs
        if version_of(content.versions, run.plan_sha256, from_us(run.started_us)) == version.number
    ]
    return ", ".join(made) or words["report.none"]
