"""Coming online and going: read-only, complete, by itself, and without leaving anything."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from equipment_drivers.conformance.left_over import held
from equipment_drivers.conformance.wire import PATIENCE_S, Wire, needs_a_peer
from equipment_drivers.contract import StopOutcome, StopReport
from equipment_drivers.errors import DriverError
from equipment_drivers.model import DeviceMessage, Fact, Link, LinkChanged, Quality, Reading
from equipment_drivers.texts import LANGUAGES, texts

BOUND_S = 10.0  # the longest deadline of a stop plan


def well_formed(wire: Wire, reading: Reading) -> None:
    """One reading against what the driver promised of its signal."""
    signal = wire.driver.device_spec(reading.device).signals[reading.signal]
    assert reading.unit == signal.unit
    assert reading.received.tzinfo is not None
    assert reading.source is None or reading.source.tzinfo is not None
    if reading.quality is Quality.GOOD:
        assert reading.value is not None
        assert math.isfinite(reading.value)
    if reading.value is None:
        assert reading.quality is not Quality.GOOD


async def test_online_within_the_attempt_and_nothing_moved(offline: Wire) -> None:
    before = await offline.bench.witness()
    await offline.online()
    assert offline.links() == [Link.CONNECTING, Link.SYNCING, Link.ONLINE]
    assert await offline.bench.witness() == before


async def test_every_device_is_known_before_the_link_is_up(wire: Wire) -> None:
    up = next(n for n, one in enumerate(wire.facts) if _is(one, Link.ONLINE))
    told = {state.device for state in wire.states() if wire.facts.index(state) < up}
    assert told == set(wire.connection.devices)
    for state in wire.states():
        assert state.at.tzinfo is not None


def _is(fact: Fact, link: Link) -> bool:
    return isinstance(fact, LinkChanged) and fact.link is link


async def test_readings_are_what_was_promised(wire: Wire) -> None:
    await wire.connection.resync()
    for reading in wire.readings():
        well_formed(wire, reading)


async def test_x11_every_message_has_its_sentence(wire: Wire) -> None:
    if wire.bench.act is not None:
        await wire.do(wire.bench.act)
    await stopped(wire)
    codes = {message.code for message in wire.told(DeviceMessage)}
    for language in LANGUAGES:
        assert codes <= set(texts(language)), language


async def stopped(wire: Wire) -> StopReport:
    """The bench's device stopped, within its bound."""
    async with asyncio.timeout(BOUND_S):
        return await wire.driver.stop_now(wire.device)


async def test_stopping_is_bounded_and_may_come_twice(wire: Wire) -> None:
    can = bool(wire.driver.stop_plan(wire.device).steps)
    for _ in range(2):
        report = await stopped(wire)
        assert report.device == wire.device
        assert not can or report.outcome is not StopOutcome.FAILED


async def test_stopping_without_a_peer_says_that_it_failed(wire: Wire) -> None:
    """Said, never raised; and never said to have worked."""
    needs_a_peer(wire)
    if not wire.driver.stop_plan(wire.device).steps:
        pytest.skip("software cannot stop this device")
    await wire.stop()
    await wire.bench.vanish()
    try:
        assert (await stopped(wire)).outcome is StopOutcome.FAILED
    finally:
        await wire.bench.prepare()


async def test_the_safe_state_is_reached_and_may_be_asked_for_twice(wire: Wire) -> None:
    for _ in range(2):
        async with asyncio.timeout(BOUND_S):
            report = await wire.driver.safe_state(wire.device)
        assert report.device == wire.device
        assert report.outcome is not StopOutcome.FAILED, report.detail


async def test_x01_close_twice_and_before_anything(offline: Wire) -> None:
    await offline.driver.close()
    await offline.online()
    await offline.stop()
    for _ in range(2):
        await offline.driver.close()
    assert offline.link is Link.OFFLINE
    assert offline.driver.stop_descriptor() is None


async def test_x01_close_during_a_command(wire: Wire) -> None:
    deed = wire.bench.job or wire.bench.act or wire.bench.read
    if deed is None:
        pytest.skip("the device takes no command")
    task = wire.doing(deed)
    await asyncio.sleep(0)
    await wire.stop()
    await asyncio.wait({task}, timeout=PATIENCE_S)
    assert task.done()
    assert not task.cancelled()
    _ = task.exception()


Reach = Callable[[Wire], Awaitable[None]]


async def _attempt(wire: Wire) -> None:
    await wire.driver.connect()
    await wire.driver.resync()


STEPS = [*range(1, 25), *(2**power for power in range(5, 15))]


async def test_x01_x02_close_and_cancel_at_every_step_of_connecting(offline: Wire) -> None:
    """After n steps of the loop for n = 1, 2, 3 …: a driver is closed cleanly from anywhere."""
    for steps in STEPS:
        attempt = asyncio.create_task(_attempt(offline))
        for _ in range(steps):
            await asyncio.sleep(0)
        was_done = attempt.done()
        attempt.cancel()
        await asyncio.wait({attempt})
        await offline.driver.close()
        if not attempt.cancelled():  # it may also have failed, e.g. on a port not yet free again
            assert isinstance(attempt.exception(), DriverError | None), f"after {steps} steps"
        if was_done and not attempt.exception():
            break
    await offline.online()  # and it still can


async def test_x03_a_consumers_mistake_silences_nobody(wire: Wire) -> None:
    """Whatever breaks while a fact is told, the next news come: from a reader that lives, or from
    a link that was lost for it and came back.
    """
    struck: list[int] = []

    def poison(fact: Fact) -> None:
        if isinstance(fact, Reading) and not struck:
            struck.append(len(wire.facts))
            raise RuntimeError("a consumer's mistake")

    wire.consume = poison
    needs_a_peer(wire)
    try:
        await wire.until(lambda: bool(struck), wire.silence_s)
    except AssertionError:
        pytest.skip("nothing is told while the device rests")
    await wire.until(lambda: bool(wire.readings(struck[0])))
    await wire.until(lambda: wire.link.carries_commands)


async def test_x04_a_slow_consumer_does_not_delay_a_stop(wire: Wire) -> None:
    slow: list[int] = []
    wire.consume = lambda fact: slow.append(sum(range(50_000)))
    if wire.bench.job is not None:
        task = wire.doing(wire.bench.job)
        await wire.until(lambda: bool(slow))
        report = await stopped(wire)
        await asyncio.wait({task}, timeout=PATIENCE_S)
        assert task.done()
    else:
        report = await stopped(wire)
    can = bool(wire.driver.stop_plan(wire.device).steps)
    assert not can or report.outcome is not StopOutcome.FAILED


@pytest.mark.parametrize("hours", [1, -1])
async def test_x05_the_wall_clock_may_jump(wire: Wire, hours: int) -> None:
    """Deadlines run on: the link stays, a command passes, and what is told bears the new time."""
    wire.clock.jump = timedelta(hours=hours)
    since = len(wire.facts)
    deed = wire.bench.act or wire.bench.read
    if deed is not None:
        await wire.do(deed)
    await wire.connection.resync()
    assert not [link for link in wire.links(since) if not link.carries_commands]
    for state in wire.states(since):
        assert abs(state.at - wire.clock.now()) < timedelta(minutes=30)


async def test_x06_many_lives_leave_no_task_and_no_descriptor(
    offline: Wire, request: pytest.FixtureRequest
) -> None:
    await offline.driver.connect()
    await offline.driver.close()
    before = held()
    for _ in range(request.config.getoption("--cycles")):
        await offline.driver.connect()
        await offline.driver.resync()
        await offline.driver.close()
    assert await before.more() == ""
