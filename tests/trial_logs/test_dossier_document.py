"""The purchase dossier: what page 1 says by rule, what it prints, and that it never fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pypdfium2
import pytest
import typst
from PIL import Image
from sqlite_utils import Database

from tests.papers import pages_of
from tests.trial_logs import purchases
from tests.trial_logs.dossiers import ON, PRESENT, PROTOCOL, QUOTE, dossier, real, trial
from tests.trial_logs.test_typeset import tagged
from trial_logs import texts
from trial_logs.content import PartRow, ReportContent, RunSection
from trial_logs.dossier import quotes
from trial_logs.dossier.charts import cash_flow, tornado
from trial_logs.dossier.content import Attachment, dossier_content
from trial_logs.dossier.document import render_dossier
from trial_logs.dossier.findings import findings
from trial_logs.dossier.first_page import first_page
from trial_logs.dossier.quotes import QuoteFile, page_files, with_pages
from trial_logs.dossier.sheet import dossier_sheet
from trial_logs.dossier.verdict import Step, answer, doubts, next_step
from trial_logs.inference.interval import joint_level
from trial_logs.pictures.cycles import boxes, control_chart, histogram
from trial_logs.protocol import Baseline, Protocol, SampleSize
from trial_logs.sheet import report_sheet
from trial_logs.typeset.foreign import Room, draw

WIDTH = b"\x00\x01\x04\x00"
"""How a TIFF's entry for the width begins."""
Day = tuple[Database, list[Database], ReportContent]
JA, EN = texts.load("ja"), texts.load("en")
NEAR = (80.7, 85.5, 83.9, 79.8, 86.6, 82.6, 85.0, 81.7)
"""Present cycle times too near to the trial's for a difference to be told."""


def fills(path: Path) -> list[float]:
    """How far down the ink of each page reaches, header and footer apart: 0 to 1.

    A page before an appendix, which begins a new one, and the last page are left out.
    """
    found = []
    with closing(pypdfium2.PdfDocument(path)) as document:
        for page in document:
            image = page.render(scale=0.25, grayscale=True).to_numpy()
            top, bottom = (round(len(image) * share) for share in (24 / 297, 1 - 24 / 297))
            inked = np.flatnonzero((image[top:bottom] < 160).any(axis=1))
            found.append((inked[-1] + 1) / (bottom - top) if len(inked) else 0.0)
    texts_ = pages_of(path)
    before = [n for n, text in enumerate(texts_[1:]) if "付録見積書" in text]
    return found[: before[0] if before else -1]


def words_in(value: Any) -> str:
    """All text of a sheet."""
    if isinstance(value, dict):
        return " ".join(words_in(each) for each in value.values())
    if isinstance(value, list | tuple):
        return " ".join(words_in(each) for each in value)
    return str(value)


def test_page_1_answers_with_number_and_interval_and_stands_alone(
    recorded: Day, tmp_path: Path
) -> None:
    content = dossier(real(recorded[2]))
    render_dossier(content, JA, tmp_path / "d.pdf")
    pages = pages_of(tmp_path / "d.pdf")
    finding = content.finding
    assert finding is not None
    assert finding.against is not None
    assert finding.against.cycle_s is not None
    difference = finding.against.cycle_s.difference
    assert difference.low is not None
    assert difference.estimate is not None
    assert re.sub(r"\s", "", answer(content, JA)) in pages[0]
    assert f"{-difference.estimate:.1f}秒" in pages[0]
    assert f"{-difference.low:.1f}]" in pages[0]
    assert "500万円" in pages[0]
    assert JA["dossier.next"] in pages[0]
    assert JA["dossier.pictures"] not in pages[0]
    assert JA["dossier.pictures"] in pages[1]
    text = "".join(pages)
    for key in ("investment", "payback", "sensitivity", "grants", "risks", "attachments"):
        assert JA[f"dossier.{key}"] in text, key
    assert "例示（募集の案内ではありません）" in text
    assert "二次資料・要確認" in text
    assert QUOTE.sha256 in text
    assert content.digest in text
    assert "模擬データ" not in text
    assert min(fills(tmp_path / "d.pdf")) > 0.55


def test_a_simulated_trial_says_so_on_every_page_and_recommends_no_purchase(
    recorded: Day, tmp_path: Path
) -> None:
    content = dossier(recorded[2], on=date(2025, 12, 1))  # with grants: page 1 at its fullest
    render_dossier(content, EN, tmp_path / "d.pdf")
    pages = pages_of(tmp_path / "d.pdf")
    assert all("SIMULATEDDATA" in page and "Tel.03-0000-0000" in page for page in pages)
    assert re.sub(r"\s", "", next_step(content).text(EN)) in pages[0]
    assert EN["dossier.answer.simulated"] in answer(content, EN)
    assert next_step(content).step is Step.REAL
    assert min(fills(tmp_path / "d.pdf")) > 0.55


