"""The wire to Modbus units: one request, one answer, over TCP or a serial bus.

pymodbus builds the frames and reads them. Its clients are not used: they tell a wrong unit, a
wrong transaction and a closed connection all as silence (measured with 3.16.1), and an answer to
another question is worse than none.
Modbus Application Protocol 1.1b3, Messaging on TCP/IP 1.0b, over Serial Line 1.02:
https://modbus.org/specs.php
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu import bit_message as bits
from pymodbus.pdu import register_message as registers

from equipment_drivers.devices.modbus_options import ModbusOptions
from equipment_drivers.devices.modbus_registers import BIT_TABLES, Block, Table, Write
from equipment_drivers.errors import (
    ConnectFailed,
    PeerSilent,
    ProtocolFault,
    Rejected,
    WireFault,
)
from equipment_drivers.transports.serial_port import SerialPort
from equipment_drivers.transports.tcp_port import TcpPort

MOST_UNREAD = 4096
STOP_TRANSACTION = 0xFFFF
LAST_TRANSACTION = 0xFFFE

READS: Mapping[str, type[ModbusPDU]] = {
    "coil": bits.ReadCoilsRequest,
    "discrete": bits.ReadDiscreteInputsRequest,
    "input": registers.ReadInputRegistersRequest,
    "holding": registers.ReadHoldingRegistersRequest,
}
ANSWERS: Mapping[int, type[ModbusPDU]] = {
    15: bits.WriteMultipleCoilsResponse,
    16: registers.WriteMultipleRegistersResponse,
}
"""The answers that are no echo of the request: address and count instead."""
MEANINGS: Mapping[int, str] = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Exception codes of section 7."""


class ExceptionAnswer(Rejected):
    """The unit answered with an exception code instead of data."""

    def __init__(self, number: int, unit: int) -> None:
        meaning = MEANINGS.get(number, "unknown exception")
        super().__init__(unit=unit, cause=f"{number}: {meaning}")
        self.number = number


class Port(Protocol):
    """What carries the bytes: a serial port or a TCP connection."""

    async def open(self) -> None: ...

    def write(self, data: bytes) -> None: ...

    def fileno(self) -> int | None: ...

    async def close(self) -> None: ...


