"""What the typesetter makes of a sheet: the archive standard, its fonts, glyphs and bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdf
import pytest
from fontTools.ttLib import TTFont

from tests.papers import pages_of
from trial_logs import texts
from trial_logs.errors import ReportFailed
from trial_logs.frame import frame
from trial_logs.plots import axis, bar, dot, empty_plot, fill_sign, label, level, line_sign
from trial_logs.typeset import fonts
from trial_logs.typeset.fonts import declared, default_font
from trial_logs.typeset.glyphs import Glyphs
from trial_logs.typeset.printing import LIBRARY, Printed, print_sheet

JA, EN = texts.load("ja"), texts.load("en")
DATE_US = 1_795_136_400_000_000
EVERY_BLOCK: list[dict[str, Any]] = [
    {"kind": "heading", "text": "見出し"},
    {"kind": "caption", "text": "小見出し"},
    {"kind": "text", "text": "本文"},
    {"kind": "small", "text": "小さい字"},
    {"kind": "list", "items": ["一", "二"]},
    {"kind": "points", "items": ["点"]},
    {"kind": "callout", "tone": "answer", "title": "結論", "text": "答え"},
    {"kind": "cards", "cards": [{"name": "投資", "value": "100万円", "note": "税抜"}]},
    {"kind": "table", "columns": ["l", "R"], "header": ["列", "値"],
     "rows": [{"cells": ["行", "1"], "strong": True, "remark": "注"}]},
]  # fmt: skip


def a_plot() -> dict[str, Any]:
    plot = empty_plot(20, alt="棒と点の図")
    plot["x"], plot["y"] = axis([0, 5, 10], "秒"), axis([0, 1000], "円")
    plot["bars"] = [
        bar([0.1, 0, 0.2, 0.8], "#1b4f8a", "rising"),
        bar([0.3, 0, 0.4, 0.1], "#c2570c", "dots"),
    ]
    plot["dots"], plot["lines"] = (
        [dot([0.5, 0.5], "#1b4f8a")],
        [level(0.5, "#1b4f8a", dash="dashed")],
    )
    plot["labels"] = [label([0.6, 0.6], "目印")]
    plot["legend"] = [line_sign("線", "#1b4f8a"), fill_sign("棒", "#c2570c", "rising")]
    return plot  # fmt: skip


def a_sheet(**changes: Any) -> dict[str, Any]:
    blocks = [*EVERY_BLOCK, a_plot()]
    trial = SimpleNamespace(
        title="題目", lab_name="ラボ", lab_phone="", trial_id="T20261120-01",
        confidentiality="party",
        runs=[SimpleNamespace(run_id="T20261120-01-R1", segments=3, head="ab" * 32)],
    )  # fmt: skip
    facts = dict.fromkeys(("held", "party", "equipment", "part"), "値")
    sheet = frame(JA, trial, title="試用報告書", simulated=True, facts=facts, blocks=blocks)
    return {**sheet, **changes}


def printed(folder: Path, declared_fonts: tuple[Path, ...] = (), **changes: Any) -> Printed:
    sheet = a_sheet(**changes)
    return print_sheet(
        sheet, folder / "a.pdf", date_us=DATE_US, zone="Asia/Tokyo", fonts=declared_fonts
    )


def fonts_of(path: Path) -> set[str]:
    return {
        font.get_object()["/BaseFont"].partition("+")[2]
        for page in pypdf.PdfReader(path).pages
        for font in page["/Resources"]["/Font"].values()
    }


def tagged(element: Any, kind: str) -> list[Any]:
    """All elements of a kind in the tree of tags."""
    element = element.get_object()
    if not isinstance(element, dict):
        return []
    kids = element.get("/K", [])
    below = kids if isinstance(kids, list) else [kids]
    found = [each for kid in below for each in tagged(kid, kind)]
    return [element, *found] if element.get("/S") == kind else found


def test_the_file_is_an_archive_and_readable_for_everybody(tmp_path: Path) -> None:
    reader = pypdf.PdfReader(printed(tmp_path).path)
    root = reader.trailer["/Root"]
    meta = root["/Metadata"].get_data().decode()
    for claim in ("pdfaid:part>2<", "pdfaid:conformance>A<", "pdfuaid:part>1<"):
        assert claim in meta
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "ja-JP"
    assert root["/OutputIntents"]
    tree = root["/StructTreeRoot"]
    assert [each["/Alt"] for each in tagged(tree, "/Figure")] == ["棒と点の図"]
    assert tagged(tree, "/TH")
    assert [each.title for each in reader.outline if not isinstance(each, list)] == ["見出し"]
    assert reader.metadata is not None
    assert reader.metadata["/Keywords"].startswith("MACHIKOBA1:T20261120-01:")


def test_every_font_is_embedded(tmp_path: Path) -> None:
    path = printed(tmp_path).path
    assert fonts_of(path) == {"IPAexGothic"}
    page = pypdf.PdfReader(path).pages[0]
    for font in page["/Resources"]["/Font"].values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


PRINT = """
import json, sys
from pathlib import Path
from trial_logs.typeset.printing import print_sheet
sheet = json.loads(sys.stdin.read())
print_sheet(sheet, Path(sys.argv[1]), date_us=int(sys.argv[2]), zone="Asia/Tokyo")
"""


def test_another_process_elsewhere_prints_the_same_bytes(tmp_path: Path) -> None:
    first = printed(tmp_path).path.read_bytes()
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", PRINT, "b.pdf", str(DATE_US)],
        input=json.dumps(a_sheet()).encode(),
        cwd=tmp_path,
        env={**os.environ, "TZ": "America/Lima", "LC_ALL": "C", "PYTHONPATH": str(root)},
        check=True,
    )
    assert (tmp_path / "b.pdf").read_bytes() == first


def test_a_character_no_font_has_is_printed_by_its_number(tmp_path: Path) -> None:
    done = printed(tmp_path, subject="株式会社𠮷田製作所 髙﨑 葛\U000e0100城 😀")
    text = "".join(pages_of(done.path))
    assert "株式会社〓(U+20BB7)田製作所髙﨑葛城〓(U+1F600)" in text
    assert "U+1F600,U+20BB7,U+E0100" in text
    assert done.missing == ("😀", "𠮷", "\U000e0100")


def a_font(path: Path, family: str, weight: int, codes: range) -> Path:
    """The built-in font cut down to some characters, under another name."""
    with TTFont(default_font()) as font:
        for table in font["cmap"].tables:
            table.cmap = {code: name for code, name in table.cmap.items() if code in codes}
        style = "Bold" if weight >= 600 else "Regular"
        for record in font["name"].names:
            named = {1: family, 16: family, 4: f"{family} {style}", 6: f"{family}-{style}"}
            record.string = named.get(record.nameID, style)
        font["OS/2"].usWeightClass = weight
        font.save(path)
    return path


def test_declared_fonts_come_first_and_a_real_bold_is_used(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    regular = a_font(tmp_path / "named" / "r.ttf", "Latin", 400, range(0x7F))
    heavy = a_font(tmp_path / "named" / "b.ttf", "Latin", 700, range(0x7F))
    a_font(tmp_path / "named" / "other.ttf", "Not Named", 400, range(0x7F))
    gone = tmp_path / "gone.ttf"
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    done = printed(tmp_path, (regular, heavy, gone, broken))
    assert done.families == ("Latin", "IPAexGothic")
    assert fonts_of(done.path) == {"Latin-Regular", "Latin-Bold", "IPAexGothic"}


def test_a_character_the_bold_lacks_counts_as_lacking(tmp_path: Path) -> None:
    full = a_font(tmp_path / "r.ttf", "Kana", 400, range(0x3040, 0x3100))
    half = a_font(tmp_path / "b.ttf", "Kana", 700, range(0x3040, 0x30A0))
    (tmp_path / "set").mkdir()
    faces = declared((full, half), tmp_path / "set").faces
    chosen = fonts.FontSet(faces[:2], found=None)  # type: ignore[arg-type]
    assert ord("あ") in chosen.known
    assert ord("ア") not in chosen.known


def test_no_font_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "default_font", lambda: tmp_path / "gone.ttf")
    with pytest.raises(ReportFailed, match=r"report\.failed"):
        printed(tmp_path)
    assert not (tmp_path / "a.pdf").exists()


def test_nothing_we_print_ourselves_is_missing_in_the_font(tmp_path: Path) -> None:
    glyphs = Glyphs(declared((), tmp_path).known)
    home = Path(fonts.__file__).parent
    glyphs.clean([*JA.values(), *EN.values(), *(home.joinpath(n).read_text() for n in LIBRARY)])
    assert glyphs.missing == set()
