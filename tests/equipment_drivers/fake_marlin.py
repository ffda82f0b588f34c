"""A printer's firmware in the test's own process, written from Marlin's rules, and a noisy wire.

It shares nothing with the driver. `executed` is the truth: (number or None, command) in order.
"""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import tty
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any, Literal, TypeVar

T = TypeVar("T")
OkAfterResend = Literal["always", "never", "sometimes"]
PRINTABLE = list(range(0x20, 0x7F))


def checksum(body: str) -> int:
    """XOR of all bytes."""
    total = 0
    for byte in body.encode("ascii"):
        total ^= byte
    return total


class FakeFirmware:
    """One command at a time, lines numbered or not, as Marlin's queue takes them."""

    def __init__(
        self, ok_after_resend: OkAfterResend, rng: Random, *, drops_repeats: bool = False
    ) -> None:
        self.ok_after_resend, self.rng = ok_after_resend, rng
        self.drops_repeats = drops_repeats
        self.executed: list[tuple[int | None, str]] = []
        self.last = self.rng.randrange(0, 5000)
        self.advanced_ok = False
        self.halted = self.fixed_targets = False
        self.card = "Not SD printing"
        self.targets = {"T": 0.0, "B": 0.0}
        self.capabilities = {"AUTOREPORT_TEMP": 1, "EMERGENCY_PARSER": 0}
        self.position = {"X": 0.0, "Y": 0.0, "Z": 0.0, "E": 0.0}

    def take(self, line: bytes) -> Iterator[str]:
        """The replies to one received line, in order."""
        text = line.decode("latin-1").split(";")[0].strip()
        if not text or self.halted:
            return
        if not text.startswith("N"):
            yield from self._execute(None, text)
            return
        found = re.match(r"N\s*([+-]?\d+)", text)
        number = int(found[1]) if found else 0
        body, star, given = text.rpartition("*")
        renumbering = "M110" in text
        if renumbering and (asked := re.search(r"M110.*?N(\d+)", body)):
            number = int(asked[1])
        if self.drops_repeats and not renumbering and number in (self.last - 1, self.last):
            return
        if number != self.last + 1 and not renumbering:
            yield from self._refuse("Line Number is not Last Line Number+1")
        elif not star:
            yield from self._refuse("No Checksum with line number")
        elif self._sum(body) != self._number(given):
            yield from self._refuse("checksum mismatch")
        else:
            self.last = number
            yield from self._execute(number, body.partition("*")[0].partition(" ")[2])

    @staticmethod
    def _sum(body: str) -> int:
        total = 0
        for byte in body.encode("latin-1"):
            total ^= byte
        return total

    @staticmethod
    def _number(text: str) -> int:
        found = re.match(r"\s*([+-]?\d+)", text)
        return int(found[1]) if found else 0

    def _refuse(self, why: str) -> Iterator[str]:
        yield f"Error:{why}, Last Line: {self.last}"
        yield f"Resend: {self.last + 1}"
        if self.ok_after_resend == "always" or (
            self.ok_after_resend == "sometimes" and self.rng.random() < 0.5
        ):
            yield "ok"

    def _execute(self, number: int | None, command: str) -> Iterator[str]:
        self.executed.append((number, command))
        code = command.split(" ")[0]
        if code == "M112":
            self.halted = True
            yield "Error:Printer halted. kill() called!"
            return
        yield from self._answer(code, command)
        yield f"ok N{number} P15 B3" if self.advanced_ok and number is not None else "ok"

    def _answer(self, code: str, command: str) -> Iterator[str]:
        heater = {"M104": "T", "M109": "T", "M140": "B", "M190": "B"}.get(code)
        if heater and (found := re.search(r"[SR](\d+)", command)) and not self.fixed_targets:
            self.targets[heater] = float(found[1])
        elif code == "M105":
            yield self.temperatures()
        elif code == "M114":
            axes = " ".join(f"{axis}:{value:.2f}" for axis, value in self.position.items())
            yield f"{axes} Count X:0 Y:0 Z:0"
        elif code == "M115":
            yield (
                "FIRMWARE_NAME:Marlin 2.1.2 (Nov 20 2026) SOURCE_CODE_URL:none "
                "PROTOCOL_VERSION:1.0 MACHINE_TYPE:Test Bench EXTRUDER_COUNT:1 UUID:0000-1111"
            )
            for name, value in self.capabilities.items():
                yield f"Cap:{name}:{value}"
        elif code == "M27":
            yield self.card

    def temperatures(self) -> str:
        """A report at the targets."""
        hot, bed = self.targets["T"], self.targets["B"]
        return f" T:{hot + 21:.2f} /{hot:.2f} B:{bed + 21:.2f} /{bed:.2f} @:0 B@:0"


