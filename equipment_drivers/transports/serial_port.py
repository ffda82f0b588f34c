"""A serial port (tty, pty or `socket://host:port`) as bytes on the event loop.

pyserial opens and configures the port in an executor; from then on its non-blocking descriptor
is read and written by the loop itself, so nothing here ever blocks or busy-waits.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import termios
from collections.abc import Callable

import serial

from equipment_drivers.errors import BadOption, ConnectFailed, DriverError, LinkLost, PortBusy

CHUNK = 65536
VMIN = 6
SPECIAL_CHARACTERS = 6

TAKEN = frozenset({errno.EAGAIN, errno.EBUSY})


class SerialPort:
    """One open port. `on_bytes` gets what is received as it comes; `on_lost` once, the cause.

    `parity` (N, E, O) and `stopbits` (1, 2) as pyserial names them.
    """

    def __init__(
        self,
        url: str,
        baudrate: int,
        *,
        on_bytes: Callable[[bytes], None],
        on_lost: Callable[[LinkLost], None],
        parity: str = serial.PARITY_NONE,
        stopbits: int = serial.STOPBITS_ONE,
    ) -> None:
        self.url = url
        self.heard_at = 0.0
        self._baudrate, self._parity, self._stopbits = baudrate, parity, stopbits
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._port: serial.SerialBase | None = None
        self._fd = -1
        self._loop: asyncio.AbstractEventLoop
        self._unsent = bytearray()
        self._closed = False

    async def open(self) -> None:
        """Open, lock and configure. Raises ConnectFailed, PortBusy or BadOption."""
        self._loop = asyncio.get_running_loop()
        opening = self._loop.run_in_executor(None, self._open_port)
        try:
            port = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        if self._closed:
            await self._loop.run_in_executor(None, port.close)
            raise LinkLost(port=self.url, cause="closed")
        self._port, self._fd = port, port.fileno()
        self.heard_at = self._loop.time()
        self._loop.add_reader(self._fd, self._readable)

    def _open_port(self) -> serial.SerialBase:
        """Blocking; DTR on a pty or socket is refused by the system, which pyserial passes over."""
        exclusive = None if self.url.startswith("socket://") else True
        try:
            port = serial.serial_for_url(
                self.url,
                self._baudrate,
                parity=self._parity,
                stopbits=self._stopbits,
                timeout=0,
                exclusive=exclusive,
            )
        except OSError as error:
            raise _opening_fault(self.url, error) from error
        except (ValueError, TypeError, termios.error) as error:
            raise BadOption(option="port", cause=error) from error
        try:
            _configure(port)
        except (OSError, termios.error) as error:
            _close_quietly(port)
            raise ConnectFailed(port=self.url, cause=error) from error
        return port

    def fileno(self) -> int | None:
        """The open descriptor (for a duplicate to stop with), or None."""
        return self._fd if self._fd >= 0 else None

    def write(self, data: bytes) -> None:
        """Send, keeping what the system does not take yet. Raises LinkLost when not open."""
        if self._fd < 0:
            raise LinkLost(port=self.url, cause="not open")
        if self._unsent:
            self._unsent += data
            return
        sent = self._offer(data)
        if self._fd >= 0 and sent < len(data):
            self._unsent += data[sent:]
            self._loop.add_writer(self._fd, self._writable)

    def write_now(self, data: bytes) -> None:
        """Send past everything that waits: what was not sent yet is dropped. For stopping."""
        self._unsent.clear()
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
        self.write(data)

    async def close(self) -> None:
        """Close; may be called twice, and while opening. Never raises."""
        self._closed = True
        self._off_the_loop()
        port, self._port = self._port, None
        if port is None:
            return
        if isinstance(port, serial.Serial):
            _unlock(port)
        # A tty's close waits for its output and pyserial's socket close sleeps: not on the loop.
        await self._loop.run_in_executor(None, _close_quietly, port)

    # -- the loop's callbacks ---------------------------------------------------------------

    def _offer(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._lose(error)
            return 0

    def _writable(self) -> None:
        del self._unsent[: self._offer(self._unsent)]
        if not self._unsent and self._fd >= 0:
            self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(None)
            return
        self.heard_at = self._loop.time()
        if not self._closed:
            self._on_bytes(data)

    def _lose(self, error: OSError | None) -> None:
        self._off_the_loop()
        cause = errno.errorcode.get(error.errno or 0, "OSError") if error else "hang-up"
        self._on_lost(LinkLost(port=self.url, cause=cause))

    def _off_the_loop(self) -> None:
        """Left on the loop, a hung-up descriptor wakes it 200,000 times a second."""
        descriptor, self._fd = self._fd, -1
        self._unsent.clear()
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)


def _opening_fault(url: str, error: OSError) -> DriverError:
    if error.errno in TAKEN:
        return PortBusy(port=url)
    return ConnectFailed(port=url, cause=errno.errorcode.get(error.errno or 0, str(error)))


def _configure(port: serial.SerialBase) -> None:
    descriptor = port.fileno()
    os.set_blocking(descriptor, False)
    if isinstance(port, serial.Serial):
        _empty_read_means_hang_up(descriptor)
        return
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _empty_read_means_hang_up(descriptor: int) -> None:
    """With VMIN 0, as pyserial leaves it, an empty read could also mean: nothing there yet."""
    attributes = termios.tcgetattr(descriptor)
    attributes[SPECIAL_CHARACTERS][VMIN] = 1
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def _unlock(port: serial.Serial) -> None:
    """A duplicate held elsewhere (for stopping) must not keep us from opening the port again."""
    try:
        fcntl.flock(port.fileno(), fcntl.LOCK_UN)
    except (OSError, serial.SerialException):
        return


def _close_quietly(port: serial.SerialBase) -> None:
    try:
        port.close()
    except (OSError, serial.SerialException):
        return


def _close_late(opening: asyncio.Future[serial.SerialBase]) -> None:
    """The opener was cancelled while the executor was at it: nobody else will close this port."""
    if not opening.cancelled() and opening.exception() is None:
        opening.get_loop().run_in_executor(None, _close_quietly, opening.result())
