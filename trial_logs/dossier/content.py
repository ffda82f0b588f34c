"""What a purchase dossier is made of: plain values, no database and no open file behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from trial_logs.content import ReportContent
from trial_logs.digest import RunEnd, trial_digest
from trial_logs.dossier.appraisal import appraise
from trial_logs.dossier.comparison import compare
from trial_logs.dossier.economics import (
    Before,
    ComparisonTable,
    Economics,
    InvestmentSheet,
    SubsidyVariant,
)
from trial_logs.dossier.findings import Finding, entry, findings
from trial_logs.dossier.from_trial import before_of
from trial_logs.dossier.grant_pack import Pack
from trial_logs.dossier.subsidy import variants
from trial_logs.dossier.task import worked
from trial_logs.model import RunState, TrialDraft
from trial_logs.protocol import SampleSize
from trial_logs.typeset.foreign import Foreign


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file kept with the trial. `picture`: the name it is printed under, empty for a list only.

    `kind` is what it is for the trial, a word under `attachment.`. `pages` are a quote's pages as
    they are appended, None where that is not asked.
    """

    name: str
    sha256: str
    size: int
    kind: str = "other"
    picture: str = ""
    pages: Foreign | None = None


@dataclass(frozen=True, slots=True)
class TriedHere:
    """A trial's plan and what was recorded."""

    draft: TrialDraft
    report: ReportContent


@dataclass(frozen=True, slots=True)
class Left:
    """A condition of the plan and how many of its runs were not made."""

    condition: str
    runs: int


@dataclass(frozen=True, slots=True)
class DossierContent:
    """One trial made into a decision, with the trials it is set beside.

    `economics` has one entry per finding, none without a sheet. `chosen` is the finding the money
    pages show, `chosen_by` why: named, whole (the plan was carried out), most_parts.
    """

    report: ReportContent
    others: tuple[ReportContent, ...]
    findings: tuple[Finding, ...]
    before: Before
    comparison: ComparisonTable | None
    sheet: InvestmentSheet | None
    economics: tuple[Economics, ...]
    chosen: int
    chosen_by: str
    subsidies: tuple[SubsidyVariant, ...]
    attachments: tuple[Attachment, ...]
    left: tuple[Left, ...]
    on: date

    @property
    def simulated(self) -> bool:
        """Whether any number printed comes from simulated equipment."""
        columns = self.comparison.columns if self.comparison else ()
        return (
            self.report.simulated
            or any(each.simulated for each in self.others)
            or any(each.simulated for each in columns)
        )

    @property
    def digest(self) -> str:
        """The one digest of the trial's record."""
        runs = self.report.runs
        ends = (RunEnd(run.run_id, run.segments, run.head) for run in runs)
        return trial_digest(self.report.trial_id, ends)

    @property
    def finding(self) -> Finding | None:
        """The condition the money pages are about."""
        return self.findings[self.chosen] if self.findings else None

    @property
    def money(self) -> Economics | None:
        """The economics of the chosen condition."""
        return self.economics[self.chosen] if self.economics else None


def dossier_content(
    trial: TriedHere,
    *,
    on: date,
    sheet: InvestmentSheet | None = None,
    packs: Sequence[Pack] = (),
    others: Sequence[TriedHere] = (),
    attachments: Sequence[Attachment] = (),
    left: Sequence[Left] = (),
    condition: str = "",
    force: bool = False,
) -> DossierContent:
    """The dossier of a trial on a day; `condition` names the one to buy, `force` old packs too."""
    report = trial.report
    found = _in_plan_order(findings(report), trial.draft)
    before = before_of(report.protocol.baseline)
    money = tuple(appraise(*worked(sheet, before, each)) for each in found) if sheet else ()
    chosen, chosen_by = _chosen(found, left, report.protocol.sample, condition)
    grants: tuple[SubsidyVariant, ...] = ()
    if sheet and money:
        effect = money[chosen].effect.total
        grants = variants(sheet, packs, on=on, effect=effect, force=force)
    return DossierContent(
        report=report,
        others=tuple(each.report for each in others),
        findings=found,
        before=before,
        comparison=_side_by_side(trial, found, others),
        sheet=sheet,
        economics=money,
        chosen=chosen,
        chosen_by=chosen_by,
        subsidies=grants,
        attachments=tuple(attachments),
        left=tuple(left),
        on=on,
    )


def _side_by_side(
    trial: TriedHere, found: Sequence[Finding], others: Sequence[TriedHere]
) -> ComparisonTable | None:
    """All conditions of all trials; None where there is only one."""
    several = bool(others)  # one machine alone need not be named in every column
    entries = [entry(trial.report, trial.draft, each, named=several) for each in found]
    entries += [
        entry(other.report, other.draft, each, named=True)
        for other in others
        for each in findings(other.report)
    ]
    if len(entries) < 2:
        return None
    varied = {factor.name for factor in trial.report.protocol.factors}
    if not varied and not others:
        # a plan that declares no factors varies what its conditions set
        varied = {name for each in trial.draft.conditions for name in each.settings}
    return compare(entries, varied=varied)


def _in_plan_order(found: Sequence[Finding], draft: TrialDraft) -> tuple[Finding, ...]:
    names = [each.name for each in draft.conditions]
    last = len(names)
    return tuple(
        sorted(found, key=lambda f: names.index(f.condition) if f.condition in names else last)
    )


def _chosen(
    found: Sequence[Finding], left: Sequence[Left], sample: SampleSize, condition: str
) -> tuple[int, str]:
    """The condition the money is about, by evidence and never by result: the best result among
    several would favour the one with fewest parts, whose luck it may be.

    The one named; else the first of the plan that was carried out whole; else the one of most
    parts. Real runs go before simulated ones.
    """
    numbers = range(len(found))
    named = [n for n in numbers if found[n].condition == condition]
    if named:
        return named[0], "named"
    numbers_of = [n for n in numbers if not found[n].simulated] or list(numbers)
    whole = [n for n in numbers_of if _is_whole(found[n], left, sample)]
    if whole:
        return whole[0], "whole"
    return max(numbers_of, key=lambda n: found[n].made, default=0), "most_parts"


def _is_whole(finding: Finding, left: Sequence[Left], sample: SampleSize) -> bool:
    """Whether every planned run was finished, each with the planned number of parts."""
    finished = [run for run in finding.runs if run.state == RunState.FINISHED]
    enough = sample.parts_per_run or 1
    full = [run for run in finished if run.numbers.counts.produced >= enough]
    is_left = any(each.condition == finding.condition for each in left)
    return not is_left and len(full) >= sample.runs_per_condition
