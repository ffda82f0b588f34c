"""The front door: a Unix socket, JSON lines, one object a line.

A request is `{"op": …, "id": …, …}`; its answer carries the same `id` with `"ok": true` and the
result, or `"ok": false, "code": "stop.…", "params": {…}`. A request without `id` is not answered.

For anyone who can open the socket (same user):
- `stop` {device or null for the whole lab, by, reason} → the report, when every step is settled
- `status` {} → latch, controller, devices

For the controller's channel, the connection that has said `hello`:
- `hello` {} → {latch, valid_s}
- `plans` {plans: [StopPlan …]} → {problems}; replaces all plans
- `descriptor` {connection}, with one descriptor beside it → {}; the stopper keeps the duplicate
- `release` {connection} → {}; answered when the duplicate is closed
- `heartbeat` {seq}; answered by the push `permit`, unless the lab is latched
- `confirmed` {device}: the controller saw the device's stop reply on its line
- `reset` {device or null, by, reason, verified: [device …]} → {latch}
- `farewell` {} → {}: a shutdown in good order, what follows is no death

Pushes to the controller: `{"push": "permit", seq, valid_s}` (good until `valid_s` after heartbeat
`seq` was sent), `{"push": "stopping", lab, devices, by, reason, cause, at}` before the first byte
of a stop goes out, `{"push": "stopped", …}` with the same words and, in `devices`, what became of
it on each, `{"push": "latch", state}` on every change.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from lab_controller.stopper.controller import PERMIT_S, ControllerChannel
from lab_controller.stopper.errors import Refused, StopFault
from lab_controller.stopper.lines import LineSocket, Message
from lab_controller.stopper.stopper import Stopper

Handler = Callable[[LineSocket, Message], Awaitable[Message]]
BACKLOG = 64

log = logging.getLogger(__name__)


class Door:
    """Listens, and turns messages into calls on the stopper and the controller's channel."""

    def __init__(
        self,
        path: Path,
        stopper: Stopper,
        controller: ControllerChannel,
        facts: Callable[[], Message],
    ) -> None:
        self._stopper = stopper
        self._controller = controller
        self._facts = facts
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._path = path
        path.unlink(missing_ok=True)
        self._socket.bind(os.fspath(path))
        path.chmod(0o600)
        self._socket.listen(BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        self._public: Mapping[str, Handler] = {
            "stop": self._stop,
            "status": self._status,
            "hello": self._hello,
        }
        self._private: Mapping[str, Handler] = {
            "plans": self._plans,
            "descriptor": self._descriptor,
            "release": self._release,
            "heartbeat": self._heartbeat,
            "confirmed": self._confirmed,
            "reset": self._reset,
            "farewell": self._farewell,
        }

    async def close(self) -> None:
        """Close the socket and every connection."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError:
            return
        self._spawn(self._serve(LineSocket(sock)))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, line: LineSocket) -> None:
        try:
            while True:
                try:
                    message = await line.receive()
                except StopFault as fault:
                    line.send(_refusal(fault))
                    continue
                if message is None:
                    return
                self._dispatch(line, message)
        finally:
            line.close()
            self._controller.left(line)

    def _dispatch(self, line: LineSocket, message: Message) -> None:
        """Start a request at once; the next one does not wait for its answer."""
        self._spawn(self._answer(line, message))

    async def _answer(self, line: LineSocket, message: Message) -> None:
        try:
            handler = self._handler(line, str(message.get("op")))
            answer = {"ok": True, **await handler(line, message)}
        except StopFault as fault:
            answer = _refusal(fault)
        except Exception as fault:
            log.exception("stop.internal op=%s", message.get("op"))
            answer = _refusal(Refused("stop.internal", cause=repr(fault)))
        if "id" in message:
            line.send({"id": message["id"], **answer})

    def _handler(self, line: LineSocket, op: str) -> Handler:
        if op in self._public:
            return self._public[op]
        if op not in self._private:
            raise Refused("stop.unknown_op", op=op)
        if not self._controller.is_me(line):
            raise Refused("stop.controller_only", op=op)
        return self._private[op]

    async def _stop(self, line: LineSocket, message: Message) -> Message:
        task = self._stopper.press(
            _device(message), by=_word(message, "by"), reason=_word(message, "reason")
        )
        return await asyncio.shield(task)

    async def _status(self, line: LineSocket, message: Message) -> Message:
        return {
            "latch": self._stopper.keeper.state.to_json(),
            "controller": self._controller.word,
            "pid": self._controller.pid,
            "devices": self._stopper.devices(),
            **self._facts(),
        }

    async def _hello(self, line: LineSocket, message: Message) -> Message:
        self._controller.greet(line)
        self._stopper.reach.descriptors.listen(False)
        return {"latch": self._stopper.keeper.state.to_json(), "valid_s": PERMIT_S}

    async def _plans(self, line: LineSocket, message: Message) -> Message:
        problems = await self._stopper.adopt(message.get("plans"))
        self._controller.has_plans = True
        return {"problems": problems}

    async def _descriptor(self, line: LineSocket, message: Message) -> Message:
        fd = line.take_descriptor()
        if fd is None:
            raise Refused("stop.bad_message", problem="no descriptor")
        self._stopper.reach.descriptors.hold(_word(message, "connection"), fd)
        return {}

    async def _release(self, line: LineSocket, message: Message) -> Message:
        self._stopper.reach.descriptors.release(_word(message, "connection"))
        return {}

    async def _heartbeat(self, line: LineSocket, message: Message) -> Message:
        self._controller.beat()
        if self._stopper.keeper.state.lab is None and not self._controller.departed:
            line.send({"push": "permit", "seq": message.get("seq"), "valid_s": PERMIT_S})
        return {}

    async def _confirmed(self, line: LineSocket, message: Message) -> Message:
        self._stopper.reach.descriptors.confirmed(_word(message, "device"))
        return {}

    async def _reset(self, line: LineSocket, message: Message) -> Message:
        if not self._controller.living:
            raise Refused("stop.controller_only", op="reset")
        if not self._controller.has_plans:
            raise Refused("stop.no_plans")
        verified = message.get("verified")
        if not isinstance(verified, list):
            raise Refused("stop.bad_message", problem="verified: not a list")
        await self._stopper.reset(
            _device(message),
            by=_word(message, "by"),
            reason=_word(message, "reason"),
            verified=[str(one) for one in verified],
        )
        return {"latch": self._stopper.keeper.state.to_json()}

    async def _farewell(self, line: LineSocket, message: Message) -> Message:
        self._controller.farewell()
        self._stopper.reach.descriptors.release_all()
        return {}


def _refusal(fault: StopFault) -> Message:
    return {"ok": False, "code": fault.code, "params": fault.params}


def _word(message: Message, key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""


def _device(message: Message) -> str | None:
    """The scope. A stop with a device that is no text stops the whole lab, rather than nothing."""
    value = message.get("device")
    return value if isinstance(value, str) and value else None
