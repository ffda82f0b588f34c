"""The numbered link, its wire and the firmware behind it, in time that jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from equipment_drivers.devices.marlin_link import LinkTiming, MarlinLink
from equipment_drivers.devices.marlin_replies import Reply
from equipment_drivers.errors import WireFault
from tests.equipment_drivers.fake_marlin import FakeFirmware, NoisyWire, OkAfterResend


@dataclass
class Moves:
    """A job without a printer's state around it."""

    lines: list[str]
    given: int = 0
    done: int = 0
    permitted: bool = True

    def may_act(self) -> bool:
        return self.permitted

    def peek(self) -> str | None:
        return self.lines[self.given] if self.given < len(self.lines) else None

    def take(self) -> str | None:
        line = self.peek()
        self.given += line is not None
        return line

    def taken(self) -> bool:
        self.done += 1
        return self.done == len(self.lines)


@dataclass
class Bench:
    """A link, its wire and the firmware behind it; made inside the running loop."""

    mode: OkAfterResend = "always"
    seed: int = 0
    noise: float = 0.0
    lost: float = 0.0
    late: bool = False
    drops_repeats: bool = False
    timing: LinkTiming = field(default_factory=LinkTiming)

    def __post_init__(self) -> None:
        rng = Random(self.seed)
        self.firmware = FakeFirmware(self.mode, rng, drops_repeats=self.drops_repeats)
        self.wire = NoisyWire(self.firmware, rng, self.noise, self._delay(rng), self.lost)
        self.replies: list[Reply] = []
        self.broken: list[WireFault] = []
        self.link = MarlinLink(
            self.wire, self.timing, on_reply=self.replies.append, on_broken=self.broken.append
        )
        self.wire.hear = self.link.hear

    def _delay(self, rng: Random) -> Callable[[], float]:
        """A millisecond; late: every tenth line takes up to three times the settling time."""
        if not self.late:
            return lambda: 0.001
        return lambda: rng.random() * 0.3 if rng.random() < 0.1 else 0.002

    def executed(self, start: str = "") -> list[str]:
        """Numbered commands that were executed."""
        return [
            command
            for number, command in self.firmware.executed
            if number is not None and command.startswith(start)
        ]

    async def print(self, count: int) -> list[str]:
        """The same by a job of moves, some of them with something else between."""
        await self.link.renumber()
        job = Moves(
            [
                f"M106 S{n}" if n % 17 == 16 else f"G1 X{n}.{self.seed % 97} E{n * 7}"
                for n in range(count)
            ]
        )
        await self.link.stream(job)
        while not any(line.startswith("X:") for line in await self.link.send("M114")):
            pass
        return job.lines

    async def stream(self, count: int) -> list[str]:
        """Handshake, a job, and the question that proves its end; returns the job."""
        await self.link.renumber()
        job = [f"G1 X{number}.{self.seed % 97} E{number * 7}" for number in range(count)]
        for command in job:
            await self.link.send(command)
        while not any(line.startswith("X:") for line in await self.link.send("M114")):
            pass
        return job
