"""After a stop: every device, what became of it, and which button to press now."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from lab_controller.wire import DeviceShape
from tui.keymap import bindings
from tui.look import ALARM, BAD, BOLD, DIM, OUTCOME, WARN, column
from tui.screens.dialog import Dialog
from tui.station import Station
from tui.stop_way import StopAnswer, Stopped

NAME_WIDTH = 26
OUTCOME_WIDTH = 12


class StopScreen(Dialog[None]):
    """The whole screen belongs to the stop until somebody has read it."""

    BINDINGS = bindings("close")

    def __init__(self, station: Station, device: str | None) -> None:
        super().__init__(station, station.t("stop.title"))
        self._device = device
        self._answer: StopAnswer | None = None

    def body(self) -> ComposeResult:
        yield Static("", id="stop-way")
        with VerticalScroll(id="stop-devices"):
            yield Static("", id="stop-list")
        yield Static(Text(self.t("stop.notice"), WARN), id="stop-notice")

    def on_mount(self) -> None:
        """Until the first answer every device is on its way."""
        self.tell(StopAnswer("sending", tuple(self._expected("SENDING"))))

    def tell(self, answer: StopAnswer) -> None:
        """Show what became of the stop."""
        if answer.way == "none":
            answer = StopAnswer("none", tuple(self._expected("FAILED")), answer.cause)
        self._answer = answer
        failed = any(one.outcome == "FAILED" for one in answer.devices)
        way = self.t(f"stop.way.{answer.way}", cause=answer.cause)
        self.query_one("#stop-way", Static).update(Text(way, ALARM if failed else BOLD))
        lines: list[Text] = []
        for one in sorted(answer.devices, key=lambda row: row.outcome != "FAILED"):
            lines += self._lines(one)
        lines += self._only_measuring(answer)
        self.query_one("#stop-list", Static).update(Text("\n").join(lines))

    def _expected(self, outcome: str) -> list[Stopped]:
        """The devices a stop goes to, as far as we know them."""
        return [
            Stopped(id, outcome)
            for id, device in self.station.view.devices.items()
            if self._concerns(id) and (device.stop_means or not device.stoppable)
        ]

    def _concerns(self, device: str) -> bool:
        return self._device in (None, device)

    def _lines(self, one: Stopped) -> list[Text]:
        known = self.station.view.devices.get(one.device)
        mark = OUTCOME[one.outcome]
        word = f"{mark.symbol} {self.t(f'stop.outcome.{one.outcome}')}"
        name = known.name if known else one.device
        head = Text("  ").join(
            [
                column(word, OUTCOME_WIDTH, mark.style),
                column(name, NAME_WIDTH, BOLD),
                Text(one.outcome, DIM),
            ]
        )
        failed, detail = one.outcome == "FAILED", self._detail(one)
        lines = [head]
        if detail:
            lines.append(Text(" " * (OUTCOME_WIDTH + 2) + detail, BAD if failed else DIM))
        if failed:
            lines += [self._button(one, known), Text()]
        elif place := self._place(one, known):
            words = f"{self.t('device.estop')} {place}"
            lines.append(Text(" " * (OUTCOME_WIDTH + 2) + words, DIM))
        return lines

    def _detail(self, one: Stopped) -> str:
        if not one.coded or not one.detail:
            return one.detail
        return self.t.word("stop.detail", one.detail)

    def _button(self, one: Stopped, known: DeviceShape | None) -> Text:
        place = self._place(one, known) or self.t("stop.button_unknown")
        return Text.assemble(
            " " * (OUTCOME_WIDTH + 2), (f" {self.t('stop.press', place=place)} ", ALARM)
        )

    @staticmethod
    def _place(one: Stopped, known: DeviceShape | None) -> str:
        return one.estop or (known.estop if known else "")

    def _only_measuring(self, answer: StopAnswer) -> list[Text]:
        told = {one.device for one in answer.devices}
        rest = [
            device.name
            for id, device in self.station.view.devices.items()
            if self._concerns(id) and id not in told
        ]
        return [Text(self.t("stop.measuring", names=", ".join(rest)), DIM)] if rest else []

    def action_close(self) -> None:
        """Read; the banner stays until the latch is lifted."""
        self.dismiss()
