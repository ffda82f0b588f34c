"""One G-code file on its way to the printer: read, checked, fed line by line, pausable."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from equipment_drivers.contract import CommandContext
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

    `count_resends` is the link's own running count.
    """

    def __init__(
        self,
        name: str,
        lines: list[str],
        context: CommandContext,
        count_resends: Callable[[], int],
    ) -> None:
        self.name, self.lines, self.context = name, lines, context
        self._count_resends, self._resends_before = count_resends, count_resends()
        self.done = 0
        self.cancelled = False
        self.ended = asyncio.Event()
        self._running = asyncio.Event()
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether no further line is sent until `resume`."""
        return not self._running.is_set()

    @property
    def resends(self) -> int:
        """Lines that had to be sent again since this print began."""
        return self._count_resends() - self._resends_before

    @property
    def fraction(self) -> float:
        """Share of lines acknowledged, 0..1: an estimate of how far the print is."""
        return self.done / len(self.lines)

    def pause(self) -> None:
        """Send nothing after the line in flight."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    def cancel(self) -> None:
        """Never send another line."""
        self.cancelled = True
        self._running.set()

    async def feed(self, send: Callable[[str], Awaitable[object]]) -> None:
        """Send every line once, each only while the command may act. Raises Stopped."""
        context = self.context
        for line in self.lines:
            if not self._running.is_set():
                await self._running.wait()
            if self.cancelled:
                raise Stopped(command=context.command_id, cause="cancelled")
            context.demand()
            context.journal(line)
            await send(line)
            self.done += 1
