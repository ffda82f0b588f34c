"""The same slot asked for at once, from eight processes, a thousand times over HTTP."""

from __future__ import annotations

import multiprocessing
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.racer import ask_for_all, wish
from tests.system.small_lab import PATIENCE_S, address, door, midnight, small_lab, staff_token

PROCESSES, ROUNDS = 8, 125

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def lab() -> Iterator[Path]:
    """A lab without machines: its folder."""
    with small_lab() as home:
        yield home


def test_never_both_and_never_locked(lab: Path) -> None:
    """Slots an hour apart, so that each race is about one slot only."""
    slots = [midnight(2) + timedelta(hours=n) for n in range(ROUNDS)]
    said = race(lab, slots)
    for n, slot in enumerate(slots):
        outcomes = Counter(status for status, _ in (one[n] for one in said))
        assert outcomes == {200: 1, 409: PROCESSES - 1}, (slot, outcomes)
    refusals = [body for one in said for status, body in one if status == 409]
    assert {body["code"] for body in refusals} == {"booking.refused"}
    assert {problem["code"] for body in refusals for problem in body["problems"]} == {
        "booking.overlap"
    }


def race(home: Path, slots: list[datetime]) -> list[list[tuple[int, dict[str, Any]]]]:
    """What each process was told, slot by slot."""
    url, token = address(home), staff_token(home)
    context = multiprocessing.get_context("spawn")
    at_once = context.Barrier(PROCESSES)
    answers = context.Queue()
    racers = [
        context.Process(target=ask_for_all, args=(url, token, at_once, slots, answers), daemon=True)
        for _ in range(PROCESSES)
    ]
    for racer in racers:
        racer.start()
    said = [answers.get(timeout=PATIENCE_S) for _ in racers]
    for racer in racers:
        racer.join(PATIENCE_S)
    answers.close()
    return said


def test_the_same_request_twice_is_one_booking(lab: Path) -> None:
    """A form sent again, by a slow network or a double click, is answered with what it made."""
    asked = wish(midnight(22), uuid.uuid4().hex)
    with door(lab) as client:
        first, second = (client.post("/bookings", json=asked) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["id"] == second.json()["id"]
