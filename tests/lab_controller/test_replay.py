"""A run played back: over the API, and offline by `machikoba trial replay`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equipment_drivers.model import CycleFinished
from lab_controller.cli import replaying
from lab_controller.cli.main import main
from lab_controller.client import LabClient, Refused
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_stream import TOKEN, Served


async def code(asked: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await asked
    return refused.value.status, refused.value.refusal.code


async def finished(bench: Bench) -> str:
    """A run of ten seconds with a part, a pause and a note."""
    trials = bench.lab.trials
    run = await bench.run(await bench.armed())
    await trials.start(run, by=BY)
    bench.clock.go(2)
    bench.driver("usb").measure("printer", "heat", 200.0)
    bench.clock.go(3)
    bench.lab.bus.tell(CycleFinished("printer", bench.clock.now(), 3.0, "good"))
    bench.clock.go(1)
    await trials.pause(run, by=BY, cause="material")
    bench.clock.go(1)
    await trials.resume(run, by=BY)
    bench.clock.go(1)
    await trials.note(run, "ok {so far}", by=BY)
    bench.clock.go(2)
    await trials.finish(run, by=BY)
    return run


@pytest.fixture
async def lab(bench: Bench) -> AsyncIterator[LabClient]:
    served = Served(bench)
    async with LabClient(served.url, TOKEN, language="en") as client:
        yield client
    await served.stop()


async def test_a_run_is_played_back_over_the_api(lab: LabClient, bench: Bench) -> None:
    run = await finished(bench)
    whole = await lab.replay(run)
    assert (whole.end - whole.start) == timedelta(seconds=10)
    assert whole.simulated is bench.lab.settings.lab.simulated
    heat = next(one for one in whole.curves if (one.device, one.signal) == ("printer", "heat"))
    assert heat.device_name == "Printer"
    early = await lab.moment(run, whole.start + timedelta(seconds=1))
    assert (early.good, early.state) == (0, "running")
    late = await lab.moment(run, whole.start + timedelta(seconds=6.5), events=3)
    assert (late.good, late.state) == (1, "paused")
    assert late.previous == whole.start + timedelta(seconds=6)
    assert late.next == whole.start + timedelta(seconds=7)
    assert "part 1: good" in [one.text.split("  ")[0] for one in late.before]
    assert late.after[0].text.startswith("run running")
    read = next(one for one in late.readings if one.signal == "heat")
    assert (read.value, read.age_s) == (200.0, 4.5)
    window = await lab.replay_window(
        run, "printer", "heat", whole.start, whole.end + timedelta(seconds=1), 11
    )
    assert [one.mean for one in window.buckets if one.mean is not None][-1] == 200.0


async def test_what_cannot_be_played_back_is_refused(lab: LabClient, bench: Bench) -> None:
    run = await bench.run(await bench.armed())
    assert await code(lab.replay(run)) == (409, "lab.nothing_to_replay")
    assert await code(lab.replay("nobody")) == (404, "trial.unknown_run")
    await bench.lab.trials.start(run, by=BY)
    whole = await lab.replay(run)
    later = whole.start + timedelta(seconds=1)
    wrong = lab.replay_window(run, "printer", "flow", whole.start, later)
    assert await code(wrong) == (404, "lab.unknown_curve")
    backwards = lab.replay_window(run, "printer", "heat", later, whole.start)
    assert await code(backwards) == (422, "lab.bad_window")


class TestCommandLine:
    @pytest.fixture
    async def told(self, bench: Bench) -> tuple[str, Path]:
        run = await finished(bench)
        return run, bench.lab.settings.lab.data_dir

    @staticmethod
    def asked(told: tuple[str, Path], *words: str) -> Result:
        run, data = told
        line = ["trial", "replay", run, "--data", str(data), "--lang", "en", *words]
        return CliRunner().invoke(main, line, catch_exceptions=False)

    async def test_every_event_with_the_labs_times(self, told: tuple[str, Path]) -> None:
        done = self.asked(told)
        assert done.exit_code == 0
        heads = [line for line in done.stdout.splitlines() if line.startswith("#")]
        lines = done.stdout.splitlines()[len(heads) :]
        simulated = any("SIMULATED" in line for line in heads)
        assert lines[0].startswith("00:00:00.000  ")
        assert any("00:00:05.000" in line and "part 1: good" in line for line in lines)
        assert any("ok {so far}" in line for line in lines)
        assert any("00:00:10.000" in line and "run finished" in line for line in lines)
        rows = [json.loads(line) for line in self.asked(told, "--json").stdout.splitlines()]
        assert [row["text"] for row in rows] == [line.split("  ", 2)[2] for line in lines]
        assert {row["at"][-6:] for row in rows} == {"+09:00"}
        assert {row["simulated"] for row in rows} == {simulated}

    async def test_the_state_at_a_moment(self, told: tuple[str, Path]) -> None:
        row = json.loads(self.asked(told, "--at", "6.5", "--json").stdout)
        assert (row["state"], row["counts"]["good"]) == ("paused", 1)
        assert "run paused  good 1" in self.asked(told, "--at", "00:00:06").stdout
        for wrong, why in (("soon", "cannot be read"), ("1:00:00", "outside this run")):
            done = self.asked(told, "--at", wrong)
            assert (done.exit_code, why in done.stderr) == (1, True)

    async def test_playing_waits_between_events(
        self, told: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[float] = []
        monkeypatch.setattr(replaying, "wait", waited.append)
        assert self.asked(told, "--speed", "10").exit_code == 0
        assert sum(waited) == pytest.approx(1.0)

    async def test_no_record_says_what_to_do(self, tmp_path: Path) -> None:
        done = self.asked(("T20261120-01-R9", tmp_path))
        assert (done.exit_code, "--data" in done.stderr) == (1, True)
        (tmp_path / "evidence").mkdir()
        (tmp_path / "evidence" / "T20261120-01-R9.db").write_bytes(b"no database at all")
        assert self.asked(("T20261120-01-R9", tmp_path)).exit_code == 1
        done = self.asked(("T20261120-01", tmp_path))
        assert (done.exit_code, "the run to replay: T20261120-01-R9" in done.stderr) == (1, True)
