"""Month files on their thread: sealed and closed, let go by retention, whole after a kill."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_controller import telemetry_files
from lab_controller.config import ConfigInvalid, load
from lab_controller.database import connect
from lab_controller.floor import telemetry_of
from lab_controller.telemetry_files import TelemetryFiles
from trial_logs.buckets import Bucket
from trial_logs.model import Quality, Sample, Series
from trial_logs.samples.retention import DAY_US, Retention
from trial_logs.stamps import month_bounds_us, to_us

SLOW, FAST = Series("room", "temperature", "Cel"), Series("cobot", "force", "N")
OCTOBER = to_us(datetime(2026, 10, 1, tzinfo=UTC))
NOVEMBER = month_bounds_us("2026-10")[1]
END = 1 << 61
SECOND = 1_000_000


@pytest.fixture
async def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TelemetryFiles]:
    monkeypatch.setattr(telemetry_files, "PACE_S", 0.0)
    kept = TelemetryFiles(
        tmp_path,
        keep=Retention(raw_days=20, raw_days_fast=10, minute_days=30),
        deadbands={("room", "door"): 0.5},
    )
    yield kept
    await asyncio.to_thread(kept.close)


def a_quarter_of_an_hour() -> list[Sample]:
    slow = [Sample(SLOW, OCTOBER + n * SECOND, n * 0.618 % 6) for n in range(900)]
    return [*slow, *(Sample(FAST, OCTOBER + n * SECOND // 10, n * 0.618 % 5) for n in range(9_000))]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def raw(files: TelemetryFiles, series: Series) -> int:
    return await files.read(lambda kept: sum(1 for _ in kept.read(series, 0, END)))


async def window(files: TelemetryFiles, series: Series, n: int) -> list[Bucket]:
    t1 = OCTOBER + 7_200 * SECOND
    return await files.read(lambda kept: kept.window(series, OCTOBER, t1, n))


async def test_a_month_that_is_over_is_sealed_and_left_as_one_plain_file(
    files: TelemetryFiles, tmp_path: Path
) -> None:
    await files.append(a_quarter_of_an_hour())
    assert await raw(files, FAST) == 9_000
    await files.append([Sample(SLOW, NOVEMBER + 1, 1.0)])
    await files.settle(NOVEMBER + 1)
    assert [name for name in names(tmp_path) if "10" in name] == ["2026-10.db"]
    db = connect(tmp_path / "2026-10.db", read_only=True)
    assert not any(db[name].count for name in ("j0", "j1", "late"))
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    first = db.execute("SELECT * FROM minutes WHERE signal = 'temperature' LIMIT 1").fetchone()
    assert first[:3] == ("2026-10-01 00:00", "room", "temperature")
    db.close()
    assert await raw(files, SLOW) == 901


async def test_samples_are_let_go_before_minutes_and_hours_stay(
    files: TelemetryFiles, tmp_path: Path
) -> None:
    await files.append(a_quarter_of_an_hour())
    await files.settle(NOVEMBER)
    whole = {series: await window(files, series, 60) for series in (SLOW, FAST)}
    hours = {series: await window(files, series, 2) for series in (SLOW, FAST)}
    sizes = []
    for days, slow, fast in ((9, 900, 9_000), (11, 900, 0), (21, 0, 0), (21, 0, 0), (31, 0, 0)):
        await files.tidy(NOVEMBER + days * DAY_US)
        assert (await raw(files, SLOW), await raw(files, FAST)) == (slow, fast)
        for series in (SLOW, FAST):
            if days < 30:
                assert await window(files, series, 60) == whole[series]
            assert await window(files, series, 2) == hours[series]
        if slow == 0 and days < 30:  # a minute the window cuts off counts where it begins
            end = OCTOBER + 870 * SECOND
            cut = await files.read(lambda kept: kept.window(SLOW, OCTOBER, end, 14))  # noqa: B023
            assert sum(one.count for one in cut) == 900
        sizes.append((tmp_path / "2026-10.db").stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2] == sizes[3]
    assert names(tmp_path) == ["2026-10.db"]
    await files.append([Sample(SLOW, OCTOBER + 5 * SECOND + 1, 6.5)])
    await files.tidy(NOVEMBER + 31 * DAY_US)
    (hour, _) = await window(files, SLOW, 2)
    assert (hour.count, hour.maximum) == (901, 6.5), "what comes in after years is still counted"


async def test_a_month_written_meanwhile_is_not_replaced(
    files: TelemetryFiles, tmp_path: Path
) -> None:
    await files.append(a_quarter_of_an_hour())
    await files.settle(NOVEMBER)
    assert await asyncio.to_thread(files._thin, "2026-10", NOVEMBER + 40 * DAY_US)
    await files.append([Sample(SLOW, OCTOBER + 1, 6.5)])
    await files.settle(NOVEMBER)
    await files._on_thread(lambda: files._take_place("2026-10"))
    assert await raw(files, SLOW) == 901
    assert names(tmp_path) == ["2026-10.db"]


async def test_a_deadband_leaves_out_what_says_nothing_new(files: TelemetryFiles) -> None:
    door = Series("room", "door", "1")
    values = [(0, 0.0), (1, 0.4), (2, 0.6), (3, 0.7), (4, 0.5), (62, 0.6), (63, 0.6)]
    samples = [Sample(door, OCTOBER + s * SECOND, value) for s, value in values]
    await files.append([*samples, Sample(SLOW, OCTOBER, 1.0), Sample(SLOW, OCTOBER + 1_000, 1.0)])
    bad = Sample(door, OCTOBER + 64 * SECOND, None, Quality.BAD)
    await files.append([bad, bad._replace(t_us=bad.t_us + SECOND)])
    kept = await files.read(lambda journal: list(journal.read(door, 0, END)))
    assert [(s.t_us - OCTOBER) // SECOND for s in kept] == [0, 2, 62, 64]
    assert await raw(files, SLOW) == 2


async def test_sealing_that_fails_is_told_once_and_costs_nothing(
    files: TelemetryFiles, caplog: pytest.LogCaptureFixture
) -> None:
    await files.append(a_quarter_of_an_hour())
    db = files._open["2026-10"]
    await files._on_thread(lambda: db.execute("PRAGMA query_only = ON"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await files.settle(NOVEMBER)
    told = [one for one in caplog.records if one.name == telemetry_files.__name__]
    assert [one.levelname for one in told] == ["WARNING"]
    await files._on_thread(lambda: db.execute("PRAGMA query_only = OFF"))
    await files.settle(NOVEMBER)
    assert await raw(files, FAST) == 9_000


WRITER = """
import asyncio, sys
from pathlib import Path
from lab_controller.floor import telemetry_of
from lab_controller.telemetry_files import TelemetryFiles
from trial_logs.model import Sample, Series
from trial_logs.samples import sealing
sealing.FULL_AT, sealing.AT_MOST = 20, 40

