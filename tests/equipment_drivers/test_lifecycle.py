"""The life of a connection: the link's states, backoff, what a loss does, how commands pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.errors import (
    AuthRejected,
    BadOption,
    ConnectFailed,
    DriverError,
    LinkLost,
    WrongDevice,
)
from equipment_drivers.lifecycle import Limits, link_after
from equipment_drivers.model import DeviceState, Link, LinkChanged, Operation, Safety
from tests.equipment_drivers.fakes import FakeClock, FakeOptions
from tests.equipment_drivers.lifecycle_bench import FAST, GO, STUCK, Bench


async def test_goes_online_through_each_state(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    assert bench.links == [Link.CONNECTING, Link.SYNCING, Link.ONLINE]
    assert bench.order == ["on_online:syncing"]


async def test_a_loss_makes_devices_unknown_and_comes_back(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    bench.driver.lose(LinkLost(cause="unplugged"))
    await bench.until(lambda: bench.links.count(Link.ONLINE) == 2)
    backoff = next(f for f in bench.facts if isinstance(f, LinkChanged) and f.link is Link.BACKOFF)
    assert (backoff.code, backoff.params) == ("driver.link_lost", {"cause": "unplugged"})
    states = [f for f in bench.facts if isinstance(f, DeviceState) and f.device == "a"]
    assert [(s.operation, s.safety) for s in states] == [
        (Operation.IDLE, Safety.NORMAL),
        (Operation.UNKNOWN, Safety.UNKNOWN),
        (Operation.IDLE, Safety.NORMAL),
    ]
    life = ["connect", "resync", "serve"]
    assert bench.driver.calls == [*life, "close", *life]
    assert bench.order[1] == "before_close:False"


async def test_no_safety_signal_stays_none_after_a_loss(make: Callable[..., Bench]) -> None:
    bench = make(STUCK, FakeOptions(safety=Safety.NONE))
    await bench.online()
    bench.driver.lose()
    await bench.until(lambda: bench.last_state("b").operation is Operation.UNKNOWN)
    assert bench.last_state("b").safety is Safety.NONE


async def test_a_job_that_ends_with_the_wire_says_nothing_of_the_device(
    make: Callable[..., Bench],
) -> None:
    bench = make(STUCK)
    await bench.online()
    bench.driver.lose()
    await bench.until(lambda: bench.last_state("a").operation is Operation.UNKNOWN)
    told = len(bench.facts)
    bench.driver.report("a", Operation.IDLE)
    bench.driver.measure("a", "heat", 210.0)
    assert bench.facts[told:] == []
    assert bench.connection.operation("a") is Operation.UNKNOWN


@pytest.mark.parametrize(
    ("fault", "link"),
    [
        (AuthRejected(), Link.AUTH_ERROR),
        (WrongDevice(), Link.IDENTITY_ERROR),
        (BadOption(), Link.CONFIG_ERROR),
    ],
)
async def test_wrong_setup_is_terminal_until_asked(
    make: Callable[..., Bench], fault: DriverError, link: Link
) -> None:
    bench = make()
    bench.driver.connect_faults = [fault]
    bench.start()
    await bench.until(lambda: bench.connection.link is link)
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.driver.calls.count("connect") == 1
    bench.connection.reconnect_now()
    await bench.until(lambda: bench.connection.link is Link.ONLINE)


async def test_reconnect_now_ends_a_backoff(make: Callable[..., Bench]) -> None:
    bench = make(STUCK)
    bench.driver.connect_faults = [ConnectFailed()]
    bench.start()
    await bench.until(lambda: bench.connection.link is Link.BACKOFF)
    await bench.until(lambda: "close" in bench.driver.calls)
    bench.connection.reconnect_now()
    await bench.until(lambda: bench.connection.link is Link.ONLINE)


async def test_reconnect_now_makes_the_waits_small_again(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    losses: list[int] = []

    def pause(fault: DriverError, lost: int) -> float | None:
        losses.append(lost)
        return None if len(losses) == 3 else 0.0

    monkeypatch.setattr(bench.connection, "_pause_after", pause)
    bench.driver.connect_faults = [ConnectFailed() for _ in range(5)]
    bench.start()
    await bench.until(lambda: len(losses) == 3)
    bench.connection.reconnect_now()
    await bench.until(lambda: bench.connection.link is Link.ONLINE)
    assert losses == [0, 1, 2, 0, 1]


async def test_a_hanging_handshake_is_bounded(make: Callable[..., Bench]) -> None:
    bench = make(replace(STUCK, attempt_s=0.01))
    bench.driver.hang_connect = True
    bench.start()
    await bench.until(lambda: bench.connection.link is Link.BACKOFF)
    told = bench.facts[-1]
    assert isinstance(told, LinkChanged)
    assert told.code == "driver.connect_failed"


async def test_down_and_up_are_logged_once(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "equipment_drivers.lifecycle")
    bench = make()
    bench.driver.connect_faults = [ConnectFailed(), ConnectFailed(), ConnectFailed()]
    await bench.online()
    messages = [record.getMessage() for record in caplog.records]
    assert [m.split(":")[0] for m in messages] == ["connection c down", "connection c up"]


async def test_a_mistake_in_a_driver_is_a_loss_not_a_dead_task(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make()
    bench.driver.connect_faults = [KeyError("bug")]
    await bench.online()
    told = next(f for f in bench.facts if isinstance(f, LinkChanged) and f.link is Link.BACKOFF)
    assert told.code == "driver.error"
    assert "mistake" in caplog.text


async def test_stop_closes_and_may_come_twice_and_first(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    await bench.connection.stop()
    await bench.connection.stop()
    assert bench.connection.link is Link.OFFLINE
    assert bench.driver.calls[-1] == "close"
    never = make()
    await never.connection.stop()
    await never.connection.run()
    assert never.driver.calls == []


async def test_stop_holds_against_a_library_that_swallows_cancellation(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    closing = asyncio.Event()

    async def stubborn() -> None:
        closing.set()
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(bench.driver, "close", stubborn)
    await bench.online()
    bench.driver.lose()
    await closing.wait()
    async with asyncio.timeout(5):
        await bench.connection.stop()
    assert bench.links[-1] is Link.OFFLINE


async def test_trouble_while_closing_does_not_end_a_life(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(replace(FAST, close_s=0.01))

    async def failing() -> None:
        raise ValueError("the stopper is gone")

    async def hanging() -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(bench.connection, "_before_close", failing)
    monkeypatch.setattr(bench.driver, "close", hanging)
    await bench.online()
    bench.driver.lose()
    await bench.until(lambda: bench.links.count(Link.ONLINE) == 2)
    assert "did not close cleanly" in caplog.text
    assert "did not close in time" in caplog.text


async def test_stop_during_connect(make: Callable[..., Bench]) -> None:
    bench = make(replace(FAST, attempt_s=1e6))
    bench.driver.hang_connect = True
    bench.start()
    await bench.until(lambda: bench.connection.link is Link.CONNECTING)
    await bench.connection.stop()
    assert bench.links[-1] is Link.OFFLINE


async def test_stop_lets_a_close_under_way_end(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The news of a loss comes before the wire is closed; who stops then must not cut that off."""
    bench = make()
    await bench.online()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ended.set()

    monkeypatch.setattr(bench.driver, "close", slow)
    bench.driver.lose()
    await begun.wait()
    await bench.connection.stop()
    assert ended.is_set()


