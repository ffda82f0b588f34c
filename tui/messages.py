"""What the workers tell the screens. A worker never touches a widget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.message import Message

from lab_controller.client import Refused
from lab_controller.wire import (
    BookingShape,
    CommandShape,
    EquipmentShape,
    GcodeShape,
    PartyShape,
    PersonShape,
    ProblemShape,
    StreamMessage,
    WindowShape,
)
from lab_controller.wire_operator import FloorShape
from lab_controller.wire_replay import ReplayShape
from lab_controller.wire_trials import ReportShape, RunShape, TemplateShape, TrialShape
from tui.stop_way import StopAnswer


@dataclass
class FrameCame(Message):
    """A frame of the live stream."""

    frame: StreamMessage


@dataclass
class LabLost(Message):
    """The live stream has ended; `why` is the lab's own sentence where it gave one."""

    why: str = ""


@dataclass
class StopWanted(Message):
    """A stop of one device, or of the lab."""

    device: str | None


@dataclass
class StopAnswered(Message):
    """A stop has been carried out, or could not be."""

    device: str | None
    answer: StopAnswer


@dataclass
class BookingsCame(Message):
    """The bookings of a stretch of time, and what can be booked."""

    bookings: list[BookingShape]
    equipment: list[EquipmentShape]


@dataclass
class DialogCame(Message):
    """What was to open a dialog has been answered, one way or the other."""


@dataclass
class DirectoryCame(Message):
    """Who and what a booking can be made for."""

    equipment: list[EquipmentShape]
    parties: list[PartyShape]
    people: list[PersonShape]


@dataclass
class OperatorsCame(Message):
    """The people who may be named for a booking."""

    booking: BookingShape
    people: list[PersonShape]


@dataclass
class TrialsCame(Message):
    """The trials of the lab and the bookings they can belong to."""

    trials: list[TrialShape]
    bookings: list[BookingShape]
    equipment: list[EquipmentShape]


@dataclass
class RunCame(Message):
    """A run after something was done to it."""

    run: RunShape
    text: str = ""


@dataclass
class TemplatesCame(Message):
    """The plans a trial of this booking can begin with."""

    booking: BookingShape
    templates: list[TemplateShape]


@dataclass
class PaperMade(Message):
    """A report or a dossier and its files."""

    paper: str
    report: ReportShape


@dataclass
class PaperOver(Message):
    """A paper is no longer being made, whatever became of it."""


@dataclass
class FloorCame(Message):
    """How a run stands for the one who works at it."""

    floor: FloorShape


@dataclass
class UndoCame(Message):
    """The part of a run that an undo would change; None where there is none."""

    run: RunShape
    part: int | None


@dataclass
class ReplayCame(Message):
    """A run that can be played back."""

    run: ReplayShape


@dataclass
class JobFilesCame(Message):
    """The job files the lab keeps."""

    files: list[GcodeShape]


@dataclass
class WindowCame(Message):
    """A window of one signal for the plot."""

    window: WindowShape


@dataclass
class CommandsCame(Message):
    """The last commands of one device."""

    device: str
    rows: list[CommandShape]


@dataclass
class JobLogCame(Message):
    """One command, and the last lines of its job's own log."""

    row: CommandShape
    lines: list[str]


@dataclass
class TrialWanted(Message):
    """Somebody wants to work on the trial of this booking."""

    booking: str


@dataclass
class Done(Message):
    """Something asked for was done; `text` says so."""

    text: str = ""


@dataclass
class Whisper(Message):
    """The lab refused what the screen asked by itself; `text` says why."""

    text: str


@dataclass
class StepRefused(Message):
    """A booking step was refused for reasons staff may set aside with a reason of their own."""

    booking: BookingShape
    step: str
    trouble: Trouble
    given: Mapping[str, str]


class Trouble(Message):
    """The lab said no, or does not answer: its sentence and every problem."""

    def __init__(self, text: str, problems: tuple[ProblemShape, ...] = ()) -> None:
        super().__init__()
        self.text, self.problems = text, problems

    @classmethod
    def of(cls, error: Refused) -> Trouble:
        """A refusal as it came."""
        return cls(error.refusal.text, tuple(error.refusal.problems))

    @property
    def overridable(self) -> bool:
        """Whether staff may go on with a reason."""
        return bool(self.problems) and all(problem.overridable for problem in self.problems)
