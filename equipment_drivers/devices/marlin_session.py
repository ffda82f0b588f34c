"""One life of the wire to a Marlin-style printer: from opening and handshake until it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from equipment_drivers.contract import StopOutcome
from equipment_drivers.devices.marlin_link import MarlinLink
from equipment_drivers.devices.marlin_replies import (
    Identity,
    Kind,
    Position,
    Reply,
    Temperatures,
    identity,
    position,
    prints_from_card,
    temperatures,
)
from equipment_drivers.devices.marlin_spec import (
    COLD_BYTES,
    COLD_LINES,
    STOP_BYTES,
    MarlinOptions,
)
from equipment_drivers.errors import (
    DriverError,
    LinkLost,
    PeerSilent,
    ProtocolFault,
    SetupFault,
    UnsupportedFirmware,
    WireFault,
    WrongDevice,
)
from equipment_drivers.transports.serial_line import SerialLine

T = TypeVar("T")
ASKED = 5
"""How often a question is put before its answer, each time damaged or missing, is given up."""
LOOKS = 5
MARLIN = "marlin"
"""In the name of every firmware of this family; Repetier, Smoothie and Klipper do not say it."""
HEATING_WAITS = ("M109", "M190", "M191")


class MarlinSession:
    """The open line, its numbered link, and who is at the other end."""

    def __init__(
        self, connection: str, options: MarlinOptions, on_reply: Callable[[Reply], None]
    ) -> None:
        self.options = options
        self.identity = Identity()
        self.halted = asyncio.Event()
        self._connection, self._on_reply = connection, on_reply
        self._started = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[WireFault] = self._loop.create_future()
        self._poll: asyncio.Future[list[str]] | None = None
        self.line = SerialLine(
            options.port, options.baudrate, on_line=self._hear, on_lost=self._lose
        )
        self.link = MarlinLink(self.line, options.timing, on_reply=self._heed, on_broken=self._lose)

    def _hear(self, line: str) -> None:
        self.link.hear(line)

    def _heed(self, reply: Reply) -> None:
        if reply.kind is Kind.START:
            self._started.set()
        elif reply.kind is Kind.HALTED:
            self.halted.set()
        elif reply.text.startswith("//action:disconnect"):
            self._lose(LinkLost(connection=self._connection, cause="asked_by_printer"))
        self._on_reply(reply)

    def _lose(self, fault: WireFault) -> None:
        self.link.fail(fault)
        if not self._lost.done():
            self._lost.set_result(fault)

    # -- beginning and end ------------------------------------------------------------------

    async def open(self) -> None:
        """Open, number from 0, learn who it is. Raises WireFault or SetupFault."""
        await self.line.open()
        try:
            async with asyncio.timeout(self.options.handshake_s):
                await self._shake_hands()
        except TimeoutError as error:
            raise PeerSilent(connection=self._connection, port=self.options.port) from error

    async def _shake_hands(self) -> None:
        """A board that opening resets says `start`; one with its own USB may say nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.options.banner_s):
                await self._started.wait()
        await self.link.renumber()
        await self._identify()
        if self._can("AUTOREPORT_TEMP"):
            await self.link.send(f"M155 S{self.options.autoreport_s}")
        if self.options.idle_kill_s:
            await self.link.send(f"M85 S{self.options.idle_kill_s}")
        if any("Unknown command" in line for line in await self.link.send("M113 S2")):
            patience = self.options.mute_ok_timeout_s
            self.link.timing = replace(self.link.timing, ok_s=patience, long_ok_s=patience)

    async def _identify(self) -> None:
        """M115 says who it is; asked again when it seems to be somebody else: noise is likelier."""
        expected = (self.options.expected_firmware, self.options.expected_uuid)
        fault: SetupFault | None = None
        for _ in range(ASKED):
            self.identity = await self.ask("M115", _known)
            found = (self.identity.firmware, self.identity.fields.get("UUID", ""))
            if not all(is_.startswith(should) for is_, should in zip(found, expected, strict=True)):
                cause, wanted = " ".join(found), " ".join(expected)
                fault = WrongDevice(connection=self._connection, cause=cause, expected=wanted)
            elif not self.options.other_firmware and MARLIN not in found[0].lower():
                fault = UnsupportedFirmware(connection=self._connection, cause=found[0])
            else:
                return
        if fault is not None:
            raise fault

    def _can(self, capability: str) -> bool:
        return capability in self.identity.capabilities

    async def close(self) -> None:
        """Close the wire; whoever waits gets LinkLost. Never raises, may be called twice."""
        self._lose(LinkLost(connection=self._connection, cause="closed"))
        await self.line.close()

    # -- living -----------------------------------------------------------------------------

    @property
    def silence_left_s(self) -> float:
        """How much longer the printer may say nothing before it counts as gone."""
        return self.line.heard_at + self.options.max_silence_s - self._loop.time()

    @property
    def is_gone(self) -> bool:
        """Whether the wire has ended, or its silence has lasted too long."""
        return self._lost.done() or self.silence_left_s <= 0

    async def lost(self, within_s: float) -> WireFault | None:
        """What ended the wire, or None if it still stands after so many seconds."""
        left = self.silence_left_s
        if left <= 0:
            silent = self.options.max_silence_s - left
            return PeerSilent(connection=self._connection, seconds=f"{silent:.1f}")
        if self._must_ask() and not self.link.is_crowded:
            self._poll = self.link.post("M105")
        with suppress(TimeoutError):
            async with asyncio.timeout(min(within_s, left)):
                return await asyncio.shield(self._lost)
        return None

    def _must_ask(self) -> bool:
        """Whether temperatures do not come by themselves and none are asked for already."""
        return not self._can("AUTOREPORT_TEMP") and (self._poll is None or self._poll.done())

    async def ask(self, command: str, read: Callable[[Sequence[str]], T | None]) -> T:
        """Send until the answer can be read: it proves that all sent before was executed."""
        for _ in range(ASKED):
            answer = read(await self.link.send(command))
            if answer is not None:
                return answer
        raise ProtocolFault(connection=self._connection, cause=f"no answer: {command}")

    async def temperatures(self) -> Temperatures:
        """M105, read."""
        return await self.ask("M105", lambda lines: _last(lines, temperatures))

    async def position(self) -> Position:
        """M114, read."""
        return await self.ask("M114", lambda lines: _last(lines, position))

    async def stand_still(self) -> None:
        """Done when all queued motion has ended; the position read after it proves that."""
        await self.link.send("M400")
        await self.position()

    async def moves_by_itself(self) -> bool:
        """Whether it prints from its own card, or its axes move although we sent nothing.

        A damaged answer must not look like either: standing is shown by two equal counts.
        """
        if await self.prints_from_card():
            return True
        seen: set[str] = set()
        for _ in range(LOOKS):
            counts = (await self.position()).counts
            if counts in seen:
                return False
            seen.add(counts)
            await asyncio.sleep(self.options.settle_s)
        return True

    async def prints_from_card(self) -> bool:
        """Whether a file on the printer's own card is being printed: told twice to be believed."""
        return all([prints_from_card(await self.link.send("M27")) for _ in range(2)])

    # -- stopping ---------------------------------------------------------------------------

    def quickstop(self) -> None:
        """M410: the motion ends at once, wherever it is; past the queue if the firmware listens."""
        if self._can("EMERGENCY_PARSER") and self.line.fileno() is not None:
            self.line.write(b"M410\n")
        else:
            self.link.post("M410")

    def break_heating_wait(self) -> None:
        """End a wait for temperature, where the firmware listens to M108 while it waits."""
        waits = self.link.in_flight.startswith(HEATING_WAITS)
        if waits and self._can("EMERGENCY_PARSER") and self.line.fileno() is not None:
            self.line.write(b"M108\n")

    async def cool(self) -> StopOutcome:
        """Heaters and fan off, read back; past the queue if the printer does not answer in time."""
        try:
            async with asyncio.timeout(self.options.cool_s):
                for command in COLD_LINES:
                    await self.link.send(command)
                report = await self.temperatures()
        except (TimeoutError, DriverError):
            return StopOutcome.SENT if self._write_past(COLD_BYTES) else StopOutcome.FAILED
        targets = (report.hotend_target, report.bed_target or 0.0)
        return StopOutcome.FAILED if any(targets) else StopOutcome.CONFIRMED

    async def halt(self, reason: DriverError) -> StopOutcome:
        """M112 past everything; CONFIRMED when the printer says so."""
        written = self._write_past(STOP_BYTES)
        self.link.fail(reason)
        if not written:
            return StopOutcome.FAILED
        with suppress(TimeoutError):
            async with asyncio.timeout(self.options.stop_confirm_s):
                await self.halted.wait()
        return StopOutcome.CONFIRMED if self.halted.is_set() else StopOutcome.SENT

    def _write_past(self, data: bytes) -> bool:
        try:
            self.line.write_now(data)
        except LinkLost:
            return False
        return self.line.fileno() is not None


def _known(lines: Sequence[str]) -> Identity | None:
    found = identity(lines)
    return found if found.firmware else None


def _last(lines: Sequence[str], read: Callable[[str], T | None]) -> T | None:
    found = [value for line in lines if (value := read(line)) is not None]
    return found[-1] if found else None
