"""The pages in a real Chromium: without JavaScript, on a phone, and judged by axe-core.

The lab is a real stopper and controller without devices, started as `machikoba serve` starts them.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pypdf
import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from booking.model import BookingRequest, NewParty
from booking.states import State
from booking.store import bookings as rows
from lab_controller.bootstrap import build
from lab_controller.client import LabClient
from lab_controller.clock import LabClock
from lab_controller.config import load
from lab_controller.demo import setup
from lab_controller.wire import BookingRequestShape, BookingShape
from lab_controller.wire_trials import ConditionShape, TrialRequest
from tests.portal.conftest import NOW, write_lab
from tests.portal.recorded import tried
from tests.portal.test_released import PNG

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, NARROW, DESK = (375, 800), (320, 640), (1200, 900)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LEAST_TARGET_PX = 44


def free_day(number: int) -> str:
    """A working day of its own for each test, all within what can be booked."""
    days = [date(2026, 12, 1) + timedelta(days=n) for n in range(60)]
    return [day.isoformat() for day in days if day.weekday() == 2][number]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running lab's folder."""
    return tmp_path_factory.mktemp("running")


VISITED: dict[str, str] = {}


async def visited_before(config: Path) -> None:
    """A booking whose trial has run, from before the lab was started; kept in `VISITED`."""
    settings = load(config)
    settings.lab.data_dir.mkdir()
    lab = build(settings, config, socket=config.parent / "no.sock")
    await lab._open_books()
    start = datetime.fromisoformat(f"{free_day(0)}T15:00+09:00")
    wish = BookingRequest(
        equipment_id="fdm-bench",
        start=start,
        end=start + timedelta(hours=1),
        idempotency_key="visited-before",
        new_party=NewParty("さくら精密", "佐倉 健一", "03-0000-1234"),
    )
    made = (await lab.bookings.request(wish, by="staff")).booking
    trial = await tried(lab, made.id, made.party_id, NOW, simulated=True)
    done = State.COMPLETED
    await lab.db.write(lambda db: rows.change(db, made, NOW, "test", "put", state=done))
    VISITED.update(number=made.number, code=made.code, trial=trial)
    await lab.recorder.close()
    await asyncio.to_thread(lab.telemetry.close)
    await asyncio.to_thread(lab.db.close)


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """The address of a running lab."""
    config = write_lab(home, str(LabClock.beginning(NOW, 1.0)))
    asyncio.run(visited_before(config))
    with (home / "lab.log").open("wb") as log:
        stopper = setup.start_lab(config, "ja", log)
        try:
            yield setup.wait_for_lab(home, stopper)
        finally:
            setup.end(stopper)


@pytest.fixture
def staff(url: str, home: Path) -> LabClient:
    """What staff see: the same client the console uses."""
    return LabClient.for_lab(url, home / "data" / "staff.token")


def chromium() -> str:
    """Where Chromium is; without it these tests are skipped, except where they must run."""
    found = shutil.which("chromium")
    if found is None:
        reason = "Chromium is not installed (apt install chromium)"
        if os.environ.get("MACHIKOBA_CI") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium of this machine; every test opens windows of its own in it."""
    path = chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        await running.close()


async def open_window(
    browser: Browser, url: str, size: tuple[int, int], *, scripts: bool = False
) -> BrowserContext:
    """A fresh visitor's window; one with scripts has axe in it, for `judged`."""
    window = await browser.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=scripts,
        locale="ja-JP",
    )
    if scripts:
        await window.add_init_script(AXE_SCRIPT)
    return window


async def judged(page: Page) -> str:
    """What axe finds on this page as it is shown now; empty when nothing."""
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    results = AxeResults(await page.evaluate("options => axe.run(options)", options))
    return results.generate_report() if results.violations_count else ""


async def too_low(page: Page, targets: str) -> list[object]:
    """What can be seen of these targets and is hard to hit with a thumb, with its height."""
    found: list[object] = await page.locator(targets).evaluate_all(
        """(nodes, least) => nodes
            .filter(node => node.getClientRects().length)
            .map(node => [node.innerText, node.getBoundingClientRect().height])
            .filter(([, height]) => height < least)""",
        LEAST_TARGET_PX,
    )
    return found


async def fill(page: Page, day: str) -> None:
    """Everything a first-time visitor writes."""
    await page.select_option("#day", day)
    await page.select_option("#start", "10:00")
    await page.select_option("#end", "12:00")
    for field, text in {
        "company": "さくら精密",
        "kana": "さくらせいみつ",
        "contact_name": "佐倉 健一",
        "phone": "03-1234-5678",
        "head_count": "4",
        "purpose": "印刷した治具を試したい",
    }.items():
        await page.fill(f"#{field}", text)


async def press(page: Page, button: str) -> None:
    """Press a button or follow a link and wait for the next page."""
    async with page.expect_navigation():
        await page.click(button)


async def text_of(page: Page, id: str) -> str:
    """The text of a named element."""
    return (await page.inner_text(f"#{id}")).strip()


