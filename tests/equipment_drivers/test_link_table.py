"""The link's table: complete, without a trap, kept by a connection whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipment_drivers.contract import DeviceConfig
from equipment_drivers.errors import AuthRejected, BadOption, ConnectFailed, LinkLost, WrongDevice
from equipment_drivers.lifecycle import Limits
from equipment_drivers.link_table import DOWN, FOLLOWS, LOST
from equipment_drivers.model import Link, LinkChanged
from tests.equipment_drivers.driver_bench import DriverBench
from tests.equipment_drivers.fakes import FakeClock, FakeDeviceOptions, FakeDriver, FakeOptions

AT_ONCE = Limits(attempt_s=1.0, backoff_first_s=0.0, backoff_max_s=0.0, close_s=0.2)
FAULTS = (ConnectFailed, AuthRejected, WrongDevice, BadOption, KeyError)


def test_every_state_is_in_the_table_and_leads_on() -> None:
    assert set(FOLLOWS) == set(Link)
    for link, following in FOLLOWS.items():
        assert following
        assert link not in following


@pytest.mark.parametrize("link", Link)
def test_every_state_can_be_reached_and_left_for_good(link: Link) -> None:
    def reachable(first: Link) -> set[Link]:
        found, edge = {first}, {first}
        while edge:
            edge = {one for at in edge for one in FOLLOWS[at]} - found
            found |= edge
        return found

    assert reachable(Link.OFFLINE) == set(Link)
    assert Link.OFFLINE in reachable(link)


def test_commands_pass_only_after_a_read_back() -> None:
    before = {link for link in Link if any(one.carries_commands for one in FOLLOWS[link])}
    assert before == {Link.SYNCING, Link.ONLINE, Link.DEGRADED}
    assert LOST | {Link.OFFLINE} == DOWN
    assert all(link in DOWN for link in Link if link.is_terminal)


class Life(DriverBench):
    """A connection that is driven through a list of mishaps."""

    def __init__(self) -> None:
        super().__init__(
            "c",
            FakeDriver,
            FakeOptions(),
            [DeviceConfig("a", "", FakeDeviceOptions())],
            clock=FakeClock(),
            limits=AT_ONCE,
        )
        self.driver = cast(FakeDriver, self.connection.driver)

    async def play(self, mishaps: list[str]) -> None:
        async with self.living():
            await self.until(lambda: self.connection.link.carries_commands)
            for mishap in mishaps:
                await self._suffer(mishap)

    async def _suffer(self, mishap: str) -> None:
        known = {fault.__name__: fault for fault in FAULTS}
        told = len(self.links)
        if mishap in ("degraded", "online"):
            link = Link(mishap)
            self.driver.emit(LinkChanged("c", link, self.driver.clock.now()))
            return
        if mishap in known:
            self.driver.connect_faults.append(known[mishap]())
        self.driver.lose(LinkLost())
        await self.until(lambda: len(self.links) > told)
        async with asyncio.timeout(5):
            while not self.connection.link.carries_commands:
                self.connection.reconnect_now()
                await asyncio.sleep(0)


MISHAPS = ["lost", "degraded", "online", *(fault.__name__ for fault in FAULTS)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(MISHAPS), max_size=5))
def test_whatever_happens_the_table_is_kept(mishaps: list[str]) -> None:
    life = Life()
    asyncio.run(life.play(mishaps))
    for before, after in pairwise([Link.OFFLINE, *life.links]):
        assert after in FOLLOWS[before] or before is after
    assert life.links[-1] is Link.OFFLINE


async def test_a_step_that_is_not_in_the_table_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    life = Life()
    caplog.set_level(logging.ERROR)
    life.connection._become(Link.ONLINE)
    assert "online must not follow offline" in caplog.text
    assert life.links[-1] is Link.ONLINE
