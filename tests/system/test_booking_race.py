"""The same slot asked for at once, from eight processes, a thousand times over HTTP."""

from __future__ import annotations

import multiprocessing
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab_controller.demo import books, setup
from tests.system.rig import folder, serving

PROCESSES, ROUNDS = 8, 125
PATIENCE_S = 60.0

CONFIG = """
[lab]
name = { ja = "競争", en = "race" }
data_dir = "data"
open_on_holidays = true
[lab.hours]
mon = "00:00-24:00"
tue = "00:00-24:00"
wed = "00:00-24:00"
thu = "00:00-24:00"
fri = "00:00-24:00"
sat = "00:00-24:00"
sun = "00:00-24:00"

[[equipment]]
id = "bench"
name = { ja = "作業台", en = "bench" }
category = "sensor"
[equipment.policy]
teardown_minutes = 15
step_minutes = 15
"""

pytestmark = pytest.mark.timeout(100)


@pytest.fixture(scope="module")
def lab() -> Iterator[Path]:
    """A lab of one bench and no devices: its folder."""
    with folder() as home:
        config = home / "lab.toml"
        config.write_text(CONFIG, encoding="utf-8")
        books.seed_people(config)
        with serving(config) as stopper:
            setup.wait_for_lab(home, stopper)
            yield home


def door(home: Path) -> httpx.Client:
    """A client at the controller's own address, with the staff token."""
    token = (home / "data" / "staff.token").read_text(encoding="ascii").strip()
    url = (home / "data" / "controller.url").read_text(encoding="ascii").strip()
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=PATIENCE_S)


def wish(start: datetime, key: str) -> dict[str, Any]:
    """Half an hour of the bench."""
    return {
        "equipment": "bench",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=30)).isoformat(),
        "party": "ota",
        "idempotency_key": key,
    }


def first_slot() -> datetime:
    """Midnight UTC in two days: past every notice, on every grid."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=2)


def ask_for_all(
    home: Path, at_once: Barrier, slots: list[datetime], answers: multiprocessing.Queue[Any]
) -> None:
    """One of the processes: each slot at the same moment as all the others."""
    said = []
    with door(home) as client:
        client.get("/lab")  # the connection is open before the race begins
        for slot in slots:
            at_once.wait(PATIENCE_S)
            answer = client.post("/bookings", json=wish(slot, uuid.uuid4().hex))
            said.append((answer.status_code, answer.json()))
    answers.put(said)


def test_never_both_and_never_locked(lab: Path) -> None:
    """Slots an hour apart, so that each race is about one slot only."""
    slots = [first_slot() + timedelta(hours=n) for n in range(ROUNDS)]
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
    context = multiprocessing.get_context("spawn")
    at_once = context.Barrier(PROCESSES)
    answers = context.Queue()
    racers = [
        context.Process(target=ask_for_all, args=(home, at_once, slots, answers), daemon=True)
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
    asked = wish(first_slot() + timedelta(days=20), uuid.uuid4().hex)
    with door(lab) as client:
        first, second = (client.post("/bookings", json=asked) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["id"] == second.json()["id"]
