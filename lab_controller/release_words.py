"""A vendor's view in words, the same for the page and for the API, and what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lab_controller.i18n import text
from lab_controller.services.vendor_views import Standing
from lab_controller.wire_sharing import RowShape, SectionShape
from trial_logs.release import FIELDS, VendorView


@dataclass(frozen=True, slots=True)
class Choice:
    """A field that can be released, its title, and since when it is."""

    field: str
    title: str
    since: datetime | None


def choices(standing: Standing, language: str) -> list[Choice]:
    """Every field that can be released, in the order of a vendor's view."""
    since = {each.field: each.at for each in standing.fields}
    return [Choice(name, text(language, f"release.{name}"), since.get(name)) for name in FIELDS]


def sections(view: VendorView, language: str) -> list[SectionShape]:
    """Every released field with its title and lines."""
    return [
        SectionShape(
            field=each.field,
            title=text(language, f"release.{each.field}"),
            rows=[
                RowShape(label=text(language, row.label, row.params), value=row.value)
                for row in each.rows
            ],
            photos=list(each.photos),
            digests=[_digests(original, copy, language) for original, copy in each.digests],
        )
        for each in view.sections
    ]


def _digests(original: str, copy: str, language: str) -> str:
    """That a picture is a copy, with its digest and the original's."""
    if not copy:
        return text(language, "release.no_copy", {"original": original})
    return text(language, "release.copy", {"original": original, "copy": copy})
