"""Stop bytes over a warm TCP connection of our own, one per address, shared by its devices.

A stop writes at once. Where the connection is not up, it is made within the stop's deadline; where
the peer says nothing for half of it, the connection is made anew and the bytes are sent again.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
from contextlib import suppress

from lab_controller.stopper.calls import SocketCall
from lab_controller.stopper.means.replies import KEEP, Question, Replies
from lab_controller.stopper.means.turns import Pauses, Turns, pause
from lab_controller.stopper.verdict import Outcome, Verdict, failed

CONNECT_TIMEOUT_S = 5.0
GREETING_TIMEOUT_S = 2.0
LONGEST_GREETING = 65536
KEEP_AWAKE_S = 2.5
KEEP_REPLY_S = 1.0
RETRY_S = 0.05
TCP_IDLE_S = 5


class Link(asyncio.Protocol):
    """One connection: what it has heard, and whether it still stands."""

    def __init__(self, lines: bool) -> None:
        loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self.gone: asyncio.Future[str] = loop.create_future()
        self.replies: Replies | None = None
        self._lines = lines
        self._greeting = bytearray()
        self._spoke = asyncio.Event()
        self._blocked: list[Question] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Up."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)  # so that we hear when all is with the kernel
        wire = transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, TCP_IDLE_S)

    def data_received(self, data: bytes) -> None:
        """First the greeting, then replies."""
        if self.replies is None:
            self._greeting = (self._greeting + data)[-LONGEST_GREETING:]
        else:
            self.replies.hear(data)
        self._spoke.set()

    def resume_writing(self) -> None:
        """Everything written is with the kernel."""
        for question in self._blocked:
            question.went_out()
        self._blocked.clear()

    def connection_lost(self, fault: Exception | None) -> None:
        """Down."""
        if not self.gone.done():
            self.gone.set_result(str(fault or "closed by the peer"))
        self._spoke.set()

    async def greeted(self, pattern: re.Pattern[bytes] | None) -> Replies:
        """Wait for what the peer says first. Raises ConnectionError when it goes instead."""
        while pattern is not None and not pattern.search(self._greeting):
            await self.word()
        self.replies = Replies(self._lines)
        return self.replies

    async def word(self) -> None:
        """Wait until the peer says something. Raises ConnectionError when it goes instead."""
        self._spoke.clear()
        if not self.gone.done():
            await self._spoke.wait()
        if self.gone.done():
            raise ConnectionError(self.gone.result())

    def ask(self, replies: Replies, question: Question) -> None:
        """Write a stop, as far as the kernel takes it now."""
        self.transport.write(question.call.data)
        if question.call.expect is not None:
            replies.owed(question)
        if self.transport.get_write_buffer_size():
            self._blocked.append(question)
        else:
            question.went_out()


class WarmSocket:
    """The connection to one address: kept, and made again when it is lost."""

    def __init__(self, call: SocketCall, turns: Turns) -> None:
        self._call = call
        self._turns = turns
        self._link: Link | None = None
        self._awake = False
        self._keep_answers: bool | None = None
        self._questions: list[Question] = []
        self._hurry = asyncio.Event()
        self.fault = ""
        self._task = asyncio.create_task(self._keep())

    @property
    def ready(self) -> bool:
        """Whether a stop would find a connection that worked the last time."""
        return self._awake and self._link is not None and not self._link.gone.done()

    def suits(self, call: SocketCall) -> bool:
        """Whether it is kept as this call wants its connection to be kept."""
        return (call.greeting, call.keep) == (self._call.greeting, self._call.keep)

    def fire(self, call: SocketCall, deadline_s: float) -> SocketAttempt:
        """Write now, or as soon as there is a connection."""
        question = Question(call, asyncio.get_running_loop().create_future())
        self._questions = [*self._waiting, question]
        link = self._link
        if link is not None and link.replies is not None and not link.gone.done():
            link.ask(link.replies, question)
        else:
            self._hurry.set()
        return SocketAttempt(self, question, deadline_s / 2)

    def renew(self) -> None:
        """Give the connection up: what is not answered on it must not be mixed with what follows.

        A new one is made at once, and what still waits is asked again there.
        """
        if self._link is not None:
            self._link.transport.abort()
        self._hurry.set()

    async def close(self) -> None:
        """End the keeping and the connection."""
        self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def _waiting(self) -> list[Question]:
        return [question for question in self._questions if question.open]

    async def _keep(self) -> None:
        pauses = Pauses()
        while True:
            await self._turns.come(self._hurry)
            try:
                await self._one_connection(pauses)
            except (OSError, TimeoutError) as fault:
                self.fault = str(fault) or type(fault).__name__
            self._hurry.clear()
            if self._waiting:
                await asyncio.sleep(RETRY_S)
                self._hurry.set()
            else:
                await pause(pauses.longer(), self._hurry)

    async def _one_connection(self, pauses: Pauses) -> None:
        """Connect, put out what was pressed meanwhile, stay until the connection is lost."""
        call, loop = self._call, asyncio.get_running_loop()
        lines = call.data.endswith(b"\n")
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, link = await loop.create_connection(lambda: Link(lines), call.host, call.port)
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                replies = await link.greeted(call.greeting)
            self._link = link
            self._hurry.clear()
            for question in self._waiting:
                link.ask(replies, question)
            while True:
                await self._keep_awake(link, replies)
                self._awake = True
                pauses.reset()
                with suppress(TimeoutError):
                    async with asyncio.timeout(KEEP_AWAKE_S * random.uniform(0.8, 1.0)):
                        raise ConnectionError(await asyncio.shield(link.gone))
        finally:
            self._link, self._awake = None, False
            link.transport.abort()

    async def _keep_awake(self, link: Link, replies: Replies) -> None:
        """Have the peer say something; one that never answered this is left to be silent."""
        if not self._call.keep or self._waiting:
            return
        if self._keep_answers is not False:
            replies.owed(KEEP)
        link.transport.write(self._call.keep)
        try:
            async with asyncio.timeout(KEEP_REPLY_S):
                await link.word()
        except TimeoutError:
            if self._keep_answers:
                raise
            self._keep_answers = False
            replies.keep_is_silent()
        else:
            self._keep_answers = True


class SocketAttempt:
    """One stop over the connection of its address."""

    def __init__(self, home: WarmSocket, question: Question, patience_s: float) -> None:
        self._home = home
        self._question = question
        self._patience_s = patience_s

    async def proof(self) -> Verdict:
        """The reply; halfway to the deadline a connection without one is made anew."""
        answer = self._question.answer
        done, _ = await asyncio.wait([answer], timeout=self._patience_s)
        if not done and self._question.sent:
            self._home.renew()
        return await asyncio.shield(answer)

    def at_deadline(self) -> Verdict:
        """How far it came; the connection that owes the reply is given up."""
        question = self._question
        question.answer.cancel()
        if not question.sent:
            return failed("unreachable", self._home.fault)
        self._home.renew()
        detail = "not_confirmed" if question.heard else "no_reply"
        return Verdict(Outcome.SENT, detail, question.heard)
