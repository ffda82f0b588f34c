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
from trial_logs.model import TrialDraft


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file kept with the trial. `picture`: the name it is printed under, empty for a list only.

    `kind` is what it is for the trial, a word under `attachment.`.
    """

    name: str
    sha256: str
    size: int
    kind: str = "other"
    picture: str = ""


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
    pages show: the one named, else the one whose net present value is highest at its bad end.
    """

    report: ReportContent
    others: tuple[ReportContent, ...]
    findings: tuple[Finding, ...]
    before: Before
    comparison: ComparisonTable | None
    sheet: InvestmentSheet | None
    economics: tuple[Economics, ...]
    chosen: int
    named: bool
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
    found = findings(report)
    before = before_of(report.protocol.baseline)
    money = tuple(appraise(sheet, before, each.tried) for each in found) if sheet else ()
    names = [each.condition for each in found]
    named = condition in names
    chosen = names.index(condition) if named else _best(money)
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
        named=named,
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


def _best(money: Sequence[Economics]) -> int:
    """The condition that stands best when its numbers are at their bad end.

    The best estimate would favour the condition with fewest parts, whose luck it may be. Where no
    bad end is known, the estimate counts; 0 where nothing is known.
    """
    for end in ("low", "estimate"):
        values = [getattr(each.npv.value, end) for each in money]
        known = [value for value in values if value is not None]
        if known:
            return values.index(max(known))
    return 0
