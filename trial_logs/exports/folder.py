"""All files of a trial in one folder, format by format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trial_logs.exports.csv_files import write_csv
from trial_logs.exports.json_file import write_json
from trial_logs.exports.package import write_package
from trial_logs.exports.parquet import write_parquet
from trial_logs.exports.tables import TABLES, Source, Words
from trial_logs.exports.workbook import write_workbook

PDF, WORKBOOK, JSON, PACKAGE = "report.pdf", "report.xlsx", "results.json", "datapackage.json"
CSV = tuple(f"{table.name}.csv" for table in TABLES)
PARQUET = tuple(f"{table.name}.parquet" for table in TABLES)
Written = Iterator[Path]


def write_folder(
    folder: Path, formats: Iterable[str], source: Source, words: Words
) -> tuple[Path, ...]:
    """Write the files of these `FORMATS` (a package brings its CSV files); returns their paths.

    Raises ExtraMissing for Parquet where pyarrow is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(formats)
    if "package" in wanted:
        wanted.discard("csv")
    order = [name for name in FORMATS if name in wanted]
    return tuple(path for name in order for path in FORMATS[name](folder, source, words))


def _csv(folder: Path, source: Source, words: Words) -> Written:
    for table, name in zip(TABLES, CSV, strict=True):
        write_csv(folder / name, table, source, words)
        yield folder / name


def _parquet(folder: Path, source: Source, words: Words) -> Written:
    for table, name in zip(TABLES, PARQUET, strict=True):
        write_parquet(folder / name, table, source, words)
        yield folder / name


def _json(folder: Path, source: Source, words: Words) -> Written:
    write_json(folder / JSON, source)
    yield folder / JSON


def _xlsx(folder: Path, source: Source, words: Words) -> Written:
    write_workbook(folder / WORKBOOK, source, words)
    yield folder / WORKBOOK


def _package(folder: Path, source: Source, words: Words) -> Written:
    files = list(_csv(folder, source, words))
    write_package(folder / PACKAGE, dict(zip(TABLES, files, strict=True)), source, words)
    yield from (*files, folder / PACKAGE)


FORMATS: dict[str, Callable[[Path, Source, Words], Written]] = {
    "xlsx": _xlsx,
    "csv": _csv,
    "package": _package,
    "json": _json,
    "parquet": _parquet,
}
"""What a trial can be exported as."""

FILES: dict[str, str] = {
    WORKBOOK: "xlsx",
    JSON: "json",
    PACKAGE: "package",
    **dict.fromkeys(CSV, "csv"),
    **dict.fromkeys(PARQUET, "parquet"),
}
"""The format each file belongs to."""
