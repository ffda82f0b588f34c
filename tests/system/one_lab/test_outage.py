"""A machine that dies in the middle of a run: seen in time, recorded as a gap, never resumed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from equipment_drivers.devices.marlin_spec import MarlinOptions
from equipment_drivers.devices.opcua_robot_options import RobotOptions
from lab_controller.client import LabClient, Refused
from tests.system import shift as work
from tests.system.rig import Lab, Since, until
from tests.system.shift import PRINTER, READS, ROBOT, Shift

LOOKING_S = 1.5
"""What asking the API now and then adds to the limit, on a busy machine."""

IN_FLIGHT = 1
"""Lines the driver has on the wire at a time."""

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Machine:
    """One of the two, and what the tests need to know of it."""

    sim: str
    equipment: str
    other: str
    signal: str
    silence_s: float
    again: tuple[str, ...]


PRINTING = Machine(
    "printer1", PRINTER, "cobot1", "hotend_temp", MarlinOptions(port="-").max_silence_s, ()
)
MOVING = Machine(
    "cobot1",
    ROBOT,
    "printer1",
    "power",
    2 * RobotOptions(url="opc.tcp://localhost:1/", allow_unsecured=True).watchdog_s,
    ("--port",),
)
WORK_OF = {"printer1": "executed", "cobot1": "part"}


@pytest.mark.parametrize("machine", [PRINTING, MOVING], ids=["printer", "robot"])
async def test_a_machine_dies_and_comes_back(shift: Shift, machine: Machine) -> None:
    lab = shift.lab
    run, trial = shift.runs[machine.equipment], shift.trials[machine.equipment]
    async with lab.client() as client:
        then, killed = lab.from_now(), time.monotonic()
        lab.sims.kill(machine.sim)
        await until(lambda: is_offline(client, machine.sim))
        assert time.monotonic() - killed < machine.silence_s + LOOKING_S
        await assert_unknown(client, machine)
        await assert_the_rest_goes_on(client, machine, then)
        await until(lambda: has_gap(lab, run, machine.sim))
        assert (await work.find_run(client, trial, run)).state == "running"

        back = lab.from_now()
        lab.sims.start_again(machine.sim, *port_of(lab, machine))
        await client.reconnect(machine.sim)
        await until(lambda: work.at_rest(client, machine.sim))
        await assert_nothing_resumed(client, shift, machine, back)
        numbers = await client.run_numbers(run)
        assert numbers["gap_s"] > 0
        gaps = work.evidence(lab, run, "SELECT device, opened FROM gap")
        assert gaps == [(machine.sim, 1), (machine.sim, 0)]


async def test_a_machine_that_hangs_is_given_up_after_its_silence_limit(shift: Shift) -> None:
    """Its wire stays open: only silence tells. What was on the wire is all that is still done."""
    lab = shift.lab
    async with lab.client() as client:
        then, frozen = lab.from_now(), time.monotonic()
        with lab.sims.frozen("printer1"):
            await until(lambda: is_offline(client, "printer1"))
            silent = time.monotonic() - frozen
            assert PRINTING.silence_s / 2 < silent < PRINTING.silence_s + LOOKING_S
            await assert_unknown(client, PRINTING)
            done = len(then.truth("printer1", "executed"))
        await client.reconnect("printer1")
        await until(lambda: work.at_rest(client, "printer1"))
        rows = then.truth("printer1", "executed")[done:]
        assert len([row for row in rows if row["text"].split()[0] not in READS]) <= IN_FLIGHT
        assert (await client.command_row(shift.print_command)).state == "unknown"


@pytest.mark.parametrize(
    ("verb", "arguments", "code"),
    [
        ("home", {"axis": "X"}, "lab.bad_arguments"),
        ("set_bed", {"celsius": "warm"}, "lab.bad_arguments"),
        ("set_bed", {"celsius": 110}, "driver.bad_arguments"),
        ("resume", {}, "driver.not_allowed_now"),
    ],
)
async def test_a_command_that_does_not_fit_is_refused_and_not_sent(
    idle: Shift, verb: str, arguments: dict[str, Any], code: str
) -> None:
    """On an armed machine that is not at work; 110 °C is above what this printer's file allows."""
    booking, then = idle.bookings[PRINTER], idle.lab.from_now()
    said = {}
    async with idle.lab.client() as client:
        await client.decide(booking, "arm")
    for language in ("ja", "en"):
        async with idle.lab.client(language) as client:
            with pytest.raises(Refused) as refused:
                await client.command("printer1", verb, arguments)
            assert refused.value.refusal.code == code
            said[language] = refused.value.refusal.text
    assert said["ja"] != said["en"]
    async with idle.lab.client() as client:
        await client.decide(booking, "disarm")
    sent = {row["text"].split()[0] for row in then.truth("printer1", "executed")}
    assert sent <= READS | {"M104", "M140", "M107"}, "only what disarming says"
    assert {row["target"] for row in then.truth("printer1", "heater")} <= {0.0}


def port_of(lab: Lab, machine: Machine) -> list[str]:
    """The options with which a simulator gets its wire's port back."""
    address = str(lab.sims.listing[machine.sim]["endpoint"]).partition("127.0.0.1:")[2]
    return [text for option in machine.again for text in (option, address.partition("/")[0])]


async def is_offline(client: LabClient, device: str) -> bool:
    """Whether the API shows that the device does not answer."""
    return (await client.device(device)).link in ("backoff", "connecting", "offline")


async def assert_unknown(client: LabClient, machine: Machine) -> None:
    """Nothing of it is shown as live."""
    shown = await client.device(machine.sim)
    assert shown.operation == "unknown"
    assert shown.may_actuate is False
    assert shown.job is None
    assert shown.readings
    assert all(reading.stale for reading in shown.readings)
    assert shown.link_text != shown.link


async def assert_the_rest_goes_on(client: LabClient, machine: Machine, then: Since) -> None:
    """The other machine works, the hub's values are live."""
    done = len(then.truth(machine.other, WORK_OF[machine.other]))
    await until(lambda: len(then.truth(machine.other, WORK_OF[machine.other])) > done)
    assert (await client.device(machine.other)).operation == "busy"
    room = await client.device("room")
    assert not any(reading.stale for reading in room.readings)
    assert not (await client.lab()).latch.latched


def has_gap(lab: Lab, run: str, device: str) -> bool:
    """Whether the run's record says that this device is dark."""
    return (device, 1) in work.evidence(lab, run, "SELECT device, opened FROM gap")


async def assert_nothing_resumed(
    client: LabClient, shift: Shift, machine: Machine, back: Since
) -> None:
    """It was only read; what was running has its end in the ledger."""
    printed = {row["text"].split()[0] for row in back.truth(machine.sim, "executed")}
    assert printed <= READS
    assert back.truth(machine.sim, "call") == []
    assert back.truth(machine.sim, "part") == []
    shown = await client.device(machine.sim)
    assert not work.reading(shown, machine.signal).stale
    row = await client.command_row(shift.print_command)
    assert row.state == ("unknown" if machine is PRINTING else "sent")