def test_a_simulated_trial_beside_a_real_one_marks_the_whole_dossier(recorded: Day) -> None:
    mine = real(recorded[2])
    content = dossier(mine, others=(trial(recorded[2]),))
    assert content.simulated
    assert content.comparison is not None
    assert any(unlike.what == "simulated" for unlike in content.comparison.columns[-1].unlike)


@pytest.mark.parametrize(
    ("changes", "protocol", "step"),
    [
        ({}, PROTOCOL, Step.MEASURE),
        ({"sheet": None}, PROTOCOL, Step.SHEET),
        ({}, Protocol(), Step.BASELINE),
        ({}, replace(PROTOCOL, baseline=replace(PRESENT, cycle_times_s=NEAR * 4)), Step.DECIDE),
        ({}, replace(PROTOCOL, baseline=replace(PRESENT, cycle_times_s=NEAR[:2])),
         Step.MORE_BASELINE),
        ({"sheet": purchases.sheet(work={**purchases.SHEET["work"], "wage_yen_per_h": 20})},
         PROTOCOL, Step.DROP),
    ],
)  # fmt: skip
def test_the_next_step_follows_from_the_numbers(
    recorded: Day, changes: dict[str, Any], protocol: Protocol, step: Step
) -> None:
    given = {"on": ON, "sheet": purchases.sheet(), **changes}
    content = dossier_content(trial(real(recorded[2]), protocol), **given)
    found = next_step(content)
    assert found.step in (step, Step.CLOSE) if step is Step.DROP else found.step is step
    for words in (JA, EN):
        assert found.text(words)
        assert "{" not in answer(content, words) + "".join(doubts(content, words))


def cycling(day: ReportContent, seconds: Callable[[float], float]) -> ReportContent:
    """The day with every cycle time changed."""

    def changed(part: PartRow) -> PartRow:
        was = part.cycle_time_s
        return replace(part, cycle_time_s=None if was is None else seconds(was))

    runs = (replace(run, parts=tuple(changed(part) for part in run.parts)) for run in day.runs)
    return replace(day, runs=tuple(runs))


def test_times_recorded_too_coarsely_ask_for_finer_ones_not_for_more_parts(recorded: Day) -> None:
    content = dossier(cycling(real(recorded[2]), lambda _: 82.7))
    assert next_step(content).step is Step.FINER
    assert content.finding is not None
    said = list(doubts(content, JA))
    assert JA["dossier.doubt.no_spread"].format(n=len(content.finding.cycle_s)) in said
    assert JA["dossier.doubt.no_difference"] not in said


def test_one_part_alone_bounds_no_difference(recorded: Day) -> None:
    day = real(recorded[2])
    one = replace(day, runs=(replace(day.runs[0], parts=day.runs[0].parts[:1]),))
    content = dossier_content(trial(one, PROTOCOL), on=ON)
    assert content.finding is not None
    assert content.finding.tried.cycle_s.n == 1
    assert answer(content, JA).endswith("まだ言えません。")
    assert "差の範囲が求められない" in answer(content, JA)


@pytest.mark.parametrize("slower", [1.0, 1.5])
def test_a_fast_cycle_keeps_its_size_and_sign(recorded: Day, slower: float) -> None:
    """A press of half a second: one decimal would print what it gains as 0.0."""
    present = replace(PRESENT, cycle_times_s=tuple(each * slower / 200 for each in NEAR))
    fast = cycling(real(recorded[2]), lambda seconds: seconds / 200)
    content = dossier_content(trial(fast, replace(PROTOCOL, baseline=present)), on=ON)
    assert not re.search(r"\b0\.0\b", answer(content, JA))


@pytest.mark.parametrize("words", [JA, EN], ids=["ja", "en"])
def test_what_is_missing_is_said_and_never_fails(
    recorded: Day, tmp_path: Path, words: dict[str, str]
) -> None:
    bare = replace(real(recorded[2]), runs=(), limits=(), question="")
    empty = dossier_content(trial(bare, Protocol()), on=ON)
    render_dossier(empty, words, tmp_path / "d.pdf")
    text = "".join(pages_of(tmp_path / "d.pdf"))
    for key in ("dossier.answer.no_runs", "dossier.no_baseline", "dossier.no_cycles"):
        assert re.sub(r"\s", "", words[key]) in text, key
    assert "machikobadossiersheet" in text


