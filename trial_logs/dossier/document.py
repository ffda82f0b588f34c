"""The purchase dossier as a PDF/A-2a, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.quotes import page_files
from trial_logs.dossier.sheet import dossier_sheet
from trial_logs.typeset.printing import Printed, can_print, print_sheet

PRINTABLE: Mapping[str, str] = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
}  # fmt: skip
"""Images the typesetter takes, with the ending it knows them by."""


def render_dossier(
    content: DossierContent,
    words: Mapping[str, str],
    out_path: Path,
    fonts: Sequence[Path] = (),
    pictures: Mapping[str, Path] | None = None,
) -> Printed:
    """Set the dossier in type and write it to `out_path`, dated by the trial.

    `pictures` are the image files by the name an attachment's `picture` gives them; one that
    cannot be printed is listed only. Raises ReportFailed when the typesetter complains about
    anything else.
    """
    pictures = {name: path for name, path in (pictures or {}).items() if can_print(path, name)}
    pages = page_files(content.attachments)
    return print_sheet(
        dossier_sheet(_only(content, pictures), words),
        out_path,
        date_us=content.report.date_us,
        zone=content.report.zone,
        fonts=fonts,
        pictures={**pictures, **pages},
    )


def _only(content: DossierContent, pictures: Mapping[str, Path]) -> DossierContent:
    """The content with pictures that are there; the others stay in the list of attachments."""
    kept = tuple(
        each if each.picture in pictures else replace(each, picture="")
        for each in content.attachments
    )
    return replace(content, attachments=kept)
