"""Job files the lab keeps: G-code checked line by line before a byte of it is kept or sent."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from equipment_drivers.gcode import GcodeLimits, GcodeProblem, check, lines
from equipment_drivers.gcode_estimate import estimate
from lab_controller.errors import LabError

LARGEST_BYTES = 32 * 1024 * 1024


class GcodeRefused(LabError):
    """The file holds lines that may not be sent; `problems` names each."""

    code = "gcode.refused"

    def __init__(self, problems: list[GcodeProblem]) -> None:
        first = problems[0]
        super().__init__(count=len(problems), line=first.line, text=first.params.get("text", ""))
        self.problems = problems


class FileTooLarge(LabError):
    """More than the lab keeps."""

    code = "lab.file_too_large"


class UnknownGcode(LabError):
    """No such job file."""

    code = "lab.unknown_gcode"


@dataclass(frozen=True, slots=True)
class JobFile:
    """A kept file: `id` is derived from its content, `lines` counts what would be sent.

    The estimates are the file's own (see `gcode_estimate`); 0 for a file kept by an older release.
    """

    id: str
    name: str
    lines: int
    path: Path
    seconds: float = 0.0
    filament_mm: float = 0.0
    filament_g: float = 0.0


class JobFiles:
    """The folder of job files, each with a small card beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, content: bytes) -> JobFile:
        """Check a file and keep it; the same content again is the same file."""
        if len(content) > LARGEST_BYTES:
            raise FileTooLarge(limit=LARGEST_BYTES // 2**20)
        text = content.decode("utf-8", errors="replace")
        problems = check(text, GcodeLimits())
        if problems:
            raise GcodeRefused(problems)
        id = hashlib.sha256(content).hexdigest()[:16]
        shown = re.sub(r"[^\w.\- ]", "_", Path(name).name)[:80] or "job.gcode"
        card = {"name": shown, "lines": sum(1 for _ in lines(text)), **asdict(estimate(text))}
        self._path(id).with_suffix(".json").write_text(json.dumps(card, ensure_ascii=False))
        fresh = self._path(id).with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self._path(id))  # what bears the name is whole, and has its card
        return self.get(id)

    def get(self, id: str) -> JobFile:
        """A kept file. Raises UnknownGcode."""
        if not re.fullmatch(r"[0-9a-f]{16}", id) or not self._path(id).exists():
            raise UnknownGcode(file=id)
        card = json.loads(self._path(id).with_suffix(".json").read_text())
        return JobFile(id=id, path=self._path(id), **card)

    def all(self) -> list[JobFile]:
        """Every kept file, by name."""
        found = [self.get(path.stem) for path in self._folder.glob("*.gcode")]
        return sorted(found, key=lambda file: file.name)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.gcode"
