"""A form made from a table of fields. Whatever goes wrong, nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from lab_controller.client import Refused, Unreachable
from lab_controller.wire import ProblemShape
from tui.entries import BadField, Given
from tui.keymap import bindings
from tui.look import BAD, DIM
from tui.messages import Trouble
from tui.screens.dialog import Confirm, Dialog, problem_words
from tui.screens.pick import Pick
from tui.station import Station
from tui.widgets.choice import Choice, Choices
from tui.widgets.rows import Row


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `label` and `hint` are text keys; with `choices` it is chosen, not typed."""

    name: str
    label: str
    value: str = ""
    choices: Choices | None = None
    hint: str = ""
    required: bool = False


Send = Callable[[Given], Awaitable[Message | None]]


class Form(Dialog[Message | None]):
    """Fields, and what to do with them. Closes only when that has been done.

    `send` may raise BadField, Refused or Unreachable: the form stays and says what to change.
    `asks` is a question to be answered with yes before it is sent; `trouble` is shown at once.
    """

    SCOPES = ("form",)
    BINDINGS = bindings("form")

    @dataclass
    class Sent(Message):
        """What was asked for has been done."""

        result: Message | None

    @dataclass
    class NotSent(Message):
        """It was not; the fields concerned are marked."""

        words: Text
        fields: frozenset[str]

    def __init__(
        self,
        station: Station,
        title: str,
        fields: Sequence[Field],
        send: Send,
        *,
        trouble: Trouble | None = None,
        asks: str = "",
    ) -> None:
        super().__init__(station, title)
        self._fields, self._send, self._trouble, self._asks = fields, send, trouble, asks

    def body(self) -> ComposeResult:
        with VerticalScroll(id="fields"):
            for field in self._fields:
                with Horizontal(classes="field", id=f"row-{field.name}"):
                    yield Static(self.t(field.label), classes="label", markup=False)
                    yield self._entry(field)
        with VerticalScroll(id="problems-box"):
            yield Static("", id="problems")

    def _entry(self, field: Field) -> Widget:
        if field.choices is not None:
            return Choice(field.choices, field.value, id=f"field-{field.name}")
        hint = self.t(field.hint) if field.hint else ""
        return Input(field.value, placeholder=hint, compact=True, id=f"field-{field.name}")

    def on_mount(self) -> None:
        """Start in the first field; say at once why a form had to be opened."""
        first = self.query("Input, Choice").first()
        first.focus()
        if self._trouble:
            self._say(problem_words(self.station, self._trouble.text, self._trouble.problems))

    @property
    def given(self) -> Given:
        """What has been entered so far."""
        return {field.name: self._value(field.name) for field in self._fields}

    def _value(self, name: str) -> str:
        entry = self.query_one(f"#field-{name}")
        return entry.value.strip() if isinstance(entry, Input | Choice) else ""

    def _say(self, words: Text) -> None:
        self.query_one("#problems", Static).update(words)
        self.query_one("#problems-box").display = bool(words)

    # -- sending ------------------------------------------------------------------------------

    @on(Input.Submitted)
    def action_send(self) -> None:
        """Send what has been entered, after the question where there is one."""
        given = self.given
        missing = frozenset(
            one.name for one in self._fields if one.required and not given[one.name]
        )
        if missing:
            self.post_message(self.NotSent(Text(self.t("bad.missing"), BAD), missing))
            return
        if not self._asks:
            self._begin()
            return

        def answered(answer: bool | None) -> None:
            if answer:
                self._begin()

        self.app.push_screen(
            Confirm(self.station, self.head, self._asks, self.t("form.send")), answered
        )

    def _begin(self) -> None:
        self._say(Text(self.t("form.sending"), DIM))
        self.run_worker(self._try(self.given), exclusive=True)

    async def _try(self, given: Given) -> None:
        try:
            self.post_message(self.Sent(await self._send(given)))
        except BadField as error:
            words = Text(self.t(error.text_key), BAD)
            self.post_message(self.NotSent(words, frozenset({error.field})))
        except Refused as error:
            refusal = error.refusal
            words = problem_words(self.station, refusal.text, refusal.problems)
            self.post_message(self.NotSent(words, named(refusal.problems)))
        except Unreachable:
            self.post_message(self.NotSent(Text(self.t("trouble.lost"), BAD), frozenset()))

    @on(Sent)
    def _close(self, sent: Sent) -> None:
        self.dismiss(sent.result)

    @on(NotSent)
    def _mark(self, answer: NotSent) -> None:
        self._say(answer.words)
        for field in self._fields:
            self.query_one(f"#row-{field.name}").set_class(field.name in answer.fields, "-wrong")
        first = next((one.name for one in self._fields if one.name in answer.fields), None)
        if first:
            self.query_one(f"#field-{first}").focus()

    def action_back(self) -> None:
        """Leave without sending."""
        self.dismiss(None)

    # -- choosing -----------------------------------------------------------------------------

    @on(Choice.Opened)
    def _open(self, opened: Choice.Opened) -> None:
        choice = opened.choice
        rows = [Row(value or "-", Text(label)) for value, label in choice.choices]

        def take(value: str | None) -> None:
            if value is not None:
                choice.take("" if value == "-" else value)

        self.app.push_screen(
            Pick(self.station, self.t("form.choose"), rows, choice.value or "-"), take
        )


def named(problems: Sequence[ProblemShape]) -> frozenset[str]:
    """The fields that problems are about; a row of a list (`limits[2].unit`) is its list's."""
    return frozenset(problem.field.partition("[")[0] for problem in problems if problem.field)
