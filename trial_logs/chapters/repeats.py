"""The chapter on runs of one condition: how far they lie apart, and the mean with that in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trial_logs.blocks import (
    Block,
    Words,
    heading,
    small,
    table_block,
    table_row,
    together,
)
from trial_logs.chapters.judgement import methods, needed_text
from trial_logs.conditions import by_condition, run_input
from trial_logs.content import ReportContent, RunSection
from trial_logs.inference.between_runs import enough_runs, share_of_runs
from trial_logs.inference.interval import Interval
from trial_logs.inference.of_condition import Repeated, repeated
from trial_logs.shown import WRITERS, minus, percent, significant, unit_symbol, with_interval

DIFFERENT = 0.05
"""Below this p the runs are said to differ."""
COLUMNS = ("condition", "item", "runs", "run_means", "between", "within", "mean")


def repeats_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """A table of the conditions that were run more than once; nothing where there is none."""
    rows, used = [], []
    for (condition, simulated), runs in by_condition(content).items():
        for row, intervals in _rows(_name(condition, simulated, words), runs, words):
            rows.append(row)
            used += intervals
    if not rows:
        return
    header = [words[f"report.repeats.{name}"] for name in COLUMNS]
    table = table_block("LLrrrrr", header, rows)
    notes = [small(words["report.repeats.note"]), *methods(used, words)]
    yield together([heading(words["report.repeats"]), table, *notes])


def run_warnings(content: ReportContent, words: Words) -> Iterator[str]:
    """Which conditions were run once only, which oftener, and where the runs differ."""
    groups = {_name(*key, words): runs for key, runs in by_condition(content).items()}
    once = [name for name, runs in groups.items() if len(runs) == 1]
    again = [name for name, runs in groups.items() if len(runs) > 1]
    if once:
        enough = enough_runs()
        names = words["report.names_and"].join(once)
        params = {"conditions": names, "more": enough - 1, "enough": enough}
        yield words["report.one_run"].format(**params)
    if again:
        names = words["report.names_and"].join(again)
        yield words["report.pooled"].format(conditions=names)
    for name, runs in groups.items():
        for each in repeated([run_input(run) for run in runs]):
            p = each.spread.p
            if p is not None and p < DIFFERENT:
                item = each.name or words["report.repeats.cycle"]
                params = {"condition": name, "item": item, "p": _chance(p)}
                yield words["report.runs_differ"].format(**params)


def _name(condition: str, simulated: bool, words: Words) -> str:
    return words["dossier.simulated_name"].format(name=condition) if simulated else condition


def _rows(
    name: str, runs: Sequence[RunSection], words: Words
) -> Iterator[tuple[Block, list[Interval]]]:
    inputs = [run_input(run) for run in runs]
    for each in repeated(inputs):
        yield _measured_row(name, each, words), [each.mean, each.spread.between]
    judged = [each.good + each.scrap + each.rework for each in inputs]
    counts = [(each.good, n) for each, n in zip(inputs, judged, strict=True) if n]
    if len(counts) > 1:
        share = share_of_runs(counts)
        none = words["report.none"]
        ends = _ends([percent(good / n) for good, n in sorted(counts, key=lambda c: c[0] / c[1])])
        cells = (str(len(counts)), ends, none, none, with_interval(share, "%", words))
        yield table_row(name, words["report.yield"], *cells), [share]


def _measured_row(name: str, each: Repeated, words: Words) -> Block:
    write = "5s" if each.name else "2"
    title = each.name or words["report.repeats.cycle"]
    unit = unit_symbol(each.unit)
    within = each.spread.within
    row = table_row(
        name,
        f"{title} ({unit})" if unit else title,
        str(len(each.means)),
        _ends([minus(WRITERS[write](mean)) for mean in sorted(each.means)]),
        with_interval(each.spread.between, "3s", words),
        words["report.none"] if within is None else significant(within),
        with_interval(each.mean, write, words),
    )
    said = []
    if each.spread.p is not None:
        said.append(words["report.repeats.p"].format(p=_chance(each.spread.p)))
    if each.needed is not None and each.needed.more != 0:
        said.append(needed_text(each.needed, words))
    if said:
        row["remark"] = "　".join(said)
    return row


def _ends(written: Sequence[str]) -> str:
    return f"{written[0]}–{written[-1]}"


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
