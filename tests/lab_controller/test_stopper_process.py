"""The stopper as a process: every kind of step, dead and frozen controllers, restarts, resets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from lab_controller.stopper import press
from lab_controller.stopper.errors import Refused, StopperUnreachable
from lab_controller.stopper.lines import dial
from lab_controller.stopper.place import runtime_dir, socket_path
from tests.lab_controller.stopper_rig import (
    OPCUA_DEVICE,
    PATIENCE_S,
    ROOT,
    HttpDevice,
    LineServer,
    PtyDevice,
    Rig,
    black_hole,
    closed_port,
    descriptor_plan,
    http_plan,
    opcua_plan,
    socket_plan,
)

NO_SOFTWARE_STOP = {"device": "saw", "means": "stop.means.none", "steps": []}

Starter = Callable[..., Awaitable[Rig]]


@pytest.fixture(autouse=True)
def _own_runtime_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(stack: AsyncExitStack, tmp_path: Path) -> Starter:
    """Start a stopper with these plans; it is killed with its controller at the end."""

    async def started(*plans: Any, options: tuple[str, ...] = ("--no-restart",)) -> Rig:
        rig = await Rig.with_plans(tmp_path, plans, *options)
        stack.push_async_callback(clean_up, rig)
        return rig

    return started


async def clean_up(rig: Rig) -> None:
    """Leave nothing running, whatever state the test left it in."""
    if rig.process.returncode is None:
        rig.process.kill()
    for pid in rig.pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    await rig.process.communicate(b"")


async def serial(
    stack: AsyncExitStack, rig: Rig, device: str = "printer", *, reply: str = "", proof: str = ""
) -> PtyDevice:
    """A line to a device, opened by the controller and handed over to the stopper."""
    far = PtyDevice(reply.encode())
    words = {"connection": f"line-{device}", "path": far.path, "device": device, "proof": proof}
    assert "code" not in await rig.do("hand_over", **words)
    far.listen()
    stack.callback(far.close)
    return far


async def http_device(stack: AsyncExitStack, **traits: Any) -> HttpDevice:
    device = await HttpDevice(**traits).start()
    stack.push_async_callback(device.close)
    return device


async def opcua_device(stack: AsyncExitStack) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *OPCUA_DEVICE,
        str(closed_port()),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    stack.push_async_callback(process.communicate, b"")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return process, (await process.stdout.readline()).decode().strip()


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
    assert robot.stdout is not None
    assert await robot.stdout.readline() == b"stopped\n"
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


async def test_the_stopper_goes_before_the_controller(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)
    own = os.getpriority(os.PRIO_PROCESS, rig.process.pid)
    assert own < os.getpriority(os.PRIO_PROCESS, (await rig.status())["pid"])


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
    assert robot.stdout is not None
    assert await robot.stdout.readline() == b"stopped\n"


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


async def test_a_frozen_stopper_is_reported_unreachable(start: Starter) -> None:
    rig = await start(NO_SOFTWARE_STOP)
    rig.process.send_signal(signal.SIGSTOP)

    with pytest.raises(StopperUnreachable):
        await asyncio.to_thread(press.press, rig.data_dir, by="hanako", timeout_s=0.2)

    rig.process.send_signal(signal.SIGCONT)
    assert (await rig.hear("stopping"))["by"] == "hanako"
