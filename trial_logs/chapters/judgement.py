"""The chapter on what the numbers are worth: capability, steadiness, and how many more parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trial_logs.blocks import (
    Block,
    Words,
    caption,
    heading,
    points,
    run_name,
    small,
    table_block,
    table_row,
    together,
)
from trial_logs.content import ReportContent, RunSection
from trial_logs.inference.capability import Capability
from trial_logs.inference.interval import Interval
from trial_logs.inference.needed import Needed
from trial_logs.inference.of_run import Measured, RunInference
from trial_logs.pictures.cycles import control_chart
from trial_logs.shown import minus, percent, significant, with_interval

MOST_LINES = 12


def warnings(content: ReportContent, words: Words, more: Iterable[str] = ()) -> Iterator[Block]:
    """What a reader must know before the numbers, and how many more parts would decide.

    `more` are further lines, after those of the runs.
    """
    by_line: dict[str, list[str]] = {}
    for run in content.runs:
        for line in dict.fromkeys(_lines(run, words)):
            by_line.setdefault(line, []).append(run_name(run, words))
    lines = [
        words["report.flagged"].format(runs=words["report.and"].join(names), flag=line)
        for line, names in by_line.items()
    ]
    lines += more
    if lines:
        yield together([caption(words["report.warnings"]), points(lines[:MOST_LINES])])
        yield from (points([line]) for line in lines[MOST_LINES:])


def _lines(run: RunSection, words: Words) -> Iterator[str]:
    found = run.inference
    yield from (words.get(f"warning.{code}", words.get(code, code)) for code in found.warnings)
    yield from (needed_text(each, words) for each in found.needed if each.more != 0)
    if found.zero_defects is not None and found.zero_defects.n:
        yield zero_defects_text(found, words)


def zero_defects_text(found: RunInference, words: Words) -> str:
    """What no defect among n parts does not exclude."""
    zero = found.zero_defects
    if zero is None:
        return ""
    return words["report.zero_defects"].format(n=zero.n, bound=percent(zero.exact))


def needed_text(needed: Needed, words: Words) -> str:
    """How many more parts would decide, as a sentence."""
    is_time = needed.goal.startswith("needed.difference")
    aim = significant(needed.aim) if is_time else percent(needed.aim)
    total = words["report.none"] if needed.total is None else str(needed.total)
    more = words["needed.no_number"]
    if needed.more is not None:
        unit = "needed.more_runs" if needed.in_runs else "needed.more"
        more = words[unit].format(more=needed.more)
    note = words["needed.projection"] if needed.more else ""
    goal = words[needed.goal].format(aim=aim, total=total)
    return words["report.needed"].format(goal=goal, more=more, note=note)


def capability_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """Cm and Cmk of every characteristic with limits, with intervals and what to beware of."""
    rows = [
        _capability_row(run, measured, found, words)
        for run in content.runs
        for measured, found in run.inference.capability
        if found.n
    ]
    if not rows:
        return
    names = ("run_column", "characteristic", "n", "cm", "cmk", "normality")
    header = [words[f"report.{name}"] for name in names]
    table = table_block("lLrrrl", header, rows)
    used = [
        interval
        for run in content.runs
        for _, found in run.inference.capability
        for interval in (found.cm, found.cmk, found.cmk_bound)
    ]
    notes = [small(words["capability.note"]), *methods(used, words)]
    yield from (heading(words["report.capability"]), table, *notes)


def _capability_row(run: RunSection, measured: Measured, found: Capability, words: Words) -> Block:
    tested = {True: "normal_yes", False: "normal_no", None: "normal_untested"}
    row = table_row(
        run_name(run, words),
        measured.characteristic,
        str(found.n),
        with_interval(found.cm, "2", words),
        with_interval(found.cmk, "2", words),
        words[f"report.{tested[found.normality.normal]}"],
    )
    said = [words.get(f"warning.{code}", words.get(code, code)) for code in found.codes]
    said += [
        f"{words[f'capability.{name}']} {minus(f'{value:.2f}')}" for name, value in _beside(found)
    ]
    if said:
        row["remark"] = "　".join(said)
    return row


def _beside(found: Capability) -> Iterator[tuple[str, float]]:
    """The limit Cmk is surely above; of values that are not normal the indices by percentiles."""
    known = {"cmk_bound": found.cmk_bound.low}
    if found.normality.normal is False:
        known |= {
            name: getattr(found, name).estimate for name in ("percentile_cm", "percentile_cmk")
        }
    return ((name, value) for name, value in known.items() if value is not None)


def steadiness_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """A control chart of the cycle times of every run."""
    first = True
    for run in content.runs:
        picture = control_picture(run, words)
        if not picture:
            continue
        opening = [heading(words["report.control"])] if first else []
        title = caption(f"{run_name(run, words)}　{run.condition}")
        yield from (*opening, title, *picture)
        first = False
    if not first:
        yield small(words["report.control_note"])


def control_picture(run: RunSection, words: Words) -> list[Block]:
    """The chart of one run and what its rules say; empty where there is nothing to chart."""
    picture = control_chart(run.inference.cycle_chart, words)
    return [] if picture is None else [together([picture, *_chart_notes(run, words)])]


def _chart_notes(run: RunSection, words: Words) -> Iterator[Block]:
    chart = run.inference.cycle_chart
    rules = list(dict.fromkeys(signal.rule for signal in chart.signals))
    if chart.code:
        yield small(words.get(f"warning.{chart.code}", words.get(chart.code, chart.code)))
    if rules:
        spoken = [
            words["report.rule_spoke"].format(
                rule=words[rule],
                points=_places(s.index + 1 for s in chart.signals if s.rule == rule),
            )
            for rule in rules
        ]
        yield small(" ".join(spoken))


def _places(places: Iterable[int]) -> str:
    known = list(places)
    shown = ", ".join(map(str, known[:12]))
    return f"{shown}, …" if len(known) > 12 else shown


def methods(intervals: Iterable[Interval], words: Words) -> list[Block]:
    """How the intervals beside the numbers were made, each method named once."""
    known = [each for each in intervals if each.method]
    if not known:
        return []
    texts = list(dict.fromkeys(words.get(each.method, each.method) for each in known))
    level = f"{known[0].level:.0%}"
    return [
        small(
            words["report.interval_note"].format(
                level=level, methods=words["report.methods_apart"].join(texts)
            )
        )
    ]
