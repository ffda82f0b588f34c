"""The stopper as its own process with a fake controller inside, and devices to be stopped."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_controller.stopper import press

PATIENCE_S = 60.0
ROOT = Path(__file__).parents[2]
CONTROLLER = (sys.executable, "-m", "tests.lab_controller.fake_controller")
OPCUA_DEVICE = "tests.lab_controller.opcua_device"


def descriptor_plan(device: str, *, expect: str = "halted", deadline_s: float = 2.0) -> Any:
    """M112 on connection `line-<device>`."""
    payload = {"write_hex": b"M112\n".hex(), "expect": expect}
    step = {
        "kind": "descriptor",
        "connection": f"line-{device}",
        "payload": payload,
        "deadline_s": deadline_s,
    }
    return {"device": device, "means": "stop.means.kill", "steps": [step]}


def http_plan(device: str, port: int, *, deadline_s: float = 2.0, confirm: bool = True) -> Any:
    """POST /off, confirmed by GET /state."""
    base = f"http://127.0.0.1:{port}"
    state = {"url": f"{base}/state", "key": "state", "equals": "off"}
    payload = {
        "method": "POST",
        "url": f"{base}/off",
        "headers": {"Authorization": "Bearer secret-word"},
        "body": "{}",
        "confirm": state if confirm else None,
    }
    step = {"kind": "http", "connection": "hub", "payload": payload, "deadline_s": deadline_s}
    return {"device": device, "means": "stop.means.plug_off", "steps": [step]}


def opcua_plan(device: str, endpoint: str, *, deadline_s: float = 3.0, method: str = "Stop") -> Any:
    """The Stop method of the robot in `opcua_device`."""
    uri = "urn:test:robot"
    payload = {
        "endpoint": endpoint,
        "object": [[uri, "Robot"]],
        "method": [uri, method],
        "confirm": {"path": [[uri, "Robot"], [uri, "State"]], "equals": ["Stopped"]},
    }
    step = {"kind": "opcua_call", "connection": "c", "payload": payload, "deadline_s": deadline_s}
    return {"device": device, "means": "stop.means.halt", "steps": [step]}


@dataclass
class Rig:
    """A running stopper and the words of its controller."""

    data_dir: Path
    process: asyncio.subprocess.Process
    heard: list[dict[str, Any]] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)

    @classmethod
    async def start(cls, data_dir: Path, *options: str, command: Sequence[str] = CONTROLLER) -> Rig:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lab_controller.stopper", "--dir", str(data_dir)),
            *options,
            "--",
            *command,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(data_dir, process)

    @classmethod
    async def with_plans(cls, data_dir: Path, plans: Sequence[Any], *options: str) -> Rig:
        rig = await cls.start(data_dir, *options)
        await rig.hear("started")
        await rig.do("open")
        await rig.do("plans", plans=list(plans))
        return rig

    async def hear(self, event: str) -> dict[str, Any]:
        """The next word of this kind; others stay for later."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for index, word in enumerate(self.heard):
                    if word["event"] == event:
                        return self.heard.pop(index)
                assert self.process.stdout is not None
                line = await self.process.stdout.readline()
                assert line, f"the stopper ended before {event}: {await self.said()}"
                word = json.loads(line)
                self.pids.add(word["pid"])
                self.heard.append(word)

    async def said(self) -> str:
        """All the stopper wrote to its standard error; waits for its end."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def do(self, order: str, **words: Any) -> dict[str, Any]:
        """Have the controller carry something out; returns its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": order, **words}).encode() + b"\n")
        return await self.hear("done")

    async def press(self, device: str | None = None, *, by: str = "hanako") -> dict[str, Any]:
        return await asyncio.to_thread(press.press, self.data_dir, device, by=by, reason="test")

    async def status(self) -> dict[str, Any]:
        return await asyncio.to_thread(press.status, self.data_dir)

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask the stopper until its status fits."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.status()
                if fits(found):
                    return found

    async def all_ready(self) -> None:
        """Wait until every step of every plan could go out at once."""

        def ready(found: dict[str, Any]) -> bool:
            return all(s["ready"] for d in found["devices"].values() for s in d["steps"])

        await self.until(ready)

    def latch(self) -> Any:
        """The latch file as it is now, or None."""
        path = self.data_dir / "stop.latch"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


