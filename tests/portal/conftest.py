"""The portal over a real lab without devices, its clock standing still on a Friday morning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from booking.model import BookingRequest, NewParty
from lab_controller.api.app import create_app
from lab_controller.bootstrap import Lab, build
from lab_controller.config import load
from lab_controller.demo.request import Page
from lab_controller.services.bookings import BookedWith

NOW = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)  # 9:10 in Tokyo
LAB_TOML = Path(__file__).with_name("lab.toml")
FORM = "/equipment/fdm-bench/request"
VISITOR = {
    "day": "2026-11-20",
    "start": "14:00",
    "end": "16:00",
    "company": "髙﨑製作所",
    "kana": "たかさきせいさくしょ",
    "contact_name": "髙﨑 一郎",
    "phone": "03-1234-5678",
    "email": "ichiro@example.jp",
    "head_count": "2",
    "purpose": "印刷した治具を\n試したい",
}


def write_lab(folder: Path, clock: str) -> Path:
    """The tests' lab.toml with its clock."""
    config = folder / "lab.toml"
    config.write_text(LAB_TOML.read_text("utf-8").replace("@CLOCK@", clock), "utf-8")
    return config


@dataclass(slots=True)
class Site:
    """A browser without JavaScript, and the lab behind the page."""

    lab: Lab
    browser: httpx.AsyncClient

    async def form(self, path: str = FORM) -> dict[str, str]:
        """The hidden and visible input fields of a page."""
        return Page((await self.browser.get(path)).text).fields

    async def send(self, path: str = FORM, **changed: str) -> httpx.Response:
        """Fill in and send the form as a first-time visitor, with changes."""
        key = (await self.form(path))["key"]
        return await self.browser.post(path, data={**VISITOR, "key": key, **changed})

    async def booked(self) -> list[BookedWith]:
        """All bookings around now, as staff see them."""
        window = timedelta(days=120)
        return await self.lab.bookings.between(NOW - window, NOW + window)

    async def book(self, start: datetime, hours: float, **changed: object) -> BookedWith:
        """A booking made at the desk."""
        wish: Mapping[str, object] = {
            "equipment_id": "fdm-bench",
            "start": start,
            "end": start + timedelta(hours=hours),
            "idempotency_key": f"desk-{start.isoformat()}",
            "new_party": NewParty("さくら精密", "佐倉 健一", "03-0000-1234"),
            **changed,
        }
        return await self.lab.bookings.request(BookingRequest(**wish), by="staff")  # type: ignore[arg-type]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The whole application; nothing of it is replaced but the socket."""
    config = write_lab(tmp_path, f"{NOW.isoformat()}/1e-9/0")
    settings = load(config)
    settings.lab.data_dir.mkdir()
    lab = build(settings, config, socket=tmp_path / "no.sock")
    await lab._open_books()
    transport = httpx.ASGITransport(create_app(lab, "token"), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
        yield Site(lab, browser)
    await lab.recorder.close()
    await asyncio.to_thread(lab.telemetry.close)
    await asyncio.to_thread(lab.db.close)
