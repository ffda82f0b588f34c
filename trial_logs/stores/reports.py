"""Reports made, in lab.db: which file had which bytes, from which state of the record, and how.

What is kept of each is enough to make it again: `inputs` are the names, labels and zone it was
printed with, `ends` where the records of its runs ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from trial_logs.chain import canonical
from trial_logs.digest import RunEnd
from trial_logs.stamps import from_ms, to_ms


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One file as it was made."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class MadeReport:
    """The files made at one time of one trial; `kind` is `report`, `export` or `dossier`."""

    trial_id: str
    kind: str
    language: str
    made: datetime
    digest: str
    ends: tuple[RunEnd, ...]
    inputs: Mapping[str, Any]
    files: tuple[MadeFile, ...]


def take_report(db: Database, report: MadeReport) -> None:
    """Remember what was made."""
    with db.atomic():
        row = {
            "trial_id": report.trial_id,
            "kind": report.kind,
            "language": report.language,
            "made_ms": to_ms(report.made),
            "digest": report.digest,
            "ends": canonical([list(end) for end in report.ends]),
            "inputs": canonical(report.inputs),
        }
        number = db.table("trial_report").insert(row).last_pk
        files = [
            {"report_id": number, "name": one.name, "sha256": one.sha256, "bytes": one.bytes}
            for one in report.files
        ]
        db.table("trial_report_file").insert_all(files)


def reports_of(db: Database, trial_id: str) -> list[MadeReport]:
    """Everything made of a trial, newest first; nothing where an earlier release kept none."""
    return list(_reports(db, "trial_id = ?", [trial_id]))


def made_with(db: Database, sha256: str) -> list[MadeReport]:
    """Every time a file of these bytes was made, newest first."""
    where = "id IN (SELECT report_id FROM trial_report_file WHERE sha256 = ?)"
    return list(_reports(db, where, [sha256]))


def _reports(db: Database, where: str, values: Iterable[Any]) -> Iterator[MadeReport]:
    if not db.table("trial_report").exists():
        return
    rows = db.execute(
        "SELECT id, trial_id, kind, language, made_ms, digest, ends, inputs FROM trial_report"  # noqa: S608
        f" WHERE {where} ORDER BY id DESC",
        list(values),
    )
    for number, trial_id, kind, language, made_ms, digest, ends, inputs in rows.fetchall():
        files = db.execute(
            "SELECT name, sha256, bytes FROM trial_report_file WHERE report_id = ? ORDER BY name",
            [number],
        )
        yield MadeReport(
            trial_id,
            kind,
            language,
            from_ms(made_ms),
            digest,
            tuple(RunEnd(*end) for end in json.loads(ends)),
            json.loads(inputs),
            tuple(MadeFile(*one) for one in files.fetchall()),
        )
