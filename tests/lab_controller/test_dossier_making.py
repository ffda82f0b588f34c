"""A dossier through the lab's doors: made, fetched, beside another trial, and refused in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from booking.model import Booking
from lab_controller.client import LabClient, Refused
from lab_controller.services.dossiers import DossierOrder, made_of
from lab_controller.services.making import Making
from lab_controller.wire_trials import DossierRequest, PartRequest
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_cli import OK, machikoba
from tests.lab_controller.test_stream import TOKEN, Served
from tests.papers import pages_of
from tests.trial_logs.purchases import SHEET
from trial_logs.attachments import AttachmentKind
from trial_logs.dossier.quotes import QuoteFile


@pytest.fixture
async def data(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """The data folder of a lab that is being served, its worker a thread of this process."""

    def worker(max_workers: int, mp_context: Any) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers)

    monkeypatch.setattr("lab_controller.services.making.ProcessPoolExecutor", worker)
    served = Served(bench)
    folder = bench.lab.settings.lab.data_dir
    (folder / "controller.url").write_text(served.url + "\n", encoding="ascii")
    (folder / "staff.token").write_text(TOKEN + "\n", encoding="ascii")
    yield folder
    await served.stop()


async def recorded(bench: Bench, lab: LabClient, equipment: str) -> tuple[str, Booking]:
    """A trial of that equipment with one finished run of two parts, and its booking."""
    booking = await bench.armed(equipment)
    run = await bench.run(booking)
    await lab.run_step(run, "start")
    for verdict in ("good", "scrap"):
        await lab.count_part(run, PartRequest(verdict=verdict))
    await lab.run_step(run, "finish")
    return run.rpartition("-R")[0], booking


async def test_a_dossier_is_made_and_fetched(data: Path, bench: Bench, tmp_path: Path) -> None:
    url = (data / "controller.url").read_text().strip()
    async with LabClient.for_lab(url, data / "staff.token") as lab:
        mine, booking = await recorded(bench, lab, "bench")
        other, _ = await recorded(bench, lab, "cell")
        await lab.enter_sheet(mine, SHEET)
        quote = b"%PDF-1.7 a quote"
        await bench.lab.attachments.keep(mine, "見積-1.pdf", AttachmentKind.QUOTE, quote, by=BY)
        with pytest.raises(Refused) as early:
            await lab.dossier_file(mine, "dossier.pdf")
        assert (early.value.status, early.value.refusal.code) == (404, "lab.unknown_dossier_file")
        made = await lab.make_dossier(mine, DossierRequest(others=[other, mine]))
        assert list(made.files) == ["dossier.pdf", "dossier.xlsx"]
        with pytest.raises(Refused) as unknown:
            await lab.make_dossier(mine, DossierRequest(condition="?"))
        assert (unknown.value.status, unknown.value.refusal.code) == (
            404,
            "trial.unknown_condition",
        )
        (known,) = (await lab.trial(mine)).conditions
        assert known.name in unknown.value.refusal.text
        untouched = await bench.trial(booking)
        with pytest.raises(Refused) as empty:
            await lab.make_dossier(untouched)
        assert (empty.value.status, empty.value.refusal.code) == (409, "lab.no_record")
    done = await machikoba("dossier", mine, "--with", other, "--out", tmp_path, "--data", data)
    assert done.exit_code == OK, done.stderr
    text = "".join(pages_of(tmp_path / f"{mine}-dossier.pdf"))
    assert "導入検討書" in text
    assert "見積-1.pdf" in text
    assert "ファイルが壊れていて読めないページがあります" in text
    assert other in text
    # its bytes are remembered, so that the file can be proved
    verified = await machikoba("verify", tmp_path / f"{mine}-dossier.pdf", "--data", data)
    assert verified.exit_code == OK, verified.stdout + verified.stderr


class Crashing(Making):
    """A worker that a quote kills."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Any] = []

    async def make(self, folder: Path, work: Any, order: Any) -> Any:
        self.orders.append(order)
        if any(each.path for each in order.quotes):
            raise BrokenProcessPool
        return order


async def test_a_quote_that_kills_the_worker_is_left_out_and_told(tmp_path: Path) -> None:
    quotes = (QuoteFile("ab" * 32, tmp_path / "bad.pdf", "application/pdf"),)
    order: Any = DossierOrder(
        trial=SimpleNamespace(folder=tmp_path),  # type: ignore[arg-type]
        others=(), sheet=None, packs=(), on=date(2026, 11, 20), condition="", left=(),
        attachments=(), pictures={}, quotes=quotes,
    )  # fmt: skip
    worker = Crashing()
    made: Any = await made_of(worker, order)
    assert [(each.path, each.code) for each in made.quotes] == [(None, "crashed")]
    assert len(worker.orders) == 2
    with pytest.raises(BrokenProcessPool):
        await made_of(Dead(), order)


class Dead(Crashing):
    """A worker that always dies."""

    async def make(self, folder: Path, work: Any, order: Any) -> Any:
        raise BrokenProcessPool
