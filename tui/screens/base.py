"""What the four screens share: the frame, asking the lab in a worker, and how a no is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from lab_controller.client import Refused, Unreachable
from tui.messages import DialogCame, Done, Trouble, Whisper
from tui.screens.dialog import Confirm, Notice
from tui.station import Station
from tui.widgets.bars import Banner, KeyBar, StopBar, Tabs, TopBar

Question = Callable[..., Awaitable[Message]]

EVERYTHING = frozenset({"bookings", "trials", "commands", "latch"})


class LabScreen(Screen[None]):
    """One of the console's screens. `NAME` is its tab, `SCOPES` its keys, `TOPICS` what it reads.

    A hidden screen does nothing; it is brought up to date when it is opened.
    """

    NAME: ClassVar[str]
    SCOPES: ClassVar[Sequence[str]]
    TOPICS: ClassVar[Collection[str]] = EVERYTHING

    def __init__(self, station: Station) -> None:
        super().__init__()
        self.station, self.t, self.view = station, station.t, station.view
        self._whispered = ""
        self._ready = False
        self._opening = 0

    def compose(self) -> ComposeResult:
        yield TopBar(self.station, id="top-bar")
        yield Tabs(self.station, id="tabs")
        yield Banner(self.station)
        with Vertical(id="body"):
            yield from self.body()
        yield KeyBar(self.station, (*self.SCOPES, "global"), id="key-bar")
        yield StopBar(self.station, id="stop-bar")

    def body(self) -> ComposeResult:
        """What the screen is about."""
        yield from ()

    def on_mount(self) -> None:
        """All widgets are there from now on; the tab does not change."""
        self._ready = True
        self.query_one(Tabs).show(self.NAME)
        self.lab_changed(EVERYTHING)

    def on_unmount(self) -> None:
        """Nothing is left to draw on."""
        self._ready = False

    def on_screen_resume(self) -> None:
        """Opened again: nothing on it can be trusted to be current."""
        self.lab_changed(EVERYTHING)

    def on_resize(self) -> None:
        """Columns depend on the width."""
        self.call_after_refresh(self.lab_changed, frozenset())

    def lab_changed(self, topics: Collection[str]) -> None:
        """The lab has moved on; `topics` name the lists that have to be read again."""
        if not self._ready:
            return
        self.query_one(TopBar).show()
        self.query_one(Banner).show()
        self.draw()
        if self.view.live and set(topics) & set(self.TOPICS):
            self.load(topics)

    def draw(self) -> None:
        """Show what is known, without asking anybody."""

    def load(self, topics: Collection[str]) -> None:
        """Ask the lab for what this screen shows."""

    # -- asking -------------------------------------------------------------------------------

    def ask(self, question: Question, *about: Any, group: str = "", opens: bool = False) -> None:
        """Ask in a worker; the answer comes as a message. A group keeps only its newest.

        The answer `opens` a dialog: what is typed until then was meant for it, and does nothing.
        """
        self._opening += opens
        asking: Callable[[], Awaitable[None]] = partial(
            self._ask, partial(question, *about), quiet=bool(group), opens=opens
        )
        self.run_worker(asking, group=group, exclusive=bool(group))

    async def _ask(self, question: Question, *, quiet: bool, opens: bool) -> None:
        try:
            self.post_message(await question())
        except Refused as error:
            self.post_message(Whisper(error.refusal.text) if quiet else Trouble.of(error))
        except Unreachable:
            if not quiet:
                self.post_message(Trouble(self.t("trouble.lost")))
        finally:
            if opens:
                self.post_message(DialogCame())

    @property
    def opening(self) -> bool:
        """Whether a dialog that was asked for is still on its way."""
        return self._opening > 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key of this screen works while a dialog is on its way."""
        return not self.opening and super().check_action(action, parameters)

    @on(DialogCame)
    def _dialog_came(self) -> None:
        self._opening -= 1

    def may_change(self) -> bool:
        """Whether this console may change anything; says so when not."""
        if self.station.readonly:
            self.say(self.t("why.readonly"))
        return not self.station.readonly

    def say(self, text: str) -> None:
        """A short word that needs no answer."""
        self.notify(text, markup=False, timeout=6)

    def confirm(self, title: str, text: str, yes: str, question: Question, *about: Any) -> None:
        """Ask a person before the lab is asked."""

        def answered(answer: bool | None) -> None:
            if answer:
                self.ask(question, *about)

        self.app.push_screen(Confirm(self.station, title, text, yes), answered)

    def post_if(self, message: Message | None) -> None:
        """Take over what a form brought back."""
        if message is not None:
            self.post_message(message)

    @on(Done)
    def _done(self, done: Done) -> None:
        if done.text:
            self.say(done.text)

    @on(Whisper)
    def _whisper(self, whisper: Whisper) -> None:
        """Said once: what is asked every few seconds would be refused every few seconds."""
        if whisper.text != self._whispered:
            self._whispered = whisper.text
            self.say(whisper.text)

    @on(Trouble)
    def _trouble(self, trouble: Trouble) -> None:
        notice = Notice(self.station, self.t("trouble.title"), trouble.text, trouble.problems)
        self.app.push_screen(notice)
