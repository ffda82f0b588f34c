"""Trial: the plan and what is left of it, the run with its counts, the machine, a live plot."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from lab_controller.wire import DeviceShape
from tui.device_words import signal_name
from tui.floor_words import floor_lines
from tui.keymap import bindings
from tui.look import BOLD, DIM, column, joined
from tui.messages import TrialsCame, WindowCame
from tui.screens.pick import Pick
from tui.screens.trial_jobs import JobKeys
from tui.screens.trial_making import MakingKeys
from tui.screens.trial_operator import OperatorKeys
from tui.screens.trial_papers import PaperKeys
from tui.screens.trial_runs import RunKeys
from tui.station import Station
from tui.trial_words import head_words, job_words, plan_rows, run_lines
from tui.widgets.panel import Panel
from tui.widgets.plot import Plot
from tui.widgets.rows import Row, Rows

REPLOT_S = 2.0
SHORTEST = timedelta(minutes=2)
WITHOUT_RUN = timedelta(minutes=10)
NAMES = {120: 34, 100: 20, 0: 14}  # cells for a condition's name on a screen so wide
TALL, SPACED = 34, 6
NEW = "new:"


class Trial(RunKeys, OperatorKeys, JobKeys, MakingKeys, PaperKeys):
    """The screen staff have in front of them while a party tries a machine."""

    NAME, SCOPES, TOPICS = "trial", ("trial",), frozenset({"trials", "bookings"})
    BINDINGS = bindings("trial")

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self._signal = ("", "")
        self._wanted_booking = ""

    def body(self) -> ComposeResult:
        yield Panel(id="trial-head")
        with Horizontal(id="trial-middle"):
            yield Rows(id="plan", empty=self.t("plan.empty"))
            yield Panel(id="run")
        yield Panel(id="job")
        yield Plot(id="plot")

    def on_mount(self) -> None:
        """The plan has the keys; the plot follows on its own beat."""
        self.query_one(Rows).focus()
        self.set_interval(REPLOT_S, self._beat)

    # -- reading ------------------------------------------------------------------------------

    def load(self, topics: Collection[str]) -> None:
        self.ask(self._read, group="trials")

    async def _read(self) -> Message:
        client, now = self.station.client, self.view.local_now
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        bookings = await client.bookings(day - timedelta(days=1), day + timedelta(days=2))
        return TrialsCame(await client.trials(), bookings, await client.equipment())

    @on(TrialsCame)
    def _came(self, came: TrialsCame) -> None:
        self.trials = {one.id: one for one in came.trials}
        self.bookings = {one.id: one for one in came.bookings}
        self.equipment = came.equipment
        if self._wanted_booking:
            self._open_wanted()
        if self.trial is None:
            self.chosen = self._likeliest()
        self.draw()
        self._beat()

    def _likeliest(self) -> str:
        """The trial whose booking is armed, or else one whose party is here."""
        ordered = sorted(self.bookings.values(), key=lambda one: (not one.armed, one.start))
        here = [one for one in ordered if one.state == "checked_in" and one.trial]
        return next((one.trial for one in here if one.trial in self.trials), "") or ""

    # -- choosing -----------------------------------------------------------------------------

    def want(self, booking: str) -> None:
        """Open the trial of a booking as soon as it has been read."""
        self._wanted_booking = booking

    def _open_wanted(self) -> None:
        booking = self.bookings.get(self._wanted_booking)
        self._wanted_booking = ""
        mine = booking and next(
            (one for one in self.trials.values() if one.booking == booking.id), None
        )
        if mine:
            self._choose(mine.id)
        elif booking is not None and self.may_change():
            self.new_trial(booking)

    def select(self, trial: str) -> None:
        """Another trial has another machine to plot."""
        super().select(trial)
        self._signal = ("", "")

    def _choose(self, trial: str) -> None:
        """Another trial: its own machine is plotted."""
        self.select(trial)
        self.draw()
        self._replot()

    def action_choose(self) -> None:
        """Choose a trial, or a booking of these days that has none yet."""
        rows = [
            Row(one.id, self._trial_line(one.booking, one.title)) for one in self.trials.values()
        ]
        with_trial = {one.booking for one in self.trials.values()}
        open_ones = [
            one
            for one in self.bookings.values()
            if one.id not in with_trial and one.state in ("confirmed", "checked_in")
        ]
        rows += [
            Row(NEW + one.id, self._trial_line(one.id, self.t("trial.new"))) for one in open_ones
        ]

        def chosen(key: str | None) -> None:
            if key and key.startswith(NEW):
                self.new_trial(self.bookings[key.removeprefix(NEW)])
            elif key:
                self._choose(key)

        pick = Pick(
            self.station, self.t("trial.choose"), rows, self.chosen, empty=self.t("trial.nothing")
        )
        self.app.push_screen(pick, chosen)

    def _trial_line(self, booking: str, title: str) -> Text:
        found = self.bookings.get(booking)
        when = f"{self.view.local(found.start):%m/%d %H:%M}" if found else ""
        party = found.party_name if found else ""
        return joined([column(when, 11, DIM), column(party, 16, BOLD), Text(title)])

    # -- the plot -----------------------------------------------------------------------------

    def action_signal(self) -> None:
        """Choose what is plotted."""
        rows = [
            Row(f"{device.id}:{one.signal}", self._signal_line(device.name, one.signal))
            for device in self._plotted_devices()
            for one in device.readings
        ]

        def chosen(key: str | None) -> None:
            if key:
                device, _, signal = key.partition(":")
                self._signal = (device, signal)
                self._replot()

        present = ":".join(self._signal)
        self.app.push_screen(Pick(self.station, self.t("plot.choose"), rows, present), chosen)

    def _signal_line(self, device: str, signal: str) -> Text:
        return joined([column(device, 20, DIM), Text(signal_name(signal, self.t), BOLD)])

    def _plotted_devices(self) -> list[DeviceShape]:
        """The trial's own machine first, then the rest of its equipment, then the room."""
        own = self.view.of_equipment(self.trial.equipment) if self.trial else {}
        shared = [one for one in self.view.devices.values() if one.equipment is None]
        mine = sorted(own.values(), key=lambda one: one is not self.device)
        return [*mine, *shared]

    def _beat(self) -> None:
        """What moves by itself is asked for again."""
        if self.is_current and self._ready:
            self.read_floor()
            self._replot()
            if self.making:
                self.draw()

    def _replot(self) -> None:
        if not (self.is_current and self._ready and self.view.live) or self.view.now is None:
            return
        devices = self._plotted_devices()
        known = {(one.id, each.signal) for one in devices for each in one.readings}
        if self._signal not in known:
            first = next((one for one in devices if one.readings), None)
            if first is None:
                self.query_one(Plot).clear(self.t("plot.nothing"))
                return
            self._signal = (first.id, first.readings[0].signal)
        run, now = self.run, self.view.now
        end = (run.ended if run else None) or now
        start = run.started if run and run.started else end - WITHOUT_RUN
        start = min(start, end - SHORTEST)
        buckets = max(20, self.size.width - 10)
        self.ask(self._window, *self._signal, start, end, buckets, group="plot")

    async def _window(
        self, device: str, signal: str, start: datetime, end: datetime, buckets: int
    ) -> Message:
        return WindowCame(await self.station.client.window(device, signal, start, end, buckets))

    @on(WindowCame)
    def _plot(self, came: WindowCame) -> None:
        window = came.window
        device = self.view.devices.get(window.device)
        name = f"{device.name if device else window.device}  {signal_name(window.signal, self.t)}"
        unit = "" if window.unit == "1" else f" [{self.t.word('unit', window.unit)}]"
        self.query_one(Plot).show(window, f"w  {name}{unit}", self.view.zone)

    # -- drawing ------------------------------------------------------------------------------

    @on(Rows.Highlighted)
    def draw(self) -> None:
        trial, t = self.trial, self.t
        if trial is None:
            words = Text(t("trial.none"), DIM)
            self.query_one("#trial-head", Panel).say(words)
            self.query_one(Rows).show([])
        else:
            party = self.booking.party_name if self.booking else ""
            words = head_words(trial, party, self.armed, t)
            making = self.making_words()
            self.query_one("#trial-head", Panel).say(making + words if making else words)
            width = next(cells for wide, cells in NAMES.items() if self.size.width >= wide)
            self.query_one(Rows).show(plan_rows(trial, width, t))
        lines = run_lines(self.run, self.view.now, t)
        lines += floor_lines(self.run, self.floor, t) if self.run else []
        gap = "\n\n" if self.size.height >= TALL and len(lines) <= SPACED else "\n"
        self.query_one("#run", Panel).say(Text(gap).join(lines))
        job = job_words(self.device, self.view.live, t) if trial else Text()
        self.query_one("#job", Panel).say(job)
