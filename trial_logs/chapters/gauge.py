"""The chapter on measuring: how much of the spread comes from the gauge and the people using it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from trial_logs.blocks import (
    Block,
    Words,
    caption,
    heading,
    small,
    table_block,
    table_row,
    text_block,
    together,
)
from trial_logs.chapters.judgement import methods
from trial_logs.content import ReportContent
from trial_logs.inference.gauge import UNBALANCED, Component, GaugeStudy, Reading, gauge_study
from trial_logs.shown import percent, unit_symbol, with_interval

Measuring = tuple[str, str, str]
"""Characteristic, unit, gauge."""


def gauge_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """A study for every characteristic whose parts several people measured more than once each."""
    first = True
    for measuring, readings in _repeated(content).items():
        study = gauge_study(readings, _tolerance(content, measuring))
        if not study.components and study.code != UNBALANCED:
            continue
        opening = [heading(words["report.gauge_study"])] if first else []
        yield together([*opening, *_study(measuring, study, words)])
        first = False


def _repeated(content: ReportContent) -> Mapping[Measuring, list[Reading]]:
    """The readings of parts that somebody measured more than once, where there are two people.

    A part measured once belongs to the trial, not to a study of its gauge.
    """
    known: dict[Measuring, list[Reading]] = {}
    for run in content.runs:
        for row in run.measurements:
            if row.value is not None and row.part_no is not None:
                part = f"{run.run_id} {row.part_no}"
                key = (row.characteristic, row.unit, row.gauge)
                known.setdefault(key, []).append((part, row.by, row.value))
    found = {}
    for key, readings in known.items():
        times = Counter((part, by) for part, by, _ in readings)
        again = {part for (part, _), count in times.items() if count > 1}
        studied = [reading for reading in readings if reading[0] in again]
        if len({by for _, by, _ in studied}) > 1:
            found[key] = studied
    return found


def _tolerance(content: ReportContent, measuring: Measuring) -> float | None:
    """The width of the characteristic's limits, where it has both."""
    characteristic, unit, _ = measuring
    for limit in content.limits:
        same = (limit.characteristic, limit.unit) == (characteristic, unit)
        if same and limit.lower is not None and limit.upper is not None:
            return limit.upper - limit.lower
    return None


def _study(measuring: Measuring, study: GaugeStudy, words: Words) -> Iterator[Block]:
    characteristic, unit, gauge = measuring
    yield caption("　".join(filter(None, (characteristic, gauge))))
    if study.code:
        yield text_block(words[study.code])
        return
    names = ("gauge_source", "gauge_sd", "gauge_share", "gauge_tolerance")
    header = [words[f"report.{name}"] for name in names]
    header[1] = f"{header[1]} {unit_symbol(unit)}".rstrip()
    rows = [_row(each, words) for each in study.components]
    yield table_block("LRrr", header, rows)
    grr = study.grr_study
    yield small(
        words["report.gauge_note"].format(
            parts=study.parts,
            operators=study.operators,
            trials=study.trials,
            grr=words["report.none"] if grr is None else with_interval(grr, "%", words),
            ndc=words["report.none"] if study.ndc is None else study.ndc,
        )
    )
    used = [each.sd for each in study.components]
    yield from methods(used if grr is None else [*used, grr], words)


def _row(each: Component, words: Words) -> Block:
    tolerance = each.share_tolerance
    return table_row(
        words[each.source],
        with_interval(each.sd, "3s", words),
        percent(each.share_study),
        words["report.none"] if tolerance is None else percent(tolerance),
    )
