"""A report as a list of worded blocks (headings, tables, plots), ready to be set in type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trial_logs.charts import curve_plots, cycle_strip
from trial_logs.content import MeasurementRow, ReportContent, RunSection
from trial_logs.metrics import Figure
from trial_logs.model import Band, Limit
from trial_logs.shown import (
    clock,
    date_line,
    figure,
    label,
    length,
    plain,
    with_unit,
)

RUNS_PER_TABLE = 4
METHODS = 5
Block = dict[str, Any]
Words = Mapping[str, str]
Cell = Callable[[RunSection], str]


def report_sheet(content: ReportContent, words: Words) -> dict[str, Any]:
    """The whole report: what stands on every page, and the blocks in order."""
    return {
        "title": words["report.title"],
        "subject": content.title,
        "lab": content.lab_name,
        "number": f"{words['report.trial_id']} {content.trial_id}",
        "secrecy": words[f"confidentiality.{content.confidentiality}"],
        "simulated": words["report.simulated"] if content.simulated else "",
        "simulated_note": words["report.simulated_note"] if content.simulated else "",
        "safety": words["report.safety"],
        "page": words["report.page"],
        "missing_glyphs": words["report.missing_glyphs"],
        "facts": _facts(content, words),
        "blocks": list(_blocks(content, words)),
    }


def _facts(content: ReportContent, words: Words) -> list[list[str]]:
    values = {
        "trial_id": content.trial_id,
        "held": date_line(content.date_us, content.zone, words),
        "party": content.party,
        "operator": content.operator,
        "equipment": content.equipment,
        "vendor": content.vendor,
        "part": content.part,
        "material": content.material,
    }
    return [[words[f"report.{key}"], text or words["report.none"]] for key, text in values.items()]


def _blocks(content: ReportContent, words: Words) -> Iterator[Block]:
    for key, text in (("question", content.question), ("baseline", content.baseline)):
        if text:
            yield _heading(words[f"report.{key}"])
            yield {"kind": "text", "text": text}
    if content.runs:
        yield from _conditions(content, words)
        yield from _results(content, words)
    strip = cycle_strip(content, words)
    if strip is not None:
        strip_block = [_heading(words["report.cycle_chart"]), strip]
        yield _together([*strip_block, _small(words["report.chart_legend"])])
    yield from _curves(content, words)
    yield from _spells(content, words)
    yield from _measurements(content, words)
    yield from _corrections(content, words)
    yield from _notes(content, words)
    yield _heading(words["report.method"])
    methods = [words[f"report.method_{n}"] for n in range(1, METHODS + 1)]
    yield {"kind": "list", "items": methods}
    yield from _proof(content, words)


def _heading(text: str) -> Block:
    return {"kind": "heading", "text": text}


def _small(text: str) -> Block:
    return {"kind": "small", "text": text}


def _together(blocks: list[Block]) -> Block:
    return {"kind": "together", "blocks": blocks}


def _table(columns: str, header: list[str], rows: list[Block]) -> Block:
    """`columns`: a letter each, l(eft) r(ight) c(entre); capitals share the rest; N: the names."""
    return {"kind": "table", "columns": list(columns), "header": header, "rows": rows}


def _row(*cells: str) -> Block:
    return {"cells": list(cells)}


def _run_name(run: RunSection, words: Words) -> str:
    return words["report.run"].format(number=run.number)


def _groups(content: ReportContent) -> Iterator[list[RunSection]]:
    runs = list(content.runs)
    for start in range(0, len(runs), RUNS_PER_TABLE):
        yield runs[start : start + RUNS_PER_TABLE]


def _conditions(content: ReportContent, words: Words) -> Iterator[Block]:
    yield _heading(words["report.conditions"])
    for runs in _groups(content):
        names = list(dict.fromkeys(name for run in runs for name in run.settings))
        rows = [_row(words["report.condition"], *(run.condition for run in runs))]
        rows += [
            _row(name, *(run.settings.get(name, words["report.none"]) for run in runs))
            for name in names
        ]
        yield _table("N" + "C" * len(runs), ["", *(_run_name(r, words) for r in runs)], rows)


def _results(content: ReportContent, words: Words) -> Iterator[Block]:
    tables = [
        _table(
            "N" + "R" * len(runs),
            [group, *(_run_name(run, words) for run in runs)],
            [_row(name, *(cell(run) for run in runs)) for name, cell in lines],
        )
        for runs in _groups(content)
        for group, lines in _result_lines(content, runs, words)
    ]
    yield _together([_heading(words["report.results"]), *tables[:2]])
    yield from (_together([table]) for table in tables[2:])


def _result_lines(
    content: ReportContent, runs: list[RunSection], words: Words
) -> Iterator[tuple[str, list[tuple[str, Cell]]]]:
    yield words["report.group.run"], _run_lines(content, words)
    yield words["report.group.parts"], _part_lines(words)
    if any(run.numbers.cycle_time_s.n for run in runs):
        yield words["report.group.cycle"], _cycle_lines(words)
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

    def state(run: RunSection) -> str:
        return words[f"run_state.{run.state}"]

    return [
        (words["report.state"], state),
        (words["report.time"], times),
        (words["report.running"], lambda run: length(run.numbers.running_s)),
        (words["report.paused"], lambda run: length(run.numbers.paused_s)),
        (words["report.gap"], lambda run: length(run.numbers.gap_s)),
    ]


def _part_lines(words: Words) -> list[tuple[str, Cell]]:
    def count(name: str) -> Cell:
        return lambda run: str(getattr(run.numbers.counts, name))

    kinds = ("produced", "good", "scrap", "rework", "unjudged")
    return [
        *((words[f"report.{kind}"], count(kind)) for kind in kinds),
        (words["report.yield"], lambda run: figure(run.numbers.yield_share, "%", words)),
    ]


def _cycle_lines(words: Words) -> list[tuple[str, Cell]]:
    def stat(name: str) -> Cell:
        return lambda run: figure(getattr(run.numbers.cycle_time_s, name), "2", words)

    def ends(run: RunSection) -> str:
        stats = run.numbers.cycle_time_s
        return _range(stats.minimum, stats.maximum, words)

    return [
        (words["report.cycle_n"], lambda run: str(run.numbers.cycle_time_s.n)),
        *((words[f"report.cycle_{name}"], stat(name)) for name in ("mean", "median", "p95", "sd")),
        (words["report.cycle_range"], ends),
    ]


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

    return f"{limit.characteristic} {_limit(limit)}", cell


def _limit(limit: Limit) -> str:
    return with_unit(f"{plain(limit.nominal)} ± {plain(limit.tolerance)}", limit.unit)


def _curves(content: ReportContent, words: Words) -> Iterator[Block]:
    plotted = [(run, plots) for run in content.runs if (plots := curve_plots(content, run, words))]
    for n, (run, plots) in enumerate(plotted):
        heading = [_heading(words["report.curves"])] if n == 0 else []
        title = {"kind": "caption", "text": f"{_run_name(run, words)}　{run.condition}"}
        yield _together([*heading, title, *plots])
    if plotted:
        yield _small(words["report.curve_note"])


def _spells(content: ReportContent, words: Words) -> Iterator[Block]:
    yield _heading(words["report.spells"])
    rows = [
        _row(
            _run_name(run, words),
            words.get(f"spell.{spell.kind}", spell.kind),
            _device(content, spell.device, words),
            clock(spell.t_us, content.zone),
            length(spell.seconds),
            words.get(spell.cause, spell.cause),
        )
        for run in content.runs
        for spell in run.spells
    ]
    names = ("run_column", "kind", "device", "since", "length", "cause")
    header = [words[f"report.{name}"] for name in names]
    yield _table("lllrrL", header, rows) if rows else _text(words["report.no_spells"])


def _text(text: str) -> Block:
    return {"kind": "text", "text": text}


def _device(content: ReportContent, device: str, words: Words) -> str:
    special = {"*": words["report.everything"], "": words["report.none"]}
    return special.get(device) or label(content.labels, device)


def _measurements(content: ReportContent, words: Words) -> Iterator[Block]:
    yield _heading(words["report.measurements"])
    if content.limits:
        names = ("run_column", "characteristic", "limit", "within", "mean", "range", "judgement")
        header = [words[f"report.{name}"] for name in names]
        rows = [
            _limit_row(content, run, limit, words)
            for limit in content.limits
            for run in content.runs
        ]
        yield _table("lLlrrrl", header, rows)
    taken = [
        _measurement_row(content, run, each, words)
        for run in content.runs
        for each in run.measurements
    ]
    columns = ("run_column", "time_column", "characteristic", "part_no", "value", "gauge", "by")
    header = [words[f"report.{name}"] for name in columns]
    yield _table("lrLrrll", header, taken) if taken else _text(words["report.no_measurements"])


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
    return _row(
        _run_name(run, words),
        limit.characteristic,
        _limit(limit),
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
    row = _row(
        _run_name(run, words),
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
        _row(
            _run_name(run, words),
            words["report.part_number"].format(no=part.no),
            words[f"verdict.{part.verdict}"],
            words["report.corrected"].format(by=part.corrected_by, why=part.corrected_why),
        )
        for run in content.runs
        for part in run.parts
        if part.corrected_by
    ]
    if rows:
        yield _heading(words["report.corrections"])
        names = ("run_column", "part_no", "judgement", "cause")
        header = [words[f"report.{name}"] for name in names]
        yield _table("lllL", header, rows)


def _notes(content: ReportContent, words: Words) -> Iterator[Block]:
    yield _heading(words["report.notes"])
    rows = [
        _row(_run_name(run, words), clock(note.t_us, content.zone), note.text, note.by)
        for run in content.runs
        for note in run.notes
    ]
    names = ("run_column", "time_column", "note", "by")
    header = [words[f"report.{name}"] for name in names]
    yield _table("lrLl", header, rows) if rows else _text(words["report.no_notes"])


def _proof(content: ReportContent, words: Words) -> Iterator[Block]:
    header = [words[f"report.{name}"] for name in ("run_column", "segments", "head")]
    rows = [
        {"cells": [run.run_id, str(run.segments), run.head], "mono": True} for run in content.runs
    ]
    block = [_heading(words["report.evidence"]), _table("lrL", header, rows)]
    yield _together([*block, _small(words["report.evidence_note"])])