def test_a_sheet_without_purpose_gets_no_grant_on_any_page(recorded: Day) -> None:
    content = dossier(real(recorded[2]), sheet=purchases.sheet(purposes=[]))
    told = words_in(dossier_sheet(content, JA))
    assert told.count(JA["dossier.no_purpose"]) == 2
    assert words_in(list(first_page(content, JA))).count(JA["dossier.no_purpose"]) == 1
    assert JA["dossier.column.grant_yen"] not in told


def test_a_card_without_cycle_times_says_not_measured(recorded: Day) -> None:
    report = real(recorded[2])
    runs = tuple(replace(run, parts=()) for run in report.runs)
    for protocol in (PROTOCOL, Protocol()):
        content = dossier_content(trial(replace(report, runs=runs), protocol), on=ON)
        cards = next(each for each in first_page(content, JA) if each["kind"] == "cards")["cards"]
        assert cards[0]["value"] == JA["dossier.card.not_measured"]
        assert "0個" not in cards[0]["note"]
        assert bool(cards[0]["note"]) == (protocol is PROTOCOL)


def test_conditions_not_run_and_limits_not_measured_are_listed(recorded: Day) -> None:
    content = dossier(real(recorded[2]))
    runs = tuple(replace(run, measurements=()) for run in content.report.runs)
    unmeasured = replace(content, report=replace(content.report, runs=runs))
    text = words_in(dossier_sheet(unmeasured, JA))
    assert JA["dossier.untested.runs"].format(condition="高速（0.28 mm）", runs=1) in text
    assert JA["dossier.untested.limit"].format(name="穴ピッチ") in text
    assert JA["dossier.untested.parts"].format(number=1, made=23, wanted=30) in text


def test_more_scrap_than_today_is_said_first(recorded: Day) -> None:
    clean = replace(PROTOCOL, baseline=replace(PRESENT, scrap=0, inspected=4000))
    content = dossier_content(trial(real(recorded[2]), clean), on=ON, sheet=purchases.sheet())
    expected = JA["dossier.doubt.more_scrap"].format(before="0.0%", after="4.2%")
    assert next(doubts(content, JA)) == expected
    assert next_step(content).step is Step.QUALITY
    assert not any(expected[:5] in line for line in doubts(dossier(real(recorded[2])), JA))


def test_told_present_times_are_called_told(recorded: Day) -> None:
    told = replace(PROTOCOL, baseline=Baseline(cycle_time_s=120.0, people=1.0))
    content = dossier_content(trial(real(recorded[2]), told), on=ON, sheet=purchases.sheet())
    assert JA["dossier.doubt.told"] in list(doubts(content, JA))


def test_grants_that_count_show_their_steps_and_an_expired_one_only_its_reason(
    recorded: Day,
) -> None:
    mine = real(recorded[2])
    open_then = words_in(dossier_sheet(dossier(mine, on=date(2025, 12, 1)), JA))
    expired = words_in(dossier_sheet(dossier(mine), JA))
    assert "一般型【二次資料・要確認】" in open_then
    assert "一般型【二次資料・要確認】" not in expired
    assert JA["pack.expired"] in expired


def test_pictures_are_printed_and_a_broken_one_is_only_listed(
    recorded: Day, tmp_path: Path
) -> None:
    good, broken = tmp_path / "a.png", tmp_path / "b.png"
    image = typst.Compiler(b"#set page(width: 9pt, height: 9pt)").compile(format="png")
    assert isinstance(image, bytes)
    good.write_bytes(image)
    broken.write_bytes(image[:40])
    kept = (
        Attachment("治具.png", "aa" * 32, 70, "photo", "p1.png"),
        Attachment("壊れた写真.png", "bb" * 32, 40, "photo", "p2.png"),
    )
    content = dossier(real(recorded[2]), attachments=kept, sheet=None)
    pictures = {"p1.png": good, "p2.png": broken, "p3.png": tmp_path / "gone.png"}
    render_dossier(content, JA, tmp_path / "d.pdf", pictures=pictures)
    reader = pypdf.PdfReader(tmp_path / "d.pdf")
    assert sum(len(page.images) for page in reader.pages) == 1
    assert "壊れた写真.png" in "".join(pages_of(tmp_path / "d.pdf"))


