"""Following a booking: one answer for any wrong pair, four words, and taking it back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from booking.model import Booking
from booking.states import State
from booking.store import bookings as rows
from lab_controller.demo.request import Page
from lab_controller.i18n import text
from tests.portal.conftest import NOW, Site

SOON = NOW + timedelta(minutes=80)  # 10:30

WORDS = {
    State.REQUESTED: "申込み中",
    State.WAITLISTED: "申込み中",
    State.CONFIRMED: "確定",
    State.CHECKED_IN: "確定",
    State.COMPLETED: "利用済み",
    State.DECLINED: "取消し",
    State.CANCELLED: "取消し",
    State.NO_SHOW: "取消し",
}


async def open_page(site: Site, booking: Booking, language: str = "ja") -> str:
    """The address of a booking's page, by number and code."""
    pair = {"number": booking.number, "code": booking.code}
    answer = await site.browser.post(f"/status?lang={language}", data=pair)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def put(site: Site, booking: Booking, state: State, reason: str = "") -> None:
    """Bring a booking into a state, however it came there."""
    await site.lab.db.write(
        lambda db: rows.change(db, booking, NOW, "test", "put", state=state, reason=reason)
    )


@pytest.mark.parametrize("state", list(State))
async def test_the_public_reads_four_words(site: Site, state: State) -> None:
    made = (await site.book(SOON, 1)).booking
    if state is not made.state:
        await put(site, made, state)
    html = (await site.browser.get(await open_page(site, made))).text
    assert Page(html).texts["state"] == WORDS[state]
    assert Page(html).texts["next"].strip()
    hidden = {"キャンセル待ち", "来館中", "お断り", "無断欠席"}
    assert not any(word in html for word in hidden)


async def test_it_shows_slot_reason_and_next_step(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    await site.lab.bookings.decline(made.id, by="staff", reason="点検が入りました")
    html = (await site.browser.get(await open_page(site, made))).text
    assert "点検が入りました" in Page(html).texts["reason"]
    assert "2026年11月20日(金) 10:30〜11:30" in html
    assert "もう一度お申し込みください" in Page(html).texts["next"]


async def test_a_party_that_did_not_come_reads_why(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    await put(site, made, State.NO_SHOW)
    html = (await site.browser.get(await open_page(site, made))).text
    assert Page(html).texts["reason"] == "ご利用の時間に受付がありませんでした。"


async def test_a_code_is_read_however_it_is_typed(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    number = made.number.replace("-", "ー").translate({48 + n: 0xFF10 + n for n in range(10)})
    typed = {"number": f" {number} ", "code": made.code.lower().replace("-", " ")}
    assert (await site.browser.post("/status", data=typed)).status_code == 303


async def test_no_answer_says_which_of_the_two_was_wrong(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    pages = []
    for number, code in ((made.number, "K7QM-3XWD-P9RT"), ("2026-9999", made.code)):
        answer = await site.browser.post("/status", data={"number": number, "code": code})
        assert answer.status_code == 404
        pages.append(answer.text.replace(number, "NUMBER").replace(code, "CODE"))
    assert pages[0] == pages[1]
    assert "予約が見つかりません" in pages[0]


async def test_empty_fields_are_both_named(site: Site) -> None:
    answer = await site.browser.post("/status", data={"number": " "})
    assert answer.status_code == 422
    assert re.findall(r'<a href="#(\w+)">', answer.text) == ["number", "code"]


async def test_cancelling_asks_once_more_then_gives_the_slot_back(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    page = await open_page(site, made)
    asked = await site.browser.get(f"{page}/cancel")
    assert "この予約を取り消しますか" in asked.text
    assert (await site.lab.bookings.one(made.id)).booking.state is State.REQUESTED
    done = await site.browser.post(f"{page}/cancel")
    assert (done.status_code, done.headers["location"]) == (303, page)
    html = (await site.browser.get(page)).text
    assert Page(html).texts["state"] == "取消し"
    assert "申し込んだ方が取り消しました" in Page(html).texts["reason"]
    assert (await site.send(start="10:30", end="11:30")).status_code == 303


async def test_cancelling_twice_is_as_good_as_once(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    page = await open_page(site, made)
    answers = [await site.browser.post(f"{page}/cancel") for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]


async def test_the_reason_is_kept_in_the_language_of_the_booking(site: Site) -> None:
    made = (await site.book(SOON, 1, language="en")).booking
    page = await open_page(site, made)
    await site.browser.post(f"{page}/cancel")
    reason = (await site.lab.bookings.one(made.id)).booking.reason
    assert reason == "Cancelled by the person who asked for it."


@pytest.mark.parametrize("state", [State.CHECKED_IN, State.COMPLETED, State.NO_SHOW])
async def test_what_has_begun_can_not_be_cancelled_here(site: Site, state: State) -> None:
    made = (await site.book(SOON, 1)).booking
    await put(site, made, state)
    page = await open_page(site, made)
    assert "/cancel" not in (await site.browser.get(page)).text
    assert (await site.browser.get(f"{page}/cancel")).headers["location"] == page
    refused = await site.browser.post(f"{page}/cancel")
    assert refused.status_code == 409
    assert "取り消せません" in refused.text
    assert (await site.lab.bookings.one(made.id)).booking.state is state


async def test_a_confirmed_booking_says_when_and_with_what_to_come(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    await site.lab.bookings.confirm(made.id, by="staff")
    await site.lab.bookings.give_reminders()
    html = (await site.browser.get(await open_page(site, made))).text
    assert "受付は 10:15 からです" in html
    assert "3Dプリンター利用資格" in html
    assert "近づいています" in html


@pytest.mark.parametrize("path", ["/status/none", "/status/none/cancel", "/received/none"])
async def test_a_ticket_that_is_none_asks_for_number_and_code(site: Site, path: str) -> None:
    answer = await site.browser.get(path)
    assert answer.status_code == 410
    assert {"number", "code"} <= set(Page(answer.text).fields)


async def test_english_readers_stay_in_english(site: Site) -> None:
    made = (await site.book(SOON, 1)).booking
    page = await open_page(site, made, "en")
    assert page.endswith("?lang=en")
    assert Page((await site.browser.get(page)).text).texts["state"] == text(
        "en", "booking.public.applied"
    )
