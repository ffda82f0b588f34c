"""The trial report: an A4 PDF/A-2a with embedded fonts, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from trial_logs.content import ReportContent
from trial_logs.sheet import report_sheet
from trial_logs.typeset.printing import Printed, print_sheet


def render_report(
    content: ReportContent,
    words: Mapping[str, str],
    out_path: Path,
    fonts: Sequence[Path] = (),
) -> Printed:
    """Set the report in type and write it to `out_path`; dated by the trial.

    `fonts` are tried before the built-in Japanese one. Raises ReportFailed when the typesetter
    complains about anything.
    """
    return print_sheet(
        report_sheet(content, words),
        out_path,
        date_us=content.date_us,
        zone=content.zone,
        fonts=fonts,
    )
