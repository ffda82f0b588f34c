"""The simulated controller holds to the dialogues of tests/transcripts/ur, to the byte."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest

from tests.hardware_sim.rig import PATIENCE_S, simulator

FOLDER = Path(__file__).parent.parent / "transcripts" / "ur"
DASHBOARD = sorted(FOLDER.glob("dashboard_*.txt"))
RTDE = sorted(FOLDER.glob("rtde_*.txt"))


def steps_of(script: Path) -> list[tuple[str, str]]:
    return [(line[0], line[2:]) for line in script.read_text("utf-8").splitlines()]


def options_of(script: Path) -> list[str]:
    return [word for kind, text in steps_of(script) if kind == "=" for word in shlex.split(text)]


def test_there_are_dialogues() -> None:
    assert len(DASHBOARD) >= 6
    assert len(RTDE) >= 4


@pytest.mark.parametrize("script", DASHBOARD, ids=lambda path: path.stem)
async def test_the_dashboard_holds_to_the_dialogue(script: Path, tmp_path: Path) -> None:
    async with simulator(tmp_path, "ur_robot", *options_of(script), factor=1.0) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.endpoint.split(":")[1])
        async with asyncio.timeout(PATIENCE_S):
            for kind, text in steps_of(script):
                if kind == ">":
                    writer.write(text.encode() + b"\n")
                elif kind == "<":
                    assert (await reader.readline()).decode() == text + "\n"
        writer.close()


@pytest.mark.parametrize("script", RTDE, ids=lambda path: path.stem)
async def test_rtde_holds_to_the_dialogue(script: Path, tmp_path: Path) -> None:
    async with simulator(tmp_path, "ur_robot", *options_of(script), factor=1.0) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.endpoint.split(":")[2])
        async with asyncio.timeout(PATIENCE_S):
            for kind, text in steps_of(script):
                if kind == ">":
                    writer.write(bytes.fromhex(text))
                elif kind == "<":
                    wanted = text.split()
                    said = (await reader.readexactly(len(wanted))).hex(" ").split()
                    pairs = zip(said, wanted, strict=True)
                    assert wanted == [".." if want == ".." else say for say, want in pairs]
        writer.close()
