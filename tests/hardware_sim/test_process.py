from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from hardware_sim.control import ask
from tests.hardware_sim.rig import PATIENCE_S, gone, host, simulator

ORPHAN = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "hardware_sim.gcode_printer", "--id", "sim",
                  "--dir", sys.argv[1]])
sys.stdin.read()
"""


async def test_it_answers_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer") as rig:
        status = await rig.ask("status")
        assert status["id"] == "sim"
        assert status["power"] is True
        assert await rig.end() == 0
    assert gone(rig.endpoint)


async def test_the_control_port_names_what_it_does_not_know(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer") as rig:
        for request in (
            {"op": "dance"},
            {"op": "fault", "name": "earthquake"},
            {"op": "fault"},
            {"op": "power", "on": "yes"},
        ):
            answer = await ask(rig.control_port, **request)
            assert answer["ok"] is False, request
            assert answer["error"], request


async def test_a_broken_request_does_not_end_the_connection(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer") as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.control_port)
        writer.write(b'{"op": \n[1]\n{"op": "status"}\n')
        answers = [json.loads(await reader.readline())["ok"] for _ in range(3)]
        writer.close()
        assert answers == [False, False, True]


async def test_faults_are_shown_logged_and_cleared(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer", "--fault", "noise_in:p=0.1") as rig:
        assert (await rig.ask("status"))["faults"]["noise_in"]["p"] == 0.1
        await rig.ask("fault", name="mute")
        await rig.ask("clear", name="noise_in")
        assert set((await rig.ask("status"))["faults"]) == {"mute"}
        await rig.ask("clear")
        assert (await rig.ask("status"))["faults"] == {}
        assert [fact["name"] for fact in rig.truth("fault")] == ["mute"]


async def test_it_ends_when_its_parent_dies(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORPHAN, str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout
    assert parent.stdin
    ready = json.loads(await parent.stdout.readline())
    parent.kill()
    async with asyncio.timeout(PATIENCE_S):
        assert await parent.stdout.read() == b""
        await parent.wait()
    assert gone(ready["endpoint"])


async def test_after_kill_9_it_starts_again_in_the_same_place(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer") as first:
        first.process.kill()
        assert await first.process.wait() == -signal.SIGKILL
        assert not gone(first.endpoint)
    again = ("--control-port", str(first.control_port))
    async with simulator(tmp_path, "gcode_printer", *again) as second:
        assert (second.endpoint, second.control_port) == (first.endpoint, first.control_port)
        async with host(second.endpoint) as printer:
            assert await printer.send("M400") == ["ok"]
        assert [fact["on"] for fact in second.truth("power")] == [True, True]


async def test_one_that_a_test_kills_leaves_no_link_to_the_next_ones_wire(tmp_path: Path) -> None:
    async with simulator(tmp_path, "gcode_printer") as rig:
        await rig.kill()
        assert gone(rig.endpoint)
