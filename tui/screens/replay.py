"""A run played back: its curves, its times, what it had made, and the events around the cursor.

Everything on it is past. It says so in its first line, and no key of it reaches a machine but the
stop, which works here as everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from lab_controller.client import Refused, Unreachable
from lab_controller.wire import WindowShape
from lab_controller.wire_replay import CurveShape, MomentShape, ReplayShape
from tui.entries import BadField, Given, run_time
from tui.keymap import bindings
from tui.look import BAD, BOLD, DIM, column, joined
from tui.replay_words import (
    SPEEDS,
    counts_words,
    curve_title,
    device_words,
    element_at,
    event_words,
    head_words,
    legend_words,
    main_curves,
    moved,
    place_words,
)
from tui.screens.dialog import Dialog
from tui.screens.form import Field, Form
from tui.screens.help import Help
from tui.screens.pick import Pick
from tui.station import Station
from tui.widgets.panel import Panel
from tui.widgets.plot import Plot
from tui.widgets.rows import Row
from tui.widgets.timeline import Span, Timeline

BEAT_S = 0.25
EVENTS = 30
PLOTS = ("plot-first", "plot-second")
MICROSECOND = timedelta(microseconds=1)


@dataclass
class MomentCame(Message):
    """The run at an instant."""

    moment: MomentShape


@dataclass
class CurveCame(Message):
    """The window of one curve, for one of the two plots."""

    place: int
    window: WindowShape


@dataclass
class NoAnswer(Message):
    """The lab said no or does not answer."""

    words: str


class Replay(Dialog[None]):
    """One run, from its record. `run` has been asked for already; the rest is asked as one goes."""

    SCOPES = ("replay",)
    BINDINGS = bindings("replay")

    def __init__(self, station: Station, run: ReplayShape) -> None:
        super().__init__(station, "")
        self.run, self.at = run, run.start
        self.moment: MomentShape | None = None
        self.playing, self._speed = False, 0
        self._chosen = main_curves(run.curves)
        self._windows: dict[int, WindowShape] = {}
        self._drawn: dict[int, tuple[object, ...]] = {}
        self._waiting = False

    def body(self) -> ComposeResult:
        yield Panel(id="replay-head")
        yield Panel(id="replay-place")
        for id in PLOTS:
            yield Plot(id=id)
        yield Timeline(id="timeline")
        yield Panel(id="replay-legend")
        yield Panel(id="replay-counts")
        with Horizontal(id="replay-below"):
            yield Panel(id="replay-events")
            yield Panel(id="replay-devices")

    def on_mount(self) -> None:
        """Begin at the beginning, standing still."""
        self.query_one("#replay-head", Panel).say(head_words(self.run, self.t))
        self.query_one("#plot-second").set_class(len(self._chosen) < 2, "-none")
        self.set_interval(BEAT_S, self._beat)
        self._curves()
        self._ask()

    def on_resize(self) -> None:
        """What fits depends on the size."""
        self.call_after_refresh(self._curves)
        self.call_after_refresh(self._draw)

    # -- asking -------------------------------------------------------------------------------

    def _get(self, question: Callable[[], Awaitable[Message]], group: str) -> None:
        async def ask() -> None:
            try:
                answer = await question()
            except Refused as error:
                answer = NoAnswer(error.refusal.text)
            except Unreachable:
                answer = NoAnswer(self.t("trouble.lost"))
            self.post_message(answer)

        self.run_worker(ask(), group=group, exclusive=True)

    def _ask(self) -> None:
        """Ask for the run where the cursor is; the newest wish counts."""

        async def ask() -> Message:
            return MomentCame(await self.station.client.moment(self.run.run, self.at, EVENTS))

        self._waiting = True
        self._get(ask, "moment")

    def _curves(self) -> None:
        if not self.run.curves:
            self.query_one(f"#{PLOTS[0]}", Plot).clear(self.t("plot.nothing"))
        for place, number in enumerate(self._chosen):
            self._curve(place, self.run.curves[number])

    def _curve(self, place: int, curve: CurveShape) -> None:
        buckets = max(20, self.size.width - 10)
        end = self.run.end + MICROSECOND

        async def ask() -> Message:
            window = await self.station.client.replay_window(
                self.run.run, curve.device, curve.signal, self.run.start, end, buckets
            )
            return CurveCame(place, window)

        self._get(ask, f"curve-{place}")

    @on(MomentCame)
    def _came(self, came: MomentCame) -> None:
        self._waiting, self.moment = False, came.moment
        self._draw()
        if came.moment.at != self.at and not self.playing:
            self._ask()  # the cursor had gone on before the answer came

    @on(CurveCame)
    def _curve_came(self, came: CurveCame) -> None:
        self._windows[came.place] = came.window
        self._draw_plots()

    @on(NoAnswer)
    def _no_answer(self, answer: NoAnswer) -> None:
        self._waiting = self.playing = False
        self.query_one("#replay-place", Panel).say(Text(f" {answer.words}", BAD))

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        run, moment, t = self.run, self.moment, self.t
        if moment is None or not self.is_attached:
            return
        local = self.station.view.local
        speed = SPEEDS[self._speed]
        words = place_words(run, moment, self.playing, speed, local, t)
        self.query_one("#replay-place", Panel).say(words)
        self.query_one(Timeline).show(Span(run.start, run.end, run.elements), moment.at)
        element = element_at(run.elements, moment.at)
        self.query_one("#replay-legend", Panel).say(legend_words(element, t))
        self.query_one("#replay-counts", Panel).say(counts_words(moment, t))
        devices, events = self.query_one("#replay-devices"), self.query_one("#replay-events")
        if isinstance(devices, Panel) and devices.size.width:
            devices.say(device_words(moment, devices.size.width, t))
        if isinstance(events, Panel) and events.size.width:
            size = events.size
            events.say(event_words(moment, run.start, size.width, size.height, t))
        self._draw_plots()

    def _draw_plots(self) -> None:
        """A plot is drawn again when its cursor is in another cell: it costs the most by far.

        The value at the cursor stands in its title while the time is held, and only then.
        """
        at = self.moment.at if self.moment else self.run.start
        for place, window in self._windows.items():
            cell = sum(bucket.start <= at for bucket in window.buckets)
            drawn = (window, cell, self.playing or at, self.size)
            if self._drawn.get(place) != drawn:
                self._drawn[place] = drawn
                curve = self.run.curves[self._chosen[place]]
                moment = None if self.playing else self.moment
                title = curve_title(curve, moment, "w" if place == 0 else "", self.t)
                zone = self.station.view.zone
                self.query_one(f"#{PLOTS[place]}", Plot).show(window, title, zone, at)

    # -- moving -------------------------------------------------------------------------------

    def _go(self, at: datetime) -> None:
        self.at = moved(at, timedelta(), self.run)
        self._ask()

    def action_step(self, way: int) -> None:
        """To the next or previous event."""
        if self.moment is not None:
            to = self.moment.next if way > 0 else self.moment.previous
            self.playing = False
            self._go(to or (self.run.end if way > 0 else self.run.start))

    def action_by(self, seconds: int) -> None:
        """So many seconds on, or back."""
        self._go(moved(self.at, timedelta(seconds=seconds), self.run))

    def action_tenth(self, tenth: int) -> None:
        """To a tenth of the run."""
        self._go(self.run.start + (self.run.end - self.run.start) * tenth / 10)

    def action_play(self) -> None:
        """Let it run, or hold it; at the end it begins again."""
        self.playing = not self.playing
        if self.playing and self.at >= self.run.end:
            self.at = self.run.start
        self._draw()

    def action_speed(self) -> None:
        """1, 10 or 100 times as fast as it was."""
        self._speed = (self._speed + 1) % len(SPEEDS)
        self._draw()

    def _beat(self) -> None:
        if not self.playing or not self.is_current:
            return
        self.at = moved(self.at, timedelta(seconds=BEAT_S * SPEEDS[self._speed]), self.run)
        if self.at >= self.run.end:
            self.playing = False
        if not self._waiting:
            self._ask()

    # -- dialogs ------------------------------------------------------------------------------

    def action_time(self) -> None:
        """Enter a time to go to."""
        length = (self.run.end - self.run.start).total_seconds()

        async def send(given: Given) -> Message:
            seconds = run_time(given["at"])
            if seconds > length:
                raise BadField("at", "bad.outside_run")
            self.at = moved(self.run.start, timedelta(seconds=seconds), self.run)
            return MomentCame(await self.station.client.moment(self.run.run, self.at, EVENTS))

        fields = [Field("at", "field.run_time", hint="hint.run_time", required=True)]
        form = Form(self.station, self.t("key.replay.time"), fields, send)
        self.app.push_screen(form, self._sent)

    def _sent(self, found: Message | None) -> None:
        if found is not None:
            self.post_message(found)

    def action_curve(self) -> None:
        """Choose the curve of the upper plot."""
        rows = [
            Row(str(n), joined([column(one.device_name, 20, DIM), Text(one.signal_name, BOLD)]))
            for n, one in enumerate(self.run.curves)
        ]

        def chosen(key: str | None) -> None:
            if key is not None and self._chosen:
                self._chosen[0] = int(key)
                self._windows.pop(0, None)
                self._curve(0, self.run.curves[int(key)])

        present = str(self._chosen[0]) if self._chosen else ""
        pick = Pick(self.station, self.t("plot.choose"), rows, present)
        self.app.push_screen(pick, chosen)

    def action_keys(self) -> None:
        """Every key of this screen."""
        self.app.push_screen(Help(self.station, self.SCOPES))

    def action_leave(self) -> None:
        """Back to what is live."""
        self.dismiss()
