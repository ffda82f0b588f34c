"""This computer: disk, clock, fonts, terminal, and a stop that still stands."""

from __future__ import annotations

import locale
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab_controller.doctor.finding import Finding, bad, good, look
from lab_controller.stopper import latch_file
from trial_logs.errors import TrialError
from trial_logs.typeset.fonts import default_font, usable

LEAST_FREE_BYTES = 2 * 10**9
LEAST_FREE_SHARE = 0.1
CLOCK_TOLERANCE_S = 60.0


def disk(data_dir: Path) -> Iterator[Finding]:
    """Whether the data folder can be written and has room."""
    place = next(one for one in (data_dir, *data_dir.parents) if one.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield bad("disk", "doctor.disk_not_writable", dir=place)
        return
    usage = shutil.disk_usage(place)
    free = f"{usage.free / 10**9:.1f}"
    if usage.free < LEAST_FREE_BYTES or usage.free < LEAST_FREE_SHARE * usage.total:
        yield look("disk", "doctor.disk_small", dir=place, free=free)
    else:
        yield good("disk", "doctor.disk_good", dir=place, free=free)


def clock(data_dir: Path, now: datetime) -> Iterator[Finding]:
    """Whether the time is kept by a time server, and is not before what was already recorded."""
    newest = max((one.stat().st_mtime for one in data_dir.glob("*.db*")), default=0.0)
    behind = newest - now.timestamp()
    if behind > CLOCK_TOLERANCE_S:
        recorded = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
        yield bad("clock", "doctor.clock_behind", seconds=round(behind), recorded=recorded)
        return
    match kept_by_a_server():
        case True:
            yield good("clock", "doctor.clock_good")
        case False:
            yield bad("clock", "doctor.clock_not_kept")
        case None:
            yield look("clock", "doctor.clock_unknown")


def kept_by_a_server() -> bool | None:
    """What systemd says of time synchronisation; None where nobody can be asked."""
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(answer)


def fonts(named: Sequence[Path] = ()) -> Iterator[Finding]:
    """Whether reports can be set in Japanese, and in the fonts lab.toml names."""
    for font in named:
        if not usable(font):
            yield look("fonts", "doctor.font_bad", font=font)
    try:
        font = default_font()
    except TrialError as error:
        yield bad("fonts", error.code, **error.params)
        return
    if font.is_file():
        yield good("fonts", "doctor.font_good", font=font.name)
    else:
        yield bad("fonts", "doctor.font_missing", font=font)


def terminal() -> Iterator[Finding]:
    """Whether the console can show Japanese."""
    encoding = locale.getpreferredencoding(False)
    if encoding.upper().replace("-", "") == "UTF8":
        yield good("terminal", "doctor.terminal_good")
    else:
        yield look("terminal", "doctor.terminal_not_utf8", encoding=encoding)


def latch(data_dir: Path) -> Iterator[Finding]:
    """A stop that stands."""
    state = latch_file.load(data_dir / "stop.latch")
    if state.lab is not None:
        yield look("stop", "doctor.lab_latched", by=state.lab.by or "-", reason=state.lab.reason)
    elif state.devices:
        yield look("stop", "doctor.devices_latched", devices=", ".join(sorted(state.devices)))
    else:
        yield good("stop", "doctor.no_latch")
