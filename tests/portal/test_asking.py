"""Asking for a slot: everything wrong at once, nothing lost, one booking per form."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lab_controller.demo.request import Page
from tests.portal.conftest import FORM, NOW, VISITOR, Site

TAKEN_FROM = NOW + timedelta(minutes=290)  # 14:00


def summary(html: str) -> dict[str, str]:
    """The sentences of the summary by the field each one leads to."""
    part = html.partition('id="problems"')[2].partition("</section>")[0]
    return dict(re.findall(r'<a href="#(\w+)">([^<]+)</a>', part))


def beside(html: str, field: str) -> str:
    """What stands beside a field."""
    return " ".join(Page(html).texts.get(f"{field}-problem", "").split())


async def test_a_good_request_becomes_a_booking_with_number_and_code(site: Site) -> None:
    answer = await site.send()
    assert answer.status_code == 303
    received = await site.browser.get(answer.headers["location"])
    shown = Page(received.text).texts
    (made,) = await site.booked()
    assert (shown["number"], shown["code"]) == (made.booking.number, made.booking.code)
    assert made.party.name == VISITOR["company"]
    assert made.contact is not None
    assert made.contact.name == VISITOR["contact_name"]
    assert made.booking.requested_by == "portal"
    assert "2026年11月20日(金) 14:00〜16:00" in received.text
    assert "つぎにすること" in received.text
    assert "13:45" in received.text  # when the desk receives them


async def test_number_and_code_never_stand_in_an_address(site: Site) -> None:
    location = (await site.send()).headers["location"]
    (made,) = await site.booked()
    assert made.booking.number not in location
    assert made.booking.code not in location


async def test_all_problems_come_at_once_each_with_its_field(site: Site) -> None:
    await site.book(TAKEN_FROM, 1)
    answer = await site.send(company=" ", contact_name="", phone="12", email="x", head_count="7")
    assert answer.status_code == 422
    found = summary(answer.text)
    assert set(found) == {"start", "company", "contact_name", "phone", "email", "head_count"}
    for field, sentence in found.items():
        assert sentence in beside(answer.text, field)
        assert re.search(
            rf'<(input|select)[^>]* id="{field}"|<(input|select) id="{field}"', answer.text
        )
        assert f'aria-describedby="{field}-problem' in answer.text
    assert len(await site.booked()) == 1


async def test_problems_stand_in_the_order_of_the_form(site: Site) -> None:
    html = (await site.send(head_count="0", company="", start="10:00", end="09:30")).text
    assert list(summary(html)) == ["start", "end", "company", "head_count"]


async def test_what_cannot_be_read_is_told_together_with_the_rest(site: Site) -> None:
    html = (await site.send(day="soon", head_count="two", company="")).text
    found = summary(html)
    assert set(found) == {"start", "company", "head_count"}
    assert found["start"] == "日付、開始、終了の時刻を選んでください。"
    assert "タイムゾーン" not in html


async def test_fields_are_called_by_their_names(site: Site) -> None:
    html = (await site.send(company="")).text
    assert summary(html)["company"] == "会社名をご記入ください。"
    english = (await site.send(f"{FORM}?lang=en", company="")).text
    assert summary(english)["company"] == "Please fill in: Company name."


async def test_everything_typed_is_kept_as_typed(site: Site) -> None:
    wild = '"><script>alert(1)</script>'
    html = (await site.send(company=wild, kana="カナ", phone="", email="", start="15:30")).text
    fields = Page(html).fields
    assert fields["company"] == wild
    assert fields["kana"] == "カナ"
    assert fields["contact_name"] == VISITOR["contact_name"]
    assert '<option value="15:30" selected>' in html
    assert f"{VISITOR['purpose']}</textarea>" in html
    assert "<script" not in html


async def test_the_next_free_time_is_offered_and_taken_without_losing_anything(site: Site) -> None:
    await site.book(TAKEN_FROM, 1)
    refused = await site.send(company="")
    offered = re.search(r'name="use" value="([^"]+)"', refused.text)
    assert offered
    assert offered[1] == "2026-11-24T09:00"  # two hours are not left today, then it is closed
    key = Page(refused.text).fields["key"]
    filled = {**VISITOR, "company": "", "key": key}
    moved = await site.browser.post(FORM, data={**filled, "use": offered[1]})
    assert '<option value="2026-11-24" selected>' in moved.text
    assert '<option value="09:00" selected>' in moved.text
    assert '<option value="11:00" selected>' in moved.text
    assert set(summary(moved.text)) == {"company"}
    assert len(await site.booked()) == 1


async def test_a_moved_time_without_problems_asks_to_send(site: Site) -> None:
    html = (await site.send(use="2026-11-24T09:00")).text
    assert "時間を変えました" in html
    assert not summary(html)
    assert await site.booked() == []


async def test_sent_twice_it_is_one_booking(site: Site) -> None:
    key = (await site.form())["key"]
    answers = [await site.browser.post(FORM, data={**VISITOR, "key": key}) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    numbers = {
        Page((await site.browser.get(one.headers["location"])).text).texts["number"]
        for one in answers
    }
    assert len(numbers) == len(await site.booked()) == 1


async def test_changed_after_sending_it_asks_before_making_one_more(site: Site) -> None:
    key = (await site.form())["key"]
    await site.browser.post(FORM, data={**VISITOR, "key": key})
    changed = {**VISITOR, "day": "2026-11-24", "key": key}
    again = await site.browser.post(FORM, data=changed)
    (made,) = await site.booked()
    assert f"予約 {made.booking.number} として受け付けています" in again.text
    fresh = Page(again.text).fields["key"]
    assert fresh != key
    assert (await site.browser.post(FORM, data={**changed, "key": fresh})).status_code == 303
    assert len(await site.booked()) == 2


@pytest.mark.parametrize("key", ["", "short", "x" * 300])
async def test_a_key_that_is_none_gets_a_good_one(site: Site, key: str) -> None:
    answer = await site.browser.post(FORM, data={**VISITOR, "key": key})
    assert answer.status_code == 422
    again = {**VISITOR, "key": Page(answer.text).fields["key"]}
    assert (await site.browser.post(FORM, data=again)).status_code == 303


async def test_full_width_digits_count(site: Site) -> None:
    assert (await site.send(head_count=" 4 ", phone="03-1234-5678")).status_code == 303
    (made,) = await site.booked()
    assert (made.booking.head_count, made.party.phone) == (4, "03-1234-5678")


async def test_the_other_language_keeps_what_was_typed_and_books_nothing(site: Site) -> None:
    html = (await site.browser.get(FORM)).text
    assert f'formaction="{FORM}?lang=en" name="again"' in html
    other = await site.send(f"{FORM}?lang=en", again="1", phone="12")
    assert other.status_code == 200
    assert Page(other.text).fields["company"] == VISITOR["company"]
    assert "Request: FDM printer bench" in other.text
    assert await site.booked() == []


async def test_enter_sends_the_form_and_does_not_change_the_language(site: Site) -> None:
    html = (await site.browser.get(FORM)).text
    buttons = re.findall(r"<button[^>]*>", html)
    assert "name=" not in buttons[0]
    assert 'form="request"' in buttons[0]


async def test_without_a_chosen_time_the_next_free_one_is_filled_in(site: Site) -> None:
    html = (await site.browser.get(f"{FORM}?start=soon")).text
    for chosen in ("2026-11-20", "11:00", "12:00"):
        assert f'<option value="{chosen}" selected>' in html


async def test_a_whole_slot_in_the_address_is_filled_in(site: Site) -> None:
    html = (await site.browser.get(f"{FORM}?start=2026-11-24T13:30&end=2026-11-24T16:00")).text
    for chosen in ("2026-11-24", "13:30", "16:00"):
        assert f'<option value="{chosen}" selected>' in html


async def test_days_say_when_the_lab_is_closed(site: Site) -> None:
    html = (await site.browser.get(FORM)).text
    assert ">2026年11月23日(月) 休館・勤労感謝の日</option>" in html


@pytest.mark.parametrize("start", ["0001-01-01T00:00", "9999-12-31T23:59", "2026-11-20T99:99"])
async def test_impossible_times_are_answered_with_a_page(site: Site, start: str) -> None:
    assert (await site.browser.get(FORM, params={"start": start})).status_code == 200
    day, _, clock = start.partition("T")
    assert (await site.send(day=day, start=clock, end="24:00")).status_code == 422
    assert (await site.send(use=start)).status_code in (200, 422, 303)


async def test_a_form_too_long_is_refused(site: Site) -> None:
    answer = await site.send(purpose="長" * 30_000)
    assert answer.status_code == 413
    assert "短くして" in answer.text
    assert (await site.send(purpose="長" * 2001)).status_code == 422


async def test_too_many_fields_are_refused(site: Site) -> None:
    answer = await site.browser.post(FORM, content="&".join(f"f{n}=1" for n in range(100)))
    assert answer.status_code == 413
