"""What was tried, in pictures and side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trial_logs.blocks import (
    Block,
    Footnotes,
    capped,
    caption,
    heading,
    run_name,
    small,
    table_block,
    table_group,
    table_row,
    text_block,
    together,
)
from trial_logs.chapters.gauge import gauge_chapter
from trial_logs.chapters.judgement import capability_chapter, control_picture, methods
from trial_logs.chapters.repeats import repeats_chapter
from trial_logs.charts import curve_plots
from trial_logs.content import ReportContent
from trial_logs.dossier.amounts import Words
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import Cell, CellDifference, Column, ComparisonTable, Unlike
from trial_logs.dossier.findings import Finding
from trial_logs.dossier.first_page import LONGEST_QUESTION
from trial_logs.dossier.wording import unlike
from trial_logs.inference.interval import Interval, joint_level
from trial_logs.pictures.cycles import Sample, boxes, histogram
from trial_logs.pictures.timeline import RunStrip, timeline
from trial_logs.shown import POINTS, with_interval

MOST_PICTURES = 4
"""Conditions and runs drawn one by one; the trial report beside the dossier has all of them."""
COLUMNS_PER_TABLE = 3
MOST_NAMES = 6
Told = tuple[str, Interval, Interval | None]
"""A difference's name, its own interval, and the wider one that holds with all others."""
HISTOGRAM_FROM = 10
"""Fewer parts have no shape; they are dots and boxes only."""


def pictures(content: DossierContent, words: Words) -> Iterator[Block]:
    """Distribution of the cycle times, course of the runs, curves and control charts."""
    told = content.before.cycle_s
    before = None if told is None else told.estimate
    samples = [Sample(_name(each, words), each.cycle_s, each.tried.cycle_s)
               for each in content.findings]  # fmt: skip
    side_by_side = boxes(samples, words, before)
    if side_by_side is None:
        yield together([heading(words["dossier.pictures"]), text_block(words["dossier.no_cycles"])])
    else:
        yield together([heading(words["dossier.pictures"]), side_by_side])
    for each in content.findings[:MOST_PICTURES]:
        found = each.inference
        if len(each.cycle_s) < HISTOGRAM_FROM:
            continue
        picture = histogram(
            each.cycle_s,
            found.cycle_mean_s,
            found.cycle_median_s,
            found.cycle_p95_s,
            words,
            before,
        )
        if picture is not None:
            title = words["dossier.histogram"].format(condition=_name(each, words))
            yield from (caption(title), picture)
    yield from _runs(content.report, words)


def _name(finding: Finding, words: Words) -> str:
    if not finding.simulated:
        return finding.condition
    return words["dossier.simulated_name"].format(name=finding.condition)


def _runs(report: ReportContent, words: Words) -> Iterator[Block]:
    strips = [
        RunStrip(run_name(run, words), run.started_us, run.numbers.times) for run in report.runs
    ]
    course = timeline(strips, words)
    if course is not None:
        note = small(words["report.timeline_note"])
        yield together([caption(words["report.times"]), course, note])
    for run in report.runs[:MOST_PICTURES]:
        plots = curve_plots(report, run, words)
        title = f"{run_name(run, words)}　{run.condition}"
        if plots:
            yield caption(f"{words['report.curves']}　{title}")
            yield from plots
        chart = control_picture(run, words)
        if chart:
            yield caption(f"{words['report.control']}　{title}")
            yield from chart
    if len(report.runs) > MOST_PICTURES:
        yield small(words["dossier.more_runs"].format(count=len(report.runs) - MOST_PICTURES))


def present_and_tried(content: DossierContent, words: Words) -> Iterator[Block]:
    """現状 beside what the trial showed, with the method of every interval."""
    yield heading(words["dossier.compared"])
    before = content.before
    question = content.report.question
    if len(question) > LONGEST_QUESTION:
        yield text_block(words["dossier.question"].format(question=question))
    method = before.method or content.report.baseline
    yield text_block(
        words["dossier.present_method"].format(method=method)
        if method
        else words["dossier.no_present_method"]
    )
    if before.cycle_s is None:
        yield text_block(words["dossier.no_baseline"])
    if before.source:
        yield small(words["dossier.baseline_source"].format(source=before.source))
    rows, used, notes = [], [], Footnotes(words)
    differences: list[Told] = []
    for each in content.findings:
        compared = each.against
        rows.append(table_group(_name(each, words)))
        pairs = (
            ("cycle", "cycle_s", each.tried.cycle_s, "1", "1"),
            ("scrap", "scrap_share", each.inference.scrap_share, "%", POINTS),
        )  # fmt: skip
        for name, field, alone, write, write_difference in pairs:
            found = getattr(compared, field) if compared else None
            none = words["report.none"]
            shown = [none, notes.interval(alone, write), none, none]
            used.append(alone)
            if found is not None:
                used += (found.before, found.difference)
                joint = getattr(each.joint, field) if each.joint else None
                title = f"{_name(each, words)} {words[f'dossier.row.{name}']}"
                differences.append((title, found.difference, joint and joint.difference))
                shown = [notes.interval(part, write) for part in (found.before, alone)]
                shown.append(notes.interval(found.difference, write_difference))
                decided = "decided" if found.decided else "undecided"
                shown.append(words[f"dossier.{decided}"])
            rows.append(table_row(words[f"dossier.row.{name}"], *shown))
    if rows:
        names = ("item", "before", "after", "difference", "decided")
        header = [words[f"dossier.column.{name}"] for name in names]
        yield table_block("Lrrrl", header, rows)
        yield from notes.block()
        yield from methods(used, words)
        yield from _each_alone(differences, words)
    yield from repeats_chapter(content.report, words)
    yield from capability_chapter(content.report, words)
    yield from gauge_chapter(content.report, words)


