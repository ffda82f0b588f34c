"""A trial as an XLSX workbook: every value with its unit, text never run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import xlsxwriter

from trial_logs.blocks import run_state
from trial_logs.content import ReportContent
from trial_logs.export import PART_COLUMNS, part_line, yes_no
from trial_logs.metrics import Figure
from trial_logs.shown import label, local, unit_symbol
from trial_logs.stamps import from_us

WIDTHS = {"time": 30, "item": 34, "corrected_why": 30, "cause": 24, "meaning": 28}
MEASUREMENT_COLUMNS = (
    "run", "simulated", "time", "characteristic", "value", "unit", "part_no", "gauge", "by",
    "corrected_by", "corrected_why",
)  # fmt: skip
READING_COLUMNS = (
    "run", "simulated", "device", "signal", "unit", "count", "minimum", "mean", "maximum", "bad",
)  # fmt: skip
Words = Mapping[str, str]
Row = list[Any]


def write_workbook(path: Path, content: ReportContent, words: Words) -> None:
    """The trial as XLSX: summary, parts, measurements, readings overview, units."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        # dated by the trial, so that the same content gives the same bytes
        created = from_us(content.date_us).replace(tzinfo=None)
        book.set_properties({"title": content.title, "created": created})
        for name, columns, rows in _sheets(content, words):
            _write_sheet(book, words[f"export.{name}"], columns, rows, content, words)


def _sheets(
    content: ReportContent, words: Words
) -> Iterator[tuple[str, list[tuple[str, int]], Iterable[Row]]]:
    runs = content.runs
    run_names = [words["report.run"].format(number=run.number) for run in runs]
    summary = [*_columns(("item", "unit"), words), *((name, 18) for name in run_names)]
    parts = (part_line(run, part, words, content.zone) for run in runs for part in run.parts)
    measured, read = _measurement_lines(content, words), _reading_lines(content, words)
    yield "summary", summary, _summary(content, words)
    yield "parts", _columns(PART_COLUMNS, words), parts
    yield "measurements", _columns(MEASUREMENT_COLUMNS, words), measured
    yield "readings", _columns(READING_COLUMNS, words), read
    yield "units", _columns(("code", "symbol", "meaning"), words), _unit_lines(content, words)


def _columns(names: Iterable[str], words: Words) -> list[tuple[str, int]]:
    return [(words[f"export.{name}"], WIDTHS.get(name, 16)) for name in names]


def _write_sheet(
    book: xlsxwriter.Workbook,
    name: str,
    columns: list[tuple[str, int]],
    rows: Iterable[Row],
    content: ReportContent,
    words: Words,
) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1, "bg_color": "#F1F5F9"})
    alarm = book.add_format({"bold": True, "font_color": "#B3261E"})
    top = 0
    if content.simulated:
        sheet.write_string(0, 0, words["report.simulated"], alarm)
        sheet.write_string(0, 1, words["report.simulated_note"], alarm)
        top = 1
    for column, (title, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        sheet.write_string(top, column, title, bold)
    for line, row in enumerate(rows, top + 1):
        sheet.write_row(line, 0, row)
    sheet.freeze_panes(top + 1, 1)


def _summary(content: ReportContent, words: Words) -> Iterator[Row]:
    facts = {
        "lab": content.lab_name,
        "trial_id": content.trial_id,
        "subject": content.title,
        "party": content.party,
        "equipment": content.equipment,
        "vendor": content.vendor,
        "held": local(content.date_us, content.zone).date().isoformat(),
    }
    runs = content.runs
    numbers = [run.numbers for run in runs]
    none = words["report.none"]

    def figures(key: str, unit: str, found: Iterable[Figure]) -> Row:
        return [words[f"report.{key}"], unit, *(_figure(each, words) for each in found)]

    yield [words["report.condition"], "", *(run.condition for run in runs)]
    yield [words["export.simulated"], "", *(yes_no(run.simulated, words) for run in runs)]
    yield [words["report.state"], "", *(run_state(run, words) for run in runs)]
    for key in ("running", "paused", "gap"):
        yield [words[f"report.{key}"], "s", *(getattr(n, f"{key}_s") for n in numbers)]
    for key in ("produced", "good", "scrap", "rework", "unjudged"):
        yield [words[f"report.{key}"], "", *(getattr(n.counts, key) for n in numbers)]
    yield figures("yield", "0–1", (n.yield_share for n in numbers))
    yield figures("scrap_share", "0–1", (n.scrap_share for n in numbers))
    yield [words["export.cycle_time"], "n", *(n.cycle_time_s.n for n in numbers)]
    for key in ("mean", "median", "p95", "sd"):
        yield figures(f"cycle_{key}", "s", (getattr(n.cycle_time_s, key) for n in numbers))
    for key in ("minimum", "maximum"):
        found = [getattr(n.cycle_time_s, key) for n in numbers]
        yield [words[f"export.{key}"], "s", *(_figure(each, words) for each in found)]
    yield figures("energy", "kWh", (n.energy_kwh for n in numbers))
    yield figures("energy_per_part", "kWh", (n.energy_kwh_per_part for n in numbers))
    yield [words["report.head"], "SHA-256", *(run.head or none for run in runs)]
    yield []
    for key, text in facts.items():
        yield [words[f"report.{key}"], "", text or none]


def _figure(figure: Figure, words: Words) -> float | str:
    if figure.value is None:
        return f"{words['report.none']} ({words.get(figure.code, figure.code)})"
    return figure.value


def _measurement_lines(content: ReportContent, words: Words) -> Iterator[Row]:
    for run in content.runs:
        for each in run.measurements:
            yield [
                run.run_id,
                yes_no(run.simulated, words),
                local(each.t_us, content.zone).isoformat(timespec="milliseconds"),
                each.characteristic,
                words["report.taken_back"] if each.value is None else each.value,
                unit_symbol(each.unit),
                each.part_no,
                each.gauge,
                each.by,
                each.corrected_by,
                each.corrected_why,
            ]


def _reading_lines(content: ReportContent, words: Words) -> Iterator[Row]:
    for run in content.runs:
        for each in run.series:
            yield [
                run.run_id,
                yes_no(run.simulated, words),
                label(content.labels, each.device),
                label(content.labels, each.device, each.signal),
                unit_symbol(each.unit),
                each.readings,
                each.minimum,
                each.mean,
                each.maximum,
                each.bad,
            ]


def _unit_lines(content: ReportContent, words: Words) -> Iterator[Row]:
    codes = {each.unit for run in content.runs for each in run.series}
    codes |= {each.unit for run in content.runs for each in run.measurements}
    for code in sorted(codes | {"s"}):
        yield [code, unit_symbol(code), words.get(f"unit.{code}", "")]
