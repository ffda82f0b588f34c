"""What every screen of the console is given: the lab's client, what is known of it, the texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lab_controller.client import LabClient
from tui.lab_view import LabView
from tui.texts import Texts


@dataclass(frozen=True, slots=True)
class Station:
    """One console. `data_dir` opens the way to the stopper past a dead controller."""

    client: LabClient
    t: Texts
    data_dir: Path | None = None
    readonly: bool = False
    view: LabView = field(default_factory=LabView)