def test_quotes_are_appended_page_by_page_and_what_cannot_be_is_told(
    recorded: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "MOST_OF_ONE", 2)
    page = b"#set page(width: 99pt, height: 140pt)\n= Robot\n#pagebreak()\n5 570 000\n#pagebreak()"
    compiler = typst.Compiler(page, font_paths=typst.Fonts(False, True, []))
    offer = tmp_path / "offer.pdf"
    offer.write_bytes(compiler.compile(timestamp=0))  # type: ignore[arg-type]
    locked, broken, scan = (tmp_path / name for name in ("l.pdf", "b.pdf", "s.tif"))
    writer = pypdf.PdfWriter(clone_from=offer)
    writer.encrypt("secret")
    writer.write(locked)
    broken.write_bytes(offer.read_bytes()[:300])
    wide, round_ = Image.linear_gradient("L"), Image.radial_gradient("L")
    colours = Image.merge("RGB", (wide, round_, wide.rotate(90))).resize((1300, 900))
    colours.save(scan, save_all=True, append_images=[Image.new("1", (40, 50), 1)])
    torn = tmp_path / "t.tif"  # its last page does not say how large it is
    round_.save(torn, save_all=True, append_images=[wide])
    head, _, tail = torn.read_bytes().rpartition(WIDTH)
    torn.write_bytes(head + bytes(4) + tail)
    assert draw(torn, "image/tiff", tmp_path / "t", 9, Room(9, 1 << 20)).code == "broken"
    files = {
        "見積.pdf": (offer, "application/pdf", "quote.part"),
        "鍵.pdf": (locked, "application/pdf", "quote.locked"),
        "壊.pdf": (broken, "application/pdf", "quote.broken"),
        "走査.tif": (scan, "image/tiff", "quote.whole"),
        "表.xlsx": (offer, "application/zip", "quote.type"),
        "無.pdf": (None, "application/pdf", "quote.lost"),
    }
    kept = [Attachment(name, f"{n:064x}", 9, "quote") for n, name in enumerate(files)]
    given = [QuoteFile(one.sha256, *files[one.name][:2]) for one in kept]
    drawn = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        drawn.append(with_pages(kept, given, folder))
    pictures = [page_files(each) for each in drawn]
    assert list(pictures[0]) == ["quote-1-1.png", "quote-1-2.png", "quote-4-1.jpg", "quote-4-2.png"]
    for name, path in pictures[0].items():
        assert path.read_bytes() == pictures[1][name].read_bytes()
    assert [page.text for page in drawn[0][0].pages.pages] == ["Robot", "5 570 000"]  # type: ignore[union-attr]
    content = dossier(real(recorded[2]), attachments=drawn[0], sheet=None)
    render_dossier(content, JA, tmp_path / "d.pdf")
    text = pages_of(tmp_path / "d.pdf")
    for _, _, key in files.values():
        said = JA[key].format(count=2, pages=3 if key == "quote.part" else 2)
        assert re.sub(r"\s", "", said) in text[-5], key
    assert JA["quote.many"] in "".join(text)
    assert all(kept[0].sha256 in each for each in text[-4:-2])
    alts = [each for each in figures(tmp_path / "d.pdf") if "見積.pdf" in each]
    assert alts[1] == JA["quote.alt"].format(file="見積.pdf", page=2, pages=3, text="5 570 000")
    assert min(fills(tmp_path / "d.pdf")) > 0.55


def figures(path: Path) -> list[str]:
    """The texts of all pictures, in the order of reading."""
    tree = pypdf.PdfReader(path).trailer["/Root"]["/StructTreeRoot"]
    return [each["/Alt"] for each in tagged(tree, "/Figure")]


def test_runs_of_one_condition_are_put_together_but_never_simulated_with_real(
    recorded: Day,
) -> None:
    content = recorded[2]
    first = content.runs[0]
    twin = replace(first, number=3, run_id="T20261120-01-R3")
    told = replace(twin, simulated=False)
    together = findings(replace(content, runs=(first, twin)))
    apart = findings(replace(content, runs=(first, told)))
    assert [len(each.cycle_s) for each in together] == [2 * len(first.cycle_s)]
    assert [each.simulated for each in apart] == [True, False]
    present = replace(content, protocol=PROTOCOL)
    (found,) = findings(replace(present, runs=(first, twin)))
    assert found.joint is not None
    for each in (found.joint.cycle_s, found.joint.scrap_share):
        assert each is not None
        assert each.difference.level == joint_level(2)


