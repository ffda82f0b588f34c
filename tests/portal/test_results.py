"""After the visit: how a trial stands, its papers made on demand, all for the ticket's holder."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from booking.model import NewParty
from lab_controller.services import dossiers, reports
from lab_controller.services.results import FILES
from tests.portal.conftest import NOW, Site
from tests.portal.recorded import correct, tried
from tests.portal.test_following import SOON, open_page
from trial_logs.chain import last_segment
from trial_logs.digest import RunEnd
from trial_logs.errors import ReportFailed
from trial_logs.store import amend_plan
from trial_logs.stores.reports import MadeFile, MadeReport, reports_of, take_report


class Printer:
    """Counts what is made and leaves files behind as the worker does, without printing them."""

    def __init__(self, site: Site) -> None:
        self.site, self.made = site, list[tuple[str, str]]()
        self.fault: Exception | None = None

    async def make(self, trial: str, language: str, **asked: Any) -> None:
        """A dossier when others are named (or none), else a report."""
        kind, names = ("dossier", dossiers.NAMES[:1]) if asked else ("report", reports.NAMES)
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        self.made.append((kind, language))
        await self.leave(kind, names, trial, language, **asked)

    async def leave(
        self, kind: str, names: tuple[str, ...], trial: str, language: str, **inputs: Any
    ) -> None:
        """The files of a paper, and what lab.db takes of it."""
        lab = self.site.lab
        folder = lab.settings.lab.data_dir / f"{kind}s" / trial / language
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_bytes(f"{kind} {name}".encode())
        ends = tuple(await asyncio.to_thread(self._ends, f"{trial}-R1"))
        files = tuple(MadeFile(name, "0" * 64, 1) for name in names)
        made = MadeReport(trial, kind, language, lab.clock.now(), "d", ends, inputs, files)
        await lab.db.write(lambda db: take_report(db, made))

    def _ends(self, run: str) -> list[RunEnd]:
        last = self.site.lab.trials.read_evidence(run, last_segment, None)
        return [RunEnd(run, last.n, last.head)] if last else []


@pytest.fixture
def printer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Printer:
    """The lab's makers of documents replaced; what they make is tested in rooms of its own."""
    found = Printer(site)
    monkeypatch.setattr(site.lab.reports, "make", found.make)
    monkeypatch.setattr(site.lab.dossiers, "make", found.make)
    return found


async def visited(
    site: Site, *, simulated: bool = False, company: str = "さくら精密", days: int = 0
) -> tuple[str, str]:
    """A booking's page and its trial."""
    party = NewParty(company, "佐倉 健一", f"03-0000-{days:04}")
    made = (await site.book(SOON + timedelta(days=days), 1, new_party=party)).booking
    trial = await tried(site.lab, made.id, made.party_id, NOW, simulated=simulated)
    return await open_page(site, made), trial


async def test_the_page_tells_how_the_trial_stands(site: Site) -> None:
    page, trial = await visited(site)
    html = (await site.browser.get(page)).text
    assert trial in html
    assert "樹脂の治具に替えたい" in html
    assert "1回終わりました。計画では、あと1回です。" in html
    assert "良品 19個、不良 1個、手直し 0個" in html
    # 19 of 20 by Wilson's score interval: 0.7639 to 0.9911
    assert "95.0%。判定した20個からは、76.4%から99.1%の間" in html
    assert "模擬データ" not in html
    simulated, _ = await visited(site, simulated=True, days=4)
    assert "模擬データ" in (await site.browser.get(simulated)).text


async def test_papers_are_made_once_and_again_after_a_correction(
    site: Site, printer: Printer
) -> None:
    page, trial = await visited(site)
    papers = f"{page}/trials/{trial}/papers"
    assert "試用報告書は、まだ作られていません。" in (await site.browser.get(page)).text
    answers = await asyncio.gather(*(site.browser.post(papers) for _ in range(3)))
    assert {(one.status_code, one.headers["location"]) for one in answers} == {
        (303, f"{page}#{trial}")
    }
    assert printer.made == [("report", "ja"), ("dossier", "ja")]
    html = (await site.browser.get(page)).text
    offered = re.findall(r'href="([^"]+/files/[^"]+)"', html)
    assert [one.rpartition("/")[2] for one in offered] == [
        name for name in FILES if name != "dossier.xlsx"
    ]
    assert "書類を作る" not in html
    for link in offered:
        answer = await site.browser.get(link)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.headers["x-content-type-options"] == "nosniff"
        name = link.rpartition("/")[2]
        assert f'filename="{trial}-{name}"' in answer.headers["content-disposition"]
    archives = [(await site.browser.get(offered[-1])).content]
    await printer.leave("report", reports.NAMES, trial, "ja")
    archives.append((await site.browser.get(offered[-1])).content)
    assert archives[0] == archives[1]
    correct(site.lab, trial, NOW + timedelta(hours=1))
    html = (await site.browser.get(page)).text
    assert "作り直しが要ります" in html
    assert "/files/" not in html
    assert (await site.browser.get(offered[0])).status_code == 404
    await site.browser.post(papers)
    assert len(printer.made) == 4
    draft = (await site.lab.trials.trial(trial)).draft
    assert "作り直しが要ります" not in (await site.browser.get(page)).text
    later, plan = NOW + timedelta(hours=1), replace(draft, title="改")
    await site.lab.db.write(
        lambda db: amend_plan(db, trial, plan, later, by="職員", why="題", after_runs=True)
    )
    assert "作り直しが要ります" in (await site.browser.get(page)).text
    assert "良品 20個、不良 0個" in (await site.browser.get(page)).text