def damage(line: bytes, rng: Random, rate: float) -> bytes:
    """With this probability the line with one byte replaced: not its first, not a line end."""
    if len(line) < 2 or rng.random() >= rate:
        return line
    place = rng.randrange(1, len(line))
    wrong = rng.choice([byte for byte in PRINTABLE if byte != line[place]])
    return line[:place] + bytes([wrong]) + line[place + 1 :]


class NoisyWire:
    """In memory, both directions in order, each line late by `delay()` and damaged at `rate`."""

    def __init__(
        self,
        firmware: FakeFirmware,
        rng: Random,
        rate: float,
        delay: Callable[[], float] = lambda: 0.001,
        lost: float = 0.0,
    ) -> None:
        self.firmware, self.rng, self.rate, self.delay, self.lost = firmware, rng, rate, delay, lost
        self.hear: Callable[[str], None] = lambda line: None
        self.written: list[bytes] = []
        self.silent = False
        self.most_out = self.most_bytes_out = 0
        self._out: deque[int] = deque()
        self._there = self._back = 0.0

    def write(self, data: bytes) -> None:
        """From the host: one line."""
        self.written.append(data)
        self._out.append(len(data))
        self.most_out = max(self.most_out, len(self._out))
        self.most_bytes_out = max(self.most_bytes_out, sum(self._out))
        line = damage(data[:-1], self.rng, self.rate)
        self._there = self._later(self._there, lambda: self._arrive(line))

    def say(self, line: str) -> None:
        """From the printer: one line."""
        torn = damage(line.encode("ascii"), self.rng, self.rate).decode("ascii").strip()
        self._back = self._later(self._back, lambda: self.hear(torn))

    def _arrive(self, line: bytes) -> None:
        self._out.popleft()
        if self.silent:
            return
        for reply in self.firmware.take(line):
            if self.rng.random() >= self.lost:
                self.say(reply)

    def _later(self, after: float, call: Callable[[], None]) -> float:
        loop = asyncio.get_running_loop()
        at = max(after + 1e-9, loop.time() + self.delay())
        loop.call_at(at, call)
        return at


class PtyPrinter:
    """The firmware at the far end of a pty, on the test's own loop; `path` is the near end.

    A code in `held` gets its answer only by `release()`.
    """

    def __init__(self, firmware: FakeFirmware, rng: Random | None = None, rate: float = 0.0):
        self.firmware, self.rng, self.rate = firmware, rng or Random(0), rate
        self.held: set[str] = set()
        self.heard: list[bytes] = []
        self._answers: deque[str] = deque()
        self._holding = False
        self._buffer = b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)
        self._arrived = asyncio.Event()

    def _readable(self) -> None:
        *lines, self._buffer = (self._buffer + os.read(self._master, 65536)).split(b"\n")
        for line in lines:
            self._take(line)
        self._arrived.set()

    def _take(self, line: bytes) -> None:
        self.heard.append(line)
        replies = list(self.firmware.take(damage(line, self.rng, self.rate)))
        if any(code.encode() in line for code in self.held):
            self._holding = True
        self._answers.extend(replies)
        if not self._holding:
            self.release()

    def release(self) -> None:
        """Say what was held back."""
        self._holding = False
        while self._answers:
            self.say(self._answers.popleft())

    def say(self, line: str) -> None:
        """From the printer: one line."""
        torn = damage(line.encode("ascii"), self.rng, self.rate)
        os.write(self._master, torn + b"\n")

    def say_bytes(self, data: bytes) -> None:
        """From the printer: exactly these bytes."""
        os.write(self._master, data)

    def drop_answers(self) -> None:
        """What was held back is never said."""
        self._holding = False
        self._answers.clear()

    async def until_heard(self, part: bytes) -> None:
        """Wait for a line with this in it."""
        async with asyncio.timeout(10):
            while not any(part in line for line in self.heard):
                self._arrived.clear()
                await self._arrived.wait()

    def unplug(self) -> None:
        """The far end is gone."""
        if self._master >= 0:
            self._loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1


class JumpingSelector(selectors.SelectSelector):
    """Never waits: when nothing is ready, the clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing left that could ever happen"
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes as fast as it is used up."""

    def __init__(self) -> None:
        self._jumps = JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now


def run_at_once(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in jumping time."""
    loop = JumpingLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