def test_runs_put_together_and_reworked_parts_are_said_where_they_occurred(recorded: Day) -> None:
    report = real(recorded[2])
    first = report.runs[0]
    twin = replace(first, number=3, run_id="T20261120-01-R3")
    pooled = JA["report.pooled"].format(conditions=first.condition)
    mixed = (first, replace(twin, simulated=True))
    for runs, said in (((first,), 0), ((first, twin), 1), (mixed, 0)):
        changed = replace(report, runs=runs)
        printed = words_in(report_sheet(changed, JA))
        assert (printed.count(pooled), printed.count(JA["report.repeats.note"])) == (said, said)
        name = first.condition
        names = f"{name}」「{name}［模擬］" if runs == mixed else name
        once = JA["report.one_run"].format(conditions=names, more=3, enough=4)
        assert printed.count(once) == 1 - said
        assert words_in(dossier_sheet(dossier(changed), JA)).count(pooled) == said
    slow = tuple(
        replace(part, cycle_time_s=part.cycle_time_s and 2 * part.cycle_time_s)
        for part in twin.parts
    )
    for other, differ in ((twin, False), (replace(twin, parts=slow), True)):
        printed = words_in(report_sheet(replace(report, runs=(first, other)), JA))
        assert (f"の{JA['report.repeats.cycle']}は試行ごとに違います" in printed) is differ
    for rework, said in ((0, 0), (2, 1)):
        counts = replace(first.numbers.counts, rework=rework)
        run = replace(first, numbers=replace(first.numbers, counts=counts))
        told = words_in(dossier_sheet(dossier(replace(report, runs=(run,))), JA))
        assert told.count(JA["dossier.rework_lost"].format(count=2)) == said
        several = {"count": 2, "level": "95%", "each": "97.50%"}  # cycle time and scrap
        stand = f"{name} 1個あたりの時間（秒）"
        assert JA["dossier.each_alone"].format(**several, names=stand) in told
    present = replace(PRESENT, cycle_times_s=NEAR)
    near = trial(replace(report, runs=(first,)), replace(PROTOCOL, baseline=present))
    told = words_in(dossier_sheet(dossier_content(near, on=ON, sheet=None), JA))
    assert JA["dossier.each_alone_none"].format(**several) in told


def test_the_condition_is_chosen_by_evidence_never_by_result(recorded: Day) -> None:
    content = real(recorded[2])
    small = replace(PROTOCOL, sample=SampleSize(parts_per_run=20))
    first, second = content.runs

    def chosen(protocol: Protocol, *runs: RunSection, **changes: Any) -> tuple[str, str]:
        mine = trial(replace(content, runs=runs), protocol)
        found = dossier_content(mine, on=ON, sheet=purchases.sheet(), **changes)
        assert found.finding is not None
        return found.finding.condition, found.chosen_by

    assert chosen(small, second, first) == (first.condition, "whole")
    cut = replace(first, state="aborted")
    assert chosen(small, cut, second) == (second.condition, "whole")
    assert chosen(PROTOCOL, first, second) == (second.condition, "most_parts")
    simulated = replace(second, simulated=True)
    assert chosen(PROTOCOL, first, simulated) == (first.condition, "most_parts")
    assert chosen(small, first, second, condition=second.condition) == (second.condition, "named")


def test_every_shape_of_every_picture_lies_inside_it(recorded: Day) -> None:
    content = dossier(real(recorded[2]))
    money, finding = content.money, content.finding
    assert money is not None
    assert finding is not None
    found = finding.inference
    plots = [
        cash_flow(money.npv, JA),
        tornado(money.sensitivity, money.npv.value.estimate, JA),
        control_chart(found.cycle_chart, JA),
        boxes([], JA),
        histogram(
            finding.cycle_s,
            found.cycle_mean_s,
            found.cycle_median_s,
            found.cycle_p95_s,
            JA,
            120.0,
        ),
    ]
    assert plots.pop(3) is None
    for plot in plots:
        assert plot is not None
        assert plot["alt"]
        lines = [point for each in (*plot["lines"], *plot["bands"]) for point in each["points"]]
        corners = [bar["box"][k : k + 2] for bar in plot["bars"] for k in (0, 2)]
        points = [*lines, *corners, *(dot["at"] for dot in plot["dots"])]
        assert points
        assert all(-0.001 <= x <= 1.001 and -0.001 <= y <= 1.001 for x, y in points)


def test_series_are_told_apart_without_colour(recorded: Day) -> None:
    content = dossier(real(recorded[2]))
    assert content.money is not None
    plot = tornado(content.money.sensitivity, 0, JA)
    assert plot is not None
    by_ink = {(bar["ink"], bar["pattern"]) for bar in plot["bars"]}
    assert len({pattern for _, pattern in by_ink}) == len(by_ink) == 2
