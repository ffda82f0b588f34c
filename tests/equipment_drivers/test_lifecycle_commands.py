"""Commands on a connection: what is refused, what waits, what a failure means, who ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from equipment_drivers.contract import CommandContext
from equipment_drivers.errors import (
    BadArguments,
    ConnectFailed,
    DriverError,
    LinkLost,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    Stopped,
)
from equipment_drivers.model import Link, Operation
from tests.equipment_drivers.fakes import FakeOptions
from tests.equipment_drivers.lifecycle_bench import GO, Bench


async def test_commands_are_refused_without_a_link(make: Callable[..., Bench]) -> None:
    bench = make()
    with pytest.raises(NotAllowedNow) as refused:
        await bench.connection.execute("a", "look", {}, GO)
    assert refused.value.params["state"] == "offline"
    with pytest.raises(NotAllowedNow):
        await bench.connection.resync()
    assert bench.driver.started == []


async def test_what_is_refused_is_never_sent(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    execute = bench.connection.execute
    with pytest.raises(NotSupported):
        await execute("a", "fly", {}, GO)
    with pytest.raises(NotSupported):
        await execute("z", "look", {}, GO)
    with pytest.raises(BadArguments):
        await execute("a", "move", {"x": "far"}, GO)
    with pytest.raises(BadArguments):
        await execute("a", "move", {"x": 1, "y": 2}, GO)
    with pytest.raises(Stopped):
        await execute("a", "move", {"x": 1}, CommandContext("c2", 1, may_act=lambda: False))
    bench.driver.report("a", Operation.BUSY)
    with pytest.raises(NotAllowedNow):
        await execute("a", "move", {"x": 1}, GO)
    assert bench.driver.started == []
    assert (await execute("b", "move", {"x": 1}, GO)).text == "move done"


async def test_short_commands_go_one_at_a_time_beside_a_job(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    bench.driver.gate.clear()
    job = asyncio.create_task(bench.connection.execute("a", "run_job", {}, GO))
    moves = [
        asyncio.create_task(bench.connection.execute("b", "move", {"x": n}, GO)) for n in range(3)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    assert bench.driver.started == ["run_job", "move"]
    bench.driver.gate.set()
    await asyncio.gather(job, *moves)
    assert bench.driver.overlap == 1
    assert [args["x"] for _, verb, args in bench.driver.done if verb == "move"] == [0, 1, 2]


async def test_a_timeout_is_unknown_never_failed(make: Callable[..., Bench]) -> None:
    bench = make(options=FakeOptions(command_timeout_s=0.01))
    await bench.online()
    bench.driver.gate.clear()
    with pytest.raises(OutcomeUnknown):
        await bench.connection.execute("a", "move", {"x": 1}, GO)
    bench.driver.gate.set()
    assert bench.driver.done == []


async def test_waiting_for_another_command_is_bounded_and_sends_nothing(
    make: Callable[..., Bench],
) -> None:
    bench = make(options=FakeOptions(command_timeout_s=0.02))
    await bench.online()
    await bench.connection._one_at_a_time.acquire()
    with pytest.raises(NotAllowedNow) as refused:
        await bench.connection.execute("a", "move", {"x": 1}, GO)
    bench.connection._one_at_a_time.release()
    assert refused.value.params["state"] == "busy"
    assert bench.driver.started == []


@pytest.mark.parametrize(
    ("verb", "fault", "seen"),
    [
        ("move", LinkLost(), OutcomeUnknown),
        ("move", ConnectFailed(), ConnectFailed),
        ("move", Rejected(), Rejected),
        ("move", KeyError("bug"), OutcomeUnknown),
        ("look", LinkLost(), LinkLost),
    ],
)
async def test_what_a_failing_command_means(
    make: Callable[..., Bench], verb: str, fault: Exception, seen: type[DriverError]
) -> None:
    bench = make()
    await bench.online()
    bench.driver.command_faults = {verb: fault}
    with pytest.raises(seen):
        await bench.connection.execute("a", verb, {"x": 1} if verb == "move" else {}, GO)


async def test_a_loss_fails_what_runs_and_queues_nothing(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    bench.driver.gate.clear()
    commands = [
        asyncio.create_task(bench.connection.execute("a", "run_job", {}, GO)),
        asyncio.create_task(bench.connection.execute("b", "move", {"x": 1}, GO)),
        asyncio.create_task(bench.connection.execute("b", "move", {"x": 2}, GO)),
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    bench.driver.connect_faults = [ConnectFailed()] * 3
    bench.driver.lose()
    ends = await asyncio.gather(*commands, return_exceptions=True)
    assert [type(end) for end in ends] == [OutcomeUnknown, OutcomeUnknown, NotAllowedNow]
    await bench.until(lambda: bench.links.count(Link.ONLINE) == 2)
    bench.driver.gate.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert bench.driver.done == []


async def test_cancel_jobs_ends_one_devices_commands(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    bench.driver.gate.clear()
    jobs = [
        asyncio.create_task(bench.connection.execute(device, "run_job", {}, GO))
        for device in ("a", "b")
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    await bench.connection.cancel_jobs("a")
    with pytest.raises(Stopped):
        await jobs[0]
    bench.driver.gate.set()
    await jobs[1]
    assert [device for device, _, _ in bench.driver.done] == ["b"]


async def test_cancelling_the_caller_cancels_the_command(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    bench.driver.gate.clear()
    caller = asyncio.create_task(bench.connection.execute("a", "move", {"x": 1}, GO))
    for _ in range(10):
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    bench.driver.gate.set()
    await bench.connection.execute("a", "move", {"x": 2}, GO)
    assert [args["x"] for *_, args in bench.driver.done] == [2]
