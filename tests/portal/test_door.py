"""What holds on every page: headers, whose forms are taken, errors as pages."""

from __future__ import annotations

import re

import httpx
import pytest

from lab_controller.demo.request import Page
from lab_controller.portal import door
from tests.portal.conftest import FORM, VISITOR, Site

PAGES = ["/", "/equipment/fdm-bench", FORM, "/status", "/nowhere", "/status/none"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing(site: Site, path: str) -> None:
    answer = await site.browser.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] in ("no-cache", "no-store")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", answer.text)


async def test_pages_with_somebodys_words_are_not_stored(site: Site) -> None:
    for answer in (
        await site.browser.get(FORM),
        await site.send(),
        await site.send(company=""),
        await site.browser.get("/status"),
    ):
        assert answer.headers["cache-control"] == "no-store"


async def test_static_files_are_kept_under_an_address_of_their_content(site: Site) -> None:
    html = (await site.browser.get("/")).text
    sheet = re.search(r'href="(/static/portal\.css\?v=\w+)"', html)
    assert sheet
    answer = await site.browser.get(sheet[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert not re.search(r"@import|url\(|https?:", answer.text)
    assert (await site.browser.get("/static/door.py")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "http://testserver"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, False),
        ({"origin": "http://elsewhere.example"}, False),
        ({"origin": "http://testserver.elsewhere.example"}, False),
        ({"origin": "null"}, False),
    ],
)
async def test_only_our_own_forms_are_taken(
    site: Site, headers: dict[str, str], taken: bool
) -> None:
    key = (await site.form())["key"]
    answer = await site.browser.post(FORM, data={**VISITOR, "key": key}, headers=headers)
    assert answer.status_code == (303 if taken else 403)
    assert len(await site.booked()) == taken
    if not taken:
        assert "ほかのサイト" in Page(answer.text).texts["sentence"]


@pytest.mark.parametrize("path", ["/status", "/status/none/cancel"])
async def test_no_post_is_taken_from_elsewhere(site: Site, path: str) -> None:
    answer = await site.browser.post(path, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("language", "sentence"), [("ja", "ページはありません"), ("en", "no page")]
)
async def test_an_address_that_is_none_is_a_page(site: Site, language: str, sentence: str) -> None:
    answer = await site.browser.get(f"/nothing/here?lang={language}")
    assert answer.status_code == 404
    assert sentence in Page(answer.text).texts["sentence"]


async def test_a_wrong_method_is_a_page(site: Site) -> None:
    answer = await site.browser.post("/")
    assert answer.status_code == 405
    assert answer.headers["content-type"].startswith("text/html")


async def test_our_own_mistake_is_a_page_with_a_number(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.lab.bookings, "equipment", broken)
    answer = await site.browser.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    reference = re.search(r"番号 (\w{8})", answer.text)
    assert reference
    assert reference[1] in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/bookings", 401),
        ("DELETE", "/api/v1/equipment", 405),
        ("GET", "/metrics/nothing", 404),
    ],
)
async def test_programs_still_get_json(site: Site, method: str, path: str, status: int) -> None:
    answer: httpx.Response = await site.browser.request(method, path)
    assert answer.status_code == status
    assert answer.json()["code"]


async def test_the_pages_are_no_part_of_the_api(site: Site) -> None:
    paths = (await site.browser.get("/api/openapi.json")).json()["paths"]
    assert not [path for path in paths if door.is_page(path)]