async def test_no_ticket_and_no_other_booking_reaches_it(site: Site, printer: Printer) -> None:
    page, trial = await visited(site)
    await site.browser.post(f"{page}/trials/{trial}/papers")
    other, theirs = await visited(site, company="別の会社", days=4)
    ways = ["files/report.pdf", "files/data.zip", "vendor"]
    for way in ways:
        answer = await site.browser.get(f"/status/guess/trials/{trial}/{way}")
        assert answer.status_code == 410
        assert "樹脂" not in answer.text
        foreign = await site.browser.get(f"{other}/trials/{trial}/{way}")
        unknown = await site.browser.get(f"{other}/trials/T20200101-01/{way}")
        assert (foreign.status_code, unknown.status_code) == (404, 404)
        assert foreign.text.replace(trial, "T20200101-01") == unknown.text
    assert (await site.browser.post(f"/status/guess/trials/{trial}/papers")).status_code == 410
    for way in ("papers", "vendor"):
        assert (await site.browser.post(f"{other}/trials/{trial}/{way}")).status_code == 404
    assert printer.made == [("report", "ja"), ("dossier", "ja")]
    assert theirs in (await site.browser.get(other)).text
    assert trial not in (await site.browser.get(other)).text


async def test_only_listed_names_are_files_and_only_our_forms_are_taken(
    site: Site, printer: Printer
) -> None:
    page, trial = await visited(site)
    foreign = {"sec-fetch-site": "cross-site"}
    for way in ("papers", "vendor"):
        refused = await site.browser.post(f"{page}/trials/{trial}/{way}", headers=foreign)
        assert refused.status_code == 403
    assert printer.made == []
    await site.browser.post(f"{page}/trials/{trial}/papers")
    for name in ("../ja/report.pdf", "..%2fja%2freport.pdf", "datapackage.json", "report.pdf%00"):
        answer = await site.browser.get(f"{page}/trials/{trial}/files/{name}")
        assert (answer.status_code, b"report " in answer.content) == (404, False)


async def test_a_dossier_beside_another_partys_trial_stays_the_labs(
    site: Site, printer: Printer
) -> None:
    page, trial = await visited(site)
    _, theirs = await visited(site, company="別の会社", days=4)
    await printer.leave("dossier", ("dossier.pdf",), trial, "ja", others=[theirs])
    link = f"{page}/trials/{trial}/files/dossier.pdf"
    assert (await site.browser.get(link)).status_code == 404
    await site.browser.post(f"{page}/trials/{trial}/papers")
    assert (await site.browser.get(link)).status_code == 200
    newest = (await site.lab.db.read(lambda db: reports_of(db, trial)))[0]
    assert newest.inputs["others"] == []


async def test_what_fails_is_told_in_plain_words(site: Site, printer: Printer) -> None:
    page, trial = await visited(site)
    printer.fault = ReportFailed(reason="font /usr/share/x")
    answer = await site.browser.post(f"{page}/trials/{trial}/papers")
    assert answer.status_code == 503
    assert "書類を作れませんでした" in answer.text
    assert "font" not in answer.text
    # a booking can be read and taken back without its records
    site.lab.recorder.path(f"{trial}-R1").write_bytes(b"no database at all, but long enough" * 40)
    answer = await site.browser.get(page)
    assert answer.status_code == 200
    assert "いま読み出せません" in answer.text
    assert "この予約を取り消す" in answer.text


async def test_the_factory_decides_what_the_vendor_sees(site: Site) -> None:
    page, trial = await visited(site)
    address, views = f"{page}/trials/{trial}/vendor", site.lab.vendor_views
    asked = (await site.browser.get(address)).text
    assert 'type="checkbox"' in asked
    assert "撮影した場所・日時・機種の番号を除いた写し" in asked
    made = await site.browser.post(
        address, data={"question": "on", "yield": "on", "nonsense": "on"}
    )
    vendor = re.search(r'href="(/vendor/[\w-]+)"', made.text)
    assert vendor
    shown = await site.browser.get(vendor[1])
    assert (shown.status_code, "樹脂の治具" in shown.text) == (200, True)
    assert {each.field for each in (await views.standing(trial)).fields} == {"question", "yield"}
    again = await site.browser.get(address)
    assert "/vendor/" not in again.text.replace(address, "")
    assert again.text.count(" checked") == 2
    await site.browser.post(address, data={"yield": "on"})
    assert "樹脂の治具" not in (await site.browser.get(vendor[1])).text
    fresh = await site.browser.post(address, data={"yield": "on", "new_link": "on"})
    assert "メーカー用のページができました" in fresh.text
    assert (await site.browser.get(vendor[1])).status_code == 404
    closed = await site.browser.post(address, data={})
    assert "メーカー用のページができました" not in closed.text
    standing = await views.standing(trial)
    assert (standing.fields, standing.has_link) == ((), False)
