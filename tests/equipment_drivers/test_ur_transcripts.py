"""The driver's sockets hold to the dialogues of tests/transcripts/ur, to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from equipment_drivers.devices.ur_dashboard import Dashboard
from equipment_drivers.devices.ur_rtde import Value
from equipment_drivers.devices.ur_rtde_link import RtdeLink
from equipment_drivers.errors import DriverError

FOLDER = Path(__file__).parents[1] / "transcripts" / "ur"
DASHBOARD = sorted(FOLDER.glob("dashboard_*.txt"))
RTDE = sorted(FOLDER.glob("rtde_*.txt"))
PATIENCE_S = 20


def steps(script: Path) -> list[tuple[str, str]]:
    lines = script.read_text("utf-8").splitlines()
    return [(line[0], line[2:]) for line in lines if line[0] in "<>!?"]


class Paper:
    """The controller's end of a socket: says what it is given, with no opinion of its own."""

    def __init__(self) -> None:
        self.port = 0
        self._ends: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.set_result((reader, writer))

    async def say(self, data: bytes) -> None:
        (await self._ends)[1].write(data)

    async def hear(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await (await self._ends)[0].readexactly(count)

    async def close(self) -> None:
        if self._ends.done():
            self._ends.result()[1].close()


@asynccontextmanager
async def paper() -> AsyncIterator[Paper]:
    sheet = Paper()
    server = await asyncio.start_server(sheet._connected, "127.0.0.1", 0)
    sheet.port = server.sockets[0].getsockname()[1]
    try:
        yield sheet
    finally:
        await sheet.close()
        server.close()
        await server.wait_closed()


def test_there_are_dialogues() -> None:
    assert len(DASHBOARD) >= 6
    assert len(RTDE) >= 4


@pytest.mark.parametrize("script", DASHBOARD, ids=lambda path: path.stem)
async def test_the_dashboard_holds_to_the_dialogue(script: Path) -> None:
    async with paper() as sheet:
        desk = Dashboard("127.0.0.1", sheet.port, timeout_s=PATIENCE_S, greeting_s=PATIENCE_S)
        told = steps(script)
        opening = asyncio.create_task(desk.open())
        await sheet.say(told[0][1].encode() + b"\n")
        await opening
        answer: asyncio.Task[str] | None = None
        wanted: str | None = ""
        for kind, text in [*told[1:], ("!", "")]:
            if kind == "!":
                if answer is not None:
                    assert await answer == wanted
                answer = None
                if text:
                    said, _, wanted = (part.strip() for part in text.partition("="))
                    verb, _, argument = said.partition(" ")
                    answer = asyncio.create_task(desk.ask(verb, argument))
            elif kind == ">":
                assert await sheet.hear(len(text) + 1) == text.encode() + b"\n"
            elif kind == "<":
                await sheet.say(text.encode() + b"\n")
            else:
                assert answer is not None
                with pytest.raises(DriverError) as caught:
                    await answer
                assert caught.value.code == text
                answer = None
        await desk.close()


def fields(words: list[str]) -> dict[str, str]:
    return dict(word.split("=") for word in words)


class Told:
    """The driver's RTDE connection, told one step at a time."""

    def __init__(self, port: int) -> None:
        self.frames: asyncio.Queue[Mapping[str, Value]] = asyncio.Queue()
        self.port = port
        self.link: RtdeLink | None = None
        self.opening: asyncio.Task[None] | None = None

    async def obey(self, text: str) -> None:
        verb, *words = text.split()
        deeds: dict[str, Callable[[list[str]], object]] = {
            "open": self._open,
            "write": self._write,
            "refused": self._refused,
        }
        if verb == "frame":
            await self._frame(words)
        else:
            if verb != "open" and self.opening is not None:
                await self.opening
            deeds[verb](words)

    def _open(self, words: list[str]) -> None:
        self.link = RtdeLink(
            "127.0.0.1",
            self.port,
            hz=float(words[0]),
            timeout_s=PATIENCE_S,
            on_values=self.frames.put_nowait,
            on_text=lambda level, text: None,
        )
        inputs = {name: text.split(",") for name, text in fields(words[2:]).items()}
        self.opening = asyncio.create_task(self.link.open(words[1].split(","), inputs))

    def _write(self, words: list[str]) -> None:
        assert self.link is not None
        values = {
            name: float(text) if "." in text else int(text)
            for name, text in fields(words[1:]).items()
        }
        self.link.write(words[0], values)

    def _refused(self, words: list[str]) -> None:
        assert self.link is not None
        assert self.link.refused == fields(words)

    async def _frame(self, words: list[str]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.frames.get()
        wanted = {name: int(text) for name, text in fields(words).items()}
        assert {name: frame[name] for name in wanted} == wanted


@pytest.mark.parametrize("script", RTDE, ids=lambda path: path.stem)
async def test_rtde_holds_to_the_dialogue(script: Path) -> None:
    async with paper() as sheet:
        told = Told(sheet.port)
        for kind, text in steps(script):
            if kind == "!":
                await told.obey(text)
            elif kind == ">":
                wanted = bytes.fromhex(text)
                assert (await sheet.hear(len(wanted))).hex(" ") == wanted.hex(" ")
            elif kind == "<":
                await sheet.say(bytes.fromhex(text.replace("..", "00")))
            else:
                assert told.opening is not None
                with pytest.raises(DriverError) as caught:
                    await told.opening
                assert caught.value.code == text
        assert told.link is not None
        await told.link.close()
