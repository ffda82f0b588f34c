from __future__ import annotations

import time

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.faults import Faults, FaultTable, Params, UnknownFault

TABLE: FaultTable = {"noise": {"p": 0.5}, "lie": {"who": "bed"}}


def faults(seed: int = 1) -> Faults:
    return Faults(TABLE, SimClock.begin(), seed)


def test_defaults_are_filled_in_and_text_stays_text() -> None:
    one = faults()
    assert one.raise_fault("noise", {})["p"] == 0.5
    assert one.raise_text("noise:p=0.25,times=2") == (
        "noise",
        {"p": 0.25, "times": 2.0, "for_s": 0.0},
    )
    assert one.raise_text("lie:who=hotend")[1]["who"] == "hotend"


@pytest.mark.parametrize(("name", "params"), [("nois", {}), ("noise", {"q": 1})])
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