async def test_a_first_time_visitor_books_without_javascript(
    browser: Browser, url: str, staff: LabClient
) -> None:
    day = free_day(0)
    window = await open_window(browser, url, PHONE)
    page = await window.new_page()
    await page.goto("/")
    await press(page, "text=3Dプリンター作業台")
    await page.goto(f"/equipment/fdm-bench?week={day}")
    await press(page, "a.slot >> nth=1")
    assert await page.input_value("#day") == day
    assert await page.input_value("#start") == "10:00"
    await page.select_option("#end", "09:30")
    await page.fill("#phone", "12")
    await page.fill("#head_count", "99")
    await press(page, ".send .button")
    linked = await page.locator("#problems a").evaluate_all(
        "links => links.map(link => link.hash.slice(1))"
    )
    assert set(linked) == {"end", "company", "contact_name", "phone", "head_count"}
    assert await page.input_value("#head_count") == "99"
    await fill(page, day)
    begin = datetime.fromisoformat(f"{day}T10:00+09:00")
    async with staff, asyncio.timeout(30):
        told = asyncio.create_task(told_of_bookings(staff))
        await press(page, ".send .button")
        number, code = await text_of(page, "number"), await text_of(page, "code")
        seen = await staff.bookings(begin, begin + timedelta(hours=2))
        await told
    (booking,) = seen
    assert (booking.number, booking.state) == (number, "requested")
    assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", code)
    await press(page, "nav >> text=予約の確認")
    await page.fill("#number", number)
    await page.fill("#code", code.lower())
    await press(page, ".send .button")
    assert await text_of(page, "state") == "申込み中"
    await window.close()


async def told_of_bookings(staff: LabClient) -> None:
    """Return when the live stream tells staff that bookings changed."""
    async for message in staff.stream():
        if "bookings" in message.changed:
            return


async def test_pressing_send_twice_in_a_hurry_is_one_booking(
    browser: Browser, url: str, staff: LabClient
) -> None:
    day = free_day(1)
    window = await open_window(browser, url, PHONE)
    page = await window.new_page()
    await page.goto("/equipment/fdm-bench/request")
    await fill(page, day)
    await page.dblclick(".send .button")
    # The second click may take the first one's page away on its way; what counts is the end.
    await page.locator("#number").wait_for()
    begin = datetime.fromisoformat(f"{day}T10:00+09:00").astimezone(UTC)
    async with staff:
        seen: list[BookingShape] = await staff.bookings(begin, begin + timedelta(hours=2))
    assert len(seen) == 1
    await window.close()


async def test_enter_in_a_field_sends_the_form(browser: Browser, url: str) -> None:
    window = await open_window(browser, url, PHONE)
    page = await window.new_page()
    await page.goto("/equipment/fdm-bench/request")
    await fill(page, free_day(2))
    async with page.expect_navigation(url="**/received/*"):
        await page.press("#company", "Enter")
    await window.close()


async def walk(page: Page, day: str, language: str) -> AsyncIterator[str]:
    """Every page of the portal, one after the other; yields what it is."""
    query = f"?lang={language}"
    for path in ("/", "/equipment/fdm-bench", "/equipment/fdm-bench/request", "/nowhere"):
        await page.goto(path + query)
        yield path
    await page.goto("/equipment/fdm-bench/request" + query)
    await page.fill("#phone", "12")
    await page.select_option("#start", "09:00")
    await press(page, ".send .button")
    yield "problems"
    await press(page, "button[name=use]")
    yield "moved"
    await fill(page, day)
    await press(page, ".send .button")
    yield "received"
    number, code = await text_of(page, "number"), await text_of(page, "code")
    await page.goto("/status" + query)
    yield "/status"
    await page.fill("#number", number)
    await press(page, ".send .button")
    yield "empty code"
    await page.fill("#code", code)
    await press(page, ".send .button")
    yield "booking"
    await press(page, ".warn")
    yield "cancel"
    await press(page, "button.warn")
    yield "cancelled"


@pytest.mark.parametrize(("language", "number"), [("ja", 3), ("en", 4)])
async def test_nothing_needs_scrolling_sideways_on_the_narrowest_phone(
    browser: Browser, url: str, language: str, number: int
) -> None:
    window = await open_window(browser, url, NARROW)
    page = await window.new_page()
    measure = await window.new_cdp_session(page)
    too_wide, too_small = {}, {}
    targets = ".button, .slot, input:visible, select, nav a"
    async for name in walk(page, free_day(number), language):
        layout = await measure.send("Page.getLayoutMetrics")
        if layout["cssContentSize"]["width"] > NARROW[0]:
            too_wide[name] = layout["cssContentSize"]["width"]
        if low := await too_low(page, targets):
            too_small[name] = low
    assert (too_wide, too_small) == ({}, {})
    await window.close()


