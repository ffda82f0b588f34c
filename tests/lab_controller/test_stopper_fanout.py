"""Everything is written before anything is awaited, and nothing holds the report up."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from lab_controller.stopper import fanout
from lab_controller.stopper.calls import DescriptorCall
from lab_controller.stopper.means.descriptor import Descriptors
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.plans import Plan, Step, parse_plans
from lab_controller.stopper.verdict import Attempt, Outcome, Verdict, best, failed
from tests.lab_controller.stopper_rig import PATIENCE_S, HttpDevice, descriptor_plan, http_plan

STOP = DescriptorCall(b"M112\n", None)


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    reach = Reach()
    yield reach
    await reach.close()


def held_line(reach: Reach, connection: str) -> socket.socket:
    """A line whose duplicate the stopper holds; returns the far end."""
    near, far = socket.socketpair()
    reach.descriptors.hold(connection, near.detach())
    far.settimeout(PATIENCE_S)
    return far


async def until_ready(reach: Reach, step: Step) -> None:
    """Let the loop turn until the step's connection is warm."""
    while True:
        if reach.ready(step):
            return
        await asyncio.sleep(0)


async def test_all_bytes_are_out_before_the_loop_turns_once(reach: Reach) -> None:
    plans, _ = parse_plans([descriptor_plan(f"d{n}", deadline_s=0.01) for n in range(20)])
    ends = [held_line(reach, f"line-d{n}") for n in range(20)]

    shots = fanout.fire(reach, plans.values())

    for end in ends:  # no await since the press: nothing can have been answered
        end.setblocking(False)
        assert end.recv(100) == b"M112\n"
        end.close()
    report = await fanout.collect(list(plans.values()), shots)
    assert {one["outcome"] for one in report.values()} == {"SENT"}


