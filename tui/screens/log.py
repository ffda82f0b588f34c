"""The log: who did what to which machine, when, what it said – and what was lost and found out."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message

from lab_controller.wire import CommandShape
from tui.command_words import command_row, detail_lines, log_headings, widths_for
from tui.entries import Given
from tui.keymap import bindings
from tui.look import BOLD, DIM, KEY
from tui.messages import CommandsCame, Done, JobLogCame
from tui.screens.base import LabScreen
from tui.screens.dialog import Lines
from tui.screens.form import Field, Form
from tui.screens.pick import Pick
from tui.station import Station
from tui.widgets.panel import Panel
from tui.widgets.rows import Row, Rows

STATES = ("", "unsettled", "unknown", "failed", "refused", "sent", "done")
MOST, JOB_LINES = 200, 60
OUTCOMES = ("not_carried_out", "carried_out")


class Log(LabScreen):
    """The command ledger, newest first, and the command under the cursor."""

    NAME, SCOPES, TOPICS = "log", ("log",), frozenset({"commands"})
    BINDINGS = bindings("log")

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self._rows: dict[str, CommandShape] = {}
        self._state, self._device = "", ""

    def body(self) -> ComposeResult:
        yield Panel(id="list-head")
        yield Panel(id="headings")
        yield Rows(id="log", empty=self.t("log.empty"))
        yield Panel(id="detail")

    def on_mount(self) -> None:
        """The keys of the list work at once."""
        self.query_one(Rows).focus()

    def selected(self) -> CommandShape | None:
        """The command under the cursor."""
        return self._rows.get(self.query_one(Rows).key)

    # -- reading ------------------------------------------------------------------------------

    def load(self, topics: Collection[str]) -> None:
        self.ask(self._read, group="log")

    async def _read(self) -> Message:
        rows = await self.station.client.command_log(
            self._device or None, state=self._state or None, limit=MOST
        )
        return CommandsCame(self._device, rows)

    @on(CommandsCame)
    def _came(self, came: CommandsCame) -> None:
        self._rows = {one.id: one for one in came.rows}
        self.draw()

    # -- drawing ------------------------------------------------------------------------------

    def draw(self) -> None:
        widths = widths_for(self.size.width)
        rows = [
            Row(one.id, command_row(one, widths, self.view, self.t)) for one in self._rows.values()
        ]
        self.query_one(Rows).show(rows)
        self.query_one("#headings", Panel).say(log_headings(widths, self.t))
        device = self.view.devices.get(self._device)
        label = Text.assemble(
            (" f ", KEY), (self.t(f"log.state.{self._state or 'all'}"), BOLD),
            ("   d ", KEY), (device.name if device else self.t("log.device.all"), BOLD),
            (f"   {self.t('list.count', n=len(rows))}", DIM),
        )  # fmt: skip
        self.query_one("#list-head", Panel).say(label)
        self._draw_detail()

    @on(Rows.Highlighted)
    def _draw_detail(self) -> None:
        one = self.selected()
        lines = detail_lines(one, self.view, self.t) if one else []
        self.query_one("#detail", Panel).say(Text("\n").join(lines))

    # -- asking -------------------------------------------------------------------------------

    def action_state(self) -> None:
        """The next state to filter by."""
        self._state = STATES[(STATES.index(self._state) + 1) % len(STATES)]
        self.load(frozenset())
        self.draw()

    def action_device(self) -> None:
        """Choose the device to filter by."""
        rows = [Row("*", Text(self.t("log.device.all")))]
        rows += [Row(one.id, Text(one.name)) for one in self.view.devices.values()]

        def chosen(device: str | None) -> None:
            if device:
                self._device = "" if device == "*" else device
                self.load(frozenset())
                self.draw()

        pick = Pick(self.station, self.t("log.pick"), rows, self._device or "*")
        self.app.push_screen(pick, chosen)

    def action_details(self) -> None:
        """Everything about this command, and the end of its job's own log."""
        one = self.selected()
        if one is not None:
            self.ask(self._read_job, one, opens=True)

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        self.action_details()

    async def _read_job(self, one: CommandShape) -> Message:
        found = await self.station.client.job_log(one.id, JOB_LINES)
        return JobLogCame(one, found.lines)

    @on(JobLogCame)
    def _job_came(self, came: JobLogCame) -> None:
        words = detail_lines(came.row, self.view, self.t, whole=True)
        if came.lines:
            words += [Text(), Text(self.t("log.job", n=len(came.lines)), DIM)]
            words += [Text(line) for line in came.lines]
        self.app.push_screen(Lines(self.station, self.t("log.title"), words))

    def action_settle(self) -> None:
        """Say what became of a command whose outcome was lost."""
        one = self.selected()
        if one is None or not self.may_change():
            return
        if one.state != "unknown":
            self.say(self.t("why.not_unknown"))
            return
        choices = [(name, self.t(f"settled.{name}")) for name in OUTCOMES]
        fields = [
            Field("outcome", "field.outcome", OUTCOMES[0], choices),
            Field("note", "field.seen", hint="hint.seen", required=True),
        ]
        verb = self.t.word("verb", one.verb)
        title = self.t("settle.title", verb=verb, device=one.device_name or one.device)

        async def send(given: Given) -> Message:
            carried_out = given["outcome"] == "carried_out"
            await self.station.client.settle(one.id, carried_out=carried_out, note=given["note"])
            return Done(self.t("done.settled"))

        form = Form(self.station, title, fields, send, asks=self.t("ask.settle"))
        self.app.push_screen(form, self.post_if)

    @on(Done)
    def _settled(self, done: Done) -> None:
        self.load(frozenset())
