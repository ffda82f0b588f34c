"""What runs recorded as CSV for spreadsheets: UTF-8 with BOM, units named, no cell a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trial_logs import record
from trial_logs.content import PartRow, RunSection, part_rows
from trial_logs.model import RunHeader
from trial_logs.record import Evidence
from trial_logs.shown import local, unit_symbol

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Words = Mapping[str, str]
Row = list[Any]


def write_samples_csv(path: Path, runs: Iterable[Evidence], words: Words, zone: str) -> int:
    """Every reading of the runs as recorded, one per line with its unit; returns how many.

    Times are ISO 8601 in the lab's zone, to the microsecond.
    """
    names = (
        "run", "simulated", "time", "elapsed", "device", "signal", "value", "unit", "quality",
        "source_time",
    )  # fmt: skip
    lines = (line for db in runs for line in _sample_lines(db, words, zone))
    return _write_csv(path, names, words, lines)


def _sample_lines(db: Evidence, words: Words, zone: str) -> Iterator[Row]:
    header = record.read_header(db)
    start = record.run_span(db)[0]
    simulated = yes_no(header.simulated, words)
    for sample in record.all_readings(db):
        device, signal, unit = sample.series
        source = sample.source_us
        yield [
            header.run_id,
            simulated,
            local(sample.t_us, zone).isoformat(timespec="microseconds"),
            round((sample.t_us - start) / 1e6, 6),
            device,
            signal,
            sample.value,
            unit_symbol(unit),
            sample.quality.name,
            "" if source is None else local(source, zone).isoformat(timespec="microseconds"),
        ]


def write_parts_csv(path: Path, runs: Iterable[Evidence], words: Words, zone: str) -> int:
    """Every part counted, with the verdict that counts and any correction; returns how many."""
    lines = (
        part_line(record.read_header(db), row, words, zone) for db in runs for row in part_rows(db)
    )
    return _write_csv(path, PART_COLUMNS, words, lines)


PART_COLUMNS = (
    "run", "simulated", "part_no", "time", "verdict", "cycle_time", "source", "cause", "by",
    "corrected_by", "corrected_why",
)  # fmt: skip


def part_line(run: RunHeader | RunSection, part: PartRow, words: Words, zone: str) -> Row:
    """One part as a line of `PART_COLUMNS`."""
    return [
        run.run_id,
        yes_no(run.simulated, words),
        part.no,
        local(part.t_us, zone).isoformat(timespec="milliseconds"),
        words[f"verdict.{part.verdict}"],
        part.cycle_time_s,
        words[f"part_source.{part.source}"],
        part.cause,
        part.by,
        part.corrected_by,
        part.corrected_why,
    ]


def _write_csv(path: Path, names: Iterable[str], words: Words, lines: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([words[f"export.{name}"] for name in names])
        for line in lines:
            writer.writerow([harmless(cell) for cell in line])
            count += 1
    return count


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def yes_no(flag: bool, words: Words) -> str:
    """A flag in words."""
    return words["export.yes" if flag else "export.no"]
