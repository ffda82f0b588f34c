"""The papers of a trial: its report and the purchase dossier, made while one works on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from rich.text import Text
from textual import on
from textual.message import Message

from lab_controller.wire_trials import ReportShape
from tui.look import BOLD, DIM, KEY, WARN
from tui.messages import PaperMade, PaperOver
from tui.screens.dialog import Lines
from tui.screens.trial_subject import TrialSubject
from tui.station import Station
from tui.trial_words import clock

FOLDERS = {"report": "reports", "dossier": "dossiers"}


class PaperKeys(TrialSubject):
    """One key each; where a paper lies is told when it is there."""

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self.making = ""
        self._since: datetime | None = None

    def action_report(self) -> None:
        """Make the trial's report."""
        self._make("report", self.station.client.make_report)

    def action_dossier(self) -> None:
        """Make the purchase dossier."""
        self._make("dossier", self.station.client.make_dossier)

    def _make(self, paper: str, question: Callable[[str], Awaitable[ReportShape]]) -> None:
        if self.trial is None:
            self.say(self.t("why.no_trial"))
        elif self.making:
            self.say(self.t("why.making"))
        elif self.may_change():
            self.making, self._since = paper, self.view.now
            self.ask(self._made, paper, self.trial.id, question)
            self.draw()

    async def _made(
        self, paper: str, trial: str, question: Callable[[str], Awaitable[ReportShape]]
    ) -> Message:
        try:
            return PaperMade(paper, await question(trial))
        finally:
            self.post_message(PaperOver())

    @on(PaperOver)
    def _over(self) -> None:
        self.making = ""
        self.draw()

    @on(PaperMade)
    def _show(self, made: PaperMade) -> None:
        home = Path(FOLDERS[made.paper]) / made.report.trial / self.t.language
        lines = [self._place(home)]
        lines += [_file(name, size) for name, size in made.report.files.items()]
        lines += [Text(self.t("paper.warning", text=text), WARN) for text in made.report.warnings]
        title = self.t("paper.done", paper=self.t(f"paper.{made.paper}"))
        self.app.push_screen(Lines(self.station, title, lines))

    def _place(self, path: Path) -> Text:
        """Where the files lie: in the data folder, and where that is if this console knows."""
        folder = self.station.data_dir
        place = folder.absolute() / path if folder else path
        return Text(str(place), BOLD)

    def making_words(self) -> Text:
        """What is being made, and for how long."""
        if not self.making:
            return Text()
        now = self.view.now
        took = (now - self._since).total_seconds() if now and self._since else 0.0
        paper = self.t(f"paper.{self.making}")
        return Text(self.t("paper.making", paper=paper, took=clock(took)) + "\n", KEY)


def _file(name: str, size: int) -> Text:
    return Text.assemble(f"  {name}", (f"  {max(1, size // 1024):,} KB", DIM))