class PtyDevice:
    """The far end of a serial line; says `reply` when it hears M112."""

    def __init__(self, reply: bytes = b"") -> None:
        self._master, slave = pty.openpty()
        self.path = os.ttyname(slave)
        os.close(slave)
        self.reply = reply
        self.got = b""
        self.hung_up = asyncio.Event()
        self._change = asyncio.Event()

    def listen(self) -> None:
        """From the moment the other side has opened the line."""
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            asyncio.get_running_loop().remove_reader(self._master)
            self.hung_up.set()
            return
        self.got += data
        self._change.set()
        if b"M112" in data and self.reply:
            os.write(self._master, self.reply)

    async def until(self, text: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.got:
                self._change.clear()
                await self._change.wait()

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


class HttpDevice:
    """A plug behind a small HTTP server; `requests` are (connection number, method, path)."""

    def __init__(self, *, status: int = 200, obeys: bool = True) -> None:
        self.status = status
        self.obeys = obeys
        self.state = "on"
        self.requests: list[tuple[int, str, str]] = []
        self.authorized: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._connections = 0
        self._server: asyncio.Server
        self.port = 0

    async def start(self) -> HttpDevice:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                await reader.readexactly(int(fields.get("Content-Length", 0)))
                self.authorized.add(fields.get("Authorization", ""))
                self._answer(writer, number, method, path)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    def _answer(self, writer: asyncio.StreamWriter, number: int, method: str, path: str) -> None:
        self.requests.append((number, method, path))
        if method == "POST" and self.status < 300 and self.obeys:
            self.state = "off"
        body = json.dumps({"state": self.state}).encode()
        status = self.status if method == "POST" else 200
        head = f"HTTP/1.1 {status} Done\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

    def drop_connections(self) -> None:
        """Close what is idle, as servers do after their keep-alive time."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        self.drop_connections()
        self._server.close()
        await self._server.wait_closed()


def black_hole() -> socket.socket:
    """A port that takes connections and never says anything."""
    return socket.create_server(("127.0.0.1", 0))


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def socket_plan(device: str, port: int, *, deadline_s: float = 2.0, **payload: Any) -> Any:
    """`stop <device>` to a server that greets and answers line by line."""
    step = {
        "kind": "socket",
        "connection": "board",
        "payload": {
            "host": "127.0.0.1",
            "port": port,
            "greeting": "^Connected",
            "write_hex": f"stop {device}\n".encode().hex(),
            "expect": "^Stopped",
            "keep_hex": b"mode\n".hex(),
        }
        | payload,
        "deadline_s": deadline_s,
    }
    return {"device": device, "means": "stop.means.halt", "steps": [step]}


class LineServer:
    """A server that greets and answers lines; `said` are (connection number, line)."""

    def __init__(self, **answers: str) -> None:
        self.answers = {"mode": "Robotmode: RUNNING"} | answers
        self.greeting = "Connected: Board\n"
        self.said: list[tuple[int, str]] = []
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._count = 0
        self._server: asyncio.Server
        self._news = asyncio.Event()

    async def start(self, port: int = 0) -> LineServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        number = self._count
        self._writers.append(writer)
        writer.write(self.greeting.encode())
        with suppress(OSError):
            while line := (await reader.readline()).decode().strip():
                self.said.append((number, line))
                self._news.set()
                answer = self.answers.get(line, "")
                writer.write(f"{answer}\n".encode() if answer else b"")
        writer.transport.abort()

    async def heard(self, line: str, times: int = 1) -> list[int]:
        """Wait for a line; the numbers of the connections it came over."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [number for number, said in self.said if said == line]) < times:
                self._news.clear()
                await self._news.wait()
        return found

    def drop_connections(self) -> None:
        """Gone, as after a restart of the peer."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        self.drop_connections()
        self._server.close()
        await self._server.wait_closed()
