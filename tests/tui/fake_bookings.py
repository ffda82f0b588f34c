"""The fake lab's parties, people and bookings of the day, and a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab_controller.wire import (
    BookingShape,
    EquipmentShape,
    PartyShape,
    PersonShape,
    ProblemShape,
    Refusal,
)
from tests.tui.fake_day import Say, at

WORDS = {
    "requested": "申込み中",
    "confirmed": "確定",
    "checked_in": "来館中",
    "completed": "利用済み",
    "declined": "お断り",
    "cancelled": "取消し",
}


def parties(w: Say) -> list[PartyShape]:
    """Three factories."""
    names = [
        ("sakura", w("さくら精密", "Sakura Precision")),
        ("ota", w("大田ばね工業", "Ota Spring")),
        ("minami", w("南六郷プレス", "Minami Press")),
    ]
    return [PartyShape(id=id, name=name, kana="", role="factory") for id, name in names]


def people(w: Say) -> list[PersonShape]:
    """Who may work the printer, and who may not."""
    return [
        PersonShape(
            id="p1",
            party="sakura",
            name=w("佐倉 健一", "K. Sakura"),
            qualifications=["fdm"],
        ),
        PersonShape(id="p2", party="ota", name=w("大田 恵", "M. Ota"), qualifications=[]),
    ]


def bookings(w: Say, equipment: Sequence[EquipmentShape]) -> list[BookingShape]:
    """The day's bookings: past, under way, to come, and one declined."""
    benches = {one.id: one.name for one in equipment}
    factories = {one.id: one.name for one in parties(w)}
    operator = people(w)[0].name
    purpose = w("印刷した治具で置き換えられるか", "Can a printed jig replace it?")

    def one(
        id: str, of: str, party: str, span: tuple[float, float], state: str, **more: Any
    ) -> BookingShape:
        plain: dict[str, Any] = {"operator": None, "operator_name": "", "purpose": purpose}
        plain |= {"head_count": 2, "contact": "", "phone": "03-0000-0000"}
        return BookingShape(
            id=id,
            number=f"1120-{id[1:].zfill(3)}",
            equipment=of,
            equipment_name=benches[of],
            party=party,
            party_name=factories[party],
            start=at(span[0]),
            end=at(span[1]),
            state=state,
            state_text=w(WORDS[state], state),
            public_state="",
            **(plain | more),
        )

    return [
        one("b1", "fdm", "ota", (8, 9.5), "completed"),
        one(
            "b2",
            "fdm",
            "sakura",
            (10, 12),
            "checked_in",
            operator="p1",
            head_count=4,
            operator_name=operator,
            contact=operator,
            armed=True,
            lease=7,
            lease_until=at(12),
            trial="t1",
        ),
        one("b3", "fdm", "ota", (13.5, 15), "requested"),
        one("b4", "cell", "minami", (9, 10), "checked_in"),
        one("b5", "cell", "sakura", (14, 16), "confirmed"),
        one("b6", "iot", "ota", (11, 13), "requested"),
        one(
            "b7",
            "iot",
            "minami",
            (15, 17),
            "declined",
            reason=w("点検のため", "maintenance"),
        ),
    ]


def overlap(ja: bool = True) -> Refusal:
    """A refusal with two problems."""
    words = (
        "この内容では予約できません。",
        "ほかの予約が入っています。",
        "お申し込みが遅すぎます。",
    )
    if not ja:
        words = ("This cannot be booked.", "Another booking is there.", "This comes too late.")
    return Refusal(
        code="booking.refused",
        text=words[0],
        problems=[
            ProblemShape(code="booking.overlap", text=words[1], field="start", next_start=at(15)),
            ProblemShape(code="booking.too_soon", text=words[2], field="start", overridable=True),
        ],
    )
