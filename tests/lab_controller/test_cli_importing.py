"""`machikoba device import`: a file from a desk to the records of equipment without a wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from equipment_drivers import registry
from equipment_drivers.devices.manual import ManualBench
from tests.lab_controller.bench import Bench, BenchDriver, Site
from tests.lab_controller.test_cli import REFUSED, machikoba, table
from tests.lab_controller.test_stream import TOKEN, Served
from trial_logs.model import Series

GAUGE = """
[[connection]]
id = "hand"
driver = "manual"

[[device]]
id = "gauge1"
name = { ja = "ノギス", en = "Calliper" }
connection = "hand"

[[device.options.signals]]
name = "width"
unit = "mm"
max = 200
"""
ROWS = "time,signal,value\n2026-11-20 09:00,width,12.03\n2026-11-20 09:01,width,12.05\n"


@pytest.fixture
async def desk(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    drivers = {"manual": ManualBench}
    monkeypatch.setattr(registry, "find", lambda driver: drivers.get(driver, BenchDriver))
    with (site.folder / "lab.toml").open("a", encoding="utf-8") as file:
        file.write(GAUGE)
    async with site.open() as bench:
        served = Served(bench)
        folder = bench.lab.settings.lab.data_dir
        (folder / "controller.url").write_text(served.url + "\n", encoding="ascii")
        (folder / "staff.token").write_text(TOKEN + "\n", encoding="ascii")
        yield bench
        await served.stop()


def data(bench: Bench) -> Path:
    return bench.lab.settings.lab.data_dir


async def test_a_file_becomes_samples_with_their_own_time(desk: Bench, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS, encoding="utf-8-sig")
    row = await table("device", "import", "gauge1", file, "--data", data(desk))
    assert (row["state"], row["answer"]) == ("done", "2")  # type: ignore[call-overload]
    await desk.lab.recorder.flush()
    series = Series("gauge1", "width", "mm")
    samples = await desk.lab.telemetry.read(lambda kept: list(kept.read(series, 0, 1 << 62)))
    kept = [(one.value, one.source_us) for one in samples]
    first = int(datetime(2026, 11, 20, 0, 0, tzinfo=UTC).timestamp()) * 1_000_000
    assert kept == [(12.03, first), (12.05, first + 60_000_000)]


async def test_a_file_saved_by_old_habit_is_read_too(desk: Bench, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS + "2026-11-20 09:02,幅,1\n", encoding="cp932")
    done = await machikoba("device", "import", "gauge1", file, "--data", data(desk))
    assert done.exit_code == REFUSED
    assert "4: signal=幅" in done.stderr
    done = await machikoba("device", "import", "gauge1", file, "--data", data(desk), "--lang", "en")
    assert "nothing of it was recorded" in done.stderr


async def test_the_same_file_twice_is_refused(desk: Bench, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS, encoding="utf-8")
    await table("device", "import", "gauge1", file, "--data", data(desk))
    done = await machikoba("device", "import", "gauge1", file, "--data", data(desk))
    assert done.exit_code == REFUSED
    assert "2: again=width 2026-11-20 09:00" in done.stderr


async def test_a_value_by_hand(desk: Bench) -> None:
    done = await machikoba(
        "device", "send", "gauge1", "record", "signal=width", "value=12.03", "--data", data(desk)
    )
    assert "12.03 mm" in done.stdout


@pytest.mark.parametrize(("content", "word"), [(None, "rows.csv"), (b"\xff\xfe\x81", "Shift_JIS")])
async def test_a_file_that_cannot_be_read(
    content: bytes | None, word: str, desk: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    if content is not None:
        file.write_bytes(content)
    done = await machikoba("device", "import", "gauge1", file, "--data", data(desk))
    assert done.exit_code == REFUSED
    assert word in done.stderr
