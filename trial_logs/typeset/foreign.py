"""Pages of somebody else's document, such as a quote, as pictures that an archive PDF may hold.

The typesetter takes no PDF page into PDF/A-2a, so every page is drawn in pixels. What is not
embedded in the document is drawn in the built-in Japanese font and in no other of the machine.
"""

from __future__ import annotations

import ctypes
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trial_logs.typeset.fonts import default_font

if TYPE_CHECKING:
    from PIL.Image import Image

WIDEST, TALLEST = 1100, 1560
"""Pixels of the largest page picture: A4 at 133 dots per inch."""
FINEST = 4.0
"""Pixels per point at most: a stamp is not blown up to a page."""
LARGEST_FILE = 64 << 20
MOST_PIXELS = 60_000_000
"""A photograph of more is not opened."""
FEW_COLOURS = 8192
"""Drawings and letters keep every pixel; what has more colours is a photograph or a scan."""
QUALITY = 80
LONGEST_TEXT = 2000
"""Characters of a page that are kept for readers who cannot see it."""
PDF = "application/pdf"
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff"})
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF")
"""Decoders that may see a file; others, such as one that starts a program, never do."""


@dataclass(frozen=True, slots=True)
class ForeignPage:
    """A page's picture and the text the document itself says it has, empty for a scan."""

    picture: Path
    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """What could be drawn of a document; `count` of its pages, 0 where it could not be opened.

    `code` says why a page is missing: `type`, `large`, `locked`, `broken`, `many` (no room left).
    """

    pages: tuple[ForeignPage, ...] = ()
    count: int = 0
    code: str = ""


class Room:
    """How many pages and bytes of pictures one printed document takes in."""

    def __init__(self, pages: int, bytes_: int) -> None:
        self.pages, self.bytes = pages, bytes_

    def take(self, picture: Path) -> None:
        """A page has been taken in."""
        self.pages -= 1
        self.bytes -= picture.stat().st_size

    @property
    def is_full(self) -> bool:
        """Whether no further page goes in."""
        return self.pages <= 0 or self.bytes <= 0


def draw(source: Path, media_type: str, place: Path, most: int, room: Room) -> Foreign:
    """The first `most` pages of a document as `place-1.png` …, one page in memory at a time.

    The same file gives the same pictures. Nothing about the file is an error: what cannot be
    drawn is told by a code.
    """
    opened = _opened(media_type)
    if opened is None:
        return Foreign(code="type")
    if source.stat().st_size > LARGEST_FILE:
        return Foreign(code="large")
    pages: list[ForeignPage] = []
    count = 0
    try:
        with closing(opened(source)) as found:
            for image, text, count in found:
                if len(pages) >= most or room.is_full:
                    return Foreign(tuple(pages), count, "many")
                picture = _saved(image, place.with_name(f"{place.name}-{len(pages) + 1}"))
                room.take(picture)
                pages.append(ForeignPage(picture, text))
    except Undrawable as error:
        return Foreign(tuple(pages), count, error.code)
    return Foreign(tuple(pages), count)


class Undrawable(Exception):
    """A document that cannot be opened or drawn; stays within this module."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _opened(media_type: str) -> Any:
    if media_type == PDF:
        return _pdf_pages
    return _image_pages if media_type in IMAGES else None


@cache
def _pdfium() -> Any:
    """The library, begun again with our font folder in the place of the machine's."""
    import pypdfium2
    from pypdfium2 import raw

    paths = (ctypes.c_char_p * 2)(bytes(default_font().parent), None)
    given = ctypes.cast(paths, ctypes.POINTER(ctypes.POINTER(ctypes.c_char)))
    raw.FPDF_DestroyLibrary()
    raw.FPDF_InitLibraryWithConfig(raw.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=given))
    return pypdfium2, paths  # the paths must live as long as the library


def _pdf_pages(source: Path) -> Iterator[tuple[Image, str, int]]:
    library = _pdfium()[0]
    try:
        document = library.PdfDocument(source)
    except library.PdfiumError as error:
        locked = error.err_code == library.raw.FPDF_ERR_PASSWORD
        raise Undrawable("locked" if locked else "broken") from None
    with closing(document):
        count = len(document)
        if not count:
            raise Undrawable("broken")
        document.init_forms()  # what was filled in is part of the page
        for number in range(count):
            try:
                with closing(document[number]) as page:
                    yield _page_image(page), _page_text(page), count
            except library.PdfiumError:
                raise Undrawable("broken") from None


def texts(source: Path) -> list[str]:
    """The text of every page of a PDF, line by line. Raises ValueError where it cannot be read."""
    library = _pdfium()[0]
    try:
        with closing(library.PdfDocument(source)) as document:
            return [_whole_text(page) for page in document]
    except library.PdfiumError as error:
        raise ValueError(str(error)) from None


def _whole_text(page: Any) -> str:
    with closing(page), closing(page.get_textpage()) as text:
        return str(text.get_text_range())


def _page_image(page: Any) -> Image:
    width, height = page.get_size()
    scale = min(WIDEST / max(width, 1), TALLEST / max(height, 1), FINEST)
    with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
        image: Image = bitmap.to_pil().convert("RGB")
        return image


def _page_text(page: Any) -> str:
    with closing(page.get_textpage()) as text:
        return _plain(text.get_text_range(0, min(text.count_chars(), LONGEST_TEXT)))


def _plain(text: str) -> str:
    """The text in one line; what is no character for people (control, private use) is left out."""
    spaced = (" " if char.isspace() else char for char in text)
    kept = (char for char in spaced if not unicodedata.category(char).startswith("C"))
    return " ".join("".join(kept).split())


def _image_pages(source: Path) -> Iterator[tuple[Image, str, int]]:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(source, formats=FORMATS)
        with image:
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            for number in range(count):
                image.seek(number)
                if image.width * image.height > MOST_PIXELS:
                    raise Undrawable("large")
                image.draft("RGB", (TALLEST, TALLEST))
                # made small before anything else, so that only one copy is large
                upright = ImageOps.exif_transpose(_within(image, TALLEST, TALLEST)).convert("RGBA")
                white = Image.new("RGB", upright.size, "white")
                white.paste(upright, mask=upright)
                yield _within(white, WIDEST, TALLEST), "", count
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Undrawable("large") from None
    except Undrawable:
        raise
    except Exception as damage:  # whatever a damaged file makes a decoder raise, as TypeError
        raise Undrawable("broken") from damage


def _within(image: Image, width: int, height: int) -> Image:
    """The image, made smaller where it is larger; letters of few colours are made grey first."""
    from PIL import Image

    scale = min(width / image.width, height / image.height, 1.0)
    if scale == 1.0:
        return image
    plain = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGBA")
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return plain.resize(size, Image.Resampling.LANCZOS)


def _saved(image: Image, path: Path) -> Path:
    if image.getcolors(FEW_COLOURS) is None:
        path = path.with_name(f"{path.name}.jpg")
        image.save(path, "JPEG", quality=QUALITY, subsampling=0)
    else:
        path = path.with_name(f"{path.name}.png")
        image.save(path, "PNG")
    return path
