"""One press: every kind of step, what was reached, and how well it is proved."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from lab_controller.stopper.errors import Refused
from tests.lab_controller.stopper_process.far_ends import (
    NO_SOFTWARE_STOP,
    Starter,
    http_device,
    opcua_device,
    serial,
)
from tests.lab_controller.stopper_rig import (
    PATIENCE_S,
    LineServer,
    black_hole,
    closed_port,
    descriptor_plan,
    http_plan,
    opcua_plan,
    socket_plan,
)


async def test_one_press_stops_every_kind_of_device(start: Starter, stack: AsyncExitStack) -> None:
    plug = await http_device(stack)
    robot, endpoint = await opcua_device(stack)
    board = await LineServer(**{"stop cobot": "Stopped"}).start()
    stack.push_async_callback(board.close)
    rig = await start(
        descriptor_plan("printer"),
        http_plan("heater", plug.port),
        socket_plan("cobot", board.port),
        opcua_plan("robot", endpoint),
        NO_SOFTWARE_STOP,
    )
    printer = await serial(stack, rig, reply="printer halted\n", proof="halted")
    await rig.all_ready()

    report = await rig.press()

    assert printer.got == b"M112\n"
    assert plug.state == "off"
    assert await robot.line() == {"stopped": True}
    outcomes = {name: one["outcome"] for name, one in report["devices"].items()}
    assert outcomes == {
        "printer": "CONFIRMED",
        "heater": "CONFIRMED",
        "cobot": "CONFIRMED",
        "robot": "CONFIRMED",
        "saw": "FAILED",
    }
    assert report["devices"]["saw"]["detail"] == "no_software_stop"
    assert (report["cause"], report["by"], report["saved"]) == ("pressed", "hanako", True)
    assert rig.latch()["lab"]["report"] == report["devices"]
    stopping = await rig.hear("stopping")
    assert (stopping["lab"], stopping["by"]) == (True, "hanako")
    assert (await rig.do("may_act", device="heater"))["result"] is False
    assert "secret-word" not in json.dumps([report, rig.latch(), await rig.status()])


async def test_unreachable_devices_fail_and_the_others_are_not_held_up(
    start: Starter, stack: AsyncExitStack
) -> None:
    plug = await http_device(stack)
    hole = stack.enter_context(black_hole())
    rig = await start(
        http_plan("silent", hole.getsockname()[1], deadline_s=1.0),
        http_plan("gone", closed_port(), deadline_s=1.0),
        opcua_plan("off", f"opc.tcp://127.0.0.1:{closed_port()}/", deadline_s=0.5),
        http_plan("heater", plug.port),
        descriptor_plan("unplugged"),
    )
    await rig.until(lambda found: bool(found["devices"]["heater"]["steps"][0]["ready"]))

    devices = (await rig.press())["devices"]

    told = {name: (one["outcome"], one["detail"]) for name, one in devices.items()}
    assert told == {
        "silent": ("SENT", "no_reply"),
        "gone": ("FAILED", "unreachable"),
        "off": ("FAILED", "unreachable"),
        "heater": ("CONFIRMED", ""),
        "unplugged": ("FAILED", "no_descriptor"),
    }
    seconds = {name: one["steps"][0]["seconds"] for name, one in devices.items()}
    assert seconds["heater"] < seconds["silent"]
    assert seconds["silent"] >= 0.99


async def test_a_rejected_stop_is_a_failed_one(start: Starter, stack: AsyncExitStack) -> None:
    plug = await http_device(stack, status=401)
    _, endpoint = await opcua_device(stack)
    rig = await start(
        http_plan("heater", plug.port), opcua_plan("robot", endpoint, method="Refuse")
    )
    await rig.all_ready()

    devices = (await rig.press())["devices"]

    assert (devices["heater"]["detail"], devices["heater"]["info"]) == ("rejected", "HTTP 401")
    assert devices["robot"]["detail"] == "rejected"
    assert {one["outcome"] for one in devices.values()} == {"FAILED"}


async def test_a_device_that_goes_on_is_sent_but_not_confirmed(
    start: Starter, stack: AsyncExitStack
) -> None:
    stubborn = await http_device(stack, obeys=False)
    rig = await start(
        http_plan("heater", stubborn.port, deadline_s=0.3),
        descriptor_plan("printer", deadline_s=0.3),
    )
    await serial(stack, rig)

    devices = (await rig.press())["devices"]

    assert [(one["outcome"], one["detail"]) for one in devices.values()] == [
        ("SENT", "not_confirmed"),
        ("SENT", "no_reply"),
    ]


async def test_the_best_proof_of_several_means_counts(
    start: Starter, stack: AsyncExitStack
) -> None:
    plug = await http_device(stack)
    both = descriptor_plan("printer", deadline_s=0.3)
    both["steps"] += http_plan("printer", plug.port)["steps"]
    rig = await start(both)
    printer = await serial(stack, rig)
    await rig.all_ready()

    report = (await rig.press("printer"))["devices"]["printer"]

    assert printer.got == b"M112\n"
    assert report["outcome"] == "CONFIRMED"
    assert [step["outcome"] for step in report["steps"]] == ["SENT", "CONFIRMED"]


async def test_one_device_can_be_stopped_alone(start: Starter, stack: AsyncExitStack) -> None:
    rig = await start(descriptor_plan("printer"), descriptor_plan("other"))
    printer = await serial(stack, rig, reply="halted", proof="halted")
    other = await serial(stack, rig, "other")

    report = await rig.do("stop", device="printer")

    assert list(report["result"]["devices"]) == ["printer"]
    assert (printer.got, other.got) == (b"M112\n", b"")
    assert (await rig.do("may_act", device="printer"))["result"] is False
    assert (await rig.do("may_act", device="other"))["result"] is True
    with pytest.raises(Refused) as refusal:
        await rig.press("printre")
    assert refusal.value.code == "stop.unknown_device"
    assert rig.latch()["lab"] is None


async def test_pressing_again_sends_again_and_keeps_the_first_cause(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer", expect=""))
    printer = await serial(stack, rig)

    await rig.press(by="hanako")
    await rig.press(by="jiro")

    await printer.until(b"M112\nM112\n")
    press_kept = rig.latch()["lab"]
    assert press_kept["by"] == "hanako"
    assert [one["by"] for one in press_kept["again"]] == ["jiro"]


async def test_a_malformed_plan_spoils_only_itself(start: Starter, stack: AsyncExitStack) -> None:
    rig = await start()
    bad = descriptor_plan("broken")
    bad["steps"][0]["payload"]["write_hex"] = "xyz"
    answer = await rig.do("plans", plans=[bad, descriptor_plan("printer", expect="")])
    assert [(one["device"], one["detail"]) for one in answer["result"]] == [("broken", "bad_plan")]
    await serial(stack, rig)

    devices = (await rig.press())["devices"]

    assert (devices["broken"]["outcome"], devices["broken"]["detail"]) == ("FAILED", "bad_plan")
    assert devices["printer"]["outcome"] == "SENT"


async def test_a_released_line_is_free_before_the_controller_closes_it(
    start: Starter, stack: AsyncExitStack
) -> None:
    rig = await start(descriptor_plan("printer"))
    printer = await serial(stack, rig)

    await rig.do("release", connection="line-printer")

    async with asyncio.timeout(PATIENCE_S):
        await printer.hung_up.wait()
    assert (await rig.press())["devices"]["printer"]["detail"] == "no_descriptor"


async def test_a_closed_keep_alive_connection_does_not_lose_a_stop(
    start: Starter, stack: AsyncExitStack
) -> None:
    plug = await http_device(stack)
    rig = await start(http_plan("heater", plug.port, confirm=False))
    await rig.all_ready()
    plug.drop_connections()

    report = await rig.press()

    assert report["devices"]["heater"]["outcome"] == "SENT"
    assert [path for _, method, path in plug.requests if method == "POST"] == ["/off"]
    assert plug.authorized == {"Bearer secret-word"}
