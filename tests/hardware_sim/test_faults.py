from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults, FaultTable, Params, UnknownFault

START = datetime(2026, 7, 1, tzinfo=UTC)
TABLE: FaultTable = {"noise": {"does": "a byte is wrong", "p": 0.5}, "lie": {"who": "bed"}}


def faults(seed: int = 1) -> Faults:
    return Faults(TABLE, SimClock.begin(), seed)


def test_defaults_are_filled_in_and_text_stays_text() -> None:
    one = faults()
    assert one.raise_fault("noise", {})["p"] == 0.5
    assert one.raise_text("noise:p=0.25,times=2") == (
        "noise",
        {"after_s": 0.0, "at": 0.0, "p": 0.25, "times": 2.0, "for_s": 0.0},
    )
    assert one.raise_text("lie:who=hotend")[1]["who"] == "hotend"


@pytest.mark.parametrize(
    ("name", "params"), [("nois", {}), ("noise", {"q": 1}), ("noise", {"does": "x"})]
)
def test_what_is_not_in_the_table_is_refused(name: str, params: dict[str, object]) -> None:
    with pytest.raises(UnknownFault):
        faults().raise_fault(name, params)


def test_the_same_seed_strikes_the_same_way_at_the_given_rate() -> None:
    def strikes(seed: int) -> list[bool]:
        one = faults(seed)
        one.raise_fault("noise", {})
        return [one.strikes("noise") is not None for _ in range(400)]

    assert strikes(3) == strikes(3)
    assert strikes(3) != strikes(4)
    assert 150 < sum(strikes(3)) < 250


def test_times_ends_it_and_says_so() -> None:
    one = faults()
    ended: list[tuple[str, Params]] = []
    one.on_end = lambda name, params: ended.append((name, params))
    one.raise_fault("noise", {"p": 1, "times": 2})
    assert [one.strikes("noise") is not None for _ in range(3)] == [True, True, False]
    assert [name for name, _ in ended] == ["noise"]


def test_for_s_is_lab_time() -> None:
    one = Faults(TABLE, SimClock.begin(factor=1e9), 1)
    one.raise_fault("noise", {"for_s": 1})
    begin = time.monotonic()
    while time.monotonic() == begin:
        pass
    assert one.get("noise") is None
    assert one.active() == {}


def test_clear_ends_one_or_all() -> None:
    one = faults()
    one.raise_fault("noise", {})
    one.raise_fault("lie", {})
    one.clear("noise")
    assert set(one.active()) == {"lie"}
    one.clear()
    assert one.active() == {}


def test_at_is_the_first_chance_that_counts() -> None:
    one = faults()
    one.raise_fault("lie", {"at": 3, "times": 1})
    assert [one.strikes("lie") is not None for _ in range(5)] == [False, False, True, False, False]


def test_after_s_is_before_it_begins() -> None:
    one = Faults(TABLE, SimClock(START, 1.0, time.monotonic() + 1000), 1)
    one.raise_fault("lie", {"after_s": 10, "for_s": 10})
    assert one.get("lie") is None
    assert set(one.active()) == {"lie"}


async def test_the_listing_says_what_each_does_and_followers_are_told() -> None:
    one = faults()
    assert one.listing()["noise"]["does"] == "a byte is wrong"
    assert "does" not in one.raise_fault("noise", {})
    seen: list[set[str]] = []

    async def follow() -> None:
        seen.append(set(one.active()))

    one.followers.append(follow)
    await one.told()
    assert seen == [{"noise"}]
