"""The HTTP door to bookings: what a step does to equipment that is armed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from lab_controller.api.app import create_app
from tests.lab_controller.bench import Bench

TOKEN = "t" * 32


@pytest.fixture
async def door(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(bench.lab, TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost/api/v1",
        headers={"authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


async def test_a_cancel_that_is_refused_leaves_the_equipment_armed(
    bench: Bench, door: httpx.AsyncClient
) -> None:
    booking = await bench.armed("cell")
    answer = await door.post(f"/bookings/{booking.id}/cancel", json={"reason": "oops"})
    assert (answer.status_code, answer.json()["code"]) == (409, "booking.cannot_cancel")
    assert bench.lab.leases.held_by(booking.id) is not None
    assert bench.driver("lan").rested == []


async def test_checking_out_brings_armed_equipment_to_rest_first(
    bench: Bench, door: httpx.AsyncClient
) -> None:
    booking = await bench.armed("cell")
    answer = await door.post(f"/bookings/{booking.id}/check-out", json={})
    assert (answer.status_code, answer.json()["state"]) == (200, "completed")
    assert bench.lab.leases.all() == []
    assert bench.driver("lan").rested == ["robot"]
