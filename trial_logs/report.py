"""The trial report: an A4 PDF with embedded fonts, the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst

from trial_logs.content import ReportContent
from trial_logs.errors import ReportFailed
from trial_logs.glyphs import Glyphs, code_points
from trial_logs.sheet import report_sheet
from trial_logs.shown import local


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """What was printed: the file, the font families used, and characters no font could show."""

    path: Path
    families: tuple[str, ...]
    missing: tuple[str, ...]


def render_report(
    content: ReportContent,
    words: Mapping[str, str],
    out_path: Path,
    fonts: Sequence[Path] = (),
) -> RenderedReport:
    """Set the report in type and write it to `out_path`; dated by the trial.

    `fonts` are tried before the built-in Japanese one, a file that is not there is passed over.
    Raises ReportFailed when the typesetter complains about anything.
    """
    chain = [*(font for font in fonts if font.is_file()), default_font()]
    sheet, missing = _printable(report_sheet(content, words), chain)
    found = typst.Fonts(False, False, [str(folder) for folder in _folders(chain)])
    sheet["fonts"] = _families(chain, found)
    day = local(content.date_us, content.zone)
    sheet["date"] = [day.year, day.month, day.day]
    sheet["lang"] = words["report.language"]
    out_path.write_bytes(_set_in_type(sheet, found, content.date_us // 1_000_000))
    return RenderedReport(out_path, tuple(sheet["fonts"]), tuple(sorted(missing)))


def default_font() -> Path:
    """The Japanese font that comes with the installation (IPAexGothic)."""
    # located without importing it: the package would load matplotlib
    spec = find_spec("matplotlib_fontja")
    if spec is None or not spec.submodule_search_locations:
        raise ReportFailed(reason="matplotlib_fontja")
    return Path(spec.submodule_search_locations[0]) / "fonts" / "ipaexg.ttf"


def _folders(fonts: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(font.parent for font in fonts))


def _families(fonts: Sequence[Path], found: typst.Fonts) -> list[str]:
    by_path = {Path(each.path).resolve(): each.family for each in found.fonts() if each.path}
    return [by_path[font.resolve()] for font in fonts if font.resolve() in by_path]


def _printable(sheet: dict[str, Any], fonts: Sequence[Path]) -> tuple[dict[str, Any], set[str]]:
    glyphs = Glyphs(fonts)
    shown: dict[str, Any] = glyphs.clean(sheet)
    note = shown["missing_glyphs"].format(characters=code_points(glyphs.missing))
    shown["missing_glyphs"] = note if glyphs.missing else ""
    return shown, glyphs.missing


def _set_in_type(sheet: dict[str, Any], fonts: typst.Fonts, stamp: int) -> bytes:
    template = (files("trial_logs") / "report.typ").read_bytes()
    data = {"sheet": json.dumps(sheet, ensure_ascii=False)}
    compiler = typst.Compiler(template, font_paths=fonts, sys_inputs=data)
    try:
        pdf, warnings = compiler.compile_with_warnings(timestamp=stamp)
    except typst.TypstError as error:
        raise ReportFailed(reason=str(error)) from error
    if warnings:
        raise ReportFailed(reason=str(warnings[0]))
    if not isinstance(pdf, bytes):
        raise ReportFailed(reason="pdf")
    return pdf
