"""A vendor's view in words: the same for the page and for the API."""

from __future__ import annotations

from lab_controller.i18n import text
from lab_controller.wire_sharing import RowShape, SectionShape
from trial_logs.release import VendorView


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
        )
        for each in view.sections
    ]
