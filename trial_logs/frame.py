"""What stands on every page of a printed document: lab, number, safety, simulation, digest, QR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trial_logs.blocks import Block
from trial_logs.digest import RunEnd, grouped, mark_text, trial_digest
from trial_logs.typeset.qr import qr_svg


def frame(
    words: Mapping[str, str],
    *,
    title: str,
    subject: str,
    lab: str,
    trial_id: str,
    confidentiality: str,
    simulated: bool,
    ends: Iterable[RunEnd],
    facts: list[list[str]],
    blocks: Iterable[Block],
) -> dict[str, Any]:
    """A sheet ready to be set in type; without runs there is nothing a digest could prove."""
    ends = list(ends)
    digest = trial_digest(trial_id, ends)
    mark = mark_text(trial_id, digest) if ends else ""
    return {
        "lang": words["report.language"],
        "title": title,
        "subject": subject,
        "lab": lab,
        "number": f"{words['report.trial_id']} {trial_id}",
        "secrecy": words[f"confidentiality.{confidentiality}"],
        "simulated": words["report.simulated"] if simulated else "",
        "simulated_note": words["report.simulated_note"] if simulated else "",
        "safety": words["report.safety"],
        "page": words["report.page"],
        "digest": words["report.digest"].format(digest=grouped(digest)) if ends else "",
        "qr": qr_svg(mark) if mark else "",
        "keywords": [mark] if mark else [],
        "missing_glyphs": words["report.missing_glyphs"],
        "facts": facts,
        "blocks": list(blocks),
    }
