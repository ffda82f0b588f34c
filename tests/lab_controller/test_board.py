"""The board: three axes kept apart, the latch over them, and what is too old to believe."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest

from equipment_drivers.contract import DeviceSpec, SignalSpec
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    JobProgress,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.board import MESSAGES_KEPT, Board, DeviceView
from tests.lab_controller.hand_clock import HandClock

GOOD_LINKS = {Link.ONLINE, Link.DEGRADED}
GOOD_SAFETY = {Safety.NONE, Safety.NORMAL, Safety.REDUCED}


def view(device: str, connection: str = "wire") -> DeviceView:
    signals = {"heat": SignalSpec("heat", "Cel", 10.0)}
    return DeviceView(device, connection, DeviceSpec(device, "fake", {}, signals))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def board() -> Board:
    return Board([view("printer"), view("plug"), view("robot", "other")])


def reading(clock: HandClock, value: float | None = 20.0, quality: Quality = Quality.GOOD):
    return Reading("printer", "heat", value, "Cel", quality, clock.now())


def online(board: Board, clock: HandClock, connection: str = "wire") -> None:
    board.hear(LinkChanged(connection, Link.ONLINE, clock.now()))


def test_at_first_nothing_is_known_and_nothing_may_act(board: Board) -> None:
    one = board["printer"]
    assert (one.link, one.operation, one.safety) == (
        Link.OFFLINE,
        Operation.UNKNOWN,
        Safety.UNKNOWN,
    )
    assert not one.may_actuate


@pytest.mark.parametrize(
    ("link", "safety", "latched"), itertools.product(Link, Safety, (False, True))
)
def test_what_may_act(link: Link, safety: Safety, latched: bool) -> None:
    one = view("printer")
    one.link, one.own_safety, one.latched = link, safety, latched
    assert one.may_actuate == (link in GOOD_LINKS and safety in GOOD_SAFETY and not latched)


def test_a_link_is_that_of_all_its_devices_and_no_other(board: Board, clock: HandClock) -> None:
    lost = LinkChanged("wire", Link.BACKOFF, clock.now(), "driver.link_lost", {"why": "x"})
    board.hear(lost)
    for device in ("printer", "plug"):
        one = board[device]
        assert (one.link, one.link_code, one.link_params, one.link_since) == (
            Link.BACKOFF,
            "driver.link_lost",
            {"why": "x"},
            clock.now(),
        )
    assert board["robot"].link is Link.OFFLINE
    online(board, clock)
    assert (board["plug"].link_code, dict(board["plug"].link_params)) == ("", {})


def test_the_latch_lies_over_the_devices_own_safety(board: Board, clock: HandClock) -> None:
    online(board, clock)
    board.hear(DeviceState("printer", Operation.IDLE, Safety.NORMAL, clock.now()))
    assert board["printer"].may_actuate
    board.set_latched(["printer"])
    assert board["printer"].safety is Safety.LAB_LATCHED
    assert board["printer"].own_safety is Safety.NORMAL
    assert board["plug"].safety is Safety.UNKNOWN
    board.set_latched(None)
    assert {one.safety for one in board.views.values()} == {Safety.LAB_LATCHED}
    board.hear(DeviceState("printer", Operation.FAULT, Safety.DEVICE_ESTOP, clock.now()))
    assert board["printer"].safety is Safety.LAB_LATCHED
    board.set_latched([])
    assert board["printer"].safety is Safety.DEVICE_ESTOP


def test_a_value_grows_stale_with_age_and_with_its_wire(board: Board, clock: HandClock) -> None:
    online(board, clock)
    one = board["printer"]
    board.hear(reading(clock))
    clock.go(10.0)
    assert one.live_value("heat", clock.now()) == 20.0
    assert not one.is_stale(one.readings["heat"], clock.now())
    clock.go(0.001)
    assert one.live_value("heat", clock.now()) is None
    assert one.is_stale(one.readings["heat"], clock.now())
    board.hear(reading(clock, 21.0))
    assert one.live_value("heat", clock.now()) == 21.0
    board.hear(LinkChanged("wire", Link.BACKOFF, clock.now()))
    assert one.live_value("heat", clock.now()) is None
    assert one.readings["heat"].value == 21.0  # the last value stays, shown as stale


def test_degraded_still_carries_live_values(board: Board, clock: HandClock) -> None:
    board.hear(LinkChanged("wire", Link.DEGRADED, clock.now()))
    board.hear(reading(clock))
    assert board["printer"].live_value("heat", clock.now()) == 20.0


@pytest.mark.parametrize("quality", [Quality.UNCERTAIN, Quality.BAD])
def test_only_good_values_are_decided_on(board: Board, clock: HandClock, quality: Quality) -> None:
    online(board, clock)
    board.hear(reading(clock, None if quality is Quality.BAD else 20.0, quality))
    assert board["printer"].live_value("heat", clock.now()) is None
    assert board["printer"].live_value("nothing", clock.now()) is None


def test_a_job_is_shown_until_the_device_rests(board: Board, clock: HandClock) -> None:
    job = JobProgress("printer", "c1", 0.5, {"lines": 7}, clock.now())
    board.hear(DeviceState("printer", Operation.BUSY, Safety.NONE, clock.now(), {"v": "1"}))
    board.hear(job)
    board.hear(DeviceState("printer", Operation.PAUSED, Safety.NONE, clock.now()))
    assert (board["printer"].job, board["printer"].detail) == (job, {"v": "1"})
    board.hear(DeviceState("printer", Operation.IDLE, Safety.NONE, clock.now()))
    assert board["printer"].job is None


def test_only_the_last_messages_are_kept(board: Board, clock: HandClock) -> None:
    for number in range(MESSAGES_KEPT + 5):
        board.hear(DeviceMessage("printer", "driver.said", str(number), clock.now()))
    texts = [one.text for one in board["printer"].messages]
    assert texts == [str(number) for number in range(5, MESSAGES_KEPT + 5)]


async def test_waiting_ends_when_the_condition_holds(board: Board, clock: HandClock) -> None:
    await board.until(lambda: True)
    waiting = asyncio.create_task(board.until(lambda: board["printer"].operation is Operation.IDLE))
    await asyncio.sleep(0)
    board.hear(DeviceState("printer", Operation.BUSY, Safety.NONE, clock.now()))
    await asyncio.sleep(0)
    assert not waiting.done()
    board.hear(DeviceState("printer", Operation.IDLE, Safety.NONE, clock.now()))
    board.hear(reading(clock))  # a second fact before the waiter ran
    await waiting
    assert board._waiting == []


async def test_who_gives_up_waiting_leaves_nothing_behind(board: Board) -> None:
    waiting = asyncio.create_task(board.until(lambda: False))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert board._waiting == []


def test_ages_are_lab_time(board: Board, clock: HandClock) -> None:
    online(board, clock)
    board.hear(reading(clock))
    clock.lab += timedelta(seconds=11)  # a second of a fast demo, say
    assert board["printer"].live_value("heat", clock.now()) is None
