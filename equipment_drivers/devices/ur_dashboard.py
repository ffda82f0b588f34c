"""The dashboard of a Universal Robots controller: a line out, a line back, a greeting first.

What a verb is answered differs between versions, so every verb has a pattern for its good answer.
A socket on which anything went wrong is closed: a late answer cannot be told from the next one.
Source: Dashboard Server, e-Series and CB3 (port 29999), universal-robots.com.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from equipment_drivers.errors import (
    DriverError,
    LinkLost,
    NotAllowedNow,
    NotSupported,
    PeerSilent,
    ProtocolFault,
    Rejected,
)
from equipment_drivers.transports.tcp_port import TcpPort

LONGEST_LINE = 4096
GREETING = "Universal Robots.*Dashboard Server"


class NotRemote(NotAllowedNow):
    """The pendant is not in remote control: somebody has to switch it there."""

    code = "driver.not_remote"


@dataclass(frozen=True, slots=True)
class Verb:
    """What is sent, and what it is answered when it was done; the group is what it says."""

    line: str
    good: re.Pattern[str]


def _verb(line: str, good: str) -> Verb:
    return Verb(line, re.compile(good, re.IGNORECASE))


VERBS: Mapping[str, Verb] = {
    "version": _verb("PolyscopeVersion", r"(?:URSoftware )?(\d+\.\d+\.\d+.*)"),
    "serial": _verb("get serial number", r"(\w+)"),
    "model": _verb("get robot model", r"(UR\w*)"),
    "remote": _verb("is in remote control", r"(true|false)"),
    "mode": _verb("robotmode", r"Robotmode: *(\w+)"),
    "safety_status": _verb("safetystatus", r"Safetystatus: *(\w+)"),
    "safety_mode": _verb("safetymode", r"Safetymode: *(\w+)"),
    "program_state": _verb("programState", r"((?:STOPPED|PLAYING|PAUSED)\b.*)"),
    "loaded": _verb("get loaded program", r"Loaded program: *(.*)|No program loaded.*"),
    "running": _verb("running", r"Program running: *(true|false)"),
    "load": _verb("load {}", r"Loading program: *(.*)"),
    "play": _verb("play", r"(Starting program.*)"),
    "pause": _verb("pause", r"(Pausing program.*)"),
    "stop": _verb("stop", r"(Stopped.*)"),
    "power_on": _verb("power on", r"(Powering on.*)"),
    "power_off": _verb("power off", r"(Powering off.*)"),
    "brake_release": _verb("brake release", r"(Brake releasing.*)"),
    "unlock": _verb("unlock protective stop", r"(Protective stop releasing.*)"),
    "close_popup": _verb("close popup", r"(closing popup.*)"),
    "close_safety_popup": _verb("close safety popup", r"(closing safety popup.*)"),
}

REFUSALS: tuple[tuple[re.Pattern[str], type[DriverError]], ...] = (
    (re.compile(r"could not understand|not supported", re.IGNORECASE), NotSupported),
    (re.compile(r"remote control", re.IGNORECASE), NotRemote),
    (
        re.compile(
            r"failed to execute|file not found|error while|cannot|can't|not allowed"
            r"|protective stop|safety",
            re.IGNORECASE,
        ),
        Rejected,
    ),
)
"""What a refusal says, and what it is for us; any other text is an answer nobody expects."""


def judge(verb: str, answer: str) -> str:
    """What a verb's answer says. Raises NotRemote, NotSupported, Rejected, ProtocolFault."""
    if said := VERBS[verb].good.fullmatch(answer.strip()):
        return (said.group(1) or "").strip()
    for pattern, error in REFUSALS:
        if pattern.search(answer):
            raise error(verb=verb, cause=answer.strip()[:200], state="local control")
    raise ProtocolFault(cause=f"{verb}: {answer.strip()[:200]!r}")


class _Lines:
    """Lines of one open connection; `take` gives them in order and raises once it is lost."""

    def __init__(self, host: str, port: int) -> None:
        self._port = TcpPort(host, port, on_bytes=self._hear, on_lost=self._lose)
        self._rest = b""
        self._lines: deque[str] = deque()
        self._news = asyncio.Event()
        self._fault: DriverError | None = None

    async def open(self) -> None:
        await self._port.open()

    @property
    def quiet(self) -> bool:
        """Whether nothing is there that nobody asked for, and the connection lives."""
        return not self._lines and not self._rest and self._fault is None

    def say(self, text: str) -> None:
        self._port.write(text.encode() + b"\n")

    async def take(self) -> str:
        while not self._lines:
            if self._fault is not None:
                raise self._fault
            self._news.clear()
            await self._news.wait()
        return self._lines.popleft()

    async def close(self) -> None:
        await self._port.close()

    def _hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(line.decode("utf-8", "replace") for line in lines)
        if len(self._rest) > LONGEST_LINE or len(self._lines) > LONGEST_LINE:
            self._rest = b""
            self._lines.clear()
            self._lose(ProtocolFault(cause="dashboard: no end of lines"))
        self._news.set()

    def _lose(self, fault: DriverError) -> None:
        self._fault = self._fault or fault
        self._news.set()


class Dashboard:
    """One socket to the dashboard for one purpose; opened when it is needed, one question a time.

    `timeout_s` bounds each answer, `greeting_s` the greeting: a controller that has just booted
    takes its time for it.
    """

    def __init__(self, host: str, port: int, *, timeout_s: float, greeting_s: float) -> None:
        self._host, self._port = host, port
        self._timeout_s, self._greeting_s = timeout_s, greeting_s
        self._lines: _Lines | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        """Connect and read the greeting. Raises a WireFault."""
        if self._lines is not None:
            return
        lines = _Lines(self._host, self._port)
        try:
            async with asyncio.timeout(self._greeting_s):
                await lines.open()
                greeting = await lines.take()
            if not re.search(GREETING, greeting, re.IGNORECASE):
                raise ProtocolFault(cause=f"dashboard greeting {greeting.strip()[:80]!r}")
        except TimeoutError as error:
            await lines.close()
            raise PeerSilent(cause="dashboard greeting") from error
        except BaseException:
            await lines.close()
            raise
        self._lines = lines

    async def ask(self, verb: str, argument: str = "", *, within_s: float | None = None) -> str:
        """Say one verb and return what its answer says.

        Raises NotRemote, NotSupported, Rejected (refused), PeerSilent, LinkLost, ConnectFailed or
        ProtocolFault; after the last four the socket is closed.
        """
        async with self._one_at_a_time:
            answer = await self._exchange(verb, argument, within_s or self._timeout_s)
            try:
                return judge(verb, answer)
            except ProtocolFault:
                await self.close()
                raise

    async def _exchange(self, verb: str, argument: str, within_s: float) -> str:
        if self._lines is not None and not self._lines.quiet:
            await self.close()  # hung up on since, or said something nobody asked for
        await self.open()
        lines = self._lines
        if lines is None:
            raise LinkLost(cause="closed")
        try:
            async with asyncio.timeout(within_s):
                lines.say(VERBS[verb].line.format(argument))
                return await lines.take()
        except TimeoutError as error:
            await self.close()
            raise PeerSilent(cause=f"dashboard: {verb}") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Hang up; may be called twice. Never raises."""
        lines, self._lines = self._lines, None
        if lines is not None:
            await lines.close()
