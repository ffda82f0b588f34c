"""The printed report: read back, with its fonts, its missing characters and its bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest
from sqlite_utils import Database

from tests.papers import pages_of
from trial_logs import texts
from trial_logs.charts import PLOT_MM, curve_plots, cycle_strip
from trial_logs.content import CURVE_UNITS, ReportContent
from trial_logs.plots import nice_ticks
from trial_logs.report import render_report
from trial_logs.shown import length, percent, plain, significant

Day = tuple[Database, list[Database], ReportContent]
JA, EN = texts.load("ja"), texts.load("en")
SAFETY = "本ソフトの停止は安全機能ではありません。非常停止は現場の押しボタンで行ってください"


def fonts_of(path: Path) -> set[str]:
    found = set()
    for page in pypdf.PdfReader(path).pages:
        for font in page["/Resources"]["/Font"].values():
            found.add(font.get_object()["/BaseFont"].partition("+")[2])
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def printed(recorded: Day, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    render_report(recorded[2], JA, path)
    return path


def test_the_report_says_what_was_done_with_which_numbers(recorded: Day, printed: Path) -> None:
    content, text = recorded[2], "".join(pages_of(printed))
    first = content.runs[0]
    assert first.numbers.cycle_time_s.mean.value is not None
    for expected in (
        content.lab_name, content.trial_id, content.party, content.equipment, content.vendor,
        content.operator, content.question, content.baseline, content.part, "2026年11月20日（金）",
        "標準（0.20mm）", "材料の交換", "角に反り", first.head, SAFETY,
        f"{first.numbers.cycle_time_s.mean.value:.2f}", JA["report.method_2"],
    ):  # fmt: skip
        assert squeezed(expected) in text, expected


def test_every_page_carries_safety_number_and_the_simulated_mark(printed: Path) -> None:
    pages = pages_of(printed)
    assert len(pages) >= 3
    for number, page in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in page
        assert SAFETY in page
        assert "模擬データ" in page


def test_a_real_run_carries_no_simulated_mark(recorded: Day, tmp_path: Path) -> None:
    content = recorded[2]
    real = replace(content, runs=tuple(replace(run, simulated=False) for run in content.runs))
    render_report(real, JA, tmp_path / "real.pdf")
    assert "模擬データ" not in "".join(pages_of(tmp_path / "real.pdf"))


def test_the_page_is_a4_and_the_font_is_embedded(printed: Path) -> None:
    page = pypdf.PdfReader(printed).pages[0]
    assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
    assert fonts_of(printed) == {"IPAexGothic"}
    fonts = page["/Resources"]["/Font"].values()
    descendant = next(iter(fonts)).get_object()["/DescendantFonts"][0].get_object()
    assert (
        "/FontFile2" in descendant["/FontDescriptor"]
        or "/FontFile3" in descendant["/FontDescriptor"]
    )


def test_english_is_complete(recorded: Day, tmp_path: Path) -> None:
    render_report(recorded[2], EN, tmp_path / "en.pdf")
    pages = pages_of(tmp_path / "en.pdf")
    for key in ("report.title", "report.results", "report.method_1", "report.evidence_note"):
        assert squeezed(EN[key]) in "".join(pages)
    assert all("SIMULATEDDATA" in page and "notasafetyfunction" in page for page in pages)


def test_words_of_people_are_never_markup(recorded: Day, tmp_path: Path) -> None:
    words = '#panic("x") *a* $b$ \\ @c <d> "e" // f\u202e\u0007'
    done = render_report(replace(recorded[2], question=words), JA, tmp_path / "a.pdf")
    assert done.missing == ()
    assert squeezed('#panic("x") *a* $b$ \\ @c <d> "e" // f') in "".join(
        pages_of(tmp_path / "a.pdf")
    )


def test_a_trial_without_runs_and_words_still_prints(recorded: Day, tmp_path: Path) -> None:
    bare = replace(recorded[2], runs=(), limits=(), question="", baseline="", vendor="")
    render_report(bare, JA, tmp_path / "bare.pdf")
    assert JA["report.no_notes"] in "".join(pages_of(tmp_path / "bare.pdf"))


def test_seven_runs_stand_side_by_side_in_two_tables(recorded: Day, tmp_path: Path) -> None:
    content = recorded[2]
    many = [replace(content.runs[n % 2], number=n + 1) for n in range(7)]
    render_report(replace(content, runs=tuple(many)), JA, tmp_path / "many.pdf")
    assert "試行7" in "".join(pages_of(tmp_path / "many.pdf"))


def test_every_line_of_a_plot_lies_inside_it(recorded: Day) -> None:
    content = recorded[2]
    strip = cycle_strip(content, JA)
    assert strip is not None
    assert len(strip["dots"]) == 23 + 24
    for plot in [strip, *(p for run in content.runs for p in curve_plots(content, run, JA))]:
        assert plot["alt"]
        shapes = [*plot["lines"], *plot["bands"], *({"points": [d["at"]]} for d in plot["dots"])]
        points = [point for shape in shapes for point in shape["points"]]
        assert points
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points)


def test_every_unit_that_has_a_picture_has_an_axis() -> None:
    assert {f"report.axis.{unit}" for unit in CURVE_UNITS} <= JA.keys() & EN.keys()
    assert set(CURVE_UNITS) == PLOT_MM.keys()


def test_a_line_breaks_where_nothing_was_recorded(recorded: Day) -> None:
    content = recorded[2]
    nozzle = curve_plots(content, content.runs[0], JA)[0]
    drawn = [line for line in nozzle["lines"] if line["ink"] == "#1b4f8a" and line["width"] == 0.9]
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 40, [0, 10, 20, 30, 40]), (76.8, 90.0, [75, 80, 85, 90]), (5, 5, [4.5, 5.0, 5.5])],
)
def test_ticks_are_round_and_enclose(low: float, high: float, ticks: list[float]) -> None:
    found = nice_ticks(low, high, 4)
    assert found[0] <= low
    assert found[-1] >= high
    assert set(ticks) <= set(found)


def test_numbers_are_written_as_people_do() -> None:
    assert [plain(20.0), plain(0.05), plain(-3.5)] == ["20", "0.05", "-3.5"]
    assert [significant(0.0034912), significant(1234.5), significant(0.0)] == [
        "0.00349",
        "1234",
        "0",
    ]
    assert [percent(1.0), percent(0.99999), percent(0.5)] == ["100.0%", "99.9%", "50.0%"]
    assert [length(0), length(9.46), length(3725)] == ["0:00:00", "9.5 s", "1:02:05"]
