"""The staff console: five screens on one live lab, and the stop that works everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App
from textual.command import Provider
from textual.message import Message
from textual.scrollbar import ScrollBar
from textual.theme import Theme

from lab_controller.client import LabClient
from lab_controller.wire import LatchShape
from tui.entries import Given
from tui.feed import listen
from tui.keymap import bindings
from tui.messages import Done, FrameCame, LabLost, StopAnswered, StopWanted, TrialWanted
from tui.palette import KeyCommands, Palette
from tui.screens.base import EVERYTHING, LabScreen
from tui.screens.bookings import Bookings
from tui.screens.devices import Devices
from tui.screens.form import Field, Form
from tui.screens.help import Help
from tui.screens.log import Log
from tui.screens.stop import StopScreen
from tui.screens.today import Today
from tui.screens.trial import Trial
from tui.sheet import Sheet
from tui.station import Station
from tui.stop_way import stop_lab
from tui.texts import Texts
from tui.widgets.scrolling import PlainScrollBar

WATCH_S = 0.5
WHILE_LOST_S = 0.3
MEANT_FOR_IT = frozenset({"go", "reset", "command_palette", "help"})
"""What a key does everywhere but in a dialog, where it is typed."""


LAB_THEME = Theme(
    name="lab",
    primary="#7db7ff",
    warning="#f0c04e",
    error="#b3201c",
    success="#6fd08c",
    foreground="#d6dbe2",
    background="#12161c",
    surface="#12161c",
    panel="#1b222c",
)


class LabApp(App[None]):
    """One console on one lab. Closing it stops nothing."""

    CSS_PATH = Path(__file__).parent / "styles" / "lab.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {KeyCommands}
    BINDINGS = bindings("global")
    COMMAND_PALETTE_BINDING = "f24"  # ours is in the table of keys, with an id
    SCREENS_BY_NAME: ClassVar[dict[str, type[LabScreen]]] = {
        "today": Today,
        "devices": Devices,
        "trial": Trial,
        "bookings": Bookings,
        "log": Log,
    }

    def __init__(
        self,
        client: LabClient,
        *,
        language: str = "ja",
        data_dir: Path | None = None,
        readonly: bool = False,
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]
        self.register_theme(LAB_THEME)
        self.theme = LAB_THEME.name
        self.stylesheet = Sheet(variables=self.get_css_variables())
        self.station = Station(client, Texts(language), data_dir, readonly)
        self.title = self.station.t("title")
        self._stop_screen: StopScreen | None = None

    def on_mount(self) -> None:
        """Open the first screen and start to listen."""
        ScrollBar.renderer = PlainScrollBar
        for name, screen in self.SCREENS_BY_NAME.items():
            self.add_mode(name, lambda screen=screen: screen(self.station))  # type: ignore[misc]
        self.switch_mode("today")
        station = self.station
        feed = listen(station.client, self.post_message, station.data_dir)
        self.run_worker(feed, group="feed")
        self.set_interval(WATCH_S, self._watch)

    # -- the lab ------------------------------------------------------------------------------

    @on(FrameCame)
    def _frame(self, came: FrameCame) -> None:
        back = self.station.view.hear(came.frame, time.monotonic())
        self._tell(EVERYTHING if back else frozenset(came.frame.changed))

    @on(LabLost)
    def _lost(self, lost: LabLost) -> None:
        if self.station.view.lose(lost.why):
            self._tell(frozenset())

    def _watch(self) -> None:
        """A frozen controller keeps its connection open and says nothing."""
        if self.station.view.is_silent(time.monotonic()) and self.station.view.lose():
            self._tell(frozenset())

    def _tell(self, topics: frozenset[str]) -> None:
        """Tell the screen in front; the others are brought up to date when they are opened."""
        front = self.screen_stack[0] if self.screen_stack else None
        if isinstance(front, LabScreen):
            front.lab_changed(topics)

    # -- stopping -----------------------------------------------------------------------------

    def action_help_quit(self) -> None:
        """Ctrl+C ends nothing: say which key does."""
        self.notify(self.station.t("quit.how"))

    def action_stop(self) -> None:
        """Stop the lab. No question, no lease, from everywhere."""
        self.stop(None)

    @on(StopWanted)
    def _stop_wanted(self, wanted: StopWanted) -> None:
        self.stop(wanted.device)

    def stop(self, device: str | None) -> None:
        """Stop the lab or one device, and show what becomes of it."""
        self.run_worker(self._stop(device), group="stop")
        if self._stop_screen is not None and self._stop_screen.is_running:
            self._stop_screen.dismiss()
        self._stop_screen = StopScreen(self.station, device)
        self.push_screen(self._stop_screen)

    async def _stop(self, device: str | None) -> None:
        client, data_dir = self.station.client, self.station.data_dir
        if self.station.view.live:
            answer = await stop_lab(client, device, data_dir)
        else:
            answer = await stop_lab(client, device, data_dir, within_s=WHILE_LOST_S)
        self.post_message(StopAnswered(device, answer))

    @on(StopAnswered)
    def _stop_answered(self, answered: StopAnswered) -> None:
        view, answer = self.station.view, answered.answer
        if answer.way == "stopper":
            view.latched_here(self.station.t("stop.by_console"), view.now, answered.device)
        if self._stop_screen is not None and self._stop_screen.is_attached:
            self._stop_screen.tell(answer)
        self._tell(frozenset())

    def action_reset(self) -> None:
        """Lift the latch, with a reason. Every device is verified by the lab first."""
        screen, t, latch = self.screen, self.station.t, self.station.view.latch
        if not isinstance(screen, LabScreen):
            return
        if not latch.latched:
            screen.say(t("why.not_latched"))
        elif screen.may_change():
            fields = [Field("reason", "field.reason", required=True), self._scopes(latch)]
            asks = t("ask.reset")
            form = Form(self.station, t("reset.title"), fields, self._reset, asks=asks)
            self.push_screen(form, screen.post_if)

    def _scopes(self, latch: LatchShape) -> Field:
        view, t = self.station.view, self.station.t
        names = [(one, view.devices[one].name) for one in latch.scopes if one in view.devices]
        choices = [("", t("scope.lab")), *names]
        return Field("scope", "field.scope", names[0][0] if len(names) == 1 else "", choices)

    async def _reset(self, given: Given) -> Message:
        await self.station.client.reset(given["reason"], given["scope"] or None)
        return Done(self.station.t("done.reset"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only stopping and quitting work while a dialog is on its way to the screen in front."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        waits = isinstance(screen, LabScreen) and screen.opening
        return not (waits and action in MEANT_FOR_IT) and super().check_action(action, parameters)

    # -- moving about -------------------------------------------------------------------------

    def action_go(self, name: str) -> None:
        """Open a screen."""
        self.switch_mode(name)

    @on(TrialWanted)
    def _open_trial(self, wanted: TrialWanted) -> None:
        self.switch_mode("trial")
        screen = self.screen
        if isinstance(screen, Trial):
            screen.want(wanted.booking)
            screen.lab_changed(EVERYTHING)

    def action_refresh_all(self) -> None:
        """Read everything on this screen again."""
        self._tell(EVERYTHING)

    def action_help(self) -> None:
        """Every key of this screen."""
        screen = self.screen
        if isinstance(screen, LabScreen):
            self.push_screen(Help(self.station, screen.SCOPES))

    def action_command_palette(self) -> None:
        """The palette, with the stop bar in it."""
        if isinstance(self.screen, LabScreen):
            self.push_screen(Palette(self.station))


def run(
    url: str,
    token_file: Path,
    *,
    data_dir: Path | None = None,
    language: str = "ja",
    readonly: bool = False,
) -> None:
    """Open the console on a running lab and stay until it is closed."""
    client = LabClient.for_lab(url, token_file, language=language)
    LabApp(client, language=language, data_dir=data_dir, readonly=readonly).run()