async def main():
    files = TelemetryFiles(Path(sys.argv[1]))
    for batch in range(100_000):
        await files.append([
            Sample(Series("d", str(n), "1"), 1_793_000_000_000_000 + batch * 1_000_000, batch)
            for n in range(12)
        ])
        print(batch, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("acked", [3, 57, 141])
async def test_a_kill_loses_nothing_acked_and_doubles_nothing(
    files: TelemetryFiles, tmp_path: Path, acked: int
) -> None:
    args = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(args, stdout=subprocess.PIPE, text=True) as writer:  # noqa: ASYNC220
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < acked:
            pass
        writer.send_signal(signal.SIGKILL)
        told = [acked, *(int(line) for line in writer.stdout.read().splitlines())]
    await files.append([Sample(SLOW, 1_793_000_000_000_000, 1.0)])
    for sealed in range(2):
        for n in range(12):
            series = Series("d", str(n), "1")
            rows = await files.read(lambda kept, s=series: list(kept.read(s, 0, END)))  # type: ignore[misc]
            values = [row.value for row in rows]
            assert values == list(range(len(values)))
            assert len(values) >= max(told) + 1, sealed
        await files.settle(END)


CONFIG = """
[lab]
name = { ja = "ラボ", en = "Lab" }
data_dir = "data"

[telemetry]
raw_days = 0

[[series]]
device = "room"
signal = "door"
step = 0.5
deadband = 1
"""


async def test_the_lab_declares_steps_and_times_of_keeping(tmp_path: Path) -> None:
    config = tmp_path / "lab.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with pytest.raises(ConfigInvalid) as wrong:
        load(config)
    assert [problem.key for problem in wrong.value.problems] == ["series[1].device"]
    known = """[[connection]]
id = "bench"
driver = "manual"
[[device]]
id = "room"
name = { ja = "部屋", en = "Room" }
connection = "bench"
"""
    config.write_text(CONFIG + known, encoding="utf-8")
    files = telemetry_of(load(config))
    door = Series("room", "door", "1")
    samples = [Sample(door, OCTOBER + n * 1_700, n / 2) for n in range(3)]
    await files.append([*samples, Sample(SLOW, OCTOBER + 1_700, 1.0)])
    await files.settle(NOVEMBER)
    await files.tidy(NOVEMBER + 4_000 * DAY_US)
    assert await raw(files, SLOW) == 1
    kept = await files.read(lambda journal: list(journal.read(door, 0, END)))
    assert [(one.t_us - OCTOBER, one.value) for one in kept] == [(0, 0.0)]
    await asyncio.to_thread(files.close)
