"""The end of a dossier: risks, what was not tested, the proof of the record, attachments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trial_logs.blocks import (
    Block,
    capped,
    caption,
    heading,
    points,
    small,
    table_block,
    table_row,
    text_block,
    together,
)
from trial_logs.chapters.judgement import warnings
from trial_logs.chapters.plan_changes import plan_chapter
from trial_logs.chapters.repeats import run_warnings
from trial_logs.content import ReportContent, RunSection
from trial_logs.digest import RunEnd, trial_digest
from trial_logs.dossier.amounts import Words
from trial_logs.dossier.content import Attachment, DossierContent
from trial_logs.dossier.quotes import appended, appendix, is_quote, quoted
from trial_logs.dossier.verdict import doubts
from trial_logs.model import RunState

GENERAL = 4
"""Risks no trial in a lab can take away; texts `dossier.risk.1` …"""
METHODS = 8


def caveats(content: DossierContent, words: Words) -> Iterator[Block]:
    """Everything that is not sure, what was not tested, and what no trial here could test."""
    yield heading(words["dossier.risks"])
    lines = list(dict.fromkeys(doubts(content, words)))
    if lines:
        yield caption(words["dossier.doubts"])
        yield points(lines)
    yield from warnings(content.report, words, run_warnings(content.report, words))
    yield from plan_chapter(content.report, words)
    yield caption(words["dossier.untested"])
    untested = list(_untested(content, words))
    yield points(untested or [words["dossier.untested.none"]])
    yield caption(words["dossier.general_risks"])
    yield points([words[f"dossier.risk.{n}"] for n in range(1, GENERAL + 1)])


def _untested(content: DossierContent, words: Words) -> Iterator[str]:
    report = content.report
    for left in content.left:
        yield words["dossier.untested.runs"].format(condition=left.condition, runs=left.runs)
    for limit in report.limits:
        if not any(_measured(run, limit.characteristic) for run in report.runs):
            yield words["dossier.untested.limit"].format(name=limit.characteristic)
    for run in report.runs:
        if run.state in (RunState.ABORTED, RunState.INTERRUPTED):
            yield words["dossier.untested.cut"].format(
                number=run.number, condition=run.condition, state=words[f"run_state.{run.state}"]
            )
        waiting = run.numbers.counts.unjudged
        if waiting:
            yield words["dossier.untested.unjudged"].format(number=run.number, count=waiting)
        missing = run.numbers.gap_s
        if missing:
            yield words["dossier.untested.gap"].format(
                number=run.number, minutes=f"{missing / 60:.1f}"
            )
    wanted = report.protocol.sample.parts_per_run
    for run in report.runs:
        made = run.numbers.counts.produced
        if wanted and made < wanted:
            yield words["dossier.untested.parts"].format(
                number=run.number, made=made, wanted=wanted
            )


def _measured(run: RunSection, characteristic: str) -> bool:
    return any(each.characteristic == characteristic for each in run.measurements)


def proof(content: DossierContent, words: Words) -> Iterator[Block]:
    """The digest, the end of every run's record, how to check them, and the methods."""
    report = content.report
    rows = [row for each in (report, *content.others) for row in _ends(each)]
    header = [words[f"report.{name}"] for name in ("run_column", "segments", "head")]
    digests = [
        {"cells": [each.trial_id, _digest(each)], "mono": True}
        for each in (report, *content.others)
    ]
    names = [words[f"dossier.column.{name}"] for name in ("trial", "digest")]
    yield together(
        [
            heading(words["report.evidence"]),
            text_block(words["dossier.proof"].format(trial=report.trial_id)),
            table_block("lL", names, digests),
        ]
    )
    yield from capped("lrL", header, rows, 60, words)
    yield small(words["report.evidence_note"])
    yield heading(words["report.method"])
    yield {"kind": "list", "items": [words[f"report.method_{n}"] for n in range(1, METHODS + 1)]}


def _ends(report: ReportContent) -> Iterator[Block]:
    for run in report.runs:
        yield {"cells": [run.run_id, str(run.segments), run.head], "mono": True}


def _digest(report: ReportContent) -> str:
    ends = [RunEnd(run.run_id, run.segments, run.head) for run in report.runs]
    return trial_digest(report.trial_id, ends) if ends else "—"


def attachments(content: DossierContent, words: Words) -> Iterator[Block]:
    """The files kept with their digests; photographs are printed, quotes appended."""
    yield heading(words["dossier.attachments"])
    named = quoted(content.sheet)
    if not content.attachments:
        yield text_block(words["dossier.no_attachments"])
    else:
        rows = [_listed(each, named, words) for each in content.attachments]
        names = ("file", "shows", "size")
        header = [words[f"dossier.column.{name}"] for name in names]
        yield table_block("LLr", header, rows)
    missing = sorted(named - {each.name for each in content.attachments})
    if missing:
        files = words["report.and"].join(missing)
        yield small(words["dossier.quotes_missing"].format(files=files))
    yield from _photos([each for each in content.attachments if each.picture], words)
    yield from appendix(content.attachments, words)


def _listed(each: Attachment, named: set[str], words: Words) -> Block:
    quote = is_quote(each.name, each.kind, named)
    kind = words["dossier.is_quote"] if quote else words[f"attachment.{each.kind}"]
    row = table_row(each.name, kind, f"{each.size / 1024:,.0f} KB")
    row["remark"] = "　".join(filter(None, [f"SHA-256 {each.sha256}", appended(each, words)]))
    return row


def _photos(pictures: Sequence[Attachment], words: Words) -> Iterator[Block]:
    if pictures:
        yield caption(words["dossier.photos"])
        photos = [{"file": each.picture, "alt": each.name, "text": each.name} for each in pictures]
        yield {"kind": "photos", "photos": photos}
