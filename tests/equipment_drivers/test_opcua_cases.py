"""The edge cases of OPC UA, U-01 to U-14, over the real wire against simulated machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client

from equipment_drivers.contract import StopOutcome
from equipment_drivers.devices.opcua_security import make_pair
from equipment_drivers.errors import (
    AuthRejected,
    Faulted,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    PortBusy,
)
from equipment_drivers.lifecycle import Connection
from equipment_drivers.model import (
    DeviceMessage,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.clock import LabClock
from tests.equipment_drivers.opcua_bench import LATHE, Bench, Cell
from tests.sims.sim import Sim, running

FACTOR = 20.0


@pytest.fixture(scope="module")
def clock() -> LabClock:
    return LabClock.beginning(datetime(2026, 11, 20, 1, 0, tzinfo=UTC), FACTOR)


@asynccontextmanager
async def cobot(folder: Path, clock: LabClock, *flags: str) -> AsyncIterator[tuple[Sim, Cell]]:
    """A robot cell and a connection to it, online."""
    async with (
        running("opcua_cobot", folder, *flags, clock=str(clock), seed=3) as sim,
        Cell(sim.endpoint, clock).living(Link.ONLINE) as cell,
    ):
        yield sim, cell


@asynccontextmanager
async def lathe(
    folder: Path, clock: LabClock, *flags: str, seed: int = 3, **options: Any
) -> AsyncIterator[tuple[Sim, Bench]]:
    """A lathe and a living connection to it."""
    async with running("opcua_machine", folder, *flags, clock=str(clock), seed=seed) as sim:
        bench = Bench(sim.endpoint, clock, LATHE, **options)
        async with bench.living():
            yield sim, bench


@pytest.fixture
async def robot(tmp_path: Path, clock: LabClock) -> AsyncIterator[tuple[Sim, Cell]]:
    async with cobot(tmp_path, clock) as both:
        yield both


def links(facts: list[Any]) -> list[Link]:
    return [fact.link for fact in facts if isinstance(fact, LinkChanged)]


def codes(facts: list[Any]) -> list[str]:
    return [fact.code for fact in facts if isinstance(fact, DeviceMessage)]


@pytest.mark.parametrize("seed", [1, 2, 5])
async def test_u01_indices_of_namespaces_may_be_any(
    tmp_path: Path, clock: LabClock, seed: int
) -> None:
    async with lathe(tmp_path, clock, seed=seed) as (sim, bench):
        await bench.link(Link.ONLINE)
        async with Client(sim.endpoint) as client:
            spaces = await client.get_namespace_array()
        assert spaces.index("urn:machikoba:sim:plc") == {1: 3, 2: 2, 5: 4}[seed]


async def test_u01_what_is_optional_and_missing_is_a_missing_capability(
    tmp_path: Path, clock: LabClock
) -> None:
    flags = ["--absent", "Hold", "--absent", "PowerDraw", "--absent", "Axis_6"]
    async with cobot(tmp_path, clock, *flags) as (_, cell):
        told = {fact.signal for fact in cell.facts if isinstance(fact, Reading)}
        assert not told & {"power", "axis_6"}
        await cell.do("load_program", name="pick_and_place")
        await cell.do("start_program")
        with pytest.raises(NotSupported):
            await cell.do("hold")


async def test_u01_a_server_that_only_shows_is_watched(tmp_path: Path, clock: LabClock) -> None:
    names = ("LoadByName", "UnloadProgram", "Start", "Stop", "Hold", "Continue")
    flags = [part for name in names for part in ("--absent", name)]
    async with cobot(tmp_path, clock, *flags) as (_, cell):
        await cell.shows(Operation.IDLE)
        with pytest.raises(NotSupported):
            await cell.do("load_program", name="pick_and_place")
        plan = cell.driver.stop_plan("r")
        assert (plan.steps, plan.means) == ((), "stop.means.robot_without_method")
        assert (await cell.driver.stop_now("r")).outcome is StopOutcome.FAILED


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
async def test_u02_a_secured_machine_is_driven_and_its_stop_plan_is_secured_too(
    tmp_path: Path, clock: LabClock, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("LATHE_PASSWORD", "secret")
    certificate, key = make_pair(tmp_path / "ours")
    flags = ["--security", "secure", "--user", "lab", "--password", "secret"]
    flags += ["--trust", str(tmp_path / "ours"), "--days", "7"]
    own = {
        "allow_unsecured": False,
        "security": "Basic256Sha256",
        "security_mode": mode,
        "certificate_file": certificate,
        "private_key_file": key,
        "trust_dir": tmp_path / "trusted",
        "user": "lab",
        "password_env": "LATHE_PASSWORD",
    }
    (tmp_path / "trusted").mkdir()
    async with lathe(tmp_path, clock, *flags, **own) as (sim, bench):
        await bench.link(Link.AUTH_ERROR)
        (kept,) = (tmp_path / "trusted" / "rejected").iterdir()
        kept.rename(tmp_path / "trusted" / "lathe.der")
        bench.connection.reconnect_now()
        await bench.link(Link.ONLINE)
        await bench.do("start_cycle")
        (step,) = bench.connection.driver.stop_plan("m").steps
        assert step.payload["security"] == {
            "policy": "Basic256Sha256",
            "mode": mode,
            "certificate_file": str(certificate),
            "private_key_file": str(key),
            "trust_dir": str(tmp_path / "trusted"),
        }
        assert (step.payload["user"], step.payload["password"]) == ("lab", "secret")
        assert codes(bench.facts).count("message.certificate_ends_server") == 1
        assert "secret" not in repr(bench.facts)
        assert (await sim.ask("status"))["state"] == "RUNNING"


async def test_u02_a_password_that_no_longer_counts_is_terminal(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("fault", name="auth_revoked")
        await bench.link(Link.AUTH_ERROR)
        told = [fact for fact in bench.facts if isinstance(fact, LinkChanged)][-1]
        assert (told.code, told.params["cause"]) == (AuthRejected.code, "BadUserAccessDenied")
        await sim.ask("clear")
        bench.connection.reconnect_now()  # only a person brings it back
        await bench.link(Link.ONLINE)


async def test_u03_status_and_source_time_decide_the_quality(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        cases: list[tuple[dict[str, Any], Quality]] = [
            ({"name": "bad_status", "status": "BadSensorFailure"}, Quality.BAD),
            ({"name": "bad_status", "status": "UncertainLastUsableValue"}, Quality.UNCERTAIN),
            ({"name": "bad_value", "value": "inf"}, Quality.BAD),
            ({"name": "no_source_time"}, Quality.UNCERTAIN),
        ]
        for fault, quality in cases:
            seen = len(bench.readings("spindle_speed"))
            await sim.ask("fault", node="SpindleSpeed", **fault)
            await bench.until(lambda: bench.last("spindle_speed").quality is quality)  # noqa: B023
            await sim.ask("clear")
            await bench.until(lambda: bench.last("spindle_speed").quality is Quality.GOOD)
            for reading in bench.readings("spindle_speed")[seen:]:
                assert (reading.value is None) == (reading.quality is Quality.BAD)


async def test_u03_a_source_time_of_the_future_is_uncertain(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("fault", name="clock_skew", seconds=600)
        await bench.do("start_cycle")
        await bench.until(lambda: bench.last("spindle_speed").quality is Quality.UNCERTAIN)


async def test_u03_the_first_notification_is_a_picture_and_no_part(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await bench.do("start_cycle")
        await bench.until(lambda: len(bench.cycles) >= 2)
        async with Bench(sim.endpoint, clock, LATHE).living() as late:
            await late.until(lambda: len(late.cycles) >= 1)
        known = [part["at"] for part in sim.truth("part")]
        assert known.index(late.cycles[0].at.isoformat()) >= 2


async def test_u04_a_subscription_gone_silent_behind_a_living_socket_is_made_anew(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("fault", name="silent_subscription")
        await sim.ask("fault", name="door_open")
        await bench.until(lambda: Link.BACKOFF in links(bench.facts))
        down = next(f for f in bench.facts if isinstance(f, LinkChanged) and f.code)
        assert down.params["cause"] == "subscription"
        await bench.shows(Operation.FAULT, Safety.SAFEGUARD_STOP)


@pytest.mark.parametrize("fault", ["unplug", "reset_mid_frame"])
async def test_u05_after_a_loss_all_is_read_anew_and_nothing_replayed(
    tmp_path: Path, clock: LabClock, fault: str
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await bench.do("start_cycle")
        await bench.until(lambda: len(bench.cycles) >= 1)
        await sim.ask("fault", name=fault)
        await bench.link(Link.BACKOFF)
        told, made = len(bench.cycles), len(sim.truth("part"))
        while len(sim.truth("part")) < made + 2:
            await sim.ask("status")
        await sim.ask("clear")
        await bench.link(Link.ONLINE)
        messages = [fact.code for fact in bench.facts if isinstance(fact, DeviceMessage)]
        assert "driver.stopped_after_loss" in messages  # we had set it going
        back = len(sim.truth("part"))
        await bench.do("set_feed", value=100)  # its resting value was written with the stop
        await bench.do("start_cycle")
        await bench.until(lambda: len(bench.cycles) >= told + 2)
        missed = {part["at"] for part in sim.truth("part")[made + 1 : back - 1]}
        assert not missed & {cycle.at.isoformat() for cycle in bench.cycles}
        assert [call["method"] for call in sim.truth("call")] == [
            "StartCycle",
            "StopCycle",
            "StartCycle",
        ]


async def test_u06_a_call_while_the_wire_is_down_is_refused_here(
    robot: tuple[Sim, Cell],
) -> None:
    sim, cell = robot
    await sim.ask("fault", name="refuse")
    await cell.link(Link.BACKOFF)
    for verb in ("start_program", "stop_program", "hold"):
        with pytest.raises(NotAllowedNow):
            await cell.do(verb)
    await sim.ask("clear")
    await cell.link(Link.ONLINE)
    assert sim.truth("call") == []


async def test_u07_a_call_without_answer_is_unknown_and_is_read_back(
    robot: tuple[Sim, Cell],
) -> None:
    sim, cell = robot
    await cell.do("load_program", name="pick_and_place")
    await sim.ask("fault", name="late_execution")
    with pytest.raises(OutcomeUnknown):
        await cell.do("start_program")
    await sim.ask("clear")
    await cell.link(Link.ONLINE)
    await cell.until(lambda: cell.connection.operation("r") is not Operation.UNKNOWN)
    calls = [call["method"] for call in sim.truth("call")]
    assert calls.count("Start") <= 1  # carried out late or lost with its wire, never sent again


async def test_u08_a_restarted_server_is_told(tmp_path: Path, clock: LabClock) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("power", on=False)
        await bench.link(Link.BACKOFF)
        await sim.ask("power", on=True)
        await bench.link(Link.ONLINE)
        assert codes(bench.facts) == ["message.server_restarted"]


async def test_u09_a_clock_that_is_off_is_told(tmp_path: Path, clock: LabClock) -> None:
    flags = ["--fault", "clock_skew:seconds=-600"]
    async with lathe(tmp_path, clock, *flags) as (_, bench):
        await bench.link(Link.ONLINE)
        ((code, seconds),) = bench.messages
        assert code == "message.clock_skew"
        assert -660 < float(seconds) < -540


async def test_u09_the_server_says_how_often_it_publishes_and_forgets(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock, session_timeout_s=10.0, watchdog_s=9.0) as (_, bench):
        await bench.link(Link.ONLINE)
        session = bench.connection.driver._endpoint.session  # type: ignore[attr-defined]
        assert session.probe_s == pytest.approx(10 / 3, rel=0.01)
        assert session.publishing_s == 0.1


async def test_u10_lost_values_are_told_and_the_link_is_degraded_for_a_while(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("fault", name="overflow", node="SpindleSpeed")
        await bench.until(lambda: Link.DEGRADED in links(bench.facts))
        assert "message.samples_lost" in codes(bench.facts)
        await bench.until(lambda: links(bench.facts)[-1] is Link.ONLINE)


async def test_u11_a_server_without_a_free_session_is_waited_for_longer(
    tmp_path: Path, clock: LabClock
) -> None:
    async with lathe(tmp_path, clock) as (sim, bench):
        await bench.link(Link.ONLINE)
        await sim.ask("fault", name="second_owner")
        await bench.until(
            lambda: PortBusy.code in [f.code for f in bench.facts if isinstance(f, LinkChanged)]
        )
        await sim.ask("clear")
        await bench.link(Link.ONLINE)


async def test_u11_every_session_is_closed_behind_us(tmp_path: Path, clock: LabClock) -> None:
    async with running("opcua_machine", tmp_path, clock=str(clock)) as sim:
        for _ in range(5):
            async with Bench(sim.endpoint, clock, LATHE).living(Link.ONLINE):
                pass
        assert (await sim.ask("status"))["sessions"] == 0


async def test_u12_without_safety_signals_safety_is_unknown_and_nothing_may_act(
    tmp_path: Path, clock: LabClock
) -> None:
    flags = ["--absent", "EmergencyStop", "--absent", "ProtectiveStop"]
    async with cobot(tmp_path, clock, *flags) as (_, cell):
        await cell.shows(Operation.IDLE, Safety.UNKNOWN)  # the coordinator lets nothing act then


async def test_u13_a_remote_start_in_manual_mode_is_refused(robot: tuple[Sim, Cell]) -> None:
    sim, cell = robot
    await cell.do("load_program", name="pick_and_place")
    for mode in (1, 2):
        await sim.ask("fault", name="manual_mode", mode=mode)
        safety = {1: Safety.REDUCED, 2: Safety.UNKNOWN}[mode]
        await cell.shows(Operation.READY, safety)
        with pytest.raises(NotAllowedNow):
            await cell.do("start_program")
    assert [call["method"] for call in sim.truth("call")] == ["LoadByName"]


async def test_u14_a_start_that_is_accepted_and_never_runs_is_a_fault(
    robot: tuple[Sim, Cell],
) -> None:
    sim, cell = robot
    await cell.do("load_program", name="pick_and_place")
    await sim.ask("fault", name="start_accepted_but_not_executing")
    with pytest.raises(Faulted):
        await cell.do("start_program")
    assert [call["method"] for call in sim.truth("call")].count("Start") == 1


async def test_a_short_stop_is_told_with_the_robots_own_time(
    tmp_path: Path, clock: LabClock
) -> None:
    flags = ["--micro-stop-rate", "1.0"]
    async with cobot(tmp_path, clock, *flags) as (sim, cell):
        await cell.do("load_program", name="pick_and_place")
        await cell.do("start_program")
        await cell.until(lambda: "message.micro_stop" in codes(cell.facts))
        (told, *_) = [f for f in cell.facts if isinstance(f, DeviceMessage)]
        (truth, *_) = [stop for stop in sim.truth("micro_stop") if stop["cause"]]
        assert (told.text, told.at.isoformat()) == (truth["cause"], truth["at"])


async def test_a_dead_peer_is_seen_within_its_silence(tmp_path: Path, clock: LabClock) -> None:
    async with lathe(tmp_path, clock, timeout_s=4.0) as (sim, bench):
        await bench.link(Link.ONLINE)
        connection: Connection = bench.connection
        sim.freeze()
        async with asyncio.timeout(connection.driver.max_silence_s + 0.5):
            await bench.until(lambda: Link.BACKOFF in links(bench.facts))
        sim.thaw()
        await bench.link(Link.ONLINE)
