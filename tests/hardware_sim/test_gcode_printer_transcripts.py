from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from tests.hardware_sim.rig import host, simulator

FOLDER = Path(__file__).parent.parent / "transcripts" / "marlin"
SCRIPTS = sorted(FOLDER.glob("*.txt"))
QUIET_S = 0.15


def pattern(answer: str) -> str:
    escaped = re.escape(answer)
    return escaped.replace(r"\{t\}", r"-?\d+\.\d+").replace(r"\{n\}", r"-?\d+")


def steps_of(script: Path) -> list[tuple[str, str]]:
    return [(line[0], line[2:]) for line in script.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
async def test_the_dialogue_holds_to_the_byte(script: Path, tmp_path: Path) -> None:
    steps = steps_of(script)
    options = [word for kind, text in steps if kind == "=" for word in shlex.split(text)]
    async with (
        simulator(tmp_path, "gcode_printer", *options, factor=1000.0) as rig,
        host(rig.endpoint) as printer,
    ):
        for kind, text in steps:
            if kind == ">":
                printer.write(text.encode() + b"\n")
            elif kind == "<":
                said = await printer.line()
                assert re.fullmatch(pattern(text), said), f"expected {text!r}, got {said!r}"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                raise AssertionError(f"nothing more was expected, got {await printer.line()!r}")


def test_there_are_dialogues() -> None:
    assert len(SCRIPTS) >= 14
