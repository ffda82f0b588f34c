"""The purchase dossier as a PDF/A-2a, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.sheet import dossier_sheet
from trial_logs.typeset.printing import Printed, print_sheet


def render_dossier(
    content: DossierContent,
    words: Mapping[str, str],
    out_path: Path,
    fonts: Sequence[Path] = (),
    pictures: Mapping[str, Path] | None = None,
) -> Printed:
    """Set the dossier in type and write it to `out_path`, dated by the trial.

    `pictures` are the image files by the name an attachment's `picture` gives them. Raises
    ReportFailed when the typesetter complains about anything.
    """
    return print_sheet(
        dossier_sheet(content, words),
        out_path,
        date_us=content.report.date_us,
        zone=content.report.zone,
        fonts=fonts,
        pictures=pictures,
    )