async def test_a_warm_http_stop_is_out_before_the_loop_turns_once(reach: Reach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        plans, _ = parse_plans([http_plan("heater", server.getsockname()[1], deadline_s=0.01)])
        await reach.adopt(plans.values())
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            wire, _ = await loop.sock_accept(server)
            await loop.sock_recv(wire, 4096)
            await loop.sock_sendall(wire, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await until_ready(reach, plans["heater"].steps[0])

        shots = fanout.fire(reach, plans.values())

        assert wire.recv(4096).startswith(b"POST /off HTTP/1.1\r\n")
        await fanout.collect(list(plans.values()), shots)
        wire.close()


async def test_a_blocked_line_gets_its_bytes_as_soon_as_it_takes_them(reach: Reach) -> None:
    end = held_line(reach, "line")
    filled = fill(reach)
    attempt = reach.descriptors.fire("printer", "line", STOP)
    waiting = asyncio.create_task(attempt.proof())
    assert attempt.at_deadline() == failed("write_failed", "line blocked")

    got = await asyncio.to_thread(read_exactly, end, filled + len(STOP.data))

    assert got.endswith(b"M112\n")
    assert (await waiting).outcome is Outcome.SENT
    end.close()


async def test_a_stop_pressed_during_a_release_says_that_the_line_is_gone(reach: Reach) -> None:
    end = held_line(reach, "line")
    fill(reach)
    before = reach.descriptors.fire("printer", "line", STOP)  # pressed, and not yet taken
    reach.descriptors.release("line")
    after = reach.descriptors.fire("printer", "line", STOP)
    assert await before.proof() == failed("write_failed", "released")
    assert await after.proof() == failed("no_descriptor")
    end.close()


def fill(reach: Reach) -> int:
    """Fill the line's buffer; returns how many bytes it took."""
    taken = 0
    fd = reach.descriptors._lines["line"]._fd
    try:
        while True:
            taken += os.write(fd, bytes(4096))
    except BlockingIOError:
        return taken


def read_exactly(end: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += end.recv(65536)
    return got


async def test_replies_are_read_only_when_no_controller_lives(reach: Reach) -> None:
    call = parse_plans([descriptor_plan("printer")])[0]["printer"].steps[0].call
    assert isinstance(call, DescriptorCall)
    end = held_line(reach, "line")
    end.sendall(b"an old reply: halted\n")
    attempt = reach.descriptors.fire("printer", "line", call)
    proof = asyncio.create_task(attempt.proof())
    assert end.recv(100) == b"M112\n"
    await asyncio.sleep(0)
    assert not proof.done()

    reach.descriptors.listen(True)
    assert await proof == Verdict(Outcome.CONFIRMED)

    end.sendall(b"another old reply: halted\n")
    late = reach.descriptors.fire("printer", "line", call)
    again = asyncio.create_task(late.proof())
    await asyncio.sleep(0)
    assert not again.done()
    end.sendall(b"Error:Printer halted\n")
    assert await again == Verdict(Outcome.CONFIRMED)
    end.close()


async def test_a_hung_up_line_fails_and_does_not_spin(reach: Reach) -> None:
    held_line(reach, "line").close()
    reach.descriptors.listen(True)
    attempt = reach.descriptors.fire("printer", "line", STOP)
    assert (await attempt.proof()).detail == "write_failed"


class Crashing(Reach):
    """A way to a device with a fault of ours in it."""

    def fire(self, device: str, step: Step) -> Attempt:
        if device == "bug-now":
            raise LookupError("fault")
        return Late() if device == "bug-later" else super().fire(device, step)


class Late:
    async def proof(self) -> Verdict:
        raise LookupError("fault")

    def at_deadline(self) -> Verdict:
        return failed("no_reply")


async def test_a_fault_of_ours_in_one_device_does_not_spare_the_others() -> None:
    reach = Crashing()
    end = held_line(reach, "line-good")
    named = [descriptor_plan(name, expect="") for name in ("bug-now", "bug-later", "good")]
    plans = list(parse_plans(named)[0].values())

    report = await fanout.collect(plans, fanout.fire(reach, plans))

    told = {name: (one["outcome"], one["detail"]) for name, one in report.items()}
    assert told == {
        "bug-now": ("FAILED", "internal"),
        "bug-later": ("FAILED", "internal"),
        "good": ("SENT", ""),
    }
    end.close()
    await reach.close()


class Stuck:
    """An attempt that does not let itself be cancelled in time."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def proof(self) -> Verdict:
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                continue
        return failed("no_reply")

    def at_deadline(self) -> Verdict:
        return Verdict(Outcome.SENT, "no_reply")


async def test_the_report_comes_in_time_even_when_a_step_does_not_end() -> None:
    stuck = Stuck()

    class Holding(Reach):
        def fire(self, device: str, step: Step) -> Attempt:
            return stuck

    reach = Holding()
    plans = list(parse_plans([descriptor_plan("d", deadline_s=0.01)])[0].values())
    shots = fanout.fire(reach, plans)

    report = await fanout.collect(plans, shots)

    assert (report["d"]["outcome"], report["d"]["detail"]) == ("SENT", "no_reply")
    stuck.release.set()
    await asyncio.wait([shot.task for shot in shots])
    await reach.close()


async def test_a_stop_during_the_warming_request_takes_a_fresh_connection(reach: Reach) -> None:
    plug = await HttpDevice().start()
    plans = list(parse_plans([http_plan("a", plug.port)])[0].values())
    await reach.adopt(plans)  # its first warming request has not gone out yet

    report = await fanout.collect(plans, fanout.fire(reach, plans))

    assert report["a"]["outcome"] == "CONFIRMED"
    assert {number for number, _, _ in plug.requests} >= {1}
    await plug.close()


async def test_a_warm_connection_gone_dead_is_replaced_within_the_deadline(reach: Reach) -> None:
    answer = b"HTTP/1.1 204 Done\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        plans = list(parse_plans([http_plan("a", port, deadline_s=1.0, confirm=False)])[0].values())
        await reach.adopt(plans)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            dead, _ = await loop.sock_accept(server)
            await loop.sock_recv(dead, 4096)
            await loop.sock_sendall(dead, answer)
            await until_ready(reach, plans[0].steps[0])
            stopping = asyncio.create_task(fanout.collect(plans, fanout.fire(reach, plans)))
            fresh, _ = await loop.sock_accept(server)  # the warm one never answers
            assert (await loop.sock_recv(fresh, 4096)).startswith(b"POST /off")
            await loop.sock_sendall(fresh, answer)
            assert (await stopping)["a"]["outcome"] == "SENT"
            assert (await stopping)["a"]["detail"] == ""
        dead.close()
        fresh.close()


async def test_plans_sent_again_keep_the_warm_connection(reach: Reach) -> None:
    plug = await HttpDevice().start()
    plans = parse_plans([http_plan("a", plug.port)])[0]
    await reach.adopt(plans.values())
    async with asyncio.timeout(PATIENCE_S):
        await until_ready(reach, plans["a"].steps[0])
    await reach.adopt(parse_plans([http_plan("a", plug.port)])[0].values())
    assert reach.ready(plans["a"].steps[0])
    await reach.adopt([])
    assert not reach.ready(plans["a"].steps[0])
    assert {number for number, _, _ in plug.requests} == {1}
    await plug.close()


def test_the_best_proof_counts_and_no_step_means_no_software_stop() -> None:
    sent, confirmed = Verdict(Outcome.SENT, "no_reply"), Verdict(Outcome.CONFIRMED)
    assert best([failed("rejected"), sent, confirmed]) == confirmed
    assert best([failed("rejected"), sent]) == sent
    assert best([failed("rejected"), failed("unreachable")]).detail == "rejected"
    assert best([]) == failed("no_software_stop")


async def test_a_plan_that_is_no_plan_is_reported_failed() -> None:
    place = {"ja": "赤", "en": "red"}
    plans = [
        Plan("saw", "m", estop=place),
        Plan("odd", "m", (), "steps: a list"),
        Plan("new", "m", known=False),
    ]
    report = await fanout.collect(plans, [])
    assert {name: one["detail"] for name, one in report.items()} == {
        "saw": "no_software_stop",
        "odd": "bad_plan",
        "new": "not_known_yet",
    }
    assert {one["outcome"] for one in report.values()} == {"FAILED"}
    assert [one["estop"] for one in report.values()] == [place, {}, {}]


async def test_a_new_duplicate_replaces_the_old_one() -> None:
    lines = Descriptors()
    (old, old_far), (new, new_far) = socket.socketpair(), socket.socketpair()
    lines.hold("line", old.detach())
    lines.hold("line", new.detach())
    assert old_far.recv(10) == b""
    lines.fire("d", "line", STOP)
    assert new_far.recv(10) == b"M112\n"
    lines.release_all()
    assert lines.held == []
    old_far.close()
    new_far.close()