@pytest.mark.parametrize(("language", "number"), [("ja", 5), ("en", 6)])
async def test_axe_finds_nothing(browser: Browser, url: str, language: str, number: int) -> None:
    window = await open_window(browser, url, PHONE, scripts=True)
    page = await window.new_page()
    found = {}
    async for name in walk(page, free_day(number), language):
        for width, height in (PHONE, DESK):
            await page.set_viewport_size({"width": width, "height": height})
            if report := await judged(page):
                found[name, width] = report
    assert found == {}
    await window.close()


async def released_page(staff: LabClient, day: str) -> str:
    """The address of a page for a vendor, with a field of each look."""
    start = datetime.fromisoformat(f"{day}T13:00+09:00")
    wanted = BookingRequestShape(
        equipment="fdm-bench",
        start=start,
        end=start + timedelta(hours=1),
        company="さくら精密",
        company_kana="さくらせいみつ",
        contact="佐倉 健一",
        phone="03-1234-5678",
        idempotency_key=f"released-{day}",
    )
    booking = await staff.request_booking(wanted)
    trial = await staff.create_trial(
        TrialRequest(
            booking=booking.id,
            title="治具",
            question="樹脂の治具で\n代わりになるか",
            conditions=[ConditionShape(name="標準", settings={"積層ピッチ": "0.20 mm"})],
        )
    )
    await staff.attach(trial.id, "部品.png", PNG, "photo")
    fields = ["question", "conditions", "photos", "yield"]
    return (await staff.release_fields(trial.id, fields)).link


@pytest.mark.parametrize(("language", "number"), [("ja", 0), ("en", 1)])
async def test_the_page_for_a_vendor_is_clean_and_narrow(
    browser: Browser, url: str, staff: LabClient, language: str, number: int
) -> None:
    async with staff:
        link = await released_page(staff, free_day(number))
    window = await open_window(browser, url, NARROW, scripts=True)
    page = await window.new_page()
    for address in (link, "/vendor/taken-back"):
        await page.goto(f"{address}?lang={language}")
        assert await judged(page) == ""
        layout = await (await window.new_cdp_session(page)).send("Page.getLayoutMetrics")
        assert layout["cssContentSize"]["width"] <= NARROW[0]
    await window.close()
    plain = await open_window(browser, url, PHONE)
    page = await plain.new_page()
    await page.goto(f"{link}?lang={language}")
    assert await page.locator("main h2").count() == 4
    assert await page.evaluate("document.images[0].naturalWidth") == 1
    await plain.close()


async def walk_results(page: Page, language: str, *, make: bool = False) -> AsyncIterator[str]:
    """The pages after the visit; yields what each is."""
    await page.goto(f"/status?lang={language}")
    await page.fill("#number", VISITED["number"])
    await page.fill("#code", VISITED["code"])
    await press(page, ".send .button")
    yield "results"
    if make:
        await press(page, ".result form .button")
        yield "made"
    await press(page, "a[href*='/vendor']")
    yield "sharing"
    await page.set_checked("#field-question", checked=True)
    if await page.locator("#new_link").count():  # somebody was here before
        await page.check("#new_link")
    await press(page, ".send .button")
    yield "shared"
    await press(page, "#vendor-link")


async def test_papers_are_made_and_shared_without_javascript(browser: Browser, url: str) -> None:
    window = await open_window(browser, url, PHONE)
    page = await window.new_page()
    page.set_default_navigation_timeout(120_000)  # ms; two documents are printed meanwhile
    async for name in walk_results(page, "ja", make=True):
        if name == "made":
            await take_home(window, page)
    assert "樹脂の治具" in await page.inner_text("main")
    await window.close()


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_the_pages_after_the_visit_are_clean_and_narrow(
    browser: Browser, url: str, language: str
) -> None:
    window = await open_window(browser, url, NARROW, scripts=True)
    page = await window.new_page()
    measure = await window.new_cdp_session(page)
    found: dict[str, object] = {}
    async for name in walk_results(page, language):
        if report := await judged(page):
            found[name] = report
        layout = await measure.send("Page.getLayoutMetrics")
        if layout["cssContentSize"]["width"] > NARROW[0]:
            found[f"{name} width"] = layout["cssContentSize"]["width"]
        if low := await too_low(page, ".button, .tick"):
            found[f"{name} target"] = low
    assert found == {}
    await window.close()


async def take_home(window: BrowserContext, page: Page) -> None:
    """Fetch the papers and the data, and look into them."""
    fetched = {}
    for name in ("report.pdf", "dossier.pdf", "report.xlsx", "data.zip"):
        link = await page.get_attribute(f"a[href$='/{name}']", "href")
        answer = await window.request.get(link or "")
        assert answer.status == 200
        fetched[name] = io.BytesIO(await answer.body())
    for name, word in (("report.pdf", "試用報告書"), ("dossier.pdf", "導入検討書")):
        text = pypdf.PdfReader(fetched[name]).pages[0].extract_text()
        assert word in "".join(text.split())
    with ZipFile(fetched["data.zip"]) as archive:
        package = json.loads(archive.read("datapackage.json"))
        assert package["simulated"] is True
        assert {each["path"] for each in package["resources"]} < set(archive.namelist())
