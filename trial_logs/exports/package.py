"""A Frictionless data package around the CSV files: `datapackage.json`, its schemas written.

Nothing is inferred from the files: types, units, permitted words and what may be empty come from
the declared tables, so a broken value is a broken value. https://specs.frictionlessdata.io
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trial_logs import texts
from trial_logs.digest import mark_text
from trial_logs.exports.tables import RUNS, Column, Kind, Source, Table, Words
from trial_logs.shown import local, unit_symbol

TYPES = {
    Kind.TEXT: "string",
    Kind.WORD: "string",
    Kind.REASON: "string",
    Kind.FLAG: "boolean",
    Kind.TIME: "datetime",
    Kind.NUMBER: "number",
    Kind.COUNT: "integer",
}
CHUNK = 1 << 20


def write_package(path: Path, files: Mapping[Table, Path], source: Source, words: Words) -> None:
    """Describe the CSV `files` of a trial, which must lie beside `path` and be complete."""
    content = source.content
    both = {language: texts.load(language) for language in ("ja", "en")}
    package = {
        "profile": "tabular-data-package",
        "name": content.trial_id.lower(),
        "id": mark_text(content.trial_id, source.digest),
        "title": content.title,
        "description": words["report.simulated_note"] if content.simulated else content.question,
        "created": local(content.date_us, content.zone).isoformat(),
        "simulated": content.simulated,
        "licenses": [
            {"name": "other-closed", "title": words[f"confidentiality.{content.confidentiality}"]}
        ],
        "sources": [{"title": f"{content.lab_name} {content.trial_id}"}],
        "resources": [
            _resource(table, file, content.simulated, words, both) for table, file in files.items()
        ],
    }
    text = json.dumps(package, ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _resource(
    table: Table, file: Path, simulated: bool, words: Words, both: Mapping[str, Words]
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [dict(_field(column, words, both)) for column in table.columns],
        "missingValues": [""],
    }
    key = table.columns[0].heading(words)
    if table is RUNS:
        schema["primaryKey"] = key
    else:
        reference = {"resource": RUNS.name, "fields": key}
        schema["foreignKeys"] = [{"fields": key, "reference": reference}]
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": file.name,
        "title": words[table.title],
        "simulated": simulated,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8-sig",
        "bytes": file.stat().st_size,
        "hash": f"sha256:{sha256_of(file)}",
        "schema": schema,
    }


def _field(column: Column, words: Words, both: Mapping[str, Words]) -> Iterator[tuple[str, Any]]:
    yield "name", column.heading(words)
    yield "type", TYPES[column.kind]
    yield "titles", {language: known[column.title] for language, known in both.items()}
    if column.unit:
        yield "unit", unit_symbol(column.unit) or column.unit
    if column.unit_in:
        yield "unitField", words[f"export.{column.unit_in}"]
    if column.kind is Kind.FLAG:
        yield "trueValues", [words["export.yes"]]
        yield "falseValues", [words["export.no"]]
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    if column.codes:
        constraints["enum"] = [words.get(f"{column.prefix}{code}", code) for code in column.codes]
    if constraints:
        yield "constraints", constraints


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