async def test_cancelling_run_closes(make: Callable[..., Bench]) -> None:
    bench = make()
    await bench.online()
    assert bench.life
    bench.life.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bench.life
    assert bench.driver.calls[-1] == "close"
    assert bench.links[-1] is Link.OFFLINE
    bench.life = None


async def test_the_driver_may_call_its_link_degraded(make: Callable[..., Bench]) -> None:
    bench = make()
    now = FakeClock().now()
    bench.driver.emit(LinkChanged("c", Link.DEGRADED, now))
    assert bench.links == []
    await bench.online()
    bench.driver.emit(LinkChanged("c", Link.DEGRADED, now, "driver.protocol"))
    await bench.connection.execute("a", "look", {}, GO)
    bench.driver.emit(LinkChanged("c", Link.AUTH_ERROR, now))
    assert bench.connection.link is Link.DEGRADED


async def test_a_link_called_degraded_while_it_opens_is_never_shown_online(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    driver, read_back = bench.driver, bench.driver.resync

    async def half_blind() -> None:
        await read_back()
        driver.emit(LinkChanged("c", Link.DEGRADED, driver.clock.now(), "driver.connect_failed"))

    monkeypatch.setattr(driver, "resync", half_blind)
    bench.start()
    await bench.until(lambda: bench.connection.link.carries_commands)
    assert bench.links == [Link.CONNECTING, Link.SYNCING, Link.DEGRADED]
    assert bench.told(LinkChanged)[-1].code == "driver.connect_failed"
    driver.emit(LinkChanged("c", Link.ONLINE, driver.clock.now()))
    assert bench.connection.link is Link.ONLINE


async def test_a_hundred_lives_leave_no_task(make: Callable[..., Bench]) -> None:
    before = asyncio.all_tasks()
    bench = make(replace(FAST, storm_drops=200))
    await bench.online()
    for life in range(2, 102):
        bench.driver.lose()
        await bench.until(lambda: bench.links.count(Link.ONLINE) == life)  # noqa: B023
    await bench.connection.stop()
    assert bench.life
    await bench.life
    assert asyncio.all_tasks() == before


@given(losses=st.integers(0, 10_000), seed=st.integers())
def test_backoff_has_jitter_and_a_bound(losses: int, seed: int) -> None:
    connection = Bench(Limits()).connection
    connection._rng = Random(seed)
    pause = connection._pause_after(LinkLost(), losses)
    longest = min(30.0, 0.5 * 2 ** min(losses, 20))
    assert pause is not None
    assert 0.5 * longest <= pause <= 1.5 * longest


def test_link_after_each_kind_of_fault() -> None:
    assert link_after(None) is Link.OFFLINE
    assert link_after(LinkLost()) is Link.BACKOFF
    assert link_after(DriverError()) is Link.BACKOFF
    assert link_after(AuthRejected()).is_terminal
