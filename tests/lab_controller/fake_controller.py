"""A controller that does what its standard input says: run by the stopper as its child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lab_controller.permit import Permit
from lab_controller.stopper.errors import StopFault
from lab_controller.stopper.place import SOCKET_ENV


def say(**words: object) -> None:
    """One JSON line to whoever reads our standard output."""
    sys.stdout.write(json.dumps({"pid": os.getpid(), **words}) + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Port:
    """A line opened here, and which device's reply `proof` shows."""

    fd: int
    device: str
    proof: bytes


class FakeController:
    """Carries out orders with a Permit of its own."""

    def __init__(self) -> None:
        self.permit = Permit(
            Path(os.environ[SOCKET_ENV]),
            beat_s=0.05,
            on_stopping=lambda found: say(event="stopping", **asdict(found)),
            on_latch=lambda latch: say(event="latch", open=latch.is_open),
            on_lost=lambda: say(event="lost", alive=self.permit.alive),
        )
        self.ports: dict[str, Port] = {}
        self.leave = asyncio.Event()
        self.deaf = False
        self.orders: Mapping[str, Callable[[dict[str, Any]], Awaitable[object]]] = {
            "open": self.open,
            "plans": self.plans,
            "hand_over": self.hand_over,
            "release": self.release,
            "may_act": self.may_act,
            "stop": self.stop,
            "reset": self.reset,
            "ignore_sigterm": self.ignore,
            "farewell": self.farewell,
            "hang_up": self.hang_up,
        }

    async def open(self, order: dict[str, Any]) -> object:
        await self.permit.open()
        return self.permit.latch.to_json()

    async def plans(self, order: dict[str, Any]) -> object:
        return await self.permit.send_plans([as_plan(one) for one in order["plans"]])

    async def hand_over(self, order: dict[str, Any]) -> object:
        fd = os.open(order["path"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(fd, termios.TCSANOW)
        port = Port(fd, order.get("device", ""), order.get("proof", "").encode())
        self.ports[order["connection"]] = port
        if port.proof:
            asyncio.get_running_loop().add_reader(fd, self.heard, port)
        await self.permit.hand_over(order["connection"], fd)
        return None

    def heard(self, port: Port) -> None:
        if port.proof in os.read(port.fd, 4096):
            self.permit.confirmed(port.device)

    async def release(self, order: dict[str, Any]) -> object:
        await self.permit.release(order["connection"])
        port = self.ports.pop(order["connection"])
        asyncio.get_running_loop().remove_reader(port.fd)
        os.close(port.fd)
        return None

    async def may_act(self, order: dict[str, Any]) -> object:
        return self.permit.may_act(order["device"])

    async def stop(self, order: dict[str, Any]) -> object:
        return await self.permit.stop(order["device"], by="api", reason="")

    async def reset(self, order: dict[str, Any]) -> object:
        latch = await self.permit.reset(
            order["device"], by=order["by"], reason=order["reason"], verified=order["verified"]
        )
        return latch.to_json()

    async def ignore(self, order: dict[str, Any]) -> object:
        self.deaf = True
        return None

    async def farewell(self, order: dict[str, Any]) -> object:
        self.leave.set()
        return None

    async def hang_up(self, order: dict[str, Any]) -> object:
        await self.permit.close()
        return None

    async def obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            order = json.loads(line)
            try:
                say(event="done", do=order["do"], result=await self.orders[order["do"]](order))
            except StopFault as fault:
                say(event="done", do=order["do"], code=fault.code, params=fault.params)

    def asked_to_end(self) -> None:
        if not self.deaf:
            self.leave.set()

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.asked_to_end)
        say(event="started")
        obeying = asyncio.create_task(self.obey())
        await self.leave.wait()
        obeying.cancel()
        if self.permit.connected:
            await self.permit.farewell()
        await self.permit.close()


def as_plan(data: dict[str, Any]) -> Any:
    """A plan as a driver would hand it over."""
    steps = [SimpleNamespace(**step) for step in data["steps"]]
    known, estop = data.get("known", True), data.get("estop", {})
    return SimpleNamespace(**{**data, "steps": steps, "known": known, "estop": estop})


if __name__ == "__main__":
    asyncio.run(FakeController().run())
