"""What stands on every page of a printed document: lab, number, safety, simulation, digest, QR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trial_logs.blocks import Block
from trial_logs.content import ReportContent
from trial_logs.digest import RunEnd, grouped, mark_text, trial_digest
from trial_logs.typeset.qr import qr_svg


def frame(
    words: Mapping[str, str],
    report: ReportContent,
    *,
    title: str,
    simulated: bool,
    facts: Mapping[str, str],
    blocks: Iterable[Block],
) -> dict[str, Any]:
    """A sheet ready to be set in type; without runs there is nothing a digest could prove.

    `facts` stand below the title, their names under `report.<key>`; an empty one is said so.
    """
    ends = [RunEnd(run.run_id, run.segments, run.head) for run in report.runs]
    digest = trial_digest(report.trial_id, ends)
    mark = mark_text(report.trial_id, digest) if ends else ""
    phone = report.lab_phone
    contact = words["report.contact"].format(phone=phone) if phone else ""
    none = words["report.none"]
    return {
        "lang": words["report.language"],
        "title": title,
        "subject": report.title,
        "lab": report.lab_name,
        "contact": contact,
        "number": f"{words['report.trial_id']} {report.trial_id}",
        "secrecy": words[f"confidentiality.{report.confidentiality}"],
        "simulated": words["report.simulated"] if simulated else "",
        "simulated_note": words["report.simulated_note"] if simulated else "",
        "safety": words["report.safety"],
        "page": words["report.page"],
        "digest": words["report.digest"].format(digest=grouped(digest)) if ends else "",
        "qr": qr_svg(mark) if mark else "",
        "keywords": [mark] if mark else [],
        "missing_glyphs": words["report.missing_glyphs"],
        "facts": [[words[f"report.{key}"], text or none] for key, text in facts.items()],
        "blocks": list(blocks),
    }
