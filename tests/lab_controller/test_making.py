"""Files are made whole: one maker in a folder, and a record as it stood at one moment."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from lab_controller.database import connect
from lab_controller.services.making import Making
from lab_controller.services.reports import Order, source_of
from tests.trial_logs.day import DRAFT, NOW, recorded_run
from trial_logs import evidence, migrations, store
from trial_logs.exports.tables import PARTS
from trial_logs.model import Batch, PartEvent, PartSource, Verdict

NAMES = dict.fromkeys(("lab_name", "party", "equipment", "vendor", "operator"), "")


async def test_two_makings_of_one_folder_come_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lab_controller.services.making.ProcessPoolExecutor",
        lambda max_workers, mp_context: ThreadPoolExecutor(max_workers),
    )
    making, told, begun, go_on = Making(), list[str](), Event(), Event()

    def work(name: str) -> None:
        told.append(f"{name} begins")
        begun.set()
        assert go_on.wait(10)
        told.append(f"{name} ends")

    both = [asyncio.create_task(making.make(tmp_path, work, name)) for name in "ab"]
    assert await asyncio.to_thread(begun.wait, 10)  # the loop is free while files are made
    await asyncio.to_thread(list)  # whoever was let in beside it would have begun
    go_on.set()
    await asyncio.gather(*both)
    assert told == ["a begins", "a ends", "b begins", "b ends"]


def test_what_is_recorded_meanwhile_is_in_none_of_the_files(tmp_path: Path) -> None:
    place = tmp_path / "T20261120-01-R1.db"
    with closing(connect(tmp_path / "lab.db")) as lab, closing(connect(place)) as live:
        migrations.lab.apply(lab)
        store.create_trial(lab, "T20261120-01", DRAFT, NOW)
        with closing(recorded_run(lab, 1, NOW, parts=6, minutes=3)) as run:
            run.conn.backup(live.conn)
        trial = store.get_trial(lab, "T20261120-01")
        order = Order(trial, (place,), NAMES, {}, "Asia/Tokyo", "en", tmp_path)
        late = Batch(parts=(PartEvent(NOW, Verdict.GOOD, PartSource.OPERATOR),))
        with source_of(order) as source:
            before, digest = list(PARTS.rows(source)), source.digest
            evidence.append_segment(live, late, NOW)
            assert list(PARTS.rows(source)) == before
        with source_of(order) as source:
            assert len(list(PARTS.rows(source))) == len(before) + 1
            assert source.digest != digest
