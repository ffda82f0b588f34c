"""What is known of one printer, and the facts told about it."""

from __future__ import annotations

from collections.abc import Callable

from equipment_drivers.contract import Clock, Emit
from equipment_drivers.devices.marlin_heat import Thermometer
from equipment_drivers.devices.marlin_job import PrintJob
from equipment_drivers.devices.marlin_replies import (
    Identity,
    Kind,
    Position,
    Reply,
    is_thermal,
    temperatures,
)
from equipment_drivers.devices.marlin_spec import STANDING, UNITS
from equipment_drivers.errors import DriverError, Faulted, NotAllowedNow
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    JobProgress,
    Operation,
    Quality,
    Reading,
    Safety,
)

PANEL_ACTIONS = {
    "//action:pause": PrintJob.pause,
    "//action:paused": PrintJob.pause,
    "//action:resume": PrintJob.resume,
    "//action:resumed": PrintJob.resume,
    "//action:cancel": PrintJob.cancel,
}
"""What a person did at the printer's own panel."""


class PrinterState:
    """Valid for one life of the wire; a new one begins knowing nothing.

    Set the attributes, then `show`: a DeviceState is told only when something changed.
    """

    def __init__(self, device: str, clock: Clock, emit: Emit) -> None:
        self.device = device
        self.identity = Identity()
        self.position: Position | None = None
        self.job: PrintJob | None = None
        self.homing = self.stopping = self.foreign = self.person_wanted = False
        self.doubtful = False
        """A motion's outcome is not known; reading back settles it."""
        self.cut_off = False
        """The wire was lost in the middle of our print: what still moves is ours."""
        self.lost = False
        """Motion was cut off; only homing tells the place again."""
        self.homed: set[str] = set()
        self.fault: DriverError | None = None
        self._clock, self._emit = clock, emit
        self._thermometer = Thermometer(device)
        self._shown: DeviceState | None = None

    @property
    def operation(self) -> Operation:
        """What the printer is doing."""
        if self.fault is not None:
            return Operation.FAULT
        if self.stopping:
            return Operation.STOPPING
        if self.job is not None:
            held = self.job.paused or self.person_wanted
            return Operation.PAUSED if held else Operation.BUSY
        if self.homing or self.foreign:
            return Operation.BUSY
        return Operation.UNKNOWN if self.doubtful or self.lost else Operation.IDLE

    def demand(self, verb: str, allowed: frozenset[Operation]) -> None:
        """Refuse what does not fit the moment; to somebody else's print nothing does."""
        if self.foreign:
            raise NotAllowedNow(device=self.device, verb=verb, state="foreign_job")
        if self.operation not in allowed:
            raise NotAllowedNow(device=self.device, verb=verb, state=self.operation)

    def demand_still(self, verb: str) -> None:
        """Refuse unless nothing is under way."""
        self.demand(verb, STANDING)

    def show(self) -> None:
        """Tell the state if it is not the one told last."""
        detail = {"firmware": self.identity.firmware, "uuid": self.identity.fields.get("UUID", "")}
        if self.position is not None:
            detail["position"] = f"X{self.position.x:g} Y{self.position.y:g} Z{self.position.z:g}"
        if self.job is not None:
            detail["job"] = self.job.name
        told = self._shown
        if told is None or (told.operation, told.detail) != (self.operation, detail):
            now = self._clock.now()
            self._shown = DeviceState(self.device, self.operation, Safety.NONE, now, detail)
            self._emit(self._shown)

    def tell(self, code: str, text: str) -> None:
        """A message that a person should see."""
        self._emit(DeviceMessage(self.device, code, text, self._clock.now()))

    def heed(self, reply: Reply) -> None:
        """Take what the printer said."""
        match reply.kind:
            case Kind.REPORT | Kind.OK:
                self._heed_report(reply.text)
            case Kind.BLOCKED if not self.person_wanted:
                self.person_wanted = True
                self.tell("message.person_wanted", reply.text)
                self.show()
            case Kind.BUSY if self.person_wanted:
                self.person_wanted = False
                self.show()
            case Kind.HALTED:
                self.fault = self.fault or Faulted(device=self.device, cause=reply.text)
                thermal = is_thermal(reply.text)
                self.tell("message.thermal_fault" if thermal else "message.halted", reply.text)
                self.show()
            case Kind.ERROR:
                self.tell("message.printer_error", reply.text)
            case Kind.START if self.identity.firmware:
                self.tell("message.printer_restarted", reply.text)

    def _heed_report(self, text: str) -> None:
        report = temperatures(text)
        if report is not None:
            for reading in self._thermometer.read(report, self._clock.now()):
                self._emit(reading)
            self.report_job()
        elif self.job is not None and text in PANEL_ACTIONS:
            self._heed_panel(self.job, PANEL_ACTIONS[text])

    def _heed_panel(self, job: PrintJob, action: Callable[[PrintJob], None]) -> None:
        """Only our own way leads back from where the nozzle was moved aside to."""
        if action is PrintJob.resume and job.held_at is not None:
            self.tell("message.resume_in_console", "")
            return
        action(job)
        self.show()

    def report_job(self) -> None:
        """How far the running print is; told as often as temperatures come."""
        if self.job is None:
            return
        job, now = self.job, self._clock.now()
        counts = {"lines_sent": job.done, "resends": job.resends}
        values = {"progress": job.fraction * 100.0, **counts}
        for signal, value in values.items():
            self._emit(Reading(self.device, signal, value, UNITS[signal], Quality.GOOD, now))
        counts["lines_total"] = len(job.lines)
        self._emit(JobProgress(self.device, job.context.command_id, job.fraction, counts, now))
