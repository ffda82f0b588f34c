"""A replayed run in words: where we are in it, what it had made, and what happened around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rich.style import Style
from rich.text import Text

from lab_controller.wire_replay import (
    CurveShape,
    ElementShape,
    MomentShape,
    ReplayEventShape,
    ReplayShape,
)
from tui.look import BAD, BOLD, DIM, GOOD, KEY, OPERATION, PLAIN, RUN, UNKNOWN, WARN, fit
from tui.texts import Texts
from tui.trial_words import COUNT_STYLE, COUNTS, clock
from tui.widgets.timeline import ELEMENT

REPLAY = Style(color="#1a0618", bgcolor="#e08be0", bold=True)
SIMULATED = Style(color="#eef3f8", bgcolor="#173a5e", bold=True)
REAL = Style(color="#eef3f8", bgcolor="#5e3a12", bold=True)
HERE = Style(bgcolor="#2b3a4f", bold=True)
SPEEDS = (1, 10, 100)

Local = Callable[[datetime], datetime]


def head_words(run: ReplayShape, t: Texts) -> Text:
    """That this is no live picture, whether it was simulated, and whose run it was."""
    flag = ("mode.simulated", SIMULATED) if run.simulated else ("mode.real", REAL)
    return Text.assemble(
        (f"  {t('replay.flag')}  ", REPLAY),
        (f" {t(flag[0])} ", flag[1]),
        (f"  #{run.number} {run.condition}  ", BOLD),
        (run.run, DIM),
    )


def place_words(
    run: ReplayShape, moment: MomentShape, playing: bool, speed: int, local: Local, t: Texts
) -> Text:
    """How far into the run, at which time of that day, and whether it is being played."""
    into = (moment.at - run.start).total_seconds()
    length = (run.end - run.start).total_seconds()
    state = RUN.get(moment.state, UNKNOWN)
    way = (t("replay.playing", n=speed), GOOD) if playing else (t("replay.paused", n=speed), WARN)
    words = Text.assemble(
        (f" {clock(into)} ", BOLD + Style(reverse=True)), (f" / {clock(length)}  ", DIM),
        (f"{local(moment.at):%m/%d %H:%M:%S}  ", PLAIN), way,
        (f"  {state.symbol} {t.word('run_state', moment.state)}", state.style),
    )  # fmt: skip
    if moment.mode:
        words.append(f"  {t.word('run_mode', moment.mode)}", KEY)
    return words


def element_at(elements: Sequence[ElementShape], at: datetime) -> str:
    """The time element an instant lies in; empty where it is not known."""
    return next((one.element for one in elements if one.start <= at < one.end), "")


def legend_words(current: str, t: Texts) -> Text:
    """What the letters of the strip mean, the present one marked."""
    words = Text(" ")
    for element, mark in ELEMENT.items():
        words.append(f"{mark.symbol} ", mark.style)
        words.append(f" {t.word('element', element)}", KEY if element == current else DIM)
        words.append("<  " if element == current else "   ", KEY)
    return words


def counts_words(moment: MomentShape, t: Texts) -> Text:
    """The parts made up to this moment."""
    words = Text(" ")
    for verdict, _ in COUNTS:
        words.append(f" {t.word('verdict', verdict)} ", COUNT_STYLE[verdict])
        words.append(f" {getattr(moment, verdict):<4}", BOLD)
    if moment.unjudged:
        words.append(t("replay.unjudged", n=moment.unjudged), KEY)
    return words


def device_words(moment: MomentShape, width: int, t: Texts) -> Text:
    """Each device as it stood; what was not recorded then is not shown as known."""
    lines = []
    for one in moment.devices:
        mark = OPERATION.get(one.operation, UNKNOWN)
        state = f"{mark.symbol} {t.word('operation', one.operation)}"
        style = mark.style
        if one.dark or one.link not in ("online", "degraded"):
            link = t("replay.dark") if one.dark else t.word("link", one.link)
            state, style = f"x {link}", BAD
        elif one.safety not in ("none", "normal"):
            state, style = f"! {t.word('safety', one.safety)}", BAD
        name = max(8, width - 16)
        lines.append(Text.assemble((fit(one.name, name), PLAIN), " ", (fit(state, 15), style)))
    return Text("\n").join(lines) if lines else Text(t("replay.no_devices"), DIM)


def event_words(moment: MomentShape, start: datetime, width: int, height: int, t: Texts) -> Text:
    """The events around the cursor: what had happened above, what was to come below."""
    above = max(1, height // 2)
    lines = [_event(one, moment.at, start, width) for one in moment.before[-above:]]
    lines += [Text(fit(t("replay.begin"), width), DIM)] * (not lines)
    lines += [_event(one, moment.at, start, width) for one in moment.after[: height - len(lines)]]
    if moment.next is None and len(lines) < height:
        lines.append(Text(fit(t("replay.end"), width), DIM))
    return Text("\n").join(lines)


def _event(one: ReplayEventShape, at: datetime, start: datetime, width: int) -> Text:
    here, past = one.at == at, one.at <= at
    into = clock((one.at - start).total_seconds())
    line = Text(fit(f"{'>' if here else ' '} {into}  {one.text}", width), PLAIN if past else DIM)
    if here:
        line.stylize(HERE)
    return line


def curve_title(curve: CurveShape, moment: MomentShape | None, key: str, t: Texts) -> str:
    """The name of a curve; at a moment with its value, its quality and how old it was."""
    unit = "" if curve.unit == "1" else f" {t.word('unit', curve.unit)}"
    name = f"{key}  {curve.device_name}  {curve.signal_name}"
    if moment is None:
        return f"{name} {unit}".rstrip()
    last = next(
        (
            one
            for one in moment.readings
            if (one.device, one.signal) == (curve.device, curve.signal)
        ),
        None,
    )
    if last is None:
        return f"{name}  -{unit}"
    value = "-" if last.value is None else f"{last.value:.6g}"
    quality = "" if last.quality == "GOOD" else f"  {t.word('quality', last.quality)}"
    return f"{name}  {value}{unit}{quality}  {t.seconds(last.age_s)}"


def main_curves(curves: Sequence[CurveShape]) -> list[int]:
    """Two curves to begin with: the first that has a unit, and one of another unit."""
    places = [n for n, one in enumerate(curves) if one.unit != "1"] or list(range(len(curves)))
    other = [n for n in places if curves[n].unit != curves[places[0]].unit]
    return places[:1] + other[:1]


def moved(at: datetime, by: timedelta, run: ReplayShape) -> datetime:
    """An instant so much later (or earlier), held within the run."""
    return min(max(at + by, run.start), run.end)
