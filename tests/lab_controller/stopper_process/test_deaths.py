"""A controller that dies, hangs, leaves or never starts: everything is stopped over it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from lab_controller.stopper.lines import dial
from lab_controller.stopper.place import socket_path
from tests.lab_controller.stopper_process.far_ends import (
    NO_SOFTWARE_STOP,
    Starter,
    clean_up,
    http_device,
    opcua_device,
    serial,
)
from tests.lab_controller.stopper_rig import (
    PATIENCE_S,
    LineServer,
    Rig,
    descriptor_plan,
    http_plan,
    opcua_plan,
    socket_plan,
)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_hang_and_a_death_stop_every_kind_of_device(
    start: Starter, stack: AsyncExitStack, number: signal.Signals
) -> None:
    plug = await http_device(stack)
    robot, endpoint = await opcua_device(stack)
    board = await LineServer(**{"stop cobot": "Stopped"}).start()
    stack.push_async_callback(board.close)
    rig = await start(
        descriptor_plan("printer", deadline_s=0.5),
        http_plan("heater", plug.port),
        socket_plan("cobot", board.port),
        opcua_plan("robot", endpoint),
        options=("--hang", "0.5", "--no-restart"),
    )
    printer = await serial(stack, rig)
    await rig.all_ready()

    os.kill((await rig.status())["pid"], number)

    found = await rig.until(lambda found: bool((found["latch"]["lab"] or {}).get("report")))
    outcomes = {name: one["outcome"] for name, one in found["latch"]["lab"]["report"].items()}
    assert outcomes == {"printer": "SENT"} | dict.fromkeys(
        ("heater", "cobot", "robot"), "CONFIRMED"
    )
    assert printer.got == b"M112\n"
    assert plug.state == "off"
    assert await board.heard("stop cobot") == [1]
    assert await robot.line() == {"stopped": True}


async def test_a_frozen_controller_is_stopped_over_and_learns_of_it(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer", deadline_s=0.3), options=("--hang", "0.5"))
    printer = await serial(stack, rig, reply="halted", proof="halted")
    pid = (await rig.status())["pid"]

    os.kill(pid, signal.SIGSTOP)
    await printer.until(b"M112\n")

    found = await rig.until(lambda found: bool((found["latch"]["lab"] or {}).get("report")))
    assert found["controller"] == "hung"
    assert found["latch"]["lab"]["cause"] == "controller_hung"
    assert found["latch"]["lab"]["report"]["printer"]["outcome"] == "SENT"
    assert (await rig.press())["devices"]["printer"]["outcome"] == "SENT"

    os.kill(pid, signal.SIGCONT)
    assert (await rig.hear("stopping"))["cause"] == "controller_hung"
    await rig.hear("latch")
    assert (await rig.do("may_act", device="printer"))["result"] is False
    assert (await rig.until(lambda found: found["controller"] == "living"))["pid"] == pid


async def test_a_killed_controller_is_stopped_over_and_started_again(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer"), options=("--pause", "0.05"))
    printer = await serial(stack, rig, reply="Error:Printer halted.\n")
    pid = (await rig.status())["pid"]

    os.kill(pid, signal.SIGKILL)

    await printer.until(b"M112\n")
    async with asyncio.timeout(PATIENCE_S):
        await printer.hung_up.wait()  # the duplicate is closed: the line is free again
    assert (await rig.hear("started"))["pid"] != pid
    latched = (await rig.do("open"))["result"]["lab"]
    assert latched["cause"] == "controller_died"
    assert latched["report"]["printer"]["outcome"] == "CONFIRMED"
    assert (await rig.do("may_act", device="printer"))["result"] is False
    assert printer.got == b"M112\n"


async def test_stop_works_with_a_dead_controller(start: Starter, stack: AsyncExitStack) -> None:
    plug = await http_device(stack)
    rig = await start(http_plan("heater", plug.port))
    os.kill((await rig.status())["pid"], signal.SIGKILL)
    await rig.until(lambda found: bool((found["latch"]["lab"] or {}).get("report")))
    plug.state = "on"

    report = await rig.press()

    assert report["devices"]["heater"]["outcome"] == "CONFIRMED"
    assert (await rig.status())["controller"] == "absent"


async def test_leaving_the_channel_without_farewell_is_a_death(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)

    await rig.do("hang_up")

    found = await rig.until(lambda found: found["latch"]["lab"] is not None)
    assert found["latch"]["lab"]["cause"] == "controller_died"


async def test_every_channel_that_ends_is_a_death_of_its_own(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    rig = await Rig.start(tmp_path)
    stack.push_async_callback(clean_up, rig)
    await rig.hear("started")
    for count in range(3):
        line = await dial(socket_path(tmp_path))
        line.send({"op": "hello", "id": 1})
        async with asyncio.timeout(PATIENCE_S):
            assert (await line.receive() or {})["ok"] is True
        line.close()

        def died(found: dict[str, Any], again: int = count) -> bool:
            lab = found["latch"]["lab"]
            return lab is not None and len(lab["again"]) == again

        await rig.until(died)


async def test_a_controller_that_ends_by_itself_ends_the_stopper(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)

    await rig.do("farewell")

    async with asyncio.timeout(PATIENCE_S):
        assert await rig.process.wait() == 0
    assert rig.latch() is None


async def test_a_controller_that_never_leaves_is_stopped_over_and_killed(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer", deadline_s=0.3), options=("--farewell", "0.2"))
    printer = await serial(stack, rig)
    await rig.do("ignore_sigterm")

    assert await rig.end() == 1

    await printer.until(b"M112\n")
    assert rig.latch()["lab"]["cause"] == "controller_hung"


async def test_a_controller_that_cannot_start_ends_the_stopper(tmp_path: Path) -> None:
    failing = await Rig.start(tmp_path, command=(sys.executable, "-c", "raise SystemExit(3)"))
    assert await failing.process.wait() == 3
    missing = await Rig.start(tmp_path, command=("/no/such/controller",))
    assert await missing.process.wait() == 1
    assert (await missing.said()).startswith("stop.command_failed: ")
    await failing.process.communicate(b"")
    await missing.process.communicate(b"")
    assert not (tmp_path / "stop.latch").exists()


async def test_after_five_restarts_only_the_front_door_stays(tmp_path: Path) -> None:
    dies = (
        "import asyncio, os, pathlib;"
        "from lab_controller.permit import Permit;"
        "asyncio.run(Permit(pathlib.Path(os.environ['MACHIKOBA_STOPPER'])).open());"
        "os._exit(7)"
    )
    rig = await Rig.start(tmp_path, "--pause", "0.001", command=(sys.executable, "-c", dies))
    assert rig.process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        while b"stop.front_door_only" not in await rig.process.stderr.readline():
            pass

    assert (await rig.status())["restarts"] == 5
    assert rig.latch()["lab"]["cause"] == "controller_died"
    assert len(rig.latch()["lab"]["again"]) == 5
    await rig.press()
    assert await rig.end() == 1
    await rig.process.communicate(b"")
