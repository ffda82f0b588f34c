"""Looking around: what there is, when it is free, and the words for what is not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lab_controller.demo.request import Page
from tests.portal.conftest import NOW, Site

SATURDAY, HOLIDAY, CLEANING = "11月21日(土)", "11月23日(月)", "11月27日(金)"


def row(html: str, day: str) -> str:
    """The words of one day of the week's table."""
    found = re.search(rf"<tr>\s*<th[^>]*>{re.escape(day)}.*?</tr>", html, re.DOTALL)
    assert found, day
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def links(html: str) -> list[str]:
    """Every address on the page that leads to a page of ours."""
    found = re.findall(r'(?:href|action|formaction)="([^"]+)"', html)
    return [one.replace("&amp;", "&") for one in found if not one.startswith(("#", "tel:"))]


async def test_the_catalogue_says_what_each_machine_can_do(site: Site) -> None:
    html = (await site.browser.get("/")).text
    for words in ("造形サイズ", "220 × 220 × 250 mm", "まちこば製作所 FDM 220", "1時間 1,200円"):
        assert words in html
    assert "3Dプリンター利用資格" in html
    assert "次の空き" in html
    assert "無料" in html


async def test_the_next_free_time_is_the_next_cell_that_can_be_asked_for(site: Site) -> None:
    assert "2026年11月20日(金) 11:00" in (await site.browser.get("/")).text
    await site.book(NOW + timedelta(minutes=80), 3)  # 10:30 to 13:30, and 15 minutes to tidy up
    fdm, kit = (await site.browser.get("/")).text.split("見える化 IoT キット", 1)
    assert "2026年11月20日(金) 14:00" in fdm
    assert "2026年11月20日(金) 11:00" in kit


async def test_a_week_says_in_words_why_a_time_cannot_be_chosen(site: Site) -> None:
    await site.book(NOW + timedelta(minutes=110), 1)
    html = (await site.browser.get("/equipment/fdm-bench")).text
    today = row(html, "11月20日(金)")
    assert "9:00〜11:00 受付終了" in today
    assert "11:00〜13:00 予約あり" in today
    assert "14:00 空き" in today
    assert row(html, SATURDAY) == f"{SATURDAY} 休館"
    assert row(html, HOLIDAY) == f"{HOLIDAY} 勤労感謝の日 休館"


async def test_lunch_hours_and_closures_are_closed(site: Site) -> None:
    html = (await site.browser.get("/equipment/fdm-bench?week=2026-11-27")).text
    assert row(html, CLEANING) == f"{CLEANING} 休館"
    assert "12:00〜13:00 休館" in row(html, "11月30日(月)")


async def test_a_free_time_leads_to_the_form_with_it(site: Site) -> None:
    html = (await site.browser.get("/equipment/fdm-bench?week=2026-11-24")).text
    found = next(link for link in links(html) if "2026-11-24T09" in link)
    assert found == "/equipment/fdm-bench/request?start=2026-11-24T09%3A00"
    form = (await site.browser.get(found)).text
    for chosen in ("2026-11-24", "09:00", "10:00"):
        assert f'<option value="{chosen}" selected>' in form


async def test_weeks_are_turned_within_what_can_be_booked(site: Site) -> None:
    now = links((await site.browser.get("/equipment/fdm-bench")).text)
    assert "/equipment/fdm-bench?week=2026-11-27#week" in now
    assert not any("2026-11-13" in link for link in now)
    later = links((await site.browser.get("/equipment/fdm-bench?week=2026-11-27")).text)
    assert "/equipment/fdm-bench?week=2026-11-20#week" in later
    last = links((await site.browser.get("/equipment/fdm-bench?week=2027-02-18")).text)
    assert not any("2027-02-25" in link for link in last)


@pytest.mark.parametrize("week", ["yesterday", "", "2026-13-01", "2020-01-01"])
async def test_a_week_that_is_none_or_gone_shows_this_one(site: Site, week: str) -> None:
    answer = await site.browser.get("/equipment/fdm-bench", params={"week": week})
    assert answer.status_code == 200
    assert row(answer.text, "11月20日(金)")


async def test_a_week_too_far_away_is_told_so(site: Site) -> None:
    answer = await site.browser.get("/equipment/fdm-bench?week=9999-12-31")
    assert answer.status_code == 400
    assert "遠すぎます" in Page(answer.text).texts["sentence"]


@pytest.mark.parametrize("path", ["/equipment/lathe", "/equipment/lathe/request"])
async def test_unknown_equipment_is_a_page_with_a_way_on(site: Site, path: str) -> None:
    answer = await site.browser.get(path)
    assert answer.status_code == 404
    assert "「lathe」は見つかりません" in answer.text
    assert "/" in links(answer.text)


@pytest.mark.parametrize(
    "path", ["/", "/equipment/fdm-bench", "/equipment/fdm-bench/request", "/status", "/nowhere"]
)
async def test_every_link_of_an_english_page_stays_english(site: Site, path: str) -> None:
    html = (await site.browser.get(f"{path}?lang=en")).text
    assert '<html lang="en">' in html
    own = [link for link in links(html) if not link.startswith("/static/")]
    other = [link for link in own if "lang=en" not in link]
    assert other == [path]  # the way back to Japanese
    assert "日本語 (Japanese)" in html


async def test_japanese_comes_first_and_shows_the_way_to_english(site: Site) -> None:
    answer = await site.browser.get("/?lang=xx", headers={"accept-language": "en"})
    assert '<html lang="ja">' in answer.text
    assert 'href="/?lang=en"' in answer.text


@pytest.mark.parametrize("path", ["/", "/equipment/fdm-bench", "/status", "/nowhere"])
@pytest.mark.parametrize("language", ["ja", "en"])
async def test_telephone_and_safety_are_on_every_page(site: Site, path: str, language: str) -> None:
    html = (await site.browser.get(f"{path}?lang={language}")).text
    assert "tel:03-0000-0000" in html
    assert (
        "本ソフトの停止は安全機能ではありません" if language == "ja" else "not a safety"
    ) in html
