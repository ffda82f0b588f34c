"""Barcodes, one after the other: a scanner types a line and ends it with Enter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.events import Event, Key
from textual.message import Message
from textual.widgets import Input, Static

from lab_controller.client import Refused, Unreachable
from lab_controller.wire_operator import FloorShape, ScanShape
from lab_controller.wire_trials import RunShape
from tui.keymap import bindings
from tui.look import BAD, BOLD, DIM, GOOD, column, joined
from tui.messages import RunCame
from tui.screens.dialog import Dialog
from tui.station import Station

KEPT = 5
CODE = 16


class CodeField(Input):
    """Takes its Enter in turn with its characters.

    An Input leaves Enter to the bindings, where it comes later than what a quick scanner types
    next: two codes would become one.
    """

    async def on_event(self, event: Event) -> None:
        """A line is ended: tell it, and be empty before the next character comes."""
        if isinstance(event, Key) and event.key == "enter":
            event.stop()
            code, self.value = self.value, ""
            self.post_message(self.Submitted(self, code))
        else:
            await super().on_event(event)


class Scan(Dialog[Message | None]):
    """Stays open for the next code. What each one did stands there, the newest first and large."""

    SCOPES = ("scan",)
    BINDINGS = bindings("scan")

    @dataclass
    class Answered(Message):
        """What one code did, or why it did nothing."""

        code: str
        words: Text
        run: RunShape | None

    def __init__(self, station: Station, run: RunShape, floor: FloorShape) -> None:
        super().__init__(station, station.t("scan.title", n=run.number, condition=run.condition))
        self._run, self._floor = run, floor
        self._done: list[Text] = []
        self._turn = asyncio.Lock()  # codes are carried out in the order they were read

    def body(self) -> ComposeResult:
        yield Static(Text(self.t("scan.how"), DIM), classes="words")
        yield CodeField(placeholder=self.t("scan.hint"), compact=True, id="code")
        yield Static("", id="scanned")
        with VerticalScroll(id="scan-codes"):
            yield Static(self._codes(), id="codes")

    def on_mount(self) -> None:
        """The next thing typed is a code."""
        self.query_one("#code").focus()

    def _codes(self) -> Text:
        """The codes this run knows."""
        lines = [
            joined([column(one.code, CODE, BOLD), Text(one.name, DIM)]) for one in self._floor.keys
        ]
        return Text("\n").join(lines)

    @on(Input.Submitted)
    def _read(self, submitted: Input.Submitted) -> None:
        code = submitted.value.strip()
        if code:
            self.run_worker(self._send(code))

    async def _send(self, code: str) -> None:
        async with self._turn:
            try:
                done: ScanShape = await self.station.client.scan(self._run.id, code)
            except Refused as error:
                answer = self.Answered(code, Text(error.refusal.text, BAD), None)
            except Unreachable:
                answer = self.Answered(code, Text(self.t("trouble.lost"), BAD), None)
            else:
                answer = self.Answered(code, Text(done.text, GOOD), done.run)
        self.post_message(answer)

    @on(Answered)
    def _answered(self, answer: Answered) -> None:
        line = Text.assemble((f"{answer.code}  ", BOLD), answer.words)
        self._done = [line, *self._done][:KEPT]
        self._run = answer.run or self._run
        shown = [Text(self._counts(), BOLD), *self._done]
        self.query_one("#scanned", Static).update(Text("\n").join(shown))

    def _counts(self) -> str:
        run = self._run
        return self.t("scan.counts", good=run.good, scrap=run.scrap, rework=run.rework)

    def action_leave(self) -> None:
        """Back, with the counts as they are now."""
        self.dismiss(RunCame(self._run))
