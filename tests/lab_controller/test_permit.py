"""The controller's side: what counts as a permit, and what happens when the stopper is gone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab_controller.permit import Permit, Stopping, plan_json
from lab_controller.stopper.errors import Refused, StopperUnreachable
from lab_controller.stopper.latch import LatchState, Press
from lab_controller.stopper.lines import LineSocket, Message
from tests.lab_controller.fake_controller import as_plan
from tests.lab_controller.stopper_rig import PATIENCE_S, descriptor_plan

OPEN = LatchState().to_json()


@dataclass
class FakeStopper:
    """Answers by hand over a real socket."""

    path: Path
    server: socket.socket
    line: LineSocket | None = None
    got: list[Message] = field(default_factory=list)

    async def greet(self, latch: Message = OPEN) -> None:
        sock, _ = await asyncio.get_running_loop().sock_accept(self.server)
        self.line = LineSocket(sock)
        hello = await self.hear("hello")
        self.line.send({"id": hello["id"], "ok": True, "latch": latch, "valid_s": 1.5})

    async def hear(self, op: str) -> Message:
        """The next message of this kind; earlier ones of other kinds are dropped."""
        assert self.line is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.line.receive()
                assert message is not None
                if message["op"] == op:
                    return message

    def push(self, kind: str, **words: object) -> None:
        assert self.line is not None
        self.line.send({"push": kind, **words})

    async def settle(self, permit: Permit) -> None:
        """Return when the permit has read everything pushed so far."""
        asking = asyncio.create_task(permit.status())
        status = await self.hear("status")
        assert self.line is not None
        self.line.send({"id": status["id"], "ok": True})
        await asking


@pytest.fixture
async def stopper(tmp_path: Path) -> AsyncIterator[FakeStopper]:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(tmp_path / "s.sock"))
    server.listen()
    server.setblocking(False)
    fake = FakeStopper(tmp_path / "s.sock", server)
    yield fake
    if fake.line is not None:
        fake.line.close()
    server.close()


@dataclass
class Hands:
    """A clock set by hand, and what the permit reported."""

    now: float = 100.0
    stopping: list[Stopping] = field(default_factory=list)
    latches: list[LatchState] = field(default_factory=list)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def permit(self, path: Path, beat_s: float = 0.01) -> Permit:
        return Permit(
            path,
            beat_s=beat_s,
            on_stopping=self.stopping.append,
            on_latch=self.latches.append,
            on_lost=self.lost.set,
            monotonic=lambda: self.now,
        )


async def opened(stopper: FakeStopper, permit: Permit) -> None:
    opening = asyncio.create_task(permit.open())
    await stopper.greet()
    beat = await stopper.hear("heartbeat")
    stopper.push("permit", seq=beat["seq"], valid_s=1.5)
    await opening


async def test_a_permit_counts_from_when_its_heartbeat_was_sent(stopper: FakeStopper) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path, beat_s=1000)
    opening = asyncio.create_task(permit.open())
    await stopper.greet()
    beat = await stopper.hear("heartbeat")
    hands.now += 1.6  # frozen meanwhile: the permit waited in the socket
    stopper.push("permit", seq=beat["seq"], valid_s=1.5)
    await opening
    assert (permit.connected, permit.alive) == (True, False)
    hands.now -= 0.2
    assert permit.may_act("printer")
    await permit.close()


async def test_without_fresh_permits_nothing_may_act(stopper: FakeStopper) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path)
    await opened(stopper, permit)
    assert permit.may_act("printer")
    hands.now += 1.5
    assert not permit.alive
    await stopper.hear("heartbeat")
    beat = await stopper.hear("heartbeat")  # one sent after the clock moved
    stopper.push("permit", seq=beat["seq"], valid_s=1.5)
    await stopper.settle(permit)
    assert permit.alive
    stopper.push("permit", seq=999_999, valid_s=1000.0)  # answers no heartbeat of ours
    await stopper.settle(permit)
    hands.now += 2
    assert not permit.alive
    await permit.close()


async def test_a_stop_takes_effect_with_its_first_word(stopper: FakeStopper) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path)
    await opened(stopper, permit)
    words = {"by": "hanako", "reason": "smoke", "cause": "pressed", "at": "2026-11-20T01:00:00Z"}

    stopper.push("stopping", lab=False, devices=["printer"], **words)
    await stopper.settle(permit)
    assert (permit.latched("printer"), permit.may_act("robot")) == (True, True)

    stopper.push("stopping", lab=True, devices=["printer", "robot"], **words)
    await stopper.settle(permit)
    assert (permit.latched("robot"), permit.may_act("robot"), permit.alive) == (True, False, False)
    assert [(one.lab, one.devices) for one in hands.stopping] == [
        (False, ("printer",)),
        (True, ("printer", "robot")),
    ]
    # the board shows it before any device has answered
    assert [one.holds("robot") for one in hands.latches] == [False, True]
    stopper.push("latch", state=OPEN)
    await stopper.settle(permit)
    assert not permit.latched("robot")
    assert hands.latches[-1].is_open
    await permit.close()


async def test_a_latched_lab_opens_without_a_permit(stopper: FakeStopper) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path)
    press = {"by": "h", "reason": "", "cause": "pressed", "at": "2026-11-20T01:00:00Z"}
    opening = asyncio.create_task(permit.open())
    await stopper.greet({"lab": press, "devices": {}, "saved": True})
    await opening
    assert (permit.connected, permit.may_act("printer")) == (True, False)
    assert hands.latches[0].lab is not None
    await permit.close()


async def test_losing_the_stopper_ends_every_right_and_every_question(
    stopper: FakeStopper,
) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path)
    await opened(stopper, permit)
    asking = asyncio.create_task(permit.stop(by="api"))
    await stopper.hear("stop")
    assert stopper.line is not None
    stopper.line.close()
    async with asyncio.timeout(PATIENCE_S):
        await hands.lost.wait()
    with pytest.raises(StopperUnreachable):
        await asking
    assert (permit.connected, permit.may_act("printer")) == (False, False)
    with pytest.raises(StopperUnreachable):
        await permit.release("line")
    await permit.close()


async def test_after_farewell_nothing_may_act_and_the_end_is_no_loss(stopper: FakeStopper) -> None:
    hands = Hands()
    permit = hands.permit(stopper.path)
    await opened(stopper, permit)
    leaving = asyncio.create_task(permit.farewell())
    farewell = await stopper.hear("farewell")
    assert not permit.alive
    assert stopper.line is not None
    stopper.line.send({"id": farewell["id"], "ok": True})
    await leaving
    await permit.close()
    assert not hands.lost.is_set()


async def test_refusals_carry_the_stoppers_code(stopper: FakeStopper) -> None:
    permit = Hands().permit(stopper.path)
    await opened(stopper, permit)
    asking = asyncio.create_task(permit.reset(by="h", reason="r", verified=["printer"]))
    reset = await stopper.hear("reset")
    assert (reset["device"], reset["verified"]) == (None, ["printer"])
    assert stopper.line is not None
    code, params = "stop.not_verified", {"missing": "robot"}
    stopper.line.send({"id": reset["id"], "ok": False, "code": code, "params": params})
    with pytest.raises(Refused) as refusal:
        await asking
    assert (refusal.value.code, refusal.value.params) == (code, params)
    await permit.close()


async def test_a_reset_returns_with_a_fresh_permit(stopper: FakeStopper) -> None:
    permit = Hands().permit(stopper.path, beat_s=60.0)
    await opened(stopper, permit)
    latch = LatchState().pressed(None, Press("h", "r", "pressed", "2026-11-20T01:00:00.000Z"))
    stopper.push("stopping", lab=True, devices=[], by="h", reason="r", cause="pressed", at="")
    stopper.push("latch", state=latch.to_json())
    await stopper.settle(permit)
    assert not permit.alive
    asking = asyncio.create_task(permit.reset(by="h", reason="r", verified=["printer"]))
    reset = await stopper.hear("reset")
    assert stopper.line is not None
    stopper.line.send({"id": reset["id"], "ok": True, "latch": OPEN})
    beat = await stopper.hear("heartbeat")
    assert not asking.done()
    stopper.push("permit", seq=beat["seq"], valid_s=1.5)
    assert (await asking).is_open
    assert permit.alive
    await permit.close()


async def test_a_stop_right_behind_a_resets_answer_stands(stopper: FakeStopper) -> None:
    """Both are read in one go, before whoever asked for the reset is told."""
    permit = Hands().permit(stopper.path, beat_s=60.0)
    await opened(stopper, permit)
    asking = asyncio.create_task(permit.reset("robot", by="h", reason="r", verified=["robot"]))
    reset = await stopper.hear("reset")
    assert stopper.line is not None
    stopper.line.send({"id": reset["id"], "ok": True, "latch": OPEN})
    stopper.push(
        "stopping", lab=False, devices=["robot"], by="h", reason="r", cause="pressed", at=""
    )
    beat = await stopper.hear("heartbeat")
    stopper.push("permit", seq=beat["seq"], valid_s=1.5)
    assert not (await asking).is_open
    assert permit.latched("robot")
    await permit.close()


async def test_no_stopper_is_a_clear_refusal(tmp_path: Path) -> None:
    with pytest.raises(StopperUnreachable):
        await Permit(tmp_path / "none.sock").open()


def test_a_plan_travels_whole() -> None:
    plan = descriptor_plan("printer") | {"known": False, "estop": {"ja": "赤", "en": "red"}}
    assert plan_json(as_plan(plan)) == plan
