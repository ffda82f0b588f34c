"""The words on the pages of a printed document, read back by another program."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pypdfium2


def pages_of(path: Path) -> list[str]:
    """The text of each page, without the spaces the typesetter put in."""
    with closing(pypdfium2.PdfDocument(path)) as paper:
        return ["".join(page.get_textpage().get_text_bounded().split()) for page in paper]
