"""The part of a report that sets runs side by side: conditions and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trial_logs.blocks import (
    Block,
    Footnotes,
    Words,
    heading,
    limit_text,
    run_name,
    run_state,
    table_block,
    table_row,
)
from trial_logs.chapters.judgement import methods
from trial_logs.content import ReportContent, RunSection
from trial_logs.metrics import Figure
from trial_logs.model import Band, Limit
from trial_logs.shown import clock, figure, label, length, plain, with_unit

RUNS_PER_TABLE = 4
Cell = Callable[[RunSection], str]


def condition_tables(content: ReportContent, words: Words) -> Iterator[Block]:
    """The settings of the runs, side by side."""
    yield heading(words["report.conditions"])
    for runs in _groups(content):
        names = list(dict.fromkeys(name for run in runs for name in run.settings))
        rows = [table_row(words["report.condition"], *(run.condition for run in runs))]
        rows += [
            table_row(name, *(run.settings.get(name, words["report.none"]) for run in runs))
            for name in names
        ]
        yield table_block("N" + "C" * len(runs), ["", *(run_name(r, words) for r in runs)], rows)


def result_tables(content: ReportContent, words: Words) -> Iterator[Block]:
    """The numbers of the runs, side by side, one table per kind of number."""
    notes = Footnotes(words)
    tables = [
        table_block(
            "N" + "R" * len(runs),
            [group, *(run_name(run, words) for run in runs)],
            [table_row(name, *(cell(run) for run in runs)) for name, cell in lines],
        )
        for runs in _groups(content)
        for group, lines in _result_lines(content, runs, words, notes)
    ]
    yield heading(words["report.results"])
    yield from tables
    yield from notes.block()
    names = ("cycle_mean_s", "cycle_median_s", "cycle_p95_s", "cycle_sd_s", "throughput_per_h",
             "yield_share", "scrap_share")  # fmt: skip
    yield from methods((getattr(r.inference, n) for n in names for r in content.runs), words)


def _result_lines(
    content: ReportContent, runs: list[RunSection], words: Words, notes: Footnotes
) -> Iterator[tuple[str, list[tuple[str, Cell]]]]:
    yield words["report.group.run"], _run_lines(content, words)
    yield words["report.group.parts"], _part_lines(words, notes)
    if any(run.numbers.cycle_time_s.n for run in runs):
        yield words["report.group.cycle"], _cycle_lines(words, notes)
    yield (
        words["report.group.energy"],
        [
            (words["report.energy"], lambda r: figure(r.numbers.energy_kwh, "3s", words)),
            (
                words["report.energy_per_part"],
                lambda r: figure(r.numbers.energy_kwh_per_part, "3s", words),
            ),
        ],
    )
    if any(run.numbers.bands for run in runs):
        yield words["report.group.bands"], _band_lines(content, runs, words)
    if content.limits:
        yield words["report.group.limits"], [_limit_line(limit) for limit in content.limits]


def _run_lines(content: ReportContent, words: Words) -> list[tuple[str, Cell]]:
    def times(run: RunSection) -> str:
        ends = (clock(at, content.zone)[:5] for at in (run.started_us, run.ended_us))
        return "–".join(ends)

    return [
        (words["report.state"], lambda run: run_state(run, words)),
        (words["report.time"], times),
        (words["report.running"], lambda run: length(run.numbers.running_s)),
        (words["report.paused"], lambda run: length(run.numbers.paused_s)),
        (words["report.gap"], lambda run: length(run.numbers.gap_s)),
    ]


def _part_lines(words: Words, notes: Footnotes) -> list[tuple[str, Cell]]:
    def count(name: str) -> Cell:
        return lambda run: str(getattr(run.numbers.counts, name))

    kinds = ("produced", "good", "scrap", "rework", "unjudged")
    return [
        *((words[f"report.{kind}"], count(kind)) for kind in kinds),
        (words["report.yield"], interval("yield_share", "%", notes)),
        (words["report.scrap_share"], interval("scrap_share", "%", notes)),
    ]


def _cycle_lines(words: Words, notes: Footnotes) -> list[tuple[str, Cell]]:
    def ends(run: RunSection) -> str:
        stats = run.numbers.cycle_time_s
        return _range(stats.minimum, stats.maximum, words)

    return [
        (words["report.cycle_n"], lambda run: str(run.numbers.cycle_time_s.n)),
        *(
            (words[f"report.cycle_{name}"], interval(f"cycle_{name}_s", "2", notes))
            for name in ("mean", "median", "p95", "sd")
        ),
        (words["report.cycle_range"], ends),
        (words["report.throughput"], interval("throughput_per_h", "1", notes)),
    ]


def interval(name: str, write: str, notes: Footnotes) -> Cell:
    """A number of the run's inference with its interval."""
    return lambda run: notes.interval(getattr(run.inference, name), write)


def _range(low: Figure, high: Figure, words: Words) -> str:
    if low.value is None or high.value is None:
        return words["report.none"]
    return f"{low.value:.2f}–{high.value:.2f}"


def _band_lines(
    content: ReportContent, runs: list[RunSection], words: Words
) -> list[tuple[str, Cell]]:
    bands = list(dict.fromkeys(each.band for run in runs for each in run.numbers.bands))

    def share(band: Band) -> Cell:
        def cell(run: RunSection) -> str:
            found = next((each for each in run.numbers.bands if each.band == band), None)
            if found is None:
                return words["report.none"]
            text = figure(found.in_share, "%", words)
            if found.time.unknown_s < 1:
                return text
            unknown = length(found.time.unknown_s)
            return words["report.band_unknown"].format(share=text, unknown=unknown)

        return cell

    return [(_band_name(content, band, words), share(band)) for band in bands]


def _band_name(content: ReportContent, band: Band, words: Words) -> str:
    units = [
        curve.unit
        for run in content.runs
        for curve in run.series
        if (curve.device, curve.signal) == (band.device, band.signal)
    ]
    unit = units[0] if units else ""
    low, high = ("" if each is None else plain(each) for each in (band.low, band.high))
    key = "report.band" if low and high else "report.band_low" if low else "report.band_high"
    name = label(content.labels, band.device, band.signal)
    if high:
        return words[key].format(name=name, low=low, high=with_unit(high, unit))
    return words[key].format(name=name, low=with_unit(low, unit), high=high)


def _limit_line(limit: Limit) -> tuple[str, Cell]:
    def cell(run: RunSection) -> str:
        found = [each.result for each in run.numbers.limits if each.limit == limit]
        return f"{found[0].within} / {found[0].n}" if found else "0 / 0"

    return f"{limit.characteristic} {limit_text(limit)}", cell


def _groups(content: ReportContent) -> Iterator[list[RunSection]]:
    runs = list(content.runs)
    for start in range(0, len(runs), RUNS_PER_TABLE):
        yield runs[start : start + RUNS_PER_TABLE]
