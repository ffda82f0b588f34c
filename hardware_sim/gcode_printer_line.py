"""The printer's line with everything that can be wrong with it, between firmware and wire.

What the firmware says comes in whole lines, what the host sends in whatever bytes it wrote. Faults
bite on one line, in the order: held back, replaced, cut, late.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hardware_sim.faults import Faults, FaultTable
from hardware_sim.gcode_printer_timing import Repeater
from hardware_sim.gcode_printer_wire import DelayLine
from hardware_sim.wire_faults import WIRE_FAULTS, bites, changed

SHARED_NAMES = (
    *("hang", "late_execution", "slow", "reset_mid_frame", "half_frame", "bad_checksum"),
    *("truncate", "duplicate_reply", "non_utf8", "flood", "unplug", "renumber"),
)
LINE_FAULTS: FaultTable = {
    **{name: WIRE_FAULTS[name] for name in SHARED_NAMES},
    "noise_in": {"does": "one byte of a received line is another one", "p": 0.05},
    "noise_out": {"does": "one byte of a sent line is another one", "p": 0.05},
    "mute": {"does": "nothing is sent; lines are still executed"},
    "drop_ok": {"does": "an ok line is lost"},
    "bad_value": {"does": "every temperature is `value`", "value": "nan"},
}
NOISE_BYTES = bytes(byte for byte in range(0x20, 0x100) if byte not in (0x7F, 0xFF))
TEMPERATURE = re.compile(rb"\b([TB]):-?[\d.]+")
FLOOD_PERIOD_S = 0.02
KEPT_BYTES = 65_536


class FaultyLine:
    """Carries lines out and bytes in. `take` gets received lines, `hang_up` breaks the wire."""

    def __init__(
        self,
        faults: Faults,
        write: Callable[[bytes], None],
        take: Callable[[bytes], None],
        hang_up: Callable[[], None],
    ) -> None:
        self._faults, self._take, self._hang_up = faults, take, hang_up
        self._outlet = DelayLine(write)
        self._partial = bytearray()
        self._last = b" T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0\n"
        self._kept_out, self._kept_in = bytearray(), bytearray()
        self._cut = False
        self._flood = Repeater(self._flood_once)
        faults.followers.append(self._follow)

    def clear(self) -> None:
        """The board's life is over: what was under way is lost."""
        self._partial.clear()
        self._kept_in.clear()
        self._kept_out.clear()
        self._outlet.clear()

    def opened(self) -> None:
        """A host has opened the wire: what broke before does so no more."""
        self._cut = False

    def close(self) -> None:
        """End every timer."""
        self._flood.stop()
        self.clear()

    # -- out --------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Send one line, through whatever is wrong with the wire."""
        if self._faults.get("mute"):
            return
        if text.startswith("ok") and self._faults.strikes("drop_ok"):
            return
        line = text.encode("latin-1", "replace")
        if wrong := self._faults.get("bad_value"):
            line = TEMPERATURE.sub(rb"\1:" + str(wrong["value"]).encode(), line)
        if self._faults.get("noise_out"):
            line = self._noisy(line, "noise_out")
        self._last = line + b"\n"
        self._send(changed(self._faults, "reply", self._last))

    def _send(self, line: bytes) -> None:
        if self._faults.get("hang"):
            if len(self._kept_out) < KEPT_BYTES:
                self._kept_out += line
            return
        if self._cut or not line:
            return
        if cut := bites(self._faults, "reset_mid_frame", "reply"):
            self._outlet.put(line[: int(cut["bytes"]) or len(line) // 2], 0.0)
            self._cut = True
            self._hang_up()
            return
        if bites(self._faults, "half_frame", "reply"):
            self._cut, line = True, line[: len(line) // 2]
        late = bites(self._faults, "slow", "reply")
        self._outlet.put(line, late["seconds"] if late else 0.0)

    def _flood_once(self) -> None:
        flood = self._faults.get("flood")
        if flood is None:
            self._flood.stop()
            return
        line = f"{flood['text']}\n".encode() if flood["text"] else self._last
        self._outlet.put(line * max(1, int(flood["rate"] * FLOOD_PERIOD_S)), 0.0)

    # -- in ---------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes from the host, handed on as complete lines."""
        if self._faults.get("hang") or self._faults.get("late_execution"):
            if len(self._kept_in) < KEPT_BYTES:
                self._kept_in += data
            return
        self._partial += changed(self._faults, "request", data).replace(b"\r", b"\n")
        whole, newline, rest = self._partial.rpartition(b"\n")
        self._partial = bytearray(rest)
        if not newline:
            return
        lines = bytes(whole).split(b"\n")
        if self._faults.get("noise_in"):
            lines = [self._noisy(line, "noise_in") for line in lines]
        self._take(b"\n".join(lines) + b"\n")

    def _noisy(self, line: bytes, fault: str) -> bytes:
        """Replace one byte behind the first letter, never by or of a line end."""
        first = len(line) - len(line.lstrip(b" ")) + 1
        if len(line) <= first or not self._faults.strikes(fault):
            return line
        place = self._faults.source().randrange(first, len(line))
        byte = self._faults.source().choice(NOISE_BYTES.replace(line[place : place + 1], b""))
        return line[:place] + bytes([byte]) + line[place + 1 :]

    # -- when a fault begins or ends --------------------------------------------------------

    async def _follow(self) -> None:
        get = self._faults.get
        self._cut = self._cut and get("half_frame") is not None
        if get("flood") and not self._flood.on:
            self._flood.start(FLOOD_PERIOD_S)
        if not get("slow"):
            self._outlet.hurry()
        if not get("hang"):
            kept, self._kept_out = bytes(self._kept_out), bytearray()
            self._send(kept)
            if not get("late_execution"):
                late, self._kept_in = bytes(self._kept_in), bytearray()
                self.received(late)
