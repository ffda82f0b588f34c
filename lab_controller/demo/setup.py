"""The demo's processes: simulators on real wires, stopper, controller, ended together."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from lab_controller.clock import LabClock
from lab_controller.errors import LabError

HUB_TOKEN = "demo-hub-token"  # the simulated hub's, of no use anywhere else
SIMS_WITHIN_S = 40.0
CONTROLLER_WITHIN_S = 40.0
END_WITHIN_S = 20.0
PR_SET_PDEATHSIG = 1


Seed = Callable[[Path], None]
"""Puts bookings into the books of a lab.toml's lab before it opens."""


class DemoFailed(LabError):
    """A part of the demo did not come up; its log says why."""

    code = "demo.failed"


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is up: where its files, its web door and its simulators are."""

    home: Path
    data_dir: Path
    url: str
    sims: Mapping[str, Mapping[str, Any]]
    clock: LabClock
    stopper: subprocess.Popen[bytes]

    def control(self, sim: str) -> int:
        """The control port of a simulator: the hand at the machine."""
        return int(self.sims[sim]["control"])


@contextmanager
def running(home: Path, clock: LabClock, *, language: str, seed: Seed) -> Iterator[Demo]:
    """Start everything in `home`, seed the lab before its controller starts, end everything."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "sim.log").open("wb") as sim_log, (home / "lab.log").open("wb") as lab_log:
        sims = start_sims(home, clock, sim_log)
        try:
            listing = json.loads((home / "sim.json").read_text())["sims"]
            config = write_config(home, listing, clock)
            seed(config)
            stopper = start_lab(config, language, lab_log)
            try:
                url = wait_for_lab(home, stopper)
                yield Demo(home, home / "data", url, listing, clock, stopper)
            finally:
                end(stopper)
        finally:
            end(sims)


def start_sims(home: Path, clock: LabClock, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The simulated hardware of the demo's profile; returns when all of it is ready."""
    profile = home / "sim.toml"
    profile.write_text(_template("sim.toml"), encoding="utf-8")
    listing = home / "sim.json"
    listing.unlink(missing_ok=True)
    command = [sys.executable, "-m", "hardware_sim", "--profile", str(profile)]
    command += ["--dir", str(home), "--clock", str(clock), "--parent", str(os.getpid())]
    process = subprocess.Popen(
        command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
    )
    _wait_for(listing.exists, process, SIMS_WITHIN_S, home / "sim.log")
    return process


def write_config(home: Path, sims: Mapping[str, Mapping[str, Any]], clock: LabClock) -> Path:
    """A commented lab.toml for these simulators, and the hub's token beside it."""
    values = {
        "@CLOCK@": str(clock),
        "@HUB_URL@": sims["hub1"]["endpoint"],
        "@PRINTER_PORT@": sims["printer1"]["endpoint"],
        "@COBOT_URL@": sims["cobot1"]["endpoint"],
        "@AGE_S@": f"{max(60.0, 10 * clock.factor):g}",
        "@POLL_S@": f"{max(0.1, min(2.0, 10 / clock.factor)):g}",
    }
    text = _template("lab.toml")
    for mark, value in values.items():
        text = text.replace(mark, str(value))
    token = home / "hub.token"
    token.touch(mode=0o600)
    token.write_text(HUB_TOKEN, encoding="ascii")
    config = home / "lab.toml"
    config.write_text(text, encoding="utf-8")
    return config


def start_lab(config: Path, language: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """`machikoba serve` on any free port, in a session of its own; it ends with this process."""
    command = [sys.executable, "-m", "lab_controller", "serve", "--config", str(config)]
    command += ["--port", "0", "--lang", language]
    (config.parent / "data" / "controller.url").unlink(missing_ok=True)
    return subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def end_with_parent() -> None:
    """Have the kernel (Linux) end this process in good order when the one that started it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_for_lab(home: Path, process: subprocess.Popen[bytes]) -> str:
    """The controller's address once it has left it."""
    address = home / "data" / "controller.url"
    _wait_for(address.exists, process, CONTROLLER_WITHIN_S, home / "lab.log")
    return address.read_text(encoding="ascii").strip()


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to the whole session if that does not end it."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _template(name: str) -> str:
    return (files("lab_controller.demo") / name).read_text(encoding="utf-8")


def _wait_for(
    there: Callable[[], bool], process: subprocess.Popen[bytes], within_s: float, log: Path
) -> None:
    """Poll a condition; a process that ends first has failed."""
    until = time.monotonic() + within_s
    while not there():
        if process.poll() is not None or time.monotonic() > until:
            end(process)
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise DemoFailed(log=log.name, cause=" / ".join(last))
        _pause()


def _pause() -> None:
    """A short wait between two looks at a file another process writes."""
    signal.sigtimedwait([], 0.05)
