"""What every dialog has: a title, its keys, and the stop bar below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from lab_controller.wire import ProblemShape
from tui.keymap import bindings
from tui.look import BAD, BOLD, DIM, KEY, WARN
from tui.station import Station
from tui.widgets.bars import KeyBar, StopBar

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A dialog over a screen. The stop works in it as everywhere."""

    SCOPES: ClassVar[Sequence[str]] = ("close",)

    def __init__(self, station: Station, title: str) -> None:
        super().__init__()
        self.station, self.t = station, station.t
        self.head = title

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self.head, BOLD), id="dialog-title")
            yield from self.body()
            yield KeyBar(self.station, self.SCOPES, id="dialog-keys")
        yield StopBar(self.station, id="stop-bar")

    def body(self) -> ComposeResult:
        """What the dialog is about."""
        yield from ()


class Confirm(Dialog[bool]):
    """A question before something starts, heats or moves. The default is no."""

    SCOPES = ("confirm",)
    BINDINGS = bindings("confirm")

    def __init__(self, station: Station, title: str, text: str, yes: str) -> None:
        super().__init__(station, title)
        self._text, self._yes = text, yes

    def body(self) -> ComposeResult:
        yield Static(self._text, markup=False, classes="words")
        with Vertical(classes="buttons"):
            yield Button(self.t("key.confirm.no"), id="no", compact=True)
            yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        """Enter alone changes nothing."""
        self.query_one("#no").focus()

    def on_button_pressed(self, pressed: Button.Pressed) -> None:
        """The answer."""
        self.dismiss(pressed.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """The answer by key."""
        self.dismiss(answer)


class Notice(Dialog[None]):
    """The lab's no, with every reason; stays until it has been read."""

    BINDINGS = bindings("close")

    def __init__(
        self, station: Station, title: str, text: str, problems: Sequence[ProblemShape] = ()
    ) -> None:
        super().__init__(station, title)
        self._words = problem_words(station, text, problems)

    def body(self) -> ComposeResult:
        with VerticalScroll(classes="words"):
            yield Static(self._words)

    def action_close(self) -> None:
        """Read."""
        self.dismiss()


class Lines(Dialog[None]):
    """Lines to read, as many as there are."""

    BINDINGS = bindings("close")

    def __init__(self, station: Station, title: str, lines: Sequence[Text]) -> None:
        super().__init__(station, title)
        self._lines = Text("\n").join(lines)

    def body(self) -> ComposeResult:
        with VerticalScroll(classes="words", id="lines"):
            yield Static(self._lines)

    def on_mount(self) -> None:
        """Arrows scroll at once."""
        self.query_one("#lines").focus()

    def action_close(self) -> None:
        """Read."""
        self.dismiss()


def problem_words(station: Station, text: str, problems: Sequence[ProblemShape]) -> Text:
    """A refusal as text: its sentence, then each problem with what would work instead."""
    words = Text(text, BAD)
    for problem in problems:
        words.append("\n - ", KEY)
        words.append(problem.text, WARN)
        if problem.next_start is not None:
            at = station.view.local(problem.next_start)
            hint = station.t("problem.next", at=f"{station.t.day(at)} {at:%H:%M}")
            words.append("\n   " + hint, DIM)
    return words
