"""One G-code file on its way to the printer: read, checked, fed line by line, pausable."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from equipment_drivers.contract import CommandContext
from equipment_drivers.devices.marlin_park import Motion
from equipment_drivers.devices.marlin_replies import Position
from equipment_drivers.errors import BadArguments, Stopped
from equipment_drivers.gcode import Gate, GcodeLimits, GcodeProblem, bare

LINES_AT_ONCE = 400
"""Checked between two turns of the event loop: two or three milliseconds."""


class GcodeRefused(BadArguments):
    """The file holds lines that may not be sent; nothing was sent. `problems` names them all."""

    code = "gcode.refused"

    def __init__(self, path: str, problems: list[GcodeProblem]) -> None:
        first = problems[0]
        text = first.params.get("text", "")
        super().__init__(path=path, count=len(problems), line=first.line, text=text)
        self.problems = problems


async def read_job(path: str, limits: GcodeLimits, max_bytes: int) -> list[str]:
    """The file's commands, all of them allowed. Raises BadArguments or GcodeRefused."""
    loop = asyncio.get_running_loop()
    try:
        content = await loop.run_in_executor(None, _read, path, max_bytes)
    except OSError as error:
        raise BadArguments(verb="print_file", key="path", cause=error.strerror or error) from error
    gate = Gate(limits)
    commands: list[str] = []
    problems: list[GcodeProblem | None] = []
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), start=1):
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        if problem := gate.look(number, line):
            problems.append(problem)
        elif command := bare(line):
            commands.append(command)
    found = [problem for problem in (*problems, gate.end()) if problem]
    if found:
        raise GcodeRefused(path, found)
    return commands


def _read(path: str, max_bytes: int) -> bytes:
    size = os.path.getsize(path)
    if size > max_bytes:
        raise BadArguments(verb="print_file", key="path", cause=f"{size} B > {max_bytes} B")
    return Path(path).read_bytes()


class PrintJob:
    """Where a print stands. `done` counts the lines the printer has acknowledged.

    It is handed to the link, which takes a line whenever the wire has room for one.
    `count_resends` is the link's own running count; `wake` tells the link to look again.
    """

    def __init__(
        self,
        name: str,
        lines: list[str],
        context: CommandContext,
        count_resends: Callable[[], int],
        wake: Callable[[], None] = lambda: None,
        homed: Iterable[str] = (),
    ) -> None:
        self.name, self.lines, self.context = name, lines, context
        self._count_resends, self._resends_before = count_resends, count_resends()
        self._wake = wake
        self._demand, self._journal = context.demand, context.journal
        self.may_act = context.may_act
        self._given = 0
        self.done = 0
        self.paused = self.cancelled = False
        self.ended = asyncio.Event()
        self.motion = Motion(set(homed))
        self.held_at: Position | None = None
        """Where the nozzle was moved aside from."""

    @property
    def resends(self) -> int:
        """Lines that had to be sent again since this print began."""
        return self._count_resends() - self._resends_before

    @property
    def fraction(self) -> float:
        """Share of lines acknowledged, 0..1: an estimate of how far the print is."""
        return self.done / len(self.lines)

    def pause(self) -> None:
        """Send nothing after the lines in flight."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self.paused = False
        self._wake()

    def cancel(self) -> None:
        """Never send another line."""
        self.cancelled = True
        self._wake()

    # -- as the link sees it ------------------------------------------------------------------

    def peek(self) -> str | None:
        """The next line; None while paused and after the last. Raises Stopped once cancelled."""
        if self.cancelled:
            raise Stopped(command=self.context.command_id, cause="cancelled")
        if self.paused or self._given == len(self.lines):
            return None
        return self.lines[self._given]

    def take(self) -> str | None:
        """`peek`, written to the job's log, if the command may still act. Raises Stopped."""
        line = self.peek()
        if line is not None:
            self._demand()
            self._journal(line)
            self._given += 1
        return line

    def taken(self) -> bool:
        """One line more is acknowledged; whether it was the last."""
        self.motion.follow(self.lines[self.done])
        self.done += 1
        return self.done == len(self.lines)
