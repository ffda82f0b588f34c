"""What page 1 says in words: the answer, what is not sure, and what to do next.

Everything is chosen by rule from the numbers; nothing here is anybody's opinion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trial_logs.chapters.plan_changes import plan_alarm
from trial_logs.dossier.amounts import Words, round_yen, year_ends, yen
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import Economics
from trial_logs.dossier.finance import BEYOND_LIFE, NEVER
from trial_logs.dossier.findings import Finding
from trial_logs.dossier.task import runs_measured
from trial_logs.dossier.task_words import task_of, task_sentence
from trial_logs.inference.between_runs import enough_runs
from trial_logs.inference.difference import Difference
from trial_logs.inference.interval import NO_LOWER, NO_SPREAD
from trial_logs.inference.needed import NO_NUMBER
from trial_logs.shown import bracket, minus, one_decimal, percent


class Step(StrEnum):
    """The next thing to do, the first that applies; texts under `dossier.next.`."""

    RUN = "run"
    REAL = "real"
    FINER = "finer"
    MORE_PARTS = "more_parts"
    MORE_RUNS = "more_runs"
    BASELINE = "baseline"
    MORE_BASELINE = "more_baseline"
    SHEET = "sheet"
    DECIDE = "decide"
    DECIDE_RUNS = "decide_runs"
    DROP = "drop"
    CLOSE = "close"
    MEASURE = "measure"
    QUALITY = "quality"
    BUY = "buy"


@dataclass(frozen=True, slots=True)
class Next:
    """What to do and the numbers it is founded on."""

    step: Step
    params: dict[str, str]

    def text(self, words: Words) -> str:
        """As a sentence."""
        return words[f"dossier.next.{self.step.value}"].format(**self.params)


def answer(content: DossierContent, words: Words) -> str:
    """The trial's answer in one or two sentences, with number and interval."""
    finding = content.finding
    if finding is None:
        return words["dossier.answer.no_runs"]
    said = [words["dossier.answer.simulated"]] if content.simulated else []
    task = task_of(content)
    said.append(
        task_sentence(task, finding.runs, words) if task else _cycle_sentence(finding, words)
    )
    money = content.money
    if money is not None:
        said.append(_money_sentence(money, words))
    return words["dossier.sentence_gap"].join(said)


def _cycle_sentence(finding: Finding, words: Words) -> str:
    mean = finding.tried.cycle_s
    if mean.estimate is None:
        return words["dossier.answer.no_cycles"].format(condition=finding.condition)
    compared = finding.against.cycle_s if finding.against else None
    params = {
        "condition": finding.condition,
        "after": one_decimal(mean.estimate),
        "interval": bracket(mean, one_decimal),
        "n": str(mean.n),
    }
    if compared is None or compared.difference.estimate is None:
        return words["dossier.answer.no_baseline"].format(**params)
    return words[f"dossier.answer.{_direction(compared)}"].format(
        **params,
        before=one_decimal(compared.before.estimate or 0.0),
        difference=one_decimal(abs(compared.difference.estimate)),
        ends=_ends(compared),
        ratio=percent(abs(1 - (compared.ratio.estimate or 0))),
    )


def _direction(compared: Difference) -> str:
    if not _ends(compared):
        return "unbounded"
    if not compared.decided:
        return "undecided"
    return "faster" if (compared.difference.estimate or 0) < 0 else "slower"


def _ends(compared: Difference) -> str:
    """The interval of the change as sizes, smaller end first; signed where it is not decided."""
    low, high = compared.difference.low, compared.difference.high
    if low is None or high is None:
        return ""
    if not compared.decided:
        signed = (("+" if end > 0 else "") + one_decimal(end) for end in (low, high))
        return minus(f"[{', '.join(signed)}]")
    small, large = sorted((abs(low), abs(high)))
    return f"[{one_decimal(small)}, {one_decimal(large)}]"


def _money_sentence(money: Economics, words: Words) -> str:
    spread = money.payback.years
    params = {
        "outlay": round_yen(money.outlay_yen, words),
        "life": str(money.sheet.life_years),
        "effect": round_yen(money.effect.total.estimate or 0, words),
    }
    if money.effect.total.estimate is None:
        return words["dossier.answer.no_effect"].format(**params)
    if spread.estimate is None:
        return words["dossier.answer.never"].format(**params)
    ends = year_ends(spread, words)
    params |= {"years": f"{spread.estimate:.1f}", "ends": f" [{ends}]" if ends else ""}
    late = spread.code == BEYOND_LIFE
    return words["dossier.answer.late" if late else "dossier.answer.payback"].format(**params)


def next_step(content: DossierContent) -> Next:
    """What the rule recommends: first make it measurable, then decidable, then decide."""
    finding, money = content.finding, content.money
    if finding is None:
        return Next(Step.RUN, {})
    if finding.simulated:
        return Next(Step.REAL, {"condition": finding.condition})
    if task_of(content) and money is not None:
        if money.effect.total.estimate is None:
            return Next(Step.SHEET, {"trial": content.report.trial_id})
        return _by_payback(content, money)
    if finding.tried.cycle_s.code == NO_SPREAD:
        return Next(Step.FINER, {})
    if finding.tried.cycle_s.low is None:
        step = Step.MORE_RUNS if finding.timed_runs > 1 else Step.MORE_PARTS
        return Next(step, {"more": str(finding.tried.cycle_s.needed or 2)})
    if content.before.cycle_s is None:
        return Next(Step.BASELINE, {})
    if content.sheet is None or money is None:
        return Next(Step.SHEET, {"trial": content.report.trial_id})
    against = finding.against
    if against and against.needed:
        if against.needed.more:
            step = Step.DECIDE_RUNS if against.needed.in_runs else Step.DECIDE
            return Next(step, {"more": str(against.needed.more)})
        return Next(Step.MORE_BASELINE, {"n": str(content.before.cycle_s.n)})
    if money.effect.total.estimate is None:
        return Next(Step.SHEET, {"trial": content.report.trial_id})
    if _more_scrap(finding):
        return Next(Step.QUALITY, {})
    return _by_payback(content, money)


