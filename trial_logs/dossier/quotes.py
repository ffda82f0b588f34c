"""Quotes appended to a dossier: which files they are, and the blocks of their pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trial_logs.blocks import Block
from trial_logs.dossier.amounts import Words
from trial_logs.dossier.content import Attachment
from trial_logs.dossier.economics import InvestmentSheet
from trial_logs.typeset.foreign import Foreign, Room, draw

MOST_OF_ONE, MOST_TOGETHER = 20, 40
"""Pages appended of one quote and of all; the list of attachments says how many are left out."""
MOST_BYTES = 24 << 20
QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class QuoteFile:
    """Where the bytes of a quote lie and what they are; the digest is that of the list.

    Without a path it is not appended, for the reason `code` (a text under `quote.`).
    """

    sha256: str
    path: Path | None
    media_type: str
    code: str = "lost"


def quoted(sheet: InvestmentSheet | None) -> set[str]:
    """File names that the lines of the sheet call quotes."""
    return {line.quote for line in sheet.lines if line.quote} if sheet else set()


def is_quote(name: str, kind: str, named: Collection[str]) -> bool:
    """Whether a file is a quote: kept as one, or called one by the investment sheet."""
    return kind == QUOTE or name in named


def with_pages(
    kept: Collection[Attachment], files: Collection[QuoteFile], folder: Path
) -> tuple[Attachment, ...]:
    """The attachments, those with a file in `files` with their pages drawn into `folder`."""
    room = Room(MOST_TOGETHER, MOST_BYTES)
    by_digest = {each.sha256: each for each in files}
    found = []
    for number, each in enumerate(kept, 1):
        file = by_digest.pop(each.sha256, None)  # the same bytes twice are appended once
        if file is not None:
            each = replace(each, pages=_drawn(file, folder / f"quote-{number}", room))
        found.append(each)
    return tuple(found)


def _drawn(file: QuoteFile, place: Path, room: Room) -> Foreign:
    if file.path is None:
        return Foreign(code=file.code)
    return draw(file.path, file.media_type, place, MOST_OF_ONE, room)


def page_files(kept: Collection[Attachment]) -> Mapping[str, Path]:
    """The pictures of all pages, by the names the blocks call them."""
    pages = [page for each in kept if each.pages for page in each.pages.pages]
    return {page.picture.name: page.picture for page in pages}


def appendix(kept: Collection[Attachment], words: Words) -> Iterator[Block]:
    """Every page of every quote on a page of its own, with file, page number and digest."""
    first = True
    for each in kept:
        pages = each.pages or Foreign()
        for number, page in enumerate(pages.pages, 1):
            params = {"file": each.name, "page": number, "pages": pages.count}
            block = {
                "kind": "foreign page",
                "file": page.picture.name,
                "text": words["quote.caption"].format(**params, sha256=each.sha256),
                "alt": words["quote.alt"].format(**params, text=page.text or words["quote.scan"]),
            }
            yield block | ({"heading": words["quote.appendix"]} if first else {})
            first = False


def appended(each: Attachment, words: Words) -> str:
    """What of a quote is appended and why not the rest, as a sentence; empty for other files."""
    if each.pages is None:
        return ""
    pages = each.pages
    said = []
    if pages.pages:
        key = "quote.whole" if len(pages.pages) == pages.count else "quote.part"
        said.append(words[key].format(count=len(pages.pages), pages=pages.count))
    if pages.code:
        said.append(words[f"quote.{pages.code}"])
    return words["dossier.sentence_gap"].join(said)
