"""The page for a vendor: only what was released, only by its link, and every look written down."""

from __future__ import annotations

import hashlib
import html
import json
import random
import re

import pytest

from tests.portal.conftest import NOW, Site
from trial_logs import store
from trial_logs.attachments import AttachmentKind
from trial_logs.model import Condition, Limit, TrialDraft
from trial_logs.release import FIELDS

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060f80f0001050101a0a6d3e10000000049454e44ae426082"
)
TOLD = PNG[:-12] + bytes.fromhex("0000000e74455874417574686f72005163616d6572617caae072") + PNG[-12:]
"""The same picture, which tells who took it with what."""
NUMBERS = {
    "counts": {"good": 4011, "scrap": 4012, "rework": 4013},
    "cycle_time_s": {"mean": {"value": 31.1}, "median": {"value": 31.7}},
    "throughput_per_h": {"value": 115.0},
    "energy_kwh": {"value": 8.11},
    "energy_kwh_per_part": {"value": 0.0911},
    "limits": [{"limit": {"characteristic": "Qwidth"}, "result": {"within": 5017, "n": 5018}}],
}
MARKS = {
    "title": "Qtitle", "question": "<b>Qquestion", "part": "Qpart", "material": "Qmaterial",
    "baseline": "Qbaseline", "conditions": "Qcondition", "limits": "Qwidth",
    "parts": "4011 / 4012 / 4013", "yield": "(n = 12036)", "cycle_times": "31.1",
    "throughput": "115", "capability": "5017 / 5018", "energy": "0.0911", "photos": "写真1",
}  # fmt: skip
TRIAL = "T20261120-01"


async def trial_on(site: Site, *, simulated: bool = False) -> str:
    """A trial with one finished run, a photo and a drawing."""
    draft = TrialDraft(
        booking_id="Qbooking", party_id="Qparty", equipment_id="fdm-bench",
        **{name: MARKS[name] for name in ("title", "question", "part", "material", "baseline")},
        limits=(Limit("Qwidth", 20.0, 0.1, "mm"),), conditions=(Condition("Qcondition"),),
    )  # fmt: skip
    trial = (await site.lab.trials.create(draft)).id
    run = await site.lab.db.write(
        lambda db: store.plan_run(db, trial, "Qcondition", operator="Qop", simulated=simulated)
    )
    await site.lab.db.write(lambda db: store.start_run(db, run.id, NOW))
    await site.lab.db.write(lambda db: store.finish_run(db, run.id, NOW))
    numbers = json.dumps(NUMBERS)
    await site.lab.db.write(
        lambda db: store.close_run_evidence(
            db, run.id, head="h", segments=1, numbers=numbers, now=NOW
        )
    )
    for name, kind in (
        ("Qphoto.png", AttachmentKind.PHOTO),
        ("Qdrawing.png", AttachmentKind.DRAWING),
    ):
        await site.lab.attachments.keep(trial, name, kind, TOLD, by="staff")
    return trial


async def test_the_page_shows_what_was_released_and_the_look_is_written_down(site: Site) -> None:
    trial = await trial_on(site, simulated=True)
    found = await site.lab.vendor_views.release(trial, ["question", "photos"], by="staff")
    page = await site.browser.get(f"/vendor/{found.token}")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert "&lt;b&gt;Qquestion" in page.text
    assert "模擬データ" in page.text
    (photo,) = re.findall(r'src="(/vendor/[^"]+)"', page.text)
    picture = await site.browser.get(photo)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    for each in (TOLD, PNG):  # the original's digest and the copy's
        assert hashlib.sha256(each).hexdigest() in page.text
    drawing = re.sub(r"\d+$", "2", photo)
    assert (await site.browser.get(drawing)).status_code == 404
    assert [each.what for each in (await site.lab.vendor_views.standing(trial)).seen] == [
        "photo", "view",
    ]  # fmt: skip
    await site.lab.attachments.keep(
        trial, "Qhalf.png", AttachmentKind.PHOTO, TOLD[:-20], by="staff"
    )
    assert "撮影情報を除けない" in (await site.browser.get(f"/vendor/{found.token}")).text
    half = re.sub(r"\d+$", "3", photo)  # of which no copy can be made
    assert (await site.browser.get(half)).status_code == 404
    await site.lab.vendor_views.revoke(trial, ["photos"], by="staff")
    assert (await site.browser.get(photo)).status_code == 404
    assert "写真1" not in (await site.browser.get(f"/vendor/{found.token}")).text
    await site.lab.vendor_views.revoke(trial, [], by="staff")
    over = await site.browser.get(f"/vendor/{found.token}?lang=en")
    assert (over.status_code, "cannot be used" in over.text) == (404, True)
    assert (await site.browser.get("/vendor/guess")).status_code == 404


async def test_no_other_field_is_on_the_page_or_in_the_answer(site: Site) -> None:
    trial, views = await trial_on(site), site.lab.vendor_views
    drawn = random.Random(20261120)
    subsets = [[name] for name in FIELDS] + [
        [name for name in FIELDS if drawn.random() < 0.5] for _ in range(12)
    ]
    for fields in subsets:
        await views.revoke(trial, [], by="staff")
        token = (await views.release(trial, fields, by="staff")).token
        page = await site.browser.get(f"/vendor/{token}", headers={"Accept-Language": "ja"})
        answer = await site.browser.get(
            f"/api/v1/vendor/trials/{trial}", headers={"Authorization": f"Bearer {token}"}
        )
        assert (page.status_code, answer.status_code) == (200, 200)
        for text in (html.unescape(page.text), json.dumps(answer.json(), ensure_ascii=False)):
            without_links = text.replace(token or "-", "")
            there = {name for name, mark in MARKS.items() if mark in without_links}
            assert there == set(fields) & set(MARKS), fields
            for secret in ("Qparty", "Qop", "Qphoto", "Qdrawing", trial, "さくら精密"):
                assert secret not in without_links


@pytest.mark.parametrize("bearer", ["", "Bearer guess", "Basic x"])
async def test_the_api_wants_the_links_token(site: Site, bearer: str) -> None:
    trial = await trial_on(site)
    await site.lab.vendor_views.release(trial, ["part"], by="staff")
    headers = {"Authorization": bearer} if bearer else {}
    answer = await site.browser.get(f"/api/v1/vendor/trials/{trial}", headers=headers)
    assert answer.status_code == 401
    assert "Qpart" not in answer.text


async def test_a_link_of_one_trial_opens_no_other(site: Site) -> None:
    first, second = await trial_on(site), TRIAL.replace("-01", "-99")
    token = (await site.lab.vendor_views.release(first, ["part"], by="staff")).token
    headers = {"Authorization": f"Bearer {token}"}
    answer = await site.browser.get(f"/api/v1/vendor/trials/{second}", headers=headers)
    assert answer.status_code == 401
