"""A whole lab in separate processes – simulators, stopper, controller – and a hand at each of them.

Real processes, real wires, real files: the tests look through the public doors, and judge by the
ground truth that the simulators wrote down.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from lab_controller.client import LabClient
from lab_controller.clock import LabClock
from lab_controller.demo import books, setup
from lab_controller.stopper import press

T = TypeVar("T")
Row = dict[str, Any]

PATIENCE_S = 60.0
LOOK_S = 0.05
TEN_O_CLOCK = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LONG_DAY_H = 12
"""The longest booking here: a quarter of an hour at forty times the speed."""


async def until(probe: Callable[[], Awaitable[T] | T], within_s: float = PATIENCE_S) -> T:
    """Probe until something true comes back, and return it; TimeoutError when patience ends."""
    async with asyncio.timeout(within_s):
        while True:
            found = probe()
            value = await found if isinstance(found, Awaitable) else found
            if value:
                return value
            await asyncio.sleep(LOOK_S)


@dataclass
class Sims:
    """The simulators of one lab: their control ports, their truth, and their power to die."""

    home: Path
    clock: LabClock
    supervisor: subprocess.Popen[bytes]
    listing: dict[str, Row]
    replaced: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ask(self, sim: str, op: str, **fields: object) -> Row:
        """One request to a control port; the answer must be ok."""
        port = int(self.listing[sim]["control"])
        with socket.create_connection(("127.0.0.1", port), 5.0) as line:
            line.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
            answer: Row = json.loads(line.makefile("rb").readline())
        assert answer["ok"], answer
        return answer

    def kill(self, sim: str) -> None:
        """kill -9: the machine is gone without a word, and its serial port as if unplugged.

        The next pty of this machine gets the number of that port; the link must not lead there.
        """
        if (port := str(self.listing[sim]["endpoint"])).startswith("/"):
            Path(port).unlink(missing_ok=True)
        if sim in self.replaced:
            self.replaced[sim].kill()
            self.replaced[sim].wait()
        else:
            os.kill(int(self.listing[sim]["pid"]), signal.SIGKILL)

    @contextmanager
    def frozen(self, sim: str) -> Iterator[None]:
        """The machine hangs: its wire stays open and nothing comes over it."""
        os.kill(self.pid(sim), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid(sim), signal.SIGCONT)

    def pid(self, sim: str) -> int:
        """The process of a simulator that runs now."""
        again = self.replaced.get(sim)
        return again.pid if again else int(self.listing[sim]["pid"])

    def start_again(self, sim: str, *extra: str) -> None:
        """Start a killed simulator on the ports it had."""
        known = self.listing[sim]
        command = [sys.executable, "-m", f"hardware_sim.{known['kind']}", "--id", sim]
        command += ["--dir", str(self.home), "--clock", str(self.clock), "--seed", "21"]
        command += ["--control-port", str(known["control"]), *extra]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.replaced[sim] = process
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.stdout.close()
        assert ready["control"] == known["control"]
        assert ready["endpoint"] == known["endpoint"]

    def end(self) -> None:
        """End them all."""
        for process in self.replaced.values():
            process.terminate()
            process.wait(setup.END_WITHIN_S)
        setup.end(self.supervisor)


@dataclass
class Lab:
    """A lab that is up: its folder, its clock, its stopper, and its simulators if it has any."""

    home: Path
    clock: LabClock
    stopper: subprocess.Popen[bytes]
    sims: Sims

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return (self.data_dir / "controller.url").read_text(encoding="ascii").strip()

    @property
    def token(self) -> str:
        return (self.data_dir / "staff.token").read_text(encoding="ascii").strip()

    def client(self, language: str = "en") -> LabClient:
        """A staff client of the controller that runs now."""
        return LabClient(self.url, self.token, language=language)

    def from_now(self) -> Since:
        """The ground truth from now on."""
        return Since(self.home)

    def status(self) -> Row:
        """What the stopper says, asked at its own door."""
        return press.status(self.data_dir)

    @property
    def controller_pid(self) -> int:
        """The process behind the controller's channel, as the stopper knows it."""
        return int(self.status()["pid"])

    def signal_controller(self, number: signal.Signals) -> datetime:
        """Send the controller a signal; the lab time just before it."""
        at = self.clock.now()
        os.kill(self.controller_pid, number)
        return at

    def machikoba(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as its own process."""
        return machikoba(*arguments, "--data", str(self.data_dir))

    def stop_by_hand(self, *arguments: str) -> Row:
        """`machikoba stop --json`: the stopper's report."""
        done = self.machikoba("stop", *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        report: Row = json.loads(done.stdout)
        return report

    def stop_at_the_door(self) -> Row:
        """Stop the lab at the stopper's own door; its report."""
        return press.press(self.data_dir, by="test")

    def press_plug(self, sim: str, on: bool) -> None:
        """The button of the plug that feeds a simulator, until it shows what is wanted."""
        while self.sims.ask("hub1", "status")["plugs"][sim]["on"] is not on:
            self.sims.ask("hub1", "press_button", entity=f"switch.{sim}")


def machikoba(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command `machikoba` of this installation, as its own process."""
    command = [str(Path(sys.executable).parent / "machikoba"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def read_truth(home: Path, sim: str, what: str = "", offset: int = 0) -> list[Row]:
    """Whole lines of a truth log from a byte on, of one kind or all."""
    with (home / "truth" / f"{sim}.jsonl").open("rb") as log:
        log.seek(offset)
        rows = [json.loads(line) for line in log if line.endswith(b"\n")]
    return [row for row in rows if what in ("", row["what"])]


class Since:
    """What the simulators wrote down after a moment: now, when this is made."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._from = {log.stem: log.stat().st_size for log in (home / "truth").iterdir()}

    def truth(self, sim: str, what: str = "") -> list[Row]:
        """The records of one simulator, of one kind or all."""
        return read_truth(self._home, sim, what, self._from[sim])


def lab_time(row: Row) -> datetime:
    """When a truth record happened, lab time."""
    return datetime.fromisoformat(row["at"])


@contextmanager
def folder() -> Iterator[Path]:
    """A short folder: the path of a Unix socket or a pty's link must not be long."""
    home = Path(tempfile.mkdtemp(prefix="mk-", dir="/tmp"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def running(factor: float, *options: str) -> Iterator[Lab]:
    """A whole lab at 09:00 of a day, its people and their certificates known.

    `options` are the stopper's.
    """
    with folder() as home, (home / "sim.log").open("wb") as log:
        clock = LabClock.beginning(TEN_O_CLOCK - timedelta(hours=1), factor)
        supervisor = setup.start_sims(home, clock, log)
        listing = json.loads((home / "sim.json").read_text(encoding="utf-8"))["sims"]
        sims = Sims(home, clock, supervisor, listing)
        try:
            config = setup.write_config(home, listing, clock)
            text = config.read_text("utf-8").replace("= 240", f"= {LONG_DAY_H * 60}")
            config.write_text(text, "utf-8")
            books.seed_people(config)
            with serving(config, *options) as stopper:
                setup.wait_for_lab(home, stopper)
                yield Lab(home, clock, stopper, sims)
        finally:
            sims.end()


@contextmanager
def serving(config: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Stopper and controller of a configuration; both are gone afterwards, frozen or not."""
    data_dir = config.parent / "data"
    data_dir.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "lab_controller.stopper", "--dir", str(data_dir), *options]
    command += ["--", sys.executable, "-m", "lab_controller", "serve-controller"]
    command += ["--config", str(config), "--port", "0", "--lang", "en"]
    with (config.parent / "lab.log").open("wb") as log:
        stopper = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield stopper
        finally:
            thaw(data_dir)
            setup.end(stopper)


def thaw(data_dir: Path) -> None:
    """A frozen controller goes on, so that it can end."""
    try:
        pid = press.status(data_dir)["pid"]
        os.kill(int(pid), signal.SIGCONT)
    except (press.StopperUnreachable, TypeError, ProcessLookupError):
        return