def _more_scrap(finding: Finding) -> bool:
    """Whether more is scrapped than at present, beyond doubt."""
    scrap = finding.against.scrap_share if finding.against else None
    return scrap is not None and scrap.decided and (scrap.difference.estimate or 0) > 0


def _by_payback(content: DossierContent, money: Economics) -> Next:
    spread, life = money.payback.years, money.sheet.life_years
    volume = next((e for e in money.sensitivity.break_even if e.factor == "volume"), None)
    # what is left at the end may put the turn below the planned volume: then it is no way out
    turns = volume.value if volume and (volume.change or 0) > 0 else None
    if spread.code in (NEVER, BEYOND_LIFE) or spread.estimate is None:
        if turns is not None:
            return Next(Step.CLOSE, {"volume": f"{turns:,.0f}", "life": str(life)})
        return Next(Step.DROP, {"life": str(life)})
    if spread.high is None or spread.high > life:
        return Next(Step.MEASURE, {"life": str(life)})
    return Next(Step.BUY, {"years": f"{spread.estimate:.1f}", "life": str(life)})


def doubts(content: DossierContent, words: Words) -> Iterator[str]:
    """What is not sure, the gravest first."""
    finding, money = content.finding, content.money
    if content.simulated:
        yield words["dossier.doubt.simulated"]
    if alarm := plan_alarm(content.report, words):
        yield alarm
    if finding is None:
        yield words["dossier.doubt.no_runs"]
        return
    yield from _numbers(content, finding, words)
    if content.sheet is None:
        yield words["dossier.doubt.no_sheet"]
    elif money is not None:
        yield from _money_doubts(money, words)
        if not any(line.quote for line in content.sheet.lines):
            yield words["dossier.doubt.no_offers"]
    if content.left:
        names = words["report.and"].join(each.condition for each in content.left)
        yield words["dossier.doubt.left"].format(conditions=names)
    if content.comparison and any(each.unlike for each in content.comparison.columns):
        yield words["dossier.doubt.unlike"]


def _numbers(content: DossierContent, finding: Finding, words: Words) -> Iterator[str]:
    before = content.before.cycle_s
    if task := task_of(content):
        measured = runs_measured(task, finding.runs)
        if not measured:
            yield words["dossier.task.doubt"].format(name=task.name)
        elif measured == 1 and not finding.simulated:
            yield words["dossier.doubt.one_run"].format(enough=enough_runs())
        return
    scrap = finding.against.scrap_share if finding.against else None
    if scrap is not None and _more_scrap(finding):
        yield words["dossier.doubt.more_scrap"].format(
            before=percent(scrap.before.estimate or 0), after=percent(scrap.after.estimate or 0)
        )
    mean = finding.tried.cycle_s
    if mean.low is None:
        few = {NO_SPREAD: "no_spread", NO_LOWER: "no_lower"}.get(mean.code, "too_few")
        runs = "_runs" if few == "no_lower" and finding.timed_runs > 1 else ""
        yield words[f"dossier.doubt.{few}{runs}"].format(n=mean.n, runs=finding.timed_runs)
    if before is None:
        yield words["dossier.doubt.no_baseline"]
    elif before.n == 0:
        yield words["dossier.doubt.told"]
    needed = finding.against.needed if finding.against else None
    if needed and needed.more:
        unit = "_runs" if needed.in_runs else ""
        yield words[f"dossier.doubt.undecided{unit}"].format(more=needed.more)
    elif needed and needed.code == NO_NUMBER:
        yield words["dossier.doubt.no_difference"]
    if finding.timed_runs == 1 and not finding.simulated:
        yield words["dossier.doubt.one_run"].format(enough=enough_runs())
    zero = finding.inference.zero_defects
    if zero is not None:
        yield words["dossier.doubt.zero_defects"].format(n=zero.n, bound=percent(zero.exact))
    if finding.inference.cycle_chart.steady is False:
        yield words["dossier.doubt.unstable"]


def _money_doubts(money: Economics, words: Words) -> Iterator[str]:
    codes = {each.code for each in money.effect.assumptions}
    for code in ("missing", "uptime_full", "uptime_planned", "attendance_full"):
        if code in codes:
            found = [each for each in money.effect.assumptions if each.code == code]
            names = words["report.and"].join(
                words.get(each.params.get("name", ""), "") for each in found
            )
            params = {**found[0].params, "name": names}
            yield words[f"assumption.{code}"].format_map(params)
    spread = money.payback.years
    if spread.estimate is not None and spread.low is None:
        yield words["dossier.doubt.no_ends"]
    low = money.effect.total.low
    if low is not None and low <= 0 < (money.effect.total.estimate or 0):
        yield words["dossier.doubt.effect_may_vanish"].format(low=yen(low, words))
