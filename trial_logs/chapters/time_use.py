"""The chapter on time: what each run's time went into, 可動率 and 稼働率 apart, OEE, stops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trial_logs.blocks import (
    Block,
    Words,
    capped,
    caption,
    heading,
    run_name,
    small,
    table_block,
    table_row,
    text_block,
    together,
)
from trial_logs.content import ReportContent, RunSection
from trial_logs.pictures.timeline import RunStrip, timeline
from trial_logs.shown import cause, clock, grouped_number, label, length, percent, reason
from trial_logs.times import Element, Indicator, Stop

RUNS_PER_TABLE = 4
SHARES = ("bekido", "kado", "availability", "effectiveness", "quality", "oee", "setup_ratio")
SECONDS = ("APT", "PBT", "AUST", "AUPT", "W", "S", "B", "C")
"""Inputs of the formulas that are times; the others are counts, shares and a cycle."""
MOST_CAUSES = 12
MOST_STOPS = 40


def time_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """Timeline, time elements, and the shares made of them with formula and inputs."""
    runs = content.runs
    strips = [RunStrip(run_name(run, words), run.started_us, run.numbers.times) for run in runs]
    picture = timeline(strips, words)
    if picture is None:
        return
    note = small(words["report.timeline_note"])
    yield together([heading(words["report.times"]), picture, note])
    for group in groups(runs):
        names = [run_name(run, words) for run in group]
        rows = [
            table_row(
                words[f"element.{element.value}"],
                *(length(run.numbers.times.seconds.get(element, 0.0)) for run in group),
            )
            for element in Element
            if any(run.numbers.times.seconds.get(element) for run in runs)
        ]
        rows += _stop_rows(group, words)
        yield table_block("N" + "R" * len(group), [words["report.time_elements"], *names], rows)
    yield from _shares(runs, words)


def _stop_rows(runs: Sequence[RunSection], words: Words) -> list[Block]:
    def times(count: int, seconds: float) -> str:
        return words["report.times_count"].format(count=count, length=length(seconds))

    all_times = [run.numbers.times for run in runs]
    stops = (times(t.stop_count, t.stop_s) for t in all_times)
    micro = (times(t.micro_count, t.micro_s) for t in all_times)
    return [
        table_row(words["report.stops_all"], *stops),
        table_row(words["report.micro_stops"], *micro),
        table_row(
            words["report.first_good"],
            *(
                words["report.none"]
                if t.first_good_s.value is None
                else length(t.first_good_s.value)
                for t in all_times
            ),
        ),
    ]


def _shares(runs: Sequence[RunSection], words: Words) -> Iterator[Block]:
    for n, group in enumerate(groups(runs)):
        rows = []
        for name in SHARES:
            found: list[Indicator] = [getattr(run.numbers.times, name) for run in group]
            row = table_row(words[f"indicator.{name}"], *(_share(each, words) for each in found))
            row["strong"] = name in ("bekido", "kado", "oee")
            row["remark"] = _remark(group, found, words)
            rows.append(row)
        header = [words["report.shares"], *(run_name(run, words) for run in group)]
        opening = [caption(words["report.shares_title"])] if n == 0 else []
        yield from (*opening, table_block("N" + "R" * len(group), header, rows))
    if any(not run.numbers.times.order_known for run in runs):
        yield small(words["report.order_unknown"])


def _share(indicator: Indicator, words: Words) -> str:
    value = indicator.figure.value
    return words["report.none"] if value is None else percent(value)


def _remark(runs: Sequence[RunSection], found: Sequence[Indicator], words: Words) -> str:
    """The formula, what went in for each run, and what to know about the result."""
    inputs = (
        f"{run_name(run, words)}: {_inputs(each, words)}"
        for run, each in zip(runs, found, strict=True)
    )
    text = words["report.formula"].format(formula=words[found[0].formula], inputs="　".join(inputs))
    codes = dict.fromkeys(each.figure.code for each in found if each.figure.code)
    flags = [
        words["report.flagged"].format(
            runs=words["report.and"].join(
                run_name(run, words)
                for run, each in zip(runs, found, strict=True)
                if each.figure.code == code
            ),
            flag=words.get(code, code),
        )
        for code in codes
    ]
    return "　".join([text, *flags])


def _inputs(indicator: Indicator, words: Words) -> str:
    shown = []
    for symbol, value in indicator.inputs:
        if value is None:
            text = words["report.none"]
        elif symbol in SECONDS or symbol == "PRI":
            text = f"{grouped_number(round(value, 1))} s"
        else:
            text = grouped_number(round(value, 4))
        shown.append(f"{words.get(f'indicator.{symbol}', symbol)} {text}")
    return ", ".join(shown)


def stop_chapter(content: ReportContent, words: Words) -> Iterator[Block]:
    """Stops by cause, then one by one, then pauses and gaps in the record."""
    yield heading(words["report.spells"])
    found = [(run, stop) for run in content.runs for stop in run.numbers.times.stops]
    named = content.protocol.cause_names
    others = [(run, spell) for run in content.runs for spell in run.spells]
    others = [(run, spell) for run, spell in others if spell.kind in ("paused", "gap")]
    if not found and not others:
        yield text_block(words["report.no_spells"])
        return
    if len(found) > 1:
        yield _by_cause([stop for _, stop in found], named, words)
    rows = [
        table_row(
            run_name(run, words),
            words["report.micro_stop" if stop.micro else f"spell.{stop.kind}"],
            label(content.labels, stop.device) if stop.device else words["report.none"],
            clock(stop.t0_us, content.zone),
            length(stop.seconds),
            _why(stop, named, words),
        )
        for run, stop in found
    ]
    rows += [
        table_row(
            run_name(run, words),
            words[f"spell.{spell.kind}"],
            _device(content, spell.device, words),
            clock(spell.t_us, content.zone),
            length(spell.seconds),
            cause(spell.cause, words),
        )
        for run, spell in others
    ]
    names = ("run_column", "kind", "device", "since", "length", "cause")
    header = [words[f"report.{name}"] for name in names]
    yield from capped("lllrrL", header, rows, MOST_STOPS, words)
    if found:
        yield small(words["report.stop_is_no_safety"])


def _by_cause(stops: Sequence[Stop], named: Mapping[str, str], words: Words) -> Block:
    """The causes by the time they cost."""
    cost: defaultdict[str, list[float]] = defaultdict(list)
    for stop in stops:
        cost[_why(stop, named, words)].append(stop.seconds)
    whole = sum(map(sum, cost.values())) or 1.0
    ordered = sorted(cost.items(), key=lambda item: (-sum(item[1]), item[0]))[:MOST_CAUSES]
    rows = [
        table_row(why, str(len(times)), length(sum(times)), f"{sum(times) / whole:.0%}")
        for why, times in ordered
    ]
    names = ("cause", "stop_times", "length", "stop_share")
    return table_block("Lrrr", [words[f"report.{name}"] for name in names], rows)


def _why(stop: Stop, named: Mapping[str, str], words: Words) -> str:
    """What the operator wrote, else the plan's name of the cause, else what its code means."""
    told = stop.text or reason(stop.cause, named, words)
    told = told or words["report.cause_untold"]
    if not stop.explained_by:
        return told
    return words["report.explained"].format(cause=told, by=stop.explained_by)


def _device(content: ReportContent, device: str, words: Words) -> str:
    special = {"*": words["report.everything"], "": words["report.none"]}
    return special.get(device) or label(content.labels, device)


def groups(runs: Sequence[RunSection]) -> Iterator[Sequence[RunSection]]:
    """As many runs as stand side by side in a table."""
    for start in range(0, len(runs), RUNS_PER_TABLE):
        yield runs[start : start + RUNS_PER_TABLE]
