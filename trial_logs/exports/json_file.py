"""A trial as one JSON file: everything but the samples, which lie in tables of their own.

The bytes are canonical: UTF-8, keys in the order below, no spaces, numbers in their shortest form.
`{format, simulated, trial, digest, mark, lab, …, limits, tables: {name: {columns, rows}}, runs}`;
a column is `{name, kind, unit, unit_in}`, a row an array in the order of the columns, a time whole
µs since 1970-01-01 UTC. Each run holds its settings, its numbers with the code of each missing
one, and the end of its hash chain. A later release only adds keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trial_logs.chain import canonical
from trial_logs.content import RunSection
from trial_logs.digest import mark_text
from trial_logs.exports.tables import SAMPLES, TABLES, Source, Table
from trial_logs.model import PlanVersion
from trial_logs.stamps import to_us
from trial_logs.summary import numbers_json

FORMAT = "machikoba-trial/1"
ASKED = ("question", "part", "material", "baseline", "confidentiality")


def write_json(path: Path, source: Source) -> int:
    """The trial with its runs and tables, row by row; returns how many rows."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(canonical(_trial(source))[:-1] + ',"tables":{')
        for number, table in enumerate(each for each in TABLES if each is not SAMPLES):
            out.write("," * bool(number) + f"{canonical(table.name)}:")
            for text in _table(table, source):
                out.write(text)
                count += text.startswith((",[", "["))
        out.write('},"runs":[')
        for number, run in enumerate(source.content.runs):
            out.write("," * bool(number) + _run(run))
        out.write("]}\n")
    return count


def _trial(source: Source) -> dict[str, Any]:
    content = source.content
    return {
        "format": FORMAT,
        "simulated": content.simulated,
        "trial": content.trial_id,
        "digest": source.digest,
        "mark": mark_text(content.trial_id, source.digest),
        "lab": content.lab_name,
        "title": content.title,
        "party": content.party,
        "equipment": content.equipment,
        "vendor": content.vendor,
        "operator": content.operator,
        "date_us": content.date_us,
        "zone": content.zone,
        **{name: getattr(content, name) for name in ASKED},
        "limits": [asdict(limit) for limit in content.limits],
        "labels": dict(sorted(content.labels.items())),
        **_versions(content.versions),
    }


def _versions(versions: Sequence[PlanVersion]) -> dict[str, Any]:
    """The versions of an amended plan; of one that stands as registered nothing."""
    if len(versions) < 2:
        return {}
    names = ("number", "by", "why", "sha256")
    rows = [{name: getattr(each, name) for name in names} for each in versions]
    made = [{"made_us": to_us(each.made), "plan": json.loads(each.plan)} for each in versions]
    return {"plan_versions": [row | more for row, more in zip(rows, made, strict=True)]}


def _table(table: Table, source: Source) -> Iterator[str]:
    columns = [
        {"name": each.name, "kind": each.kind, "unit": each.unit, "unit_in": each.unit_in}
        for each in table.columns
    ]
    yield '{"columns":' + canonical(columns) + ',"rows":['
    for number, row in enumerate(table.rows(source)):
        yield "," * bool(number) + canonical(row)
    yield "]}"


def _run(run: RunSection) -> str:
    about = {
        "run": run.run_id,
        "simulated": run.simulated,
        "condition": run.condition,
        "settings": dict(run.settings),
        **({"plan_sha256": run.plan_sha256} if run.plan_sha256 else {}),
        "head": run.head,
        "segments": run.segments,
    }
    return canonical(about)[:-1] + f',"numbers":{numbers_json(run.numbers)}}}'
