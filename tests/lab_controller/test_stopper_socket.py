"""The stopper's own TCP connection: kept awake, shared, made again, and whose reply is whose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab_controller.stopper import fanout
from lab_controller.stopper.calls import SocketCall
from lab_controller.stopper.means import socket_call
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.means.replies import KEEP, Question, Replies
from lab_controller.stopper.plans import Plan, parse_plans
from tests.lab_controller.stopper_rig import (
    PATIENCE_S,
    LineServer,
    black_hole,
    closed_port,
    socket_plan,
)


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    reach = Reach()
    yield reach
    await reach.close()


@pytest.fixture
async def board() -> AsyncIterator[LineServer]:
    board = await LineServer(**{"stop a": "Stopped", "stop b": "Stopped"}).start()
    yield board
    await board.close()


async def ready(reach: Reach, *plans: Plan, up: bool = True) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(reach.ready(plan.steps[0]) is not up for plan in plans):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def stop(reach: Reach, *plans: Plan) -> dict[str, Any]:
    report = await fanout.collect(plans, fanout.fire(reach, plans))
    return {name: (one["outcome"], one["detail"], one["info"]) for name, one in report.items()}


async def adopted(reach: Reach, *plans: Any) -> list[Plan]:
    found, lost = parse_plans(list(plans))
    assert lost == []
    assert [plan.problems for plan in found.values()] == [()] * len(plans)
    await reach.adopt(found.values())
    return list(found.values())


async def test_the_bytes_are_out_before_the_loop_turns_once(reach: Reach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        quiet = {"greeting": "", "keep_hex": "", "expect": ""}
        plans = await adopted(reach, socket_plan("a", port, **quiet))
        async with asyncio.timeout(PATIENCE_S):
            wire, _ = await asyncio.get_running_loop().sock_accept(server)
            await ready(reach, *plans)

        shots = fanout.fire(reach, plans)

        assert wire.recv(100) == b"stop a\n"
        report = await fanout.collect(plans, shots)
        assert report["a"]["outcome"] == "SENT"
        wire.close()


async def test_devices_of_one_address_share_a_connection_that_is_kept_awake(
    reach: Reach, board: LineServer
) -> None:
    plans = await adopted(reach, socket_plan("a", board.port), socket_plan("b", board.port))
    await ready(reach, *plans)
    assert await stop(reach, *plans) == {
        "a": ("CONFIRMED", "", ""),
        "b": ("CONFIRMED", "", ""),
    }
    assert {number for number, _ in board.said} == {1}
    assert [line for _, line in board.said] == ["mode", "stop a", "stop b"]


async def test_a_refusal_of_one_device_is_not_taken_for_the_others_reply(
    reach: Reach, board: LineServer
) -> None:
    board.answers["stop a"] = "Failed to execute: stop"
    plans = await adopted(
        reach,
        socket_plan("a", board.port, deadline_s=0.3),
        socket_plan("b", board.port, deadline_s=0.3),
    )
    await ready(reach, *plans)
    assert await stop(reach, *plans) == {
        "a": ("SENT", "not_confirmed", "Failed to execute: stop"),
        "b": ("CONFIRMED", "", ""),
    }


async def test_a_cold_connection_is_made_within_the_deadline(
    reach: Reach, board: LineServer
) -> None:
    plans = await adopted(reach, socket_plan("a", board.port))
    assert await stop(reach, *plans) == {"a": ("CONFIRMED", "", "")}  # nothing awaited since


async def test_a_lost_connection_comes_back_by_itself(reach: Reach, board: LineServer) -> None:
    plans = await adopted(reach, socket_plan("a", board.port))
    await ready(reach, *plans)
    board.drop_connections()
    await ready(reach, *plans, up=False)
    await ready(reach, *plans)
    assert await stop(reach, *plans) == {"a": ("CONFIRMED", "", "")}
    assert await board.heard("stop a") == [2]


async def test_a_connection_lost_under_a_stop_is_made_again_and_the_stop_sent_again(
    reach: Reach, board: LineServer
) -> None:
    del board.answers["stop a"]
    plans = await adopted(reach, socket_plan("a", board.port, deadline_s=4.0))
    await ready(reach, *plans)
    stopping = asyncio.create_task(stop(reach, *plans))
    await board.heard("stop a")
    board.answers["stop a"] = "Stopped"
    board.drop_connections()
    assert await stopping == {"a": ("CONFIRMED", "", "")}
    assert await board.heard("stop a") == [1, 2]


async def test_a_black_hole_is_given_up_halfway_to_the_deadline(
    reach: Reach, board: LineServer
) -> None:
    del board.answers["stop a"]
    plans = await adopted(reach, socket_plan("a", board.port, deadline_s=1.0))
    await ready(reach, *plans)
    assert await stop(reach, *plans) == {"a": ("SENT", "no_reply", "")}
    assert await board.heard("stop a", 2) == [1, 2]


async def test_nobody_there_and_a_peer_that_never_greets_are_failures(reach: Reach) -> None:
    with black_hole() as hole:
        plans = await adopted(
            reach,
            socket_plan("gone", closed_port(), deadline_s=0.2),
            socket_plan("dumb", hole.getsockname()[1], deadline_s=0.2),
        )
        found = await stop(reach, *plans)
    assert {name: told[:2] for name, told in found.items()} == {
        "gone": ("FAILED", "unreachable"),
        "dumb": ("FAILED", "unreachable"),
    }


async def test_a_peer_that_goes_silent_is_not_ready_any_more(
    reach: Reach, board: LineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_call, "KEEP_AWAKE_S", 0.01)
    monkeypatch.setattr(socket_call, "KEEP_REPLY_S", 0.2)
    plans = await adopted(reach, socket_plan("a", board.port))
    await ready(reach, *plans)
    await board.heard("mode", 3)
    assert {number for number, _ in board.said} == {1}
    del board.answers["mode"]
    await ready(reach, *plans, up=False)


async def test_a_peer_that_answers_no_keeping_is_left_to_be_silent(
    reach: Reach, board: LineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_call, "KEEP_REPLY_S", 0.01)
    del board.answers["mode"]
    plans = await adopted(reach, socket_plan("a", board.port))
    await ready(reach, *plans)
    assert await stop(reach, *plans) == {"a": ("CONFIRMED", "", "")}
    assert {number for number, _ in board.said} == {1}


def asked(expect: str) -> Question:
    call = parse_plans([socket_plan("d", 1, expect=expect)])[0]["d"].steps[0].call
    assert isinstance(call, SocketCall)
    return Question(call, asyncio.get_running_loop().create_future())


async def test_the_reply_to_a_keeping_message_proves_nothing() -> None:
    replies, question = Replies(lines=True), asked("Stopped")
    replies.hear(b"Stopped\n")
    replies.owed(KEEP)
    replies.owed(question)
    replies.hear(b"Stop")
    replies.hear(b"ped\n")
    assert question.open
    replies.hear(b"Stopped")
    assert not question.open


async def test_messages_without_lines_are_told_apart_by_their_patterns() -> None:
    replies, one, two = Replies(lines=False), asked(r"\x01\x0a\xff"), asked(r"\x02\x0a\xff")
    replies.owed(KEEP)
    replies.owed(one)
    replies.owed(two)
    replies.hear(b"\x00\x0a\x02\x0a")
    replies.hear(b"\xff")
    assert (one.open, two.open) == (True, False)
    replies.hear(b"\x01\x0a\xff")
    assert not one.open
