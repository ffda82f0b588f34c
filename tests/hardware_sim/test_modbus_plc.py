"""The simulated presses, judged by the dialogues of tests/transcripts/modbus and their physics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hardware_sim.modbus_press import CYCLE_S, GUARD_OPEN, IDLE, MODEL, PRESSING, Press
from tests.hardware_sim.rig import PATIENCE_S, gone, host, simulator
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim

FOLDER = Path(__file__).parents[1] / "transcripts" / "modbus"
READ_MODEL = "00 01 00 00 00 06 01 03 00 00 00 01"


class Wire:
    """Frames to a simulated unit and back, as bytes."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
        self._reader = reader
        self._write = write

    def send(self, frame: str) -> None:
        self._write(bytes.fromhex(frame))

    async def ask(self, frame: str, length: int) -> str:
        self.send(frame)
        async with asyncio.timeout(PATIENCE_S):
            return (await self._reader.readexactly(length)).hex(" ")


@asynccontextmanager
async def wired(rig: Sim) -> AsyncIterator[Wire]:
    endpoint = rig.endpoint if rig.endpoint.startswith("/") else f"socket://{rig.endpoint}"
    async with host(endpoint, banner=False) as opened:
        yield Wire(opened._reader, opened.write)


def dialogue(name: str) -> list[tuple[str, str]]:
    """Pairs of what is sent and what must come."""
    lines = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    frames = [line[2:] for line in lines if line[0] in "<>"]
    return list(zip(frames[::2], frames[1::2], strict=True))


@pytest.mark.parametrize("wire", ["tcp", "rtu"])
async def test_the_press_holds_to_the_dialogue(wire: str, tmp_path: Path) -> None:
    async with simulator(tmp_path, "modbus_plc", "--wire", wire, factor=1.0) as rig:
        async with wired(rig) as line:
            for sent, expected in dialogue(f"press_{wire}"):
                assert await line.ask(sent, len(bytes.fromhex(expected))) == expected
        writes = [(one["table"], one["address"], one["values"]) for one in rig.truth("write")]
        assert writes == [
            ("coil", 1, [1]),
            ("holding", 2, [750]),
            ("holding", 3, [1, 4464]),
            ("coil", 0, [0, 0]),
        ]
        assert (await rig.ask("status"))["writes"] == 4


async def test_each_unit_is_a_press_of_its_own(tmp_path: Path) -> None:
    async with simulator(tmp_path, "modbus_plc", "--units", "2") as rig, wired(rig) as line:
        await line.ask("00 01 00 00 00 06 02 05 00 00 ff 00", 12)
        units = (await rig.ask("status"))["units"]
        assert (units["1"]["run"], units["2"]["run"]) == (False, True)


async def test_power_off_ends_the_wire_and_drops_the_coils(tmp_path: Path) -> None:
    async with simulator(tmp_path, "modbus_plc") as rig:
        await rig.ask("run", on=True)
        await rig.ask("power", on=False)
        assert (await rig.ask("status"))["power_w"] == 0
        await rig.ask("power", on=True)
        assert (await rig.ask("status"))["units"]["1"]["run"] is False
        async with wired(rig) as line:
            assert (await line.ask(READ_MODEL, 11)).endswith("4d 4b")


@pytest.mark.parametrize(
    ("fault", "params", "expected"),
    [
        ("exception", {"code": 6}, "00 01 00 00 00 03 01 83 06"),
        ("wrong_unit", {}, "00 01 00 00 00 05 02 03 02 4d 4b"),
        ("wrong_transaction", {}, "40 01 00 00 00 05 01 03 02 4d 4b"),
        ("wrong_device", {}, "00 01 00 00 00 05 01 03 02 4d b4"),
        ("truncate", {}, "00 01 00 00 00"),
    ],
)
async def test_faults_show_on_the_wire(
    fault: str, params: dict[str, int], expected: str, tmp_path: Path
) -> None:
    async with simulator(tmp_path, "modbus_plc") as rig, wired(rig) as line:
        await rig.ask("fault", name=fault, **params)
        assert await line.ask(READ_MODEL, len(bytes.fromhex(expected))) == expected


async def test_a_mute_unit_does_what_it_is_told(tmp_path: Path) -> None:
    async with simulator(tmp_path, "modbus_plc") as rig, wired(rig) as line:
        await rig.ask("fault", name="mute")
        line.send("00 01 00 00 00 06 01 05 00 00 ff 00")
        status = await until(lambda: rig.ask("status"), lambda now: now["units"]["1"]["run"])
        assert status["writes"] == 1
        await rig.ask("clear")
        assert (await line.ask("00 02" + READ_MODEL[5:], 11)).startswith("00 02")


async def test_an_unplugged_pty_is_gone_and_comes_back(tmp_path: Path) -> None:
    async with simulator(tmp_path, "modbus_plc", "--wire", "rtu") as rig:
        await rig.ask("fault", name="unplug")
        assert gone(rig.endpoint)
        await rig.ask("clear")
        async with wired(rig) as line:
            sent, expected = dialogue("press_rtu")[0]
            assert await line.ask(sent, len(bytes.fromhex(expected))) == expected


def test_a_press_makes_parts_only_behind_a_closed_guard() -> None:
    press = Press(0.0, seed=1)
    assert (press.status, press.held()[0]) == (IDLE, MODEL)
    press.coils[0] = True
    press.advance(10 * CYCLE_S)
    assert (press.status, press.good + press.scrap) == (PRESSING, 10)
    assert press.pressure == pytest.approx(60.0)
    press.guard_closed = False
    press.advance(20 * CYCLE_S)
    assert (press.status, press.good + press.scrap) == (GUARD_OPEN, 10)
    assert press.pressure == pytest.approx(0.0)
    assert press.energy_kwh > 0


def test_the_counter_takes_two_registers_in_either_order() -> None:
    for low_first, words in ((False, [1, 2]), (True, [2, 1])):
        press = Press(0.0, seed=1, low_word_first=low_first)
        press.good = 65538
        assert press.inputs()[4:6] == words
