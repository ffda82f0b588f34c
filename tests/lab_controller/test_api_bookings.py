"""The HTTP door to bookings and people: every step, and what it does to armed equipment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from equipment_drivers.errors import Rejected
from lab_controller.api.app import create_app
from lab_controller.client import LabClient, Refused
from lab_controller.wire import (
    BookingRequestShape,
    Decision,
    PersonRequest,
    QualificationRequest,
)
from tests.lab_controller.bench import Bench
from tests.lab_controller.web import TOKEN, URL, slot


@pytest.fixture
async def door(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(bench.lab, TOKEN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=f"{URL}/api/v1",
        headers={"authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


async def test_a_booking_from_the_wish_to_the_door(lab: LabClient, bench: Bench) -> None:
    times = slot(bench)
    (one,) = [one for one in await lab.equipment() if one.id == "bench"]
    assert (one.name, one.qualification) == ("Bench", "fdm")
    free = await lab.slots("bench", bench.clock.now(), bench.clock.now() + timedelta(hours=8))
    assert any(cell.free for cell in free)
    wanted = BookingRequestShape(
        equipment="cell",
        **times,
        company="サクラ精密",
        contact="佐倉 花",
        phone="03-0000-0000",
        idempotency_key="key-00000001",
    )
    made = await lab.request_booking(wanted)
    assert (made.state, made.party_name, made.contact) == ("requested", "サクラ精密", "佐倉 花")
    assert await lab.request_booking(wanted) == made  # the same key is the same booking
    with pytest.raises(Refused) as reused:
        await lab.request_booking(wanted.model_copy(update={"head_count": 3}))
    assert reused.value.refusal.code == "booking.key_reused"
    with pytest.raises(Refused) as overlap:
        await lab.request_booking(wanted.model_copy(update={"idempotency_key": "key-00000002"}))
    assert "booking.overlap" in {one.code for one in overlap.value.refusal.problems}
    assert [one.id for one in await lab.bookings(made.start, made.end)] == [made.id]
    assert (await lab.decide(made.id, "confirm")).state == "confirmed"
    with pytest.raises(Refused) as early:
        await lab.decide(made.id, "arm")
    assert early.value.refusal.code == "lab.not_checked_in"
    bench.clock.go(3600)
    assert (await lab.decide(made.id, "check-in", Decision(head_count=2))).state == "checked_in"
    armed = await lab.decide(made.id, "arm")
    assert (armed.armed, armed.lease is not None) == (True, True)
    with pytest.raises(Refused) as here:
        await lab.decide(made.id, "cancel", Decision(reason="後で"))
    assert here.value.status == 409
    assert (await lab.booking(made.id)).armed  # a cancel that is refused takes nothing away
    assert not (await lab.decide(made.id, "disarm")).armed
    await lab.decide(made.id, "arm")
    out = await lab.decide(made.id, "check-out")
    assert (out.state, out.armed) == ("completed", False)
    assert [row[1] for row in await bench.leases()] == ["disarmed", "checked_out"]


async def test_bookings_refused(lab: LabClient, bench: Bench) -> None:
    with pytest.raises(Refused) as unknown:
        await lab.booking("nobody")
    assert (unknown.value.status, unknown.value.refusal.code) == (404, "booking.unknown_booking")
    await bench.people()
    booking = await bench.book("cell", operator=None)
    with pytest.raises(Refused):
        await lab.decide(booking.id, "fly")
    with pytest.raises(Refused):
        await lab.decide(booking.id, "disarm")
    past = slot(bench, hours=-3)
    wanted = BookingRequestShape(
        equipment="bench", **past, head_count=99, party="sakura", idempotency_key="key-00000003"
    )
    with pytest.raises(Refused) as refusal:
        await lab.request_booking(wanted)
    assert refusal.value.refusal.code == "booking.refused"
    assert len(refusal.value.refusal.problems) >= 2  # all at once
    assert all(one.text and one.text != one.code for one in refusal.value.refusal.problems)
    naive = bench.clock.now().replace(tzinfo=None)
    for call in (lab.bookings(naive, naive), lab.slots("bench", naive, naive)):
        with pytest.raises(Refused) as window:
            await call
        assert window.value.refusal.code == "lab.bad_window"
    now = bench.clock.now()
    with pytest.raises(Refused):
        await lab.slots("bench", now, now + timedelta(days=32))
    with pytest.raises(Refused) as nothing:
        await lab.slots("lathe", now, now + timedelta(days=1))
    assert nothing.value.status == 404
    declined = await lab.decide(
        (await bench.book("bench", operator=(await lab.people("sakura"))[0].id)).id,
        "cancel",
        Decision(reason="機械の点検"),
    )
    assert (declined.state, declined.reason) == ("cancelled", "機械の点検")


async def test_people_and_certificates(lab: LabClient, bench: Bench) -> None:
    await bench.people()
    assert [one.id for one in await lab.parties()] == ["sakura"]
    added = await lab.add_person("sakura", PersonRequest(name="佐倉 空", kana="さくら そら"))
    held = QualificationRequest(qualification_class="robot", issued_on=bench.clock.now().date())
    assert (await lab.add_qualification(added.id, held)).qualifications == ["robot"]
    names = {one.name: one.qualifications for one in await lab.people("sakura")}
    assert names == {"佐倉 花": ["fdm"], "佐倉 空": ["robot"]}
    for call in (
        lab.add_person("nobody", PersonRequest(name="x")),
        lab.add_qualification("nobody", held),
    ):
        with pytest.raises(Refused) as unknown:
            await call
        assert unknown.value.status == 404


async def test_arming_that_fails_says_why_in_words(lab: LabClient, bench: Bench) -> None:
    booking = await bench.checked_in()
    bench.driver("hub").command_faults["turn_on"] = Rejected(device="plug")
    with pytest.raises(Refused) as refusal:
        await lab.decide(booking.id, "arm")
    assert refusal.value.refusal.code == "lab.arm_failed"
    assert "driver.rejected" not in refusal.value.refusal.text


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