def side_by_side(content: DossierContent, words: Words) -> Iterator[Block]:
    """All machines and conditions in columns; what differs in circumstances is said."""
    table = content.comparison
    if table is None:
        return
    notes = Footnotes(words)
    opening = [
        heading(words["dossier.side_by_side"]),
        text_block(words["dossier.side_by_side_note"]),
    ]
    for start in range(0, len(table.columns), COLUMNS_PER_TABLE):
        yield together([*opening, _columns(table, start, words, notes)])
        opening = []
    yield from notes.block()
    flags = [
        table_row(column.name, _unlike(each, words))
        for column in table.columns
        for each in _grave(column.unlike)
    ]
    if flags:
        yield caption(words["dossier.unlike"])
        header = [words["dossier.column.machine"], words["dossier.column.unlike"]]
        yield from capped("LL", header, flags, 40, words)
        yield small(words["comparison.not_compared"])
    yield from _differences(table, words)
    yield from methods((cell.value for row in table.rows for cell in row.cells), words)


def _grave(found: Sequence[Unlike]) -> Sequence[Unlike]:
    """Another part or material is another job: then the rest need not be told."""
    if any(each.what in ("part", "material") for each in found):
        return [Unlike("job", "", "")]
    return found


def _unlike(each: Unlike, words: Words) -> str:
    """How a column differs; of long circumstances only that they do."""
    return words.get(f"dossier.unlike.{each.what}") or unlike(each, words)


def _columns(table: ComparisonTable, start: int, words: Words, notes: Footnotes) -> Block:
    shown = table.columns[start : start + COLUMNS_PER_TABLE]
    rows = [
        table_row(
            words[f"criterion.{row.criterion}"],
            *(
                _cell(cell, row.unit, words, notes)
                for cell in row.cells[start : start + COLUMNS_PER_TABLE]
            ),
        )
        for row in table.rows
    ]
    header = ["", *(_column_name(each, words) for each in shown)]
    return table_block("N" + "R" * len(shown), header, rows)


def _column_name(column: Column, words: Words) -> str:
    name = _shown_name(column, words)
    return words["dossier.unlike_name"].format(name=name) if column.unlike else name


def _shown_name(column: Column, words: Words) -> str:
    if not column.simulated:
        return column.name
    return words["dossier.simulated_name"].format(name=column.name)


def _cell(cell: Cell, unit: str, words: Words, notes: Footnotes) -> str:
    text = notes.marked(_value(cell.value, unit, words), cell.value.code)
    return words["dossier.unlike_name"].format(name=text) if cell.unlike else text


def _value(interval: Interval, unit: str, words: Words, share: str = "%") -> str:
    text = with_interval(interval, share if unit == "1" else "3s", words)
    symbol = {"s": " s", "1/h": words["dossier.per_hour"], "kW.h": " kWh"}.get(unit, "")
    return text if interval.estimate is None else f"{text}{symbol}"


def _differences(table: ComparisonTable, words: Words) -> Iterator[Block]:
    names = {column.id: _shown_name(column, words) for column in table.columns}
    rows, notes = [], Footnotes(words)
    for row in table.rows:
        for each in row.differences:
            value = each.value
            if value.estimate is None:
                continue
            told = "decided" if value.excludes(0.0) else "undecided"
            rows.append(
                table_row(
                    words[f"criterion.{row.criterion}"],
                    _pair(each, names, words),
                    notes.marked(_value(value, row.unit, words, POINTS), value.code),
                    words[f"dossier.{told}"],
                )
            )
    if rows:
        yield caption(words["dossier.differences"])
        heads = ("item", "pair", "difference", "decided")
        header = [words[f"dossier.column.{name}"] for name in heads]
        yield from capped("LLrl", header, rows, 40, words)
        yield from notes.block()
    shown: list[Told] = [
        (f"{words[f'criterion.{row.criterion}']} {_pair(each, names, words)}",
         each.value, each.joint)
        for row in table.rows
        for each in row.differences
    ]  # fmt: skip
    yield from _each_alone(shown, words)


def _pair(each: CellDifference, names: Mapping[str, str], words: Words) -> str:
    return words["dossier.minus"].format(right=names[each.right], left=names[each.left])


def _each_alone(differences: Sequence[Told], words: Words) -> Iterator[Block]:
    """Where there are several: which of them stand when all are to hold together."""
    known = [each for each in differences if each[1].method]
    if len(known) < 2:
        return
    stand = [name for name, _, joint in known if joint is not None and joint.excludes(0.0)]
    shown = words["report.and"].join(stand[:MOST_NAMES])
    if len(stand) > MOST_NAMES:
        shown = words["dossier.and_more"].format(names=shown, count=len(stand) - MOST_NAMES)
    level = known[0][1].level
    params = {
        "count": len(known),
        "level": f"{level:.0%}",
        "each": f"{100 * joint_level(len(known), level):.2f}%",
        "names": shown,
    }
    yield small(
        words["dossier.each_alone" if stand else "dossier.each_alone_none"].format(**params)
    )
