"""A worded sheet set in type: A4, PDF/A-2a and PDF/UA-1, the same bytes for the same content."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst

from trial_logs.errors import ReportFailed
from trial_logs.shown import local
from trial_logs.typeset.fonts import FontSet, declared
from trial_logs.typeset.glyphs import Glyphs, code_points

STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]
LIBRARY = ("document.typ", "blocks.typ", "plots.typ", "look.typ")


@dataclass(frozen=True, slots=True)
class Printed:
    """What was printed: the file, the font families used, and characters no font could show."""

    path: Path
    families: tuple[str, ...]
    missing: tuple[str, ...]


def print_sheet(
    sheet: Mapping[str, Any],
    out_path: Path,
    *,
    date_us: int,
    zone: str,
    fonts: Sequence[Path] = (),
    pictures: Mapping[str, Path] | None = None,
) -> Printed:
    """Set `sheet` in type and write it to `out_path`, dated by `date_us` and nothing else.

    `fonts` are tried in their order before the built-in Japanese one; a character none of them
    has is printed by its number. `pictures` are image files by the name the sheet calls them.
    Raises ReportFailed when the typesetter complains about anything.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fonts").mkdir()
        chosen = declared(fonts, folder / "fonts")
        shown, missing = _printable(sheet, chosen)
        day = local(date_us, zone)
        shown |= {
            "fonts": chosen.families,
            "has_bold": chosen.has_bold,
            "date": [day.year, day.month, day.day],
        }
        for each in LIBRARY:
            shutil.copyfile(Path(__file__).with_name(each), folder / each)
        for called, picture in (pictures or {}).items():
            shutil.copyfile(picture, folder / called)
        out_path.write_bytes(_compiled(folder, shown, chosen, date_us // 1_000_000))
    return Printed(out_path, chosen.families, tuple(sorted(missing)))


def can_print(picture: Path, name: str) -> bool:
    """Whether the typesetter takes an image file, to be called `name`, into an archive PDF."""
    with TemporaryDirectory() as folder:
        try:
            shutil.copyfile(picture, Path(folder) / name)
            page = f'#set document(title: "a")\n#image("{name}", alt: "a")'.encode()
            compiler = typst.Compiler(page, root=folder, font_paths=typst.Fonts(False, False, []))
            compiler.compile(pdf_standards=STANDARDS, timestamp=0)
        except (OSError, typst.TypstError):
            return False
    return True


def _printable(sheet: Mapping[str, Any], fonts: FontSet) -> tuple[dict[str, Any], set[str]]:
    glyphs = Glyphs(fonts.known)
    shown: dict[str, Any] = glyphs.clean(dict(sheet))
    note = shown["missing_glyphs"].format(characters=code_points(glyphs.missing))
    shown["missing_glyphs"] = note if glyphs.missing else ""
    return shown, glyphs.missing


def _compiled(folder: Path, sheet: Mapping[str, Any], fonts: FontSet, stamp: int) -> bytes:
    compiler = typst.Compiler(
        folder / LIBRARY[0],
        root=folder,
        font_paths=fonts.found,
        sys_inputs={"sheet": json.dumps(sheet, ensure_ascii=False)},
    )
    try:
        pdf, warnings = compiler.compile_with_warnings(timestamp=stamp, pdf_standards=STANDARDS)
    except typst.TypstError as error:
        raise ReportFailed(reason=str(error)) from error
    if warnings:
        raise ReportFailed(reason=str(warnings[0]))
    if not isinstance(pdf, bytes):
        raise ReportFailed(reason="pdf")
    return pdf
