"""The edge cases of Universal Robots arms, R-01 to R-12, over the real wires."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from equipment_drivers.contract import StopOutcome
from equipment_drivers.devices.ur_commands import NoWatchdog, UnlockedBefore
from equipment_drivers.devices.ur_dashboard import NotRemote
from equipment_drivers.devices.ur_rtde import Value
from equipment_drivers.devices.ur_rtde_link import RtdeLink
from equipment_drivers.errors import (
    Faulted,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    PeerSilent,
    Rejected,
    Stopped,
)
from equipment_drivers.model import (
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from tests.equipment_drivers.ur_rig import Desk, Lease, desk, signal
from tests.sims.sim import running


async def test_r01_versions_answer_differently(tmp_path: Path) -> None:
    """A CB3 knows no remote control and no safety status, and is served all the same."""
    flags = ("--polyscope", "3.15.8", "--without", "safety_status")
    async with desk(tmp_path, *flags, faults=("old_greeting",)) as table:
        assert "remote" not in table.state.detail
        assert table.state.safety is Safety.NORMAL
        await table.send("start_program")
        await table.send("stop_program")
        assert table.done() == ["play", "stop"]


async def test_r01_partial_lines_are_one_answer(tmp_path: Path) -> None:
    async with desk(tmp_path, hz=1, silent_frames=20, timeout_s=15, look_s=60) as table:
        await table.sim.ask("fault", name="slow_drip", seconds=0.001)
        result = await table.send("refresh")
        assert result.values["state"] == "ready"


async def test_r01_an_answer_nobody_expects_is_a_protocol_fault(tmp_path: Path) -> None:
    async with desk(tmp_path, look_s=60) as table:
        await table.sim.ask("fault", name="strange_reply", times=1)
        with pytest.raises(OutcomeUnknown) as caught:
            await table.send("start_program")
        assert caught.value.params["cause"] == "driver.protocol"
        await table.send("start_program")
        assert table.state.operation is Operation.BUSY


async def test_r02_not_in_remote_control_names_the_pendant(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="local_control")
        for verb, args in (("start_program", {}), ("power_off", {}), ("set_speed", {"percent": 5})):
            with pytest.raises(NotRemote):
                await table.send(verb, **args)
        assert table.done() == []
        await table.sim.ask("clear")
        await table.send("start_program")


async def test_r02_a_program_that_cannot_be_stopped_in_local_control_is_said_so(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, "--watchdog-hz", "0") as table:
        await table.send("start_program")
        await table.sim.ask("fault", name="local_control")
        report = await table.driver.stop_now("ur1")
        assert report.outcome is StopOutcome.FAILED


async def test_r03_unlocking_is_refused_unless_the_site_allows_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="protective_stop")
        await table.is_(Operation.READY, Safety.PROTECTIVE_STOP)
        with pytest.raises(NotSupported):
            await table.send("unlock_protective_stop")


async def test_r03_unlocking_waits_and_is_never_done_twice_in_a_row(tmp_path: Path) -> None:
    flags = ("--program", "short.urp=0.4:1", "--load", "short.urp")
    async with desk(tmp_path, *flags, allow_unlock=True) as table:

        async def stopped_and_waited() -> None:
            await table.sim.ask("fault", name="protective_stop")
            await table.is_(Operation.READY, Safety.PROTECTIVE_STOP)
            assert table.driver._view._protective_since is not None
            table.driver._view._protective_since -= 4  # nobody waits for five seconds here

        with pytest.raises(NotAllowedNow):
            await table.send("unlock_protective_stop")  # there is none
        await stopped_and_waited()
        with pytest.raises(NotAllowedNow):
            await table.send("unlock_protective_stop")
        async with asyncio.timeout(20):
            while table.done() == []:
                table.driver._view._protective_since -= 5  # by our count; the robot has its own
                try:
                    await table.send("unlock_protective_stop")
                except Rejected:
                    await table.next(Reading)  # "until 5s after occurrence"
        await table.is_(Operation.READY, Safety.NORMAL)
        await stopped_and_waited()
        table.driver._view._protective_since -= 5
        with pytest.raises(UnlockedBefore):
            await table.send("unlock_protective_stop")
        assert table.done() == ["unlock"]


async def test_r04_frames_cut_anywhere_are_frames(tmp_path: Path) -> None:
    async with desk(tmp_path, "--fault", "slow_drip:seconds=0", hz=5, silent_frames=10) as table:
        await table.next(Reading, signal("power"))
        assert table.connection.link is Link.ONLINE


async def test_r04_a_package_of_unknown_type_is_skipped(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        link = table.driver._rtde
        assert link is not None
        await table.sim.ask("strange")
        await table.until(lambda: link.strange == 1)
        await table.next(Reading, signal("power"))
        assert table.connection.link is Link.ONLINE


async def test_r04_outputs_it_does_not_have_are_left_out(tmp_path: Path) -> None:
    flags = ("--without", "actual_TCP_force", "--without", "tool_temperature")
    async with desk(tmp_path, *flags) as table:
        await table.next(Reading, signal("power"))
        told = {one.signal for one in table.facts if isinstance(one, Reading)}
        assert not told & {"force", "tool_temp"}
        await table.send("start_program")


async def test_r04_inputs_in_use_take_only_their_purpose_away(tmp_path: Path) -> None:
    async with desk(tmp_path, faults=("input_in_use",)) as table:
        message = await table.message("message.watchdog_in_use")
        assert message.text == "input_int_register_24 IN_USE"
        with pytest.raises(NoWatchdog):
            await table.send("start_program")
        await table.send("set_speed", percent=50)
        assert table.done() == ["speed"]


async def test_r04_without_its_slider_the_watchdog_still_works(tmp_path: Path) -> None:
    async with desk(tmp_path, faults=("input_in_use:field=speed",)) as table:
        with pytest.raises(NotAllowedNow):
            await table.send("set_speed", percent=50)
        await table.send("start_program")
        assert table.done() == ["play"]


async def test_r04_by_option_a_start_needs_no_watchdog(tmp_path: Path) -> None:
    flags = ("--watchdog-hz", "0")
    async with desk(tmp_path, *flags, faults=("input_in_use",), watchdog=False) as table:
        await table.send("start_program")
        assert table.done() == ["play"]
        assert not table.messages("message.watchdog_in_use")


async def test_r04_messages_of_the_controller_are_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("say", level=3, text="all well")
        await table.sim.ask("say", level=2, text="the joint is warm")
        message = await table.message("message.machine_says")
        assert message.text == "RTDE: the joint is warm"
        assert len(table.messages("message.machine_says")) == 1


async def test_r04_frames_that_were_skipped_are_counted(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="drop", p=0.5, times=8)
        link = table.driver._rtde
        assert link is not None
        await table.until(lambda: link.skipped > 0)


async def test_r04_everything_is_set_up_anew_after_a_reconnect(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="unplug")
        await table.link(Link.BACKOFF)
        await table.sim.ask("clear", name="unplug")
        await table.link(Link.ONLINE)
        await table.send("set_speed", percent=30)
        await table.send("start_program")
        assert table.done() == ["speed", "play"]


async def test_r05_a_clock_that_stands_makes_values_uncertain_and_the_state_unknown(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, silent_frames=10) as table:
        await table.sim.ask("fault", name="timestamp_frozen")
        await table.next(Reading, signal("power", Quality.UNCERTAIN))
        await table.link(Link.DEGRADED)
        await table.is_(Operation.UNKNOWN, Safety.UNKNOWN)
        with pytest.raises(NotAllowedNow):
            await table.send("start_program")
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        await table.is_(Operation.READY, Safety.NORMAL)


async def test_r06_kicks_last_as_long_as_the_lease_and_then_it_is_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path, "--watchdog-hz", "0") as table:
        lease = Lease()
        await table.send("start_program", lease.context)
        kicks = (await table.sim.ask("status"))["kicks"]
        await _grows(table, kicks)
        lease.valid = False
        await table.is_(Operation.READY)
        assert table.done() == ["play", "stop"]
        ended = (await table.sim.ask("status"))["kicks"]
        await table.next(Reading, signal("power"))
        await table.next(Reading, signal("axis_1"))
        assert (await table.sim.ask("status"))["kicks"] == ended


async def _grows(table: Desk, kicks: int) -> None:
    async with asyncio.timeout(20):
        while (await table.sim.ask("status"))["kicks"] <= kicks + 5:
            await table.next(Reading)


async def test_r06_the_robot_stops_by_itself_when_we_fall_silent(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("start_program")
        await table.sim.ask("fault", name="hang")
        await table.truly("runtime", "STOPPED")
        assert [one["why"] for one in table.sim.truth("end")] == ["watchdog"]
        assert table.done() == ["play"]


async def test_r06_a_start_without_a_right_to_act_sends_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        lease = Lease()
        lease.valid = False
        with pytest.raises(Stopped):
            await table.send("start_program", lease.context)
        assert table.done() == []
        assert (await table.sim.ask("status"))["kicks"] == 0


async def test_r07_modes_with_unknown_numbers_are_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.sim.ask("fault", name="unknown_mode")
        await table.is_(Operation.UNKNOWN, Safety.UNKNOWN)
        with pytest.raises(NotAllowedNow):
            await table.send("start_program")


async def test_r08_without_rtde_it_is_watched_degraded_and_not_started(tmp_path: Path) -> None:
    async with desk(tmp_path, faults=("rtde_down",), link=Link.DEGRADED) as table:
        await table.is_(Operation.READY, Safety.NORMAL)
        for deed in (table.send("start_program"), table.send("set_speed", percent=50)):
            with pytest.raises(NotAllowedNow) as refused:
                await deed
            assert refused.value.params["state"] == "RTDE down"
        assert table.done() == []
        assert Link.ONLINE not in table.links  # not even for a moment
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        await table.send("start_program")


async def test_r08_frames_of_a_set_up_that_failed_are_no_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the first frame may come and the set-up be late all the same."""
    opened = RtdeLink.open

    async def late(link: RtdeLink, *fields: Any) -> None:
        take, came = link._on_values, asyncio.Event()

        def hear(values: Mapping[str, Value]) -> None:
            take(values)
            came.set()

        monkeypatch.setattr(link, "_on_values", hear)
        await opened(link, *fields)
        await came.wait()
        await link.close()
        raise PeerSilent(cause="RTDE setup")

    monkeypatch.setattr(RtdeLink, "open", late)
    async with desk(tmp_path, link=Link.DEGRADED, rtde_retry_s=60) as table:
        assert Link.ONLINE not in table.links
        with pytest.raises(NotAllowedNow):
            await table.send("set_speed", percent=50)
        await table.send("power_off")  # seen by the dashboard
        assert table.state.detail["mode"] == "POWER_OFF"


