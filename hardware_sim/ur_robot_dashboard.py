"""The dashboard server of a Universal Robots controller: one line, one answer.

Answers as in the manufacturer's documents for CB3 and e-Series (port 29999); which verbs there
are depends on the version of PolyScope.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from hardware_sim.faults import Faults
from hardware_sim.ur_robot_arm import STOPPED, Arm, Refused

GREETING = "Connected: Universal Robots Dashboard Server"
OLD_GREETING = "Universal Robots Dashboard Server"
SERIAL, MODEL, BUILD = "20225500123", "UR5", "1031110 (Jul 06 2022)"

MODES = {3: "POWER_OFF", 4: "POWER_ON", 5: "IDLE", 7: "RUNNING"}
SAFETIES = {
    1: "NORMAL",
    2: "REDUCED",
    3: "PROTECTIVE_STOP",
    5: "SAFEGUARD_STOP",
    7: "ROBOT_EMERGENCY_STOP",
}
STATES = {1: "STOPPED", 2: "PLAYING", 4: "PAUSED"}

SINCE: Mapping[str, tuple[int, int]] = {
    "is in remote control": (5, 6),
    "get serial number": (5, 6),
    "get robot model": (5, 6),
    "safetystatus": (5, 4),
}
REMOTE_ONLY = frozenset({"power on", "power off", "brake release", "unlock protective stop"})
PROGRAM = frozenset({"play", "pause", "stop", "load"})
"""Also remote only; refused in other words."""


class DashboardServer:
    """Serves any number of clients; `asked` brings the arm up to date before each line."""

    def __init__(self, arm: Arm, faults: Faults, version: str, asked: Callable[[], None]) -> None:
        self._arm, self._faults, self._asked = arm, faults, asked
        self._version_text = version
        self._version = tuple(int(part) for part in version.split(".")[:2])
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._verbs: dict[str, Callable[[], str]] = {
            "PolyscopeVersion": lambda: f"URSoftware {version}.{BUILD}",
            "get serial number": lambda: SERIAL,
            "get robot model": lambda: MODEL,
            "is in remote control": lambda: "false" if self._local else "true",
            "robotmode": lambda: f"Robotmode: {self._mode}",
            "safetystatus": lambda: f"Safetystatus: {SAFETIES[arm.safety]}",
            "safetymode": lambda: f"Safetymode: {SAFETIES[arm.safety]}",
            "programState": self._program_state,
            "get loaded program": self._loaded,
            "running": lambda: f"Program running: {'true' if arm.runtime != STOPPED else 'false'}",
            "play": self._play,
            "pause": lambda: self._done(arm.pause, "Pausing program"),
            "stop": lambda: self._done(arm.stop, "Stopped"),
            "power on": lambda: self._done(arm.power_on, "Powering on"),
            "power off": lambda: self._done(arm.power_off, "Powering off"),
            "brake release": lambda: self._done(arm.release_brakes, "Brake releasing"),
            "unlock protective stop": lambda: self._done(arm.unlock, "Protective stop releasing"),
            "close popup": self._close_popup,
            "close safety popup": lambda: "closing safety popup",
            "quit": lambda: "Disconnected",
        }

    async def start(self) -> int:
        """Listen on a free port and return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on everybody, and wait until they are served no more."""
        if self._server is not None:
            self._server.close()
            serving = [task for task in self._clients.values() if task is not None]
            for client in self._clients:
                client.close()
            await asyncio.gather(*serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            old = self._faults.get("old_greeting") is not None
            writer.write(f"{OLD_GREETING if old else GREETING}\n".encode())
            while line := await reader.readline():
                answer = self._answer(line.decode("utf-8", "replace")).encode()
                if self._faults.get("no_text") is not None:
                    answer = bytes(byte | 0x80 for byte in answer)
                if self._faults.get("dashboard_mute") is None:
                    writer.write(answer + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # hung up, or an endless line: that client is gone
        finally:
            del self._clients[writer]
            writer.close()

    def _answer(self, line: str) -> str:
        text = line.strip()
        verb, _, argument = text.partition(" ")
        name = "load" if verb == "load" else text
        if self._faults.strikes("strange_reply"):
            return "Now what?"
        known = name == "load" or name in self._verbs
        if not known or SINCE.get(name, (0, 0)) > self._version:
            return f"could not understand: {text}"
        if self._local and name in PROGRAM:
            return f"Failed to execute: {name}"
        if self._local and name in REMOTE_ONLY:
            return "Not in remote control"
        self._asked()
        try:
            return self._load(argument) if name == "load" else self._verbs[name]()
        except Refused as refusal:
            return str(refusal)

    @property
    def _local(self) -> bool:
        return self._faults.get("local_control") is not None

    @property
    def _mode(self) -> str:
        return "SOMETHING_NEW" if self._faults.get("unknown_mode") else MODES[self._arm.mode]

    def _program_state(self) -> str:
        name = self._arm.loaded.name if self._arm.loaded else "null"
        return f"{STATES[self._arm.runtime]} {name}"

    def _loaded(self) -> str:
        loaded = self._arm.loaded
        return f"Loaded program: /programs/{loaded.name}" if loaded else "No program loaded"

    def _load(self, name: str) -> str:
        return f"Loading program: {self._arm.load(name)}"

    def _play(self) -> str:
        if not self._faults.strikes("play_without_effect"):
            self._arm.play(time.monotonic())
        return "Starting program"

    def _close_popup(self) -> str:
        self._arm.popup = ""
        return "closing popup"

    @staticmethod
    def _done(deed: Callable[[], None], answer: str) -> str:
        deed()
        return answer
