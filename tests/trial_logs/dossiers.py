"""A complete trial for the tests of the dossier: present way, sheet, grants, attachments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from tests.trial_logs import purchases
from tests.trial_logs.day import DRAFT
from trial_logs.content import ReportContent
from trial_logs.dossier.content import (
    Attachment,
    DossierContent,
    Left,
    TriedHere,
    dossier_content,
)
from trial_logs.dossier.grant_pack import shipped
from trial_logs.protocol import Baseline, Protocol, SampleSize, StopKind, StopRule

ON = date(2026, 11, 20)
PRESENT = Baseline(
    method="外注のアルミ切削と社内での手仕上げ",
    cycle_times_s=(118.2, 121.5, 116.9, 124.0, 119.3, 122.8, 117.4, 120.6),
    people=1.0,
    scrap=3,
    inspected=60,
    cost_per_hour_yen=2500,
    yearly_volume=12000,
    source="2026年10月の作業日報（8個を時計で測定）",
)
PROTOCOL = Protocol(
    baseline=PRESENT,
    sample=SampleSize(parts_per_run=30, runs_per_condition=2),
    stop_rules=(StopRule(StopKind.SCRAP_SHARE, 0.1),),
    planned_cycle_s=80.0,
)
QUOTE = Attachment("見積-1.pdf", "ab" * 32, 183_000, "quote")


def trial(content: ReportContent, protocol: Protocol = PROTOCOL) -> TriedHere:
    """The recorded day under a full protocol."""
    return TriedHere(replace(DRAFT, protocol=protocol), replace(content, protocol=protocol))


def dossier(content: ReportContent, **changes: Any) -> DossierContent:
    """The dossier of that trial; changes are arguments of `dossier_content`."""
    given: dict[str, Any] = {
        "on": ON,
        "sheet": purchases.sheet(),
        "packs": shipped(),
        "attachments": (QUOTE,),
        "left": (Left("高速（0.28 mm）", 1),),
    }
    return dossier_content(trial(content), **{**given, **changes})


def real(content: ReportContent) -> ReportContent:
    """The same day as if made on the real machine."""
    runs = tuple(replace(run, simulated=False) for run in content.runs)
    return replace(content, runs=runs)
