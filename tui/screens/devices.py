"""Devices: each on its three axes, its values with their age, what was last asked of it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message

from lab_controller.wire import CommandShape, DeviceShape
from tui.device_words import AXIS, STAFFS, about_lines, device_row, reading_lines
from tui.entries import Given, whole_number
from tui.keymap import bindings
from tui.look import BOLD, DIM, KEY, column, joined
from tui.messages import CommandsCame, Done, StopWanted
from tui.screens.base import LabScreen
from tui.screens.form import Field, Form
from tui.screens.pick import Pick
from tui.station import Station
from tui.verbs import BY_JOB, ENTRIES, NEVER_ASKS, arguments_of
from tui.widgets.panel import Panel
from tui.widgets.rows import Row, Rows

LOG_LINES = 8
WIDE = 100
NAME = (20, 32)


class Devices(LabScreen):
    """The list of devices and everything about the one under the cursor."""

    NAME, SCOPES, TOPICS = "devices", ("devices",), frozenset({"commands"})
    BINDINGS = bindings("devices")

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self._log: list[CommandShape] = []
        self._log_of = ""

    def body(self) -> ComposeResult:
        yield Panel(id="headings")
        yield Rows(id="devices", empty=self.t("device.none"))
        yield Panel(id="device-title")
        with Horizontal(id="device"):
            with VerticalScroll(id="readings-box"):
                yield Panel(id="readings")
            with VerticalScroll(id="about-box"):
                yield Panel(id="about")

    def on_mount(self) -> None:
        """The keys of the list work at once."""
        self.query_one(Rows).focus()
        for box in self.query(VerticalScroll):
            box.can_focus = False

    def selected(self) -> DeviceShape | None:
        """The device under the cursor."""
        return self.view.devices.get(self.query_one(Rows).key)

    # -- reading ------------------------------------------------------------------------------

    def load(self, topics: Collection[str]) -> None:
        key = self.query_one(Rows).key
        if key:
            self.ask(self._read, key, group="log")

    async def _read(self, device: str) -> Message:
        return CommandsCame(device, await self.station.client.command_log(device))

    @on(CommandsCame)
    def _came(self, came: CommandsCame) -> None:
        self._log_of, self._log = came.device, came.rows[:LOG_LINES]
        self._draw_device()

    @on(Rows.Highlighted)
    def _moved(self) -> None:
        self._draw_device()
        if self.view.live:
            self.load(frozenset())

    # -- drawing ------------------------------------------------------------------------------

    def _headings(self, name_width: int) -> Text:
        cells = [column(self.t("column.device"), name_width, DIM)]
        cells += [column(self.t(f"column.{name}"), AXIS, DIM) for name in ("link", "operation")]
        cells += [column(self.t("column.safety"), AXIS, DIM), Text(self.t("column.value"), DIM)]
        return Text("  ") + joined(cells)

    def draw(self) -> None:
        devices, width = self.view.devices.values(), NAME[self.size.width >= WIDE]
        self.query_one("#headings", Panel).say(self._headings(width))
        rows = [Row(one.id, device_row(one, width, self.view, self.t)) for one in devices]
        self.query_one(Rows).show(rows)
        self._draw_device()

    def _draw_device(self) -> None:
        device = self.selected()
        if device is None:
            return
        log = self._log if self._log_of == device.id else []
        title = Text.assemble(
            (f" {device.name}", BOLD),
            (f"  {device.id} / {device.connection} ", DIM),
            ("" if self.view.live else self.t("value.stale"), KEY),
        )
        self.query_one("#device-title", Panel).say(title)
        readings = reading_lines(device, self.view, self.t)
        about = about_lines(device, log, self.view, self.t)
        for id, lines in (("readings", readings), ("about", about)):
            self.query_one(f"#{id}", Panel).say(Text("\n").join(lines))

    def action_scroll(self, ways: int) -> None:
        """Show what does not fit of the device, by half a box."""
        for box in self.query(VerticalScroll):
            box.scroll_relative(y=ways * max(1, box.size.height // 2), animate=False)

    # -- asking -------------------------------------------------------------------------------

    def action_stop_device(self) -> None:
        """Stop this device alone. Asks nothing."""
        device = self.selected()
        if device is not None:
            self.app.post_message(StopWanted(device.id))

    def action_reconnect(self) -> None:
        """Try the wire again now."""
        device = self.selected()
        if device is not None and self.may_change():
            self.ask(self._reconnect, device)

    async def _reconnect(self, device: DeviceShape) -> Message:
        await self.station.client.reconnect(device.id)
        return Done(self.t("done.reconnect", device=device.name))

    def action_take(self) -> None:
        """Take the equipment over for maintenance or a demo, with a reason."""
        device = self.selected()
        if device is None or not self.may_change():
            return
        if device.equipment is None:
            self.say(self.t("why.no_equipment", device=device.name))
            return
        kinds = [(kind, self.t(f"lease_kind.{kind}")) for kind in STAFFS]
        fields = [
            Field("reason", "field.reason", required=True),
            Field("minutes", "field.minutes", "60"),
            Field("kind", "field.lease_kind", STAFFS[0], kinds),
        ]
        title = self.t("take.title", device=device.name)
        send = partial(self._take, device.equipment)
        form = Form(self.station, title, fields, send, asks=self.t("ask.take"))
        self.app.push_screen(form, self.post_if)

    async def _take(self, equipment: str, given: Given) -> Message:
        minutes = whole_number("minutes", given["minutes"])
        lease = await self.station.client.take(
            equipment, given["reason"], minutes=minutes, kind=given["kind"]
        )
        return Done(self.t("done.taken", equipment=lease.equipment_name, n=lease.number))

    def action_release(self) -> None:
        """Give back what staff took."""
        device = self.selected()
        if device is None or not self.may_change():
            return
        if device.equipment is None or device.lease_kind not in STAFFS:
            self.say(self.t("why.not_taken", device=device.name))
            return
        title, asks = self.t("key.device.release"), self.t("ask.release")
        self.confirm(title, asks, title, self._release, device.equipment)

    async def _release(self, equipment: str) -> Message:
        lease = await self.station.client.release(equipment)
        return Done(self.t("done.released", equipment=lease.equipment_name))

    def action_command(self) -> None:
        """Choose a command for this device."""
        device = self.selected()
        if device is None or not self.may_change():
            return
        verbs = [verb for verb in device.commands if verb not in BY_JOB]
        rows = [Row(verb, Text(self.t.word("verb", verb))) for verb in verbs]
        title = self.t("command.title", device=device.name)

        def chosen(verb: str | None) -> None:
            if verb:
                self._command(device, verb)

        pick = Pick(self.station, title, rows, empty=self.t("command.none"))
        self.app.push_screen(pick, chosen)

    def _command(self, device: DeviceShape, verb: str) -> None:
        word = self.t.word("verb", verb)
        title = f"{word}  {device.name}"
        asks = "" if verb in NEVER_ASKS else self.t("ask.command", verb=word, device=device.name)
        if verb in ENTRIES:
            fields = [
                Field(entry.name, f"field.{entry.name}", required=True) for entry in ENTRIES[verb]
            ]

            async def send(given: Given) -> Message:
                return await self._send(device, verb, given)

            form = Form(self.station, title, fields, send, asks=asks)
            self.app.push_screen(form, self.post_if)
        elif asks:
            self.confirm(title, asks, word, self._send, device, verb, {})
        else:
            self.ask(self._send, device, verb, {})

    async def _send(self, device: DeviceShape, verb: str, given: Given) -> Message:
        arguments = arguments_of(verb, given)
        row = await self.station.client.command(device.id, verb, arguments, lease=device.lease)
        state = self.t.word("command", row.state)
        return Done(self.t("done.command", verb=self.t.word("verb", verb), state=state))
