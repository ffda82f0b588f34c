"""A report as a list of worded blocks (headings, tables, plots), ready to be set in type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trial_logs.blocks import (
    Block,
    Words,
    capped,
    caption,
    heading,
    limit_text,
    run_name,
    small,
    table_block,
    table_row,
    text_block,
    together,
)
from trial_logs.chapters.gauge import gauge_chapter
from trial_logs.chapters.judgement import capability_chapter, steadiness_chapter, warnings
from trial_logs.chapters.plan_changes import plan_chapter
from trial_logs.chapters.repeats import repeats_chapter, run_warnings
from trial_logs.chapters.time_use import stop_chapter, time_chapter
from trial_logs.charts import curve_plots, cycle_strip
from trial_logs.content import MeasurementRow, ReportContent, RunSection
from trial_logs.frame import frame
from trial_logs.model import Limit
from trial_logs.results import condition_tables, result_tables
from trial_logs.shown import clock, date_line, plain, with_unit

METHODS = 8
MOST_ROWS = 60
"""Longer tables of single values are cut; the files beside the report hold all of them."""


def report_sheet(content: ReportContent, words: Words) -> dict[str, Any]:
    """The whole report: what stands on every page, and the blocks in order."""
    facts = {
        "trial_id": content.trial_id,
        "held": date_line(content.date_us, content.zone, words),
        "party": content.party,
        "operator": content.operator,
        "equipment": content.equipment,
        "vendor": content.vendor,
        "part": content.part,
        "material": content.material,
    }
    return frame(
        words,
        content,
        title=words["report.title"],
        simulated=content.simulated,
        facts=facts,
        blocks=_blocks(content, words),
    )


def _blocks(content: ReportContent, words: Words) -> Iterator[Block]:
    yield from plan_chapter(content, words)
    for key, text in (("question", content.question), ("baseline", content.baseline)):
        if text:
            yield heading(words[f"report.{key}"])
            yield text_block(text)
    if content.runs:
        yield from condition_tables(content, words)
        yield from result_tables(content, words)
        yield from warnings(content, words, run_warnings(content, words))
        yield from repeats_chapter(content, words)
        yield from time_chapter(content, words)
    strip = cycle_strip(content, words)
    if strip is not None:
        legend = small(words["report.chart_legend"])
        yield together([heading(words["report.cycle_chart"]), strip, legend])
    yield from _curves(content, words)
    yield from steadiness_chapter(content, words)
    yield from stop_chapter(content, words)
    yield from _measurements(content, words)
    yield from capability_chapter(content, words)
    yield from gauge_chapter(content, words)
    yield from _corrections(content, words)
    yield from _notes(content, words)
    yield heading(words["report.method"])
    methods = [words[f"report.method_{n}"] for n in range(1, METHODS + 1)]
    yield {"kind": "list", "items": methods}
    yield from _proof(content, words)


def _curves(content: ReportContent, words: Words) -> Iterator[Block]:
    plotted = [(run, plots) for run in content.runs if (plots := curve_plots(content, run, words))]
    for n, (run, plots) in enumerate(plotted):
        opening = [heading(words["report.curves"])] if n == 0 else []
        title = caption(f"{run_name(run, words)}　{run.condition}")
        yield from (*opening, title, *plots)
    if plotted:
        yield small(words["report.curve_note"])


def _measurements(content: ReportContent, words: Words) -> Iterator[Block]:
    opening = [heading(words["report.measurements"])]
    if content.limits:
        opening.append(_limit_table(content, words))
    # a short table is not torn from its heading
    yield from [together(opening)] if len(content.limits) * len(content.runs) <= 12 else opening
    taken = [
        _measurement_row(content, run, each, words)
        for run in content.runs
        for each in run.measurements
    ]
    columns = ("run_column", "time_column", "characteristic", "part_no", "value", "gauge", "by")
    header = [words[f"report.{name}"] for name in columns]
    if taken:
        yield from capped("lrLrrll", header, taken, MOST_ROWS, words)
    else:
        yield text_block(words["report.no_measurements"])


def _limit_table(content: ReportContent, words: Words) -> Block:
    names = ("run_column", "characteristic", "limit", "within", "mean", "range", "judgement")
    rows = [
        _limit_row(content, run, limit, words) for limit in content.limits for run in content.runs
    ]
    return table_block("lLlrrrl", [words[f"report.{name}"] for name in names], rows)


def _decimals(content: ReportContent, characteristic: str) -> int:
    """As many decimals as the finest measurement of the characteristic was written with."""
    values = [
        each.value
        for run in content.runs
        for each in run.measurements
        if each.characteristic == characteristic and each.value is not None
    ]
    return max((len(plain(value).partition(".")[2]) for value in values), default=0)


def _limit_row(content: ReportContent, run: RunSection, limit: Limit, words: Words) -> Block:
    result = next(each.result for each in run.numbers.limits if each.limit == limit)
    verdict = "all_within" if result.within == result.n else "some_outside"
    places = _decimals(content, limit.characteristic)
    mean, low, high = (each.value for each in (result.mean, result.minimum, result.maximum))
    none = words["report.none"]
    return table_row(
        run_name(run, words),
        limit.characteristic,
        limit_text(limit),
        f"{result.within} / {result.n}",
        none if mean is None else f"{mean:.{places + 1}f}",
        none if low is None or high is None else f"{low:.{places}f}–{high:.{places}f}",
        words[f"report.{verdict if result.n else 'not_measured'}"],
    )


def _measurement_row(
    content: ReportContent, run: RunSection, each: MeasurementRow, words: Words
) -> Block:
    value = words["report.taken_back"]
    if each.value is not None:
        places = _decimals(content, each.characteristic)
        value = with_unit(f"{each.value:.{places}f}", each.unit)
    row = table_row(
        run_name(run, words),
        clock(each.t_us, content.zone),
        each.characteristic,
        words["report.none"] if each.part_no is None else str(each.part_no),
        value,
        each.gauge,
        each.by,
    )
    if each.corrected_by:
        row["remark"] = words["report.corrected"].format(
            by=each.corrected_by, why=each.corrected_why
        )
    return row


def _corrections(content: ReportContent, words: Words) -> Iterator[Block]:
    rows = [
        table_row(
            run_name(run, words),
            words["report.part_number"].format(no=part.no),
            words[f"verdict.{part.verdict}"],
            words["report.corrected"].format(by=part.corrected_by, why=part.corrected_why),
        )
        for run in content.runs
        for part in run.parts
        if part.corrected_by
    ]
    if rows:
        yield heading(words["report.corrections"])
        names = ("run_column", "part_no", "judgement", "cause")
        header = [words[f"report.{name}"] for name in names]
        yield from capped("lllL", header, rows, MOST_ROWS, words)


def _notes(content: ReportContent, words: Words) -> Iterator[Block]:
    yield heading(words["report.notes"])
    rows = [
        table_row(run_name(run, words), clock(note.t_us, content.zone), note.text, note.by)
        for run in content.runs
        for note in run.notes
    ]
    names = ("run_column", "time_column", "note", "by")
    header = [words[f"report.{name}"] for name in names]
    yield table_block("lrLl", header, rows) if rows else text_block(words["report.no_notes"])


def _proof(content: ReportContent, words: Words) -> Iterator[Block]:
    header = [words[f"report.{name}"] for name in ("run_column", "segments", "head")]
    rows = [
        {"cells": [run.run_id, str(run.segments), run.head], "mono": True} for run in content.runs
    ]
    block = [heading(words["report.evidence"]), table_block("lrL", header, rows)]
    yield together([*block, small(words["report.evidence_note"])])