async def test_r08_rtde_lost_on_the_way_leaves_the_link_degraded(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        before = len(table.facts)
        await table.sim.ask("fault", name="rtde_down")
        await table.link(Link.DEGRADED)
        assert table.state.operation is not Operation.UNKNOWN
        await table.sim.ask("clear")
        await table.link(Link.ONLINE)
        links = [one.link for one in table.facts[before:] if isinstance(one, LinkChanged)]
        assert links == [Link.DEGRADED, Link.ONLINE]


async def test_r09_stop_has_a_socket_of_its_own(tmp_path: Path) -> None:
    """A command that waits for its answer does not hold up a stop."""
    async with desk(tmp_path, load_s=60, look_s=60) as table:
        await table.send("start_program")
        hands = table.driver._hands._dashboard
        async with hands._one_at_a_time:  # as while a program is being loaded
            assert (await table.driver.stop_now("ur1")).outcome is StopOutcome.CONFIRMED
        assert table.done() == ["play", "stop"]


async def test_r09_the_stop_plan_stops_it_on_a_plain_socket(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("start_program")
        (step,) = table.driver.stop_plan("ur1").steps
        assert step.kind == "socket"
        plan = {name: str(value) for name, value in step.payload.items()}
        reader, writer = await asyncio.open_connection(plan["host"], int(plan["port"]))
        assert re.search(plan["greeting"], (await reader.readline()).decode())
        writer.write(bytes.fromhex(plan["keep_hex"]))
        assert not re.search(plan["expect"], (await reader.readline()).decode())
        writer.write(bytes.fromhex(plan["write_hex"]))
        assert re.search(plan["expect"], (await reader.readline()).decode())
        writer.close()
        await writer.wait_closed()
        await table.is_(Operation.READY)
        assert table.done() == ["play", "stop"]


async def test_r10_a_start_that_has_no_effect_is_a_fault(tmp_path: Path) -> None:
    async with desk(tmp_path, start_s=0.3) as table:
        await table.sim.ask("fault", name="play_without_effect", times=1)
        with pytest.raises(Faulted):
            await table.send("start_program")
        kicks = (await table.sim.ask("status"))["kicks"]
        await table.next(Reading)
        assert (await table.sim.ask("status"))["kicks"] == kicks
        assert table.done() == []


async def test_r11_a_popup_is_surfaced_and_can_be_closed(tmp_path: Path) -> None:
    async with desk(tmp_path) as table:
        await table.send("start_program")
        await table.sim.ask("fault", name="popup")
        message = await table.message("message.program_paused")
        assert message.text == "/programs/pick_and_place.urp"
        await table.is_(Operation.PAUSED)
        with pytest.raises(Rejected):
            await table.send("resume")
        await table.send("close_popup")
        await table.is_(Operation.PAUSED)
        await table.send("resume")
        await table.is_(Operation.BUSY)


@pytest.mark.parametrize(
    ("fault", "safety"),
    [
        ("protective_stop", Safety.PROTECTIVE_STOP),
        ("safeguard", Safety.SAFEGUARD_STOP),
        ("estop", Safety.DEVICE_ESTOP),
    ],
)
async def test_r11_a_safety_stop_is_surfaced(tmp_path: Path, fault: str, safety: Safety) -> None:
    async with desk(tmp_path) as table:
        await table.send("start_program")
        await table.sim.ask("fault", name=fault)
        await table.message("message.safety_stop")
        await table.until(lambda: table.state.safety is safety)
        await table.sim.ask("clear")
        assert table.done() == ["play"]


async def test_r12_polyscope_x_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path, faults=("polyscope_x",), link=Link.CONFIG_ERROR) as table:
        (told,) = [
            one
            for one in table.facts
            if isinstance(one, LinkChanged) and one.link is Link.CONFIG_ERROR
        ]
        assert told.code == "driver.unsupported_firmware"
        assert "PolyScope X" in told.params["cause"]


async def test_r12_nobody_at_all_is_no_polyscope_x(tmp_path: Path) -> None:
    async with (
        running("ur_robot", tmp_path, "--fault", "refuse") as sim,
        Desk(sim, {}).living(Link.BACKOFF),
    ):
        pass
