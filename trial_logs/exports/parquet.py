"""Tables as Parquet, with their units and the simulated flag in the file's own schema.

Needs pyarrow, which comes with the extra `parquet`; it is loaded only here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from trial_logs.digest import mark_text
from trial_logs.errors import ExtraMissing
from trial_logs.exports.tables import Kind, Source, Table, Words

ROWS_PER_GROUP = 65_536


def is_possible() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def write_parquet(path: Path, table: Table, source: Source, words: Words) -> int:
    """One table of a trial, a row group at a time; returns how many rows. Raises ExtraMissing."""
    if not is_possible():
        raise ExtraMissing(missing="pyarrow", extra="parquet")
    import pyarrow.parquet

    count = 0
    schema = _schema(table, source, words)
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as out:
        rows = table.rows(source)
        while group := list(islice(rows, ROWS_PER_GROUP)):
            arrays = [
                pyarrow.array(column, field.type)
                for field, column in zip(schema, zip(*group, strict=True), strict=True)
            ]
            out.write_batch(pyarrow.record_batch(arrays, schema=schema))
            count += len(group)
    return count


def _schema(table: Table, source: Source, words: Words) -> Any:
    import pyarrow

    types = {
        Kind.TEXT: pyarrow.string(),
        Kind.WORD: pyarrow.string(),
        Kind.REASON: pyarrow.string(),
        Kind.FLAG: pyarrow.bool_(),
        Kind.TIME: pyarrow.timestamp("us", tz="UTC"),
        Kind.NUMBER: pyarrow.float64(),
        Kind.COUNT: pyarrow.int64(),
    }
    fields = [
        pyarrow.field(
            column.name,
            types[column.kind],
            nullable=not column.required,
            metadata=dict(_about(("title", column.heading(words)), ("unit", column.unit),
                                 ("unit_in", column.unit_in))),
        )
        for column in table.columns
    ]  # fmt: skip
    content = source.content
    about = _about(
        ("title", words[table.title]),
        ("trial", content.trial_id),
        ("simulated", "true" if content.simulated else "false"),
        ("digest", mark_text(content.trial_id, source.digest)),
        ("lab", content.lab_name),
    )
    return pyarrow.schema(fields, metadata=dict(about))


def _about(*pairs: tuple[str, str]) -> Iterator[tuple[bytes, bytes]]:
    yield from ((key.encode(), text.encode()) for key, text in pairs if text)
