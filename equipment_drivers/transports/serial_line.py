"""A serial port as text lines: the received bytes cut at their line ends."""

from __future__ import annotations

from collections.abc import Callable

from equipment_drivers.errors import LinkLost
from equipment_drivers.transports.serial_port import SerialPort

LONGEST_LINE = 512


class SerialLine(SerialPort):
    """One open port. `on_line` gets each received line without its end; `on_lost` once, the cause.

    Lines may come split, merged, empty, with CRLF or with any bytes in them: undecodable bytes
    become U+FFFD, lines over 512 bytes are dropped and counted in `dropped`.
    """

    def __init__(
        self,
        url: str,
        baudrate: int,
        *,
        on_line: Callable[[str], None],
        on_lost: Callable[[LinkLost], None],
    ) -> None:
        super().__init__(url, baudrate, on_bytes=self._cut, on_lost=on_lost)
        self.dropped = 0
        self._on_line = on_line
        self._received = b""
        self._skipping = False

    def _cut(self, data: bytes) -> None:
        if not self._received and data.find(b"\n") == len(data) - 1:
            self._deliver(data[:-1])  # one whole line, as nearly always
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._deliver(line)
        if len(self._received) > LONGEST_LINE:
            self._received, self._skipping = b"", True

    def _deliver(self, line: bytes) -> None:
        if self._skipping or len(line) > LONGEST_LINE:
            self._skipping = False
            self.dropped += 1
            return
        text = line.decode("ascii", "replace").strip("\r\0 ")
        if text and not self._closed:
            self._on_line(text)
