"""What the demo starts ends with it, however it ends; what it cannot write it says."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab_controller.cli.main import main
from lab_controller.demo.story import ZONE, slot_of

PATIENCE_S = 30
PARENT = """
import signal, subprocess, sys
from lab_controller.demo.setup import end_with_parent
child = "import signal; signal.alarm(60); print('up', flush=True); signal.pause()"
command = [sys.executable, "-c", child]
subprocess.Popen(command, start_new_session=True, preexec_fn=end_with_parent)
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_the_lab_ends_when_the_demo_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        os.kill(parent.pid, signal.SIGKILL)
        assert select.select([parent.stdout], [], [], PATIENCE_S)[0]
        assert parent.stdout.read() == b""  # comes when the child, too, has let go of the pipe


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    command = [sys.executable, "-m", "lab_controller", "demo", "--headless", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert str(out) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_starts_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo", "--lang", "en"])
    assert "--headless" in done.stderr  # no terminal here; the missing examples are no hindrance
    assert "examples" not in done.stderr


@pytest.mark.parametrize(
    ("now", "starts", "ends"),
    [
        ("09:15", "10:00", "11:30"),
        ("09:55", "10:00", "11:30"),
        ("09:56", "10:30", "12:00"),
        ("10:26", "11:00", "12:30"),
    ],
)
def test_a_slow_machine_asks_for_a_later_slot(now: str, starts: str, ends: str) -> None:
    def at(clock: str) -> datetime:
        return datetime.combine(date(2026, 11, 21), time.fromisoformat(clock), ZONE)

    hours = {"starts": "10:00", "ends": "11:30"}
    assert slot_of(hours, at(now), timedelta(minutes=5)) == (at(starts), at(ends))
