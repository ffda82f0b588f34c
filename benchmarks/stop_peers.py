"""The far ends of a stop, in a process of their own: `python -m benchmarks.stop_peers wires|opcua`.

Prints where they are, then, for every line on its standard input, when stop bytes arrived since the
line before (CLOCK_MONOTONIC nanoseconds). `wires`: terminals and TCP servers, and printers that
answer `ok` as slowly as a line at 115 200 baud. `opcua`: servers with a Stop method; what counts is
when the request is on their socket, not when the library has understood it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import sys
import time
import tty
from collections.abc import Awaitable, Callable
from contextlib import suppress

from asyncua import Server, ua
from asyncua.common.methods import uamethod
from asyncua.server.binary_server_asyncio import OPCUAProtocol

WIRES, SERVERS, PRINTERS = 20, 10, 4
STOP = b"STOP-ALL"
URI = "urn:machikoba:bench"
LINE_S = 0.004
arrivals: list[int] = []


def note(data: bytes) -> None:
    """When stop bytes have arrived."""
    arrivals.extend([time.monotonic_ns()] * data.count(STOP))


def terminal(hear: Callable[[int, bytes], None]) -> str:
    """A pseudo-terminal whose far end hears; gives the path of the near end."""
    far, near = os.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    asyncio.get_running_loop().add_reader(far, lambda: hear(far, os.read(far, 65536)))
    return os.ttyname(near)


def print_slowly(far: int, data: bytes) -> None:
    """`ok` for each line, after the time it takes on the wire."""
    lines = data.count(b"\n")
    asyncio.get_running_loop().call_later(LINE_S * lines, os.write, far, b"ok\n" * lines)


class Board(asyncio.Protocol):
    """A TCP server that answers each line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"Connected\n")

    def data_received(self, data: bytes) -> None:
        """Answer."""
        note(data)
        self._transport.write(b"Stopped\n" * data.count(b"\n"))


async def wires() -> dict[str, list[str | int]]:
    """Terminals, TCP servers, printers."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Board, "127.0.0.1", 0) for _ in range(WIRES)]
    return {
        "terminals": [terminal(lambda far, data: note(data)) for _ in range(WIRES)],
        "ports": [server.sockets[0].getsockname()[1] for server in servers],
        "printers": [terminal(print_slowly) for _ in range(PRINTERS)],
    }


def free_port() -> int:
    """A port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def opcua() -> dict[str, list[str | int]]:
    """Servers with a method, each at an endpoint of its own."""
    logging.disable(logging.CRITICAL)
    understood = OPCUAProtocol.data_received

    def heard(self: OPCUAProtocol, data: bytes) -> None:
        note(data)
        understood(self, data)

    setattr(OPCUAProtocol, understood.__name__, heard)
    return {"endpoints": [await machine() for _ in range(SERVERS)]}


async def machine() -> str:
    """One server."""
    server = Server()
    await server.init()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/"
    server.set_endpoint(endpoint)
    index = await server.register_namespace(URI)
    robot = await server.nodes.objects.add_object(index, "Robot")
    method = ua.NodeId.from_string(f"ns={index};s={STOP.decode()}")

    @uamethod
    def stop(parent: ua.NodeId) -> None:
        """Nothing but to have been asked."""

    await robot.add_method(method, ua.QualifiedName("Stop", index), stop)
    await server.start()
    return endpoint


KINDS: dict[str, Callable[[], Awaitable[dict[str, list[str | int]]]]] = {
    "wires": wires,
    "opcua": opcua,
}


async def main(kind: str) -> None:
    """Serve until standard input is closed."""
    with suppress(PermissionError):  # a machine has a processor of its own
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    say(await KINDS[kind]())
    gc.freeze()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.readline():
        say(arrivals)
        arrivals.clear()


def say(found: object) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
