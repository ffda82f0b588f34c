"""The lines of a workbook's summary: a column per run, computed live from the other sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trial_logs.blocks import limit_text, run_state
from trial_logs.content import ReportContent, RunSection
from trial_logs.exports.cells import Block, Cell, Formula, exactly, letter, shown, unless
from trial_logs.exports.tables import Words
from trial_logs.metrics import MIN_FOR_P95, MIN_FOR_SPREAD, NO_DATA, TOO_FEW, Figure
from trial_logs.model import Limit
from trial_logs.shown import local, unit_symbol

FIRST_RUN = 2
"""The column of the first run, after item and unit."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a line may ask when it is written for one run."""

    run: RunSection
    parts: Block | None
    measured: Block | None
    column: str
    rows: Mapping[str, int]
    words: Words

    def at(self, line: str) -> str:
        """This run's cell on an earlier line."""
        return f"{self.column}{self.rows[line]}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary; `key` is the name other lines know it by."""

    key: str
    title: str
    unit: str
    cell: Callable[[Ask], Cell]


def lines(content: ReportContent, words: Words) -> Iterator[Line]:
    """Every line, in order; a line only refers to lines before it."""
    yield Line("condition", words["report.condition"], "", lambda ask: ask.run.condition)
    yield Line("simulated", words["export.simulated"], "", _simulated)
    yield Line("state", words["report.state"], "", lambda ask: run_state(ask.run, ask.words))
    for name in ("running", "paused", "gap"):
        yield Line(name, words[f"report.{name}"], "s", _own(f"{name}_s"))
    for name in ("good", "scrap", "rework", "unjudged"):
        yield Line(name, words[f"report.{name}"], "", _count(name))
    yield Line("produced", words["report.produced"], "", _produced)
    yield Line("yield", words["report.yield"], "0–1", _share("good", "yield_share"))
    yield Line("scrap_share", words["report.scrap_share"], "0–1", _share("scrap", "scrap_share"))
    yield Line("cycle_n", words["export.cycle_time"], "n", _cycle_n)
    for name, function, needed in CYCLE:
        yield Line(name, words[CYCLE_TITLES[name]], "s", _cycle(name, function, needed))
    yield Line("energy", words["report.energy"], "kWh", _energy)
    yield Line("per_part", words["report.energy_per_part"], "kWh", _energy_per_part)
    for number, limit in enumerate(content.limits):
        title = f"{limit.characteristic} {limit_text(limit)}"
        yield Line(f"n{number}", title, "n", _measured(limit))
        within = f"{title} {words['report.within']}"
        yield Line(f"within{number}", within, "n", _within(limit))
    yield Line("head", words["report.head"], "SHA-256", lambda ask: ask.run.head)


def facts(content: ReportContent, digest: str, words: Words) -> Iterator[tuple[str, str]]:
    """What stands below the lines: whose trial this is."""
    held = local(content.date_us, content.zone).date().isoformat()
    yield words["report.lab"], content.lab_name
    yield words["report.trial_id"], content.trial_id
    yield words["report.subject"], content.title
    yield words["report.party"], content.party
    yield words["report.equipment"], content.equipment
    yield words["report.vendor"], content.vendor
    yield words["report.held"], held
    yield words["export.digest"], digest


CYCLE = (
    ("mean", "AVERAGE({0})", 1),
    ("median", "MEDIAN({0})", 1),
    ("p95", "PERCENTILE.INC({0},0.95)", MIN_FOR_P95),
    ("sd", "STDEV.S({0})", MIN_FOR_SPREAD),
    ("minimum", "MIN({0})", 1),
    ("maximum", "MAX({0})", 1),
)
CYCLE_TITLES = {
    "mean": "report.cycle_mean",
    "median": "report.cycle_median",
    "p95": "report.cycle_p95",
    "sd": "report.cycle_sd",
    "minimum": "export.minimum",
    "maximum": "export.maximum",
}


def _simulated(ask: Ask) -> Cell:
    return ask.words["export.yes" if ask.run.simulated else "export.no"]


def _own(name: str) -> Callable[[Ask], Cell]:
    return lambda ask: float(getattr(ask.run.numbers, name))


def _count(name: str) -> Callable[[Ask], Cell]:
    def cell(ask: Ask) -> Cell:
        counted = int(getattr(ask.run.numbers.counts, name))
        if ask.parts is None:
            return counted
        verdict = exactly(ask.words[f"verdict.{name}"])
        return Formula(f"COUNTIF({ask.parts.range('verdict')},{verdict})", counted)

    return cell


def _produced(ask: Ask) -> Cell:
    made = ask.run.numbers.counts.produced
    return Formula(f"SUM({ask.at('good')}:{ask.at('unjudged')})", made)


def _share(part: str, name: str) -> Callable[[Ask], Cell]:
    def cell(ask: Ask) -> Cell:
        judged = f"SUM({ask.at('good')}:{ask.at('rework')})"
        text = unless(f"{judged}=0", NO_DATA, f"{ask.at(part)}/{judged}", ask.words)
        return Formula(text, shown(getattr(ask.run.numbers, name), ask.words))

    return cell


def _cycle_n(ask: Ask) -> Cell:
    n = ask.run.numbers.cycle_time_s.n
    return n if ask.parts is None else Formula(f"COUNT({ask.parts.range('counted')})", n)


def _cycle(name: str, function: str, needed: int) -> Callable[[Ask], Cell]:
    def cell(ask: Ask) -> Cell:
        value = shown(getattr(ask.run.numbers.cycle_time_s, name), ask.words)
        if ask.parts is None:
            return value
        n, text = ask.at("cycle_n"), function.format(ask.parts.range("counted"))
        if needed > 1:
            text = unless(f"{n}<{needed}", TOO_FEW, text, ask.words)
        return Formula(unless(f"{n}=0", NO_DATA, text, ask.words), value)

    return cell


def _energy(ask: Ask) -> Cell:
    return shown(ask.run.numbers.energy_kwh, ask.words)


def _energy_per_part(ask: Ask) -> Cell:
    share: Figure = ask.run.numbers.energy_kwh_per_part
    if ask.run.numbers.energy_kwh.value is None:
        return shown(share, ask.words)
    made, energy = ask.at("produced"), ask.at("energy")
    text = unless(f"{made}=0", NO_DATA, f"{energy}/{made}", ask.words)
    return Formula(text, shown(share, ask.words))


def _measured(limit: Limit) -> Callable[[Ask], Cell]:
    return lambda ask: _counted(ask, limit, "n", ())


def _within(limit: Limit) -> Callable[[Ask], Cell]:
    sides = ((">=", limit.lower), ("<=", limit.upper))
    between = tuple(f'"{sign}{side!r}"' for sign, side in sides if side is not None)
    return lambda ask: _counted(ask, limit, "within", between)


def _counted(ask: Ask, limit: Limit, name: str, between: tuple[str, ...]) -> Cell:
    found = [each.result for each in ask.run.numbers.limits if each.limit == limit]
    count = int(getattr(found[0], name)) if found else 0
    if ask.measured is None:
        return count
    value = ask.measured.range("value")
    tests = [ask.measured.range("characteristic"), exactly(limit.characteristic)]
    tests += [ask.measured.range("unit"), exactly(unit_symbol(limit.unit))]
    for criterion in between or ('"<>"',):
        tests += [value, criterion]
    return Formula(f"COUNTIFS({','.join(tests)})", count)


def column_of(number: int) -> str:
    """The letter of the n-th run's column."""
    return letter(FIRST_RUN + number)
