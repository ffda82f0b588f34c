"""Which trial, run and machine the keys of the trial screen are about."""

from __future__ import annotations

from lab_controller.wire import BookingShape, DeviceShape, EquipmentShape
from lab_controller.wire_operator import FloorShape
from lab_controller.wire_trials import RunShape, TrialShape
from tui.screens.base import LabScreen
from tui.station import Station
from tui.trial_words import LIVE, live_run
from tui.widgets.rows import Rows

JOB_VERBS = frozenset({"print_file", "start_program"})


class TrialSubject(LabScreen):
    """A screen with a chosen trial."""

    def __init__(self, station: Station) -> None:
        super().__init__(station)
        self.trials: dict[str, TrialShape] = {}
        self.bookings: dict[str, BookingShape] = {}
        self.equipment: list[EquipmentShape] = []
        self.chosen = ""
        self.floor: FloorShape | None = None

    def select(self, trial: str) -> None:
        """Make this trial the chosen one; the screen shows it with what it reads next."""
        self.chosen = trial

    @property
    def trial(self) -> TrialShape | None:
        """The trial chosen."""
        return self.trials.get(self.chosen)

    @property
    def booking(self) -> BookingShape | None:
        """Its booking, where that is of these days."""
        return self.bookings.get(self.trial.booking) if self.trial else None

    @property
    def row(self) -> tuple[str, str]:
        """The kind and the name under the cursor of the plan: a run's id or a condition."""
        kind, _, name = self.query_one(Rows).key.partition(":")
        return kind, name

    @property
    def run(self) -> RunShape | None:
        """The run under way, or else the one under the cursor."""
        return (live_run(self.trial) if self.trial else None) or self.run_under_cursor

    @property
    def run_under_cursor(self) -> RunShape | None:
        """The run the cursor of the plan is on."""
        kind, name = self.row
        if self.trial is None or kind != "run":
            return None
        return next((one for one in self.trial.runs if one.id == name), None)

    @property
    def device(self) -> DeviceShape | None:
        """The machine of the trial's equipment that takes jobs."""
        if self.trial is None:
            return None
        mine = self.view.of_equipment(self.trial.equipment).values()
        return next((one for one in mine if JOB_VERBS & set(one.commands)), None)

    @property
    def armed(self) -> bool:
        """Whether the equipment is armed for this trial's booking."""
        return self.booking is not None and self.booking.armed

    def why_not_recorded(self) -> str:
        """Why nothing can be added to the run's record now; empty when it can."""
        run = self.run
        if self.trial is None:
            return self.t("why.no_trial")
        if run is None:
            return self.t("why.no_run")
        return self.t("why.run_planned") if run.state == "planned" else ""

    def live_or_why(self) -> tuple[RunShape | None, str]:
        """The run under way, or why there is none to act on."""
        run = self.run
        if run is not None and run.state in LIVE:
            return run, ""
        return None, self.t("why.no_trial" if self.trial is None else "why.not_running")
