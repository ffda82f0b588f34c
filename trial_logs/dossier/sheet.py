"""The purchase dossier (導入検討書) as a list of worded blocks, ready to be set in type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trial_logs.blocks import Block
from trial_logs.dossier.amounts import Words
from trial_logs.dossier.closing_pages import attachments, caveats, proof
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.first_page import first_page
from trial_logs.dossier.grant_pages import grant_pages, index_pages
from trial_logs.dossier.money_pages import money_pages
from trial_logs.dossier.trial_pages import pictures, present_and_tried, side_by_side
from trial_logs.frame import frame
from trial_logs.shown import date_line


def dossier_sheet(content: DossierContent, words: Mapping[str, str]) -> dict[str, Any]:
    """The whole dossier: what stands on every page, and the blocks in order."""
    report = content.report
    facts = {
        "party": report.party,
        "held": date_line(report.date_us, report.zone, words),
        "equipment": report.equipment,
        "part": report.part,
    }
    return frame(
        words,
        report,
        title=words["dossier.title"],
        simulated=content.simulated,
        facts=facts,
        blocks=_blocks(content, words),
    )


def _blocks(content: DossierContent, words: Words) -> Iterator[Block]:
    yield from first_page(content, words)
    yield {"kind": "new page"}
    yield from pictures(content, words)
    yield from present_and_tried(content, words)
    yield from side_by_side(content, words)
    yield from money_pages(content, words)
    yield from grant_pages(content, words)
    yield from index_pages(content, words)
    yield from caveats(content, words)
    yield from proof(content, words)
    yield from attachments(content, words)
