"""Everything this room refuses, as stable codes.

TrialError
├── Unknown          trial.unknown, trial.unknown_run, trial.unknown_condition
├── Invalid          trial.invalid            (all problems of one input at once)
├── NotPossibleNow   trial.not_running, trial.not_paused, trial.already_started
├── EquipmentBusy    trial.equipment_busy     (one live run per equipment)
├── AlreadyExists    trial.exists
├── EvidenceClosed   evidence.closed          (the run is over: only corrections and judgements)
├── EvidenceMissing  evidence.missing         (the file holds no run)
├── ExtraMissing     export.extra_missing     (a package is not installed)
└── ReportFailed     report.failed            (the document could not be set)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


class TrialError(Exception):
    """Base of the room: a stable `code` and text parameters; the text is chosen at the edge."""

    code = "trial.error"

    def __init__(self, code: str = "", **params: object) -> None:
        self.code = code or type(self).code
        self.params = {key: str(value) for key, value in params.items()}
        super().__init__(self.code, self.params)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code}({shown})"


class Unknown(TrialError):
    """No trial, run or condition of that id."""

    code = "trial.unknown"


class NotPossibleNow(TrialError):
    """The run is in a state from which that action does not lead anywhere."""

    code = "trial.not_running"


class EquipmentBusy(TrialError):
    """Another run is live on the same equipment."""

    code = "trial.equipment_busy"


class AlreadyExists(TrialError):
    """The id is taken by a trial with other content."""

    code = "trial.exists"


class EvidenceClosed(TrialError):
    """The run is over: only part corrections, measurements and notes may still be added."""

    code = "evidence.closed"


class EvidenceMissing(TrialError):
    """The file holds no run."""

    code = "evidence.missing"


class ExtraMissing(TrialError):
    """This format needs a package that is not installed; `extra` brings it."""

    code = "export.extra_missing"


class ReportFailed(TrialError):
    """The document could not be set; `reason` says why."""

    code = "report.failed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: the field, a code and its parameters."""

    field: str
    code: str
    params: dict[str, str] = dataclasses.field(default_factory=dict)


class Invalid(TrialError):
    """An input with all its problems, nothing stored."""

    code = "trial.invalid"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(fields=", ".join(dict.fromkeys(each.field for each in problems)))
        self.problems = problems
