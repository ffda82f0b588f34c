"""One OPC UA endpoint as every driver on it lives with it: log in, read all, subscribe, probe.

Changes come by subscription, so that no step of a counter is missed. A probe reads the same
values every `watchdog_s`: it notices a dead peer, keeps unchanged values fresh, and finds a
subscription that has gone silent behind a living socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from asyncua import Node, ua

from equipment_drivers.contract import Clock, Emit, StopStep
from equipment_drivers.devices.opcua_inbox import Inbox
from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_session import Session, Standing
from equipment_drivers.devices.opcua_stop import stop_step
from equipment_drivers.devices.opcua_tree import Method, Steps, Tree
from equipment_drivers.devices.opcua_view import PAIRING_S, View
from equipment_drivers.errors import LinkLost, PeerSilent
from equipment_drivers.model import DeviceMessage, Link, LinkChanged
from equipment_drivers.side_by_side import until_one_ends


@dataclass(slots=True)
class Watched:
    """One device: its picture, and the nodes of this session that fill it, by its own keys."""

    view: View
    nodes: Mapping[str, Node] = field(default_factory=dict)
    slow: tuple[str, ...] = ()
    """Beginnings of the keys that are subscribed at the slow interval, one value at a time."""
    keys: dict[ua.NodeId, list[str]] = field(default_factory=dict)

    def found(self, nodes: Mapping[str, Node]) -> None:
        """These are the nodes in this session."""
        self.nodes, self.keys = nodes, {}
        for key, node in nodes.items():
            self.keys.setdefault(node.nodeid, []).append(key)


class Endpoint:
    """Session after session on one server; the devices on it are told what happens."""

    def __init__(
        self,
        connection: str,
        options: OpcuaOptions,
        watched: Sequence[Watched],
        *,
        clock: Clock,
        emit: Emit,
        slow_ms: float | None = None,
    ) -> None:
        self._connection, self._options = connection, options
        self._watched = watched
        self._clock, self._emit = clock, emit
        self._slow_ms = slow_ms or options.fast_ms
        self._session: Session | None = None
        self.password = ""
        self._inbox = Inbox()
        self._started: datetime | None = None
        self._heard = 0.0
        self._marked, self._well_at = Link.ONLINE, 0.0

    @property
    def max_silence_s(self) -> float:
        """A probe's interval and the time its answer may take."""
        return 2 * self._options.watchdog_s

    @property
    def session(self) -> Session:
        """The open session. Raises LinkLost."""
        if self._session is None:
            raise LinkLost(url=self._options.url, cause="closed")
        return self._session

    def stop_step(
        self, machine: Steps, method: Method, shown: tuple[Steps, Sequence[object]] | None
    ) -> StopStep:
        """A machine's stop method for the stopper; `shown`: where to read, what to find there."""
        return stop_step(
            self._connection,
            self._options,
            self.password,
            machine=machine,
            method=method,
            confirm=shown,
        )

    async def open(self) -> Tree:
        """Log in; what is noticed while doing so is told once the state is read back."""
        self._session = session = Session(self._options)
        standing = await session.open()
        self.password = session.password
        self._tell_standing(session, standing)
        return Tree(session.client, standing.namespaces)

    def _tell_standing(self, session: Session, standing: Standing) -> None:
        """A restart, a clock that is off, a certificate that ends soon."""
        before, self._started = self._started, standing.started
        if before is not None and before != standing.started:
            self._tell("message.server_restarted", str(before))
        if standing.now is not None:
            skew = (standing.now - self._clock.now()).total_seconds()
            if abs(skew) > self._options.max_skew_s:
                self._tell("message.clock_skew", f"{skew:+.0f}")
        soon = datetime.now(UTC) + timedelta(days=self._options.expiry_warning_days)
        for whose, end in session.expires.items():
            if end <= soon:
                self._tell(f"message.certificate_ends_{whose}", str(end.date()))

    def _tell(self, code: str, text: str) -> None:
        now = self._clock.now()
        for one in self._watched:
            self._emit(DeviceMessage(one.view.device, code, text, now))

    async def resync(self) -> None:
        """Read every value, and subscribe when this session has not yet.

        Beside a living subscription every part finished before has been told when this returns.
        """
        session = self.session
        for one in self._watched:
            values = await session.read(list(one.nodes.values()))
            samples = dict(zip(one.nodes, values, strict=True))
            if session.subscribed:
                one.view.refresh(samples)
                await one.view.catch_up(samples, self._lag_s)
            else:
                one.view.begin(samples)
        if not session.subscribed:
            await self._subscribe(session)

    async def _subscribe(self, session: Session) -> None:
        self._inbox, self._marked = Inbox(), Link.ONLINE
        fast: list[Node] = []
        slow: list[Node] = []
        for one in self._watched:
            for key, node in one.nodes.items():
                (slow if key.startswith(one.slow) else fast).append(node)
        options = self._options
        await session.subscribe(self._inbox, _once(fast), options.fast_ms, options.queue)
        await session.subscribe(self._inbox, _once(slow), self._slow_ms, 1)
        self._heard = self._clock.monotonic()

    @property
    def _lag_s(self) -> float:
        """How long after its end a part may be told: as the server publishes, then its pairing."""
        return 2 * max(self.session.publishing_s, self._options.fast_ms / 1000) + PAIRING_S

    async def serve(self) -> None:
        """Run until the wire is lost; always ends in a WireFault or a SetupFault."""
        session = self.session
        await until_one_ends(self._drain(), self._watch(session), self._until_lost(session))

    async def close(self) -> None:
        """End the session; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _until_lost(self, session: Session) -> None:
        await session.lost.wait()
        raise LinkLost(url=self._options.url, cause="connection closed")

    async def _drain(self) -> None:
        while True:
            batch = await self._inbox.take()
            self._heard = self._clock.monotonic()
            for node, sample in batch:
                for one in self._watched:
                    for key in one.keys.get(node, ()):
                        one.view.take(key, sample)
            for one in self._watched:
                one.view.settle()
            self._tell_lost()

    def _tell_lost(self) -> None:
        """Steps were lost between server and us: counts may be short, and people must know."""
        lost, self._inbox.lost = self._inbox.lost, 0
        if lost:
            self._tell("message.samples_lost", str(lost))
            self._mark(Link.DEGRADED)

    def _mark(self, link: Link) -> None:
        """Call the link degraded, and well again when nothing was lost for a while."""
        now = self._clock.monotonic()
        if link is Link.DEGRADED:
            self._well_at = now + self._options.degraded_s
        elif now < self._well_at:
            return
        if link is not self._marked:
            self._marked = link
            self._emit(LinkChanged(self._connection, link, self._clock.now()))

    async def _watch(self, session: Session) -> None:
        """Probe; changes that the probe sees and the subscription never brings mean it is dead."""
        while True:
            await asyncio.sleep(session.probe_s)
            if not await self._probe(session):
                silent = self._clock.monotonic() - self._heard
                if silent > self._options.silent_probes * max(
                    session.probe_s, session.publishing_s
                ):
                    raise PeerSilent(url=self._options.url, cause="subscription")
            else:
                self._heard = self._clock.monotonic()
            self._mark(Link.ONLINE)

    async def _probe(self, session: Session) -> bool:
        """Whether the server shows nothing but what the subscription has told."""
        nodes = [node for one in self._watched for node in one.nodes.values()]
        samples = iter(await session.probe(nodes, self._options.watchdog_s))
        told = True
        for one in self._watched:
            for key, sample in zip(one.nodes, samples, strict=False):
                told &= one.view.confirm(key, sample)
            one.view.settle()
        return told


class OnEndpoint:
    """The life of a driver whose devices are all behind one endpoint."""

    _endpoint: Endpoint

    @property
    def max_silence_s(self) -> float:
        return self._endpoint.max_silence_s

    def stop_descriptor(self) -> int | None:
        """None: the stopper opens a session of its own."""
        return None

    async def resync(self) -> None:
        await self._endpoint.resync()

    async def serve(self) -> None:
        await self._endpoint.serve()

    async def close(self) -> None:
        await self._endpoint.close()


def _once(nodes: Sequence[Node]) -> list[Node]:
    """Each node one time, however many values are made of it."""
    return list({node.nodeid: node for node in nodes}.values())
