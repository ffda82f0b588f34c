"""The stopper's own life: one for each folder, its latch, its reset, its end."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from lab_controller.stopper import press
from lab_controller.stopper.errors import Refused, StopperUnreachable
from lab_controller.stopper.place import runtime_dir, socket_path
from tests.lab_controller.stopper_process.far_ends import (
    NO_SOFTWARE_STOP,
    Starter,
    serial,
)
from tests.lab_controller.stopper_rig import (
    PATIENCE_S,
    Rig,
    descriptor_plan,
)


async def test_the_latch_survives_the_stopper(start: Starter, stack: AsyncExitStack) -> None:
    """It leaves its socket behind too, and the next one takes its place."""
    rig = await start(NO_SOFTWARE_STOP)
    await rig.press()
    rig.process.kill()
    lost = await rig.hear("lost")
    assert lost["alive"] is False
    os.kill(lost["pid"], signal.SIGKILL)
    await rig.process.wait()

    again = await start(NO_SOFTWARE_STOP)

    assert socket_path(rig.data_dir).is_socket()
    assert (await again.status())["latch"]["lab"]["by"] == "hanako"
    assert (await again.do("may_act", device="saw"))["result"] is False


async def test_reset_needs_controller_reason_and_every_device(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer", expect=""), NO_SOFTWARE_STOP)
    await serial(stack, rig)
    full: dict[str, Any] = {"device": None, "by": "jiro", "reason": "checked", "verified": []}
    assert (await rig.do("reset", **full))["code"] == "stop.not_latched"
    await rig.press()

    with pytest.raises(Refused) as refusal:
        await asyncio.to_thread(press._ask, rig.data_dir, {"op": "reset", **full}, 5.0)
    assert refusal.value.code == "stop.controller_only"
    missing = await rig.do("reset", **{**full, "verified": ["printer"]})
    assert (missing["code"], missing["params"]) == ("stop.not_verified", {"missing": "saw"})
    full["verified"] = ["printer", "saw"]
    assert (await rig.do("reset", **{**full, "reason": " "}))["code"] == "stop.reason_missing"
    assert rig.latch() is not None

    assert (await rig.do("reset", **full))["result"]["lab"] is None
    assert rig.latch() is None
    async with asyncio.timeout(PATIENCE_S):
        while not (await rig.do("may_act", device="printer"))["result"]:
            pass


async def test_reset_needs_the_plans_of_the_present_controller(tmp_path: Path) -> None:
    (tmp_path / "stop.latch").write_text("{torn")
    rig = await Rig.start(tmp_path)
    await rig.hear("started")
    latched = (await rig.do("open"))["result"]["lab"]
    assert latched["cause"] == "latch_unreadable"
    full: dict[str, Any] = {"device": None, "by": "jiro", "reason": "checked", "verified": []}
    assert (await rig.do("reset", **full))["code"] == "stop.no_plans"
    await rig.do("plans", plans=[])
    assert (await rig.do("reset", **full))["result"]["lab"] is None
    assert await rig.end() == 0
    await rig.process.communicate(b"")


async def test_a_second_stopper_on_the_same_data_is_refused(start: Starter) -> None:
    rig = await start()

    second = await Rig.start(rig.data_dir)

    assert await second.process.wait() == 1
    assert (await second.said()).startswith("stop.already_running: ")
    await second.process.communicate(b"")
    assert (await rig.status())["controller"] == "living"


async def test_shutdown_in_good_order_leaves_no_latch(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)

    folder = runtime_dir(rig.data_dir)
    assert folder.is_dir()

    assert await rig.end() == 0

    assert rig.latch() is None
    assert not folder.exists()
    with pytest.raises(StopperUnreachable):
        await rig.press()


async def test_a_frozen_stopper_is_reported_unreachable(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)
    rig.process.send_signal(signal.SIGSTOP)

    with pytest.raises(StopperUnreachable):
        await asyncio.to_thread(press.press, rig.data_dir, by="hanako", timeout_s=0.2)

    rig.process.send_signal(signal.SIGCONT)
    assert (await rig.hear("stopping"))["by"] == "hanako"


async def test_the_stopper_goes_before_the_controller(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)
    own = os.getpriority(os.PRIO_PROCESS, rig.process.pid)
    assert own < os.getpriority(os.PRIO_PROCESS, (await rig.status())["pid"])