class ModbusWire:
    """One connection to one or many units, one transaction at a time, nothing ever repeated.

    Methods raise ExceptionAnswer, PeerSilent (no answer in time), LinkLost, or ProtocolFault: a
    frame that is short, damaged, or no answer to what was asked.
    """

    def __init__(self, options: ModbusOptions) -> None:
        self._options = options
        self._rtu = options.transport == "rtu"
        self._framer = framer(options.transport)
        self._port = self._make_port()
        self._bus = asyncio.Lock()
        self._unread = b""
        self._transaction = 0
        self._heard_at = 0.0
        self._asked: ModbusPDU | None = None
        self._answer: asyncio.Future[ModbusPDU] | None = None
        self._exchanges: set[asyncio.Task[ModbusPDU]] = set()
        self._lost: asyncio.Future[WireFault] = asyncio.get_running_loop().create_future()

    def _make_port(self) -> Port:
        options = self._options
        if not self._rtu:
            return TcpPort(options.host, options.port, on_bytes=self._hear, on_lost=self._lose)
        return SerialPort(
            options.serial_port,
            options.baudrate,
            parity=options.parity,
            stopbits=options.stopbits,
            on_bytes=self._hear,
            on_lost=self._lose,
        )

    async def open(self) -> None:
        """Connect. Raises ConnectFailed, PortBusy or BadOption."""
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await self._port.open()
        except TimeoutError as error:
            raise ConnectFailed(port=self._options.host, cause="timeout") from error

    def fileno(self) -> int | None:
        """The serial descriptor, or None."""
        return self._port.fileno()

    async def close(self) -> None:
        """Close; ends what is under way. Never raises, may be called twice."""
        exchanges = list(self._exchanges)
        for exchange in exchanges:
            exchange.cancel()
        await asyncio.gather(*exchanges, return_exceptions=True)
        await self._port.close()

    async def pause(self, seconds: float) -> None:
        """Let time pass while nothing is lost. Raises what ended the wire."""
        await asyncio.wait({self._lost}, timeout=seconds)
        if self._lost.done():
            raise self._lost.result()

    # -- requests ---------------------------------------------------------------------------

    async def read(self, unit: int, block: Block) -> list[int]:
        """The registers (or bits as 0 and 1) of a block, all of one moment."""
        request = READS[block.table](dev_id=unit, address=block.address, count=block.count)
        answer = await self._exchange(request)
        if block.table in BIT_TABLES:
            found = [int(bit) for bit in answer.bits]
            fits = len(found) == (block.count + 7) // 8 * 8
        else:
            found = list(answer.registers)
            fits = len(found) == block.count
        if not fits:
            raise ProtocolFault(cause=f"{len(found)} values for {block.count}")
        return found[: block.count]

    async def write(
        self, unit: int, write: Write, permit: Callable[[], None] = lambda: None
    ) -> None:
        """Write once. `permit` is asked right before the bytes go out and may raise."""
        request = write_request(unit, write)
        answer = await self._exchange(request, permit)
        if shape(answer) != shape(request):
            raise ProtocolFault(cause="the answer to a write is not its echo")

    async def _exchange(
        self, request: ModbusPDU, permit: Callable[[], None] = lambda: None
    ) -> ModbusPDU:
        """One transaction. Cancelled, it still waits for its answer before the next may begin."""
        await self._bus.acquire()
        try:
            await self._keep_quiet()
            self._begin(request, permit)
        except BaseException:
            self._bus.release()
            raise
        exchange = asyncio.create_task(self._answered(request), name="modbus exchange")
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._end)
        return await asyncio.shield(exchange)

    async def _keep_quiet(self) -> None:
        """The silence between two frames of a serial bus."""
        rest = self._heard_at + self._options.quiet_s - asyncio.get_running_loop().time()
        if self._rtu and rest > 0:
            await asyncio.sleep(rest)

    def _begin(self, request: ModbusPDU, permit: Callable[[], None]) -> None:
        if self._lost.done():
            raise self._lost.result()
        self._unread = b""  # on a bus: noise between two frames
        if not self._rtu:
            self._transaction = self._transaction % LAST_TRANSACTION + 1
            request.transaction_id = self._transaction
        permit()
        self._port.write(self._framer.buildFrame(request))
        self._asked = request
        self._answer = asyncio.get_running_loop().create_future()

    async def _answered(self, request: ModbusPDU) -> ModbusPDU:
        assert self._answer is not None
        ends: set[asyncio.Future[Any]] = {self._answer, self._lost}
        await asyncio.wait(
            ends, timeout=self._options.timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._answer.done():
            answer = self._answer.result()
        elif self._lost.done():
            raise self._lost.result()
        elif self._unread:
            raise ProtocolFault(cause=f"short frame, {len(self._unread)} bytes")
        else:
            raise PeerSilent(unit=request.dev_id)
        if isinstance(answer, ExceptionResponse):
            raise ExceptionAnswer(answer.exception_code, request.dev_id)
        return answer

    def _end(self, exchange: asyncio.Task[ModbusPDU]) -> None:
        self._exchanges.discard(exchange)
        self._asked = None
        self._bus.release()
        for ended in (exchange, self._answer):
            if ended is not None and ended.done() and not ended.cancelled():
                ended.exception()  # whoever asked may have gone

    # -- what comes -------------------------------------------------------------------------

    def _hear(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._unread += data
        if len(self._unread) > MOST_UNREAD:
            self._unread = b""
            self._lose(ProtocolFault(cause=f"more than {MOST_UNREAD} bytes nobody asked for"))
        if self._asked is not None and self._answer is not None and not self._answer.done():
            self._match(self._asked, self._answer)
        elif not self._rtu:
            self._lose(ProtocolFault(cause="an answer nobody asked for"))

    def _match(self, request: ModbusPDU, waiting: asyncio.Future[ModbusPDU]) -> None:
        try:
            answer = self._take(request)
        except ProtocolFault as fault:
            waiting.set_exception(fault)
            return
        if answer is None:
            return
        waiting.set_result(answer)
        if self._unread and not self._rtu:
            self._lose(ProtocolFault(cause="an answer nobody asked for"))

    def _take(self, request: ModbusPDU) -> ModbusPDU | None:
        """The answer, once it is whole. Raises ProtocolFault when it answers something else."""
        try:
            used, unit, transaction, body = self._framer.decode(self._unread)
            if used == 0:
                return None
            self._unread = self._unread[used:]
            answer = self._framer.decoder.decode(body) if body else None
        except (ModbusException, IndexError, ValueError, struct.error) as error:
            raise ProtocolFault(cause=type(error).__name__) from error
        if answer is None:
            raise ProtocolFault(cause="damaged frame")
        if unit != request.dev_id:
            raise ProtocolFault(cause=f"unit {unit} for {request.dev_id}")
        if transaction != request.transaction_id:
            raise ProtocolFault(cause=f"transaction {transaction} for {request.transaction_id}")
        if answer.function_code & 0x7F != request.function_code:
            raise ProtocolFault(cause=f"function {answer.function_code}")
        return answer

    def _lose(self, fault: WireFault) -> None:
        if not self._lost.done():
            self._lost.set_result(fault)


def framer(transport: str) -> FramerSocket | FramerRTU:
    """pymodbus' reader and builder of frames for `tcp` or `rtu`."""
    return FramerRTU(DecodePDU(False)) if transport == "rtu" else FramerSocket(DecodePDU(False))


def write_request(unit: int, write: Write) -> ModbusPDU:
    """The request for it: one coil (5) or register (6), or several (15, 16)."""
    if write.table == "coil":
        kind = (
            bits.WriteSingleCoilRequest if len(write.words) == 1 else bits.WriteMultipleCoilsRequest
        )
        return kind(dev_id=unit, address=write.address, bits=[bool(word) for word in write.words])
    if len(write.words) == 1:
        single = registers.WriteSingleRegisterRequest
        return single(dev_id=unit, address=write.address, registers=list(write.words))
    several = registers.WriteMultipleRegistersRequest
    return several(dev_id=unit, address=write.address, registers=list(write.words))


def shape(message: ModbusPDU) -> tuple[object, ...]:
    """What a write and the answer to it have in common."""
    if message.function_code in ANSWERS:
        return message.address, message.count
    return message.address, tuple(message.bits[:1]), tuple(message.registers)


def stop_bytes(transport: str, unit: int, write: Write) -> tuple[bytes, str]:
    """The frame of a write for whoever stops the device, and a pattern of its answer.

    On TCP the transaction number is one this driver never uses.
    """
    request = write_request(unit, write)
    request.transaction_id = 0 if transport == "rtu" else STOP_TRANSACTION
    frame = framer(transport).buildFrame(request)
    if request.function_code not in ANSWERS:
        return frame, pattern(frame)
    answer = ANSWERS[request.function_code](
        dev_id=unit,
        address=write.address,
        count=len(write.words),
        transaction_id=request.transaction_id,
    )
    return frame, pattern(framer(transport).buildFrame(answer))


def keep_bytes(unit: int, table: Table, address: int) -> bytes:
    """A read over TCP that changes nothing: what keeps a connection for stopping alive."""
    request = READS[table](dev_id=unit, address=address, count=1)
    request.transaction_id = STOP_TRANSACTION
    return framer("tcp").buildFrame(request)


def pattern(data: bytes) -> str:
    """A regular expression in plain ASCII for exactly these bytes."""
    return "".join(f"\\x{byte:02x}" for byte in data)
