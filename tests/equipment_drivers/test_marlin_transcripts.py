"""The driver's link holds to the dialogues of tests/transcripts/marlin over a pty, to the byte."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from equipment_drivers.devices.marlin_link import LinkTiming, MarlinLink
from equipment_drivers.errors import DriverError
from equipment_drivers.transports.serial_line import SerialLine

FOLDER = Path(__file__).parents[1] / "transcripts" / "marlin"
SCRIPTS = sorted(FOLDER.glob("link_*.txt"))
TIMING = LinkTiming(ok_s=1.5, settle_s=0.2)


class Paper:
    """The printer's end of a pty: lines in and out, with no opinion of its own."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._rest = b""
        asyncio.get_running_loop().add_reader(self.master, self._readable)

    def _readable(self) -> None:
        *lines, self._rest = (self._rest + os.read(self.master, 4096)).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line.decode("ascii"))

    async def line(self) -> str:
        async with asyncio.timeout(20):
            return await self._lines.get()

    def say(self, text: str) -> None:
        os.write(self.master, text.encode("ascii") + b"\n")

    def is_empty(self) -> bool:
        return self._lines.empty() and not self._rest

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)


@asynccontextmanager
async def bench() -> AsyncIterator[tuple[Paper, MarlinLink]]:
    paper = Paper()
    line = SerialLine(
        paper.path, 115200, on_line=lambda text: link.hear(text), on_lost=lambda fault: None
    )
    await line.open()
    link = MarlinLink(line, TIMING, on_reply=lambda reply: None, on_broken=lambda fault: None)
    try:
        yield paper, link
    finally:
        await line.close()
        paper.close()


def steps(script: Path) -> Iterator[tuple[str, str]]:
    """Kind and text of each step; what a line became on the wire replaces it."""
    kept: list[tuple[str, str]] = []
    for line in script.read_text("utf-8").splitlines():
        kind, text = line[0], line[2:]
        if kind == "^":
            kept[-1] = (">", text)
        elif kind == "~":
            kept[-1] = ("<" if text else "", text)
        else:
            kept.append((kind, text))
    yield from kept


def test_there_are_dialogues() -> None:
    assert len(SCRIPTS) >= 14


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
async def test_the_link_holds_to_the_dialogue(script: Path) -> None:
    async with bench() as (paper, link):
        answer: asyncio.Future[list[str]] | None = None
        async with asyncio.timeout(30):
            for kind, text in steps(script):
                if kind == "!":
                    if answer is not None:
                        await answer
                    answer = link.send(text)
                elif kind == ">":
                    assert await paper.line() == text
                elif kind == "<":
                    paper.say(text.replace("{t}", "21.00").replace("{n}", "0"))
                elif kind == "?":
                    assert answer is not None
                    with pytest.raises(DriverError) as caught:
                        await answer
                    assert caught.value.code == text
                    answer = None
            if answer is not None:
                await answer
        assert paper.is_empty()
