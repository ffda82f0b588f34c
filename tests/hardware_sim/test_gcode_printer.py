from __future__ import annotations

import asyncio
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
import serial

from tests.hardware_sim.rig import Host, gone, host, numbered, simulator
from tests.sims.sim import Sim

KIND = "gcode_printer"
LINES = [f"G92 E{number}.5" for number in range(1, 81)]


async def stream(printer: Host, lines: list[str]) -> int:
    """Send numbered lines one at a time, sending again what is asked for; return the resends."""
    resends, number = 0, 1
    while number <= len(lines):
        printer.write(numbered(number, lines[number - 1]).encode() + b"\n")
        asked, answer = None, ""
        while not (answer.startswith("ok") and asked is None):
            answer = await printer.line()
            if answer.startswith("Resend: "):
                asked = int(answer.removeprefix("Resend: "))
            elif answer.startswith("ok") and asked is not None:
                break
        number = asked or number + 1
        resends += asked is not None
    return resends


def lab_seconds(first: dict[str, str], second: dict[str, str]) -> float:
    span = datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"])
    return span.total_seconds()


def record(rig: Sim, text: str) -> dict[str, str]:
    return next(fact for fact in rig.truth("executed") if fact["text"] == text)


async def heater(rig: Sim, name: str = "hotend") -> dict[str, float]:
    found: dict[str, float] = (await rig.ask("status"))["heaters"][name]
    return found


@pytest.mark.parametrize("wire", ["pty", "tcp"])
async def test_noisy_lines_are_executed_once_and_in_order(wire: str, tmp_path: Path) -> None:
    noise = ("--fault", "noise_in:p=0.2", "--wire", wire)
    async with simulator(tmp_path, KIND, *noise) as rig, host(rig.endpoint) as printer:
        assert await stream(printer, LINES) > 5
        assert rig.executed() == LINES
        assert all(fact["n"] == n for n, fact in enumerate(rig.truth("executed"), 1))


async def test_noise_on_the_way_back_spares_the_first_letter(tmp_path: Path) -> None:
    async with (
        simulator(tmp_path, KIND, "--fault", "noise_out:p=1") as rig,
        host(rig.endpoint, banner=False) as printer,
    ):
        for text in ("start", " External Reset", "echo:Marlin 2.0.9.7"):
            said = await printer.line()
            first = len(text) - len(text.lstrip()) + 1
            assert said[:first] == text[:first]
            assert len(said) == len(text)
            assert sum(a != b for a, b in zip(said, text, strict=True)) == 1


async def test_the_same_seed_makes_the_same_noise(tmp_path: Path) -> None:
    asked = []
    for name in ("one", "two"):
        noise = ("--fault", "noise_in:p=0.2")
        async with simulator(tmp_path / name, KIND, *noise) as rig, host(rig.endpoint) as printer:
            await stream(printer, LINES)
            asked.append([fact["asked"] for fact in rig.truth("resend")])
    assert asked[0] == asked[1]


async def test_pyserial_opens_it_and_opening_resets_the_board(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        for _ in range(2):
            with serial.Serial(rig.endpoint, 115200, timeout=5, exclusive=True) as port:
                assert port.read_until(b"2.0.9.7\n").startswith(b"start\n External Reset\n")
                port.write(b"M104 S50\n")
                assert port.read_until(b"ok\n") == b"ok\n"
                assert (await heater(rig))["target"] == 50
            await closed(rig)
        assert [fact["reason"] for fact in rig.truth("boot")] == ["power", "open", "open"]


async def closed(rig: Sim) -> None:
    while (await rig.ask("status"))["link"]:
        pass


async def test_a_board_without_reset_on_open_keeps_its_state(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--no-dtr-reset") as rig:
        async with host(rig.endpoint, banner=False) as printer:
            await printer.send("M104 S50")
        await closed(rig)
        async with host(rig.endpoint, banner=False) as printer:
            assert "/50.00" in (await printer.send("M105"))[0]


async def test_moves_hold_the_stream_back_when_the_queue_is_full(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--planner", "4") as rig, host(rig.endpoint) as printer:
        for turn in range(6):
            await printer.send(f"G1 X{10 + 10 * turn} F60")  # 10 s each
        await printer.send("M400")
        await printer.send("M114")
        first, sixth = record(rig, "G1 X10 F60"), record(rig, "G1 X60 F60")
        assert lab_seconds(first, sixth) >= 10
        assert lab_seconds(first, record(rig, "M114")) >= 60


async def test_a_dwell_and_homing_take_their_time(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        for text in ("G4 P5000", "G28", "M117 home"):
            await printer.send(text)
        assert lab_seconds(record(rig, "G4 P5000"), record(rig, "G28")) >= 5
        assert lab_seconds(record(rig, "G28"), record(rig, "M117 home")) >= 5
        status = await rig.ask("status")
        assert status["homed"] is True
        assert status["position"] == {"x": 0, "y": 0, "z": 0, "e": 0}


async def test_m109_blocks_until_the_heat_is_held(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        lines = await printer.send("M109 S60")
        assert (await heater(rig))["now"] == pytest.approx(60)
        assert all(re.match(r" T:[\d.]+ /60\.00 B:.* W:(\?|\d+)$", line) for line in lines[:-1])
        await printer.send("M105")
        assert lab_seconds(record(rig, "M109 S60"), record(rig, "M105")) >= 30
        heater_log = [(fact["heater"], fact["target"]) for fact in rig.truth("heater")]
        assert heater_log == [("hotend", 60.0)]


async def test_the_busy_message_comes_while_a_command_blocks(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        assert await printer.send("M113") == ["echo:M113 S2", "ok"]
        await printer.send("M113 S0.05")
        assert "echo:busy: processing" in await printer.send("G4 S60")
        await printer.send("M113 S0")
        assert await printer.send("G4 S60") == ["ok"]


async def test_temperatures_report_themselves(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await printer.send("M155 S2")
        for _ in range(3):
            assert re.match(r" T:[\d.]+ /0\.00 B:[\d.]+ /0\.00 @:0 B@:0$", await printer.line())


async def test_m108_ends_a_wait_for_heat(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, factor=1.0) as rig, host(rig.endpoint) as printer:
        printer.write(b"M109 S200\n")
        assert "W:?" in await printer.line()
        printer.write(b"M108\n")
        assert (await printer.until("ok"))[-1] == "ok"
        assert await printer.line() == "ok"
        assert (await heater(rig))["target"] == 200
        assert len(rig.truth("break_wait")) == 1


async def test_a_numbered_m108_waits_its_turn_without_the_emergency_parser(tmp_path: Path) -> None:
    for options, ends in (((), False), (("--emergency-parser",), True)):
        directory = tmp_path / str(ends)
        async with (
            simulator(directory, KIND, *options, factor=1.0) as rig,
            host(rig.endpoint) as printer,
        ):
            printer.write(b"M109 S200\n")
            await printer.line()
            printer.write(numbered(1, "M108").encode() + b"\n")
            if ends:
                await printer.until("ok")
            else:
                await printer.until(" T:")
            assert bool(rig.truth("break_wait")) is ends


async def test_m410_stops_the_axes_and_what_was_queued(tmp_path: Path) -> None:
    async with (
        simulator(tmp_path, KIND, "--planner", "2", factor=1.0) as rig,
        host(rig.endpoint) as printer,
    ):
        for _ in range(2):
            await printer.send("G1 X200 F60")
            await printer.send("G1 X0 F60")
            printer.write(b"G1 Y50 F60\n")
            while (await rig.ask("status"))["waiting"] != "G1 Y50 F60":
                pass
            printer.write(b"M410\n")
            await printer.until("ok")
            await printer.until("ok")
            status = await rig.ask("status")
            assert status["queued"] == 0
            assert status["position"]["x"] < 5
            assert status["position"]["y"] == 0
            assert status["homed"] is False


async def test_m112_kills_until_the_power_is_cycled(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        async with host(rig.endpoint) as printer:
            await printer.send("M104 S200")
            printer.write(b"G1 X1\nM112\n")
            assert (await printer.until("Error:"))[-1] == "Error:Printer halted. kill() called!"
            printer.write(b"M105\n")
            status = await rig.ask("status")
            assert status["killed"] is True
            assert status["heaters"]["hotend"]["target"] == 0
            assert [fact["reason"] for fact in rig.truth("kill")] == ["M112"]
            assert [fact["on"] for fact in rig.truth("heater")] == [True, False]
            assert [fact["text"] for fact in rig.truth("executed")] == ["M104 S200"]
        await closed(rig)
        async with host(rig.endpoint, banner=False):
            while not (await rig.ask("status"))["link"]:
                pass
            assert (await rig.ask("status"))["killed"] is True
        await rig.ask("power", on=False)
        await rig.ask("power", on=True)
        async with host(rig.endpoint) as printer:
            assert (await printer.send("M105"))[-1].startswith("ok T:")


@pytest.mark.parametrize("wire", ["pty", "tcp"])
async def test_power_off_takes_the_wire_and_the_state(wire: str, tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--wire", wire) as rig:
        async with host(rig.endpoint) as printer:
            await printer.send("M104 S100")
            assert (await rig.ask("status"))["power_w"] > 40
            await rig.ask("power", on=False)
            assert await printer.line() == ""
        off = await rig.ask("status")
        assert (off["power"], off["power_w"]) == (False, 0.0)
        assert off["energy_kwh"] > 0
        if wire == "pty":
            assert gone(rig.endpoint)
        else:
            with pytest.raises(ConnectionRefusedError):
                async with host(rig.endpoint):
                    pass
        await rig.ask("power", on=True)
        assert (await rig.ask("status"))["power_w"] == 7.0
        async with host(rig.endpoint) as printer:
            assert "/0.00" in (await printer.send("M105"))[0]
        assert [fact["on"] for fact in rig.truth("power")] == [True, False, True]


async def test_an_unplugged_cable_leaves_the_printer_running(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--no-dtr-reset") as rig:
        async with host(rig.endpoint, banner=False) as printer:
            await printer.send("M104 S100")
            await rig.ask("fault", name="unplug")
            assert await printer.line() == ""
        assert gone(rig.endpoint)
        assert (await heater(rig))["target"] == 100
        await rig.ask("clear", name="unplug")
        while gone(rig.endpoint):
            await rig.ask("status")
        async with host(rig.endpoint, banner=False) as printer:
            assert "/100.00" in (await printer.send("M105"))[0]


async def test_a_cable_comes_back_by_itself_after_its_time(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        await rig.ask("fault", name="unplug", for_s=20)
        while gone(rig.endpoint):
            await rig.ask("status")
        async with host(rig.endpoint) as printer:
            assert await printer.send("M400") == ["ok"]


async def test_a_reset_in_a_job_starts_over(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await printer.send(numbered(1, "M104 S200"))
        printer.write(numbered(2, "M109 S200").encode() + b"\n")
        await printer.line()
        await rig.ask("fault", name="reset")
        assert (await printer.until("echo:Marlin"))[-3:-1] == ["start", " External Reset"]
        assert (await heater(rig))["target"] == 0
        assert await printer.send(numbered(1, "M400")) == ["ok"]
        assert (await rig.ask("status"))["faults"] == {}


async def test_a_mute_printer_still_executes(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="mute")
        printer.write(b"M117 heard\n")
        while not rig.truth("executed"):
            await rig.ask("status")
        await rig.ask("clear")
        assert await printer.send("M400") == ["ok"]


async def test_a_lost_ok_is_lost_once(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="drop_ok", times=1)
        printer.write(numbered(1, "M400").encode() + b"\n")
        lines = await printer.send(numbered(1, "M400"))
        assert lines[:2] == [
            "Error:Line Number is not Last Line Number+1, Last Line: 1",
            "Resend: 2",
        ]
        assert len(rig.executed()) == 1


async def test_late_lines_keep_their_order(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="slow", seconds=0.05)
        printer.write(b"M113\nM400\n")
        await asyncio.sleep(0)
        await rig.ask("clear")
        assert [await printer.line() for _ in range(3)] == ["echo:M113 S2", "ok", "ok"]


async def test_a_burst_of_garbage_is_not_a_reply(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="garbage", bytes=200)
        printer.write(b"\nM117 x\n")
        seen = ""
        while not seen.endswith("ok"):
            seen += await printer.line()
        assert len(seen) > 100


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("heater_dead", "Error:Heating failed, system stopped! Heater_ID: 0"),
        ("heater_stuck", "Error:MAXTEMP triggered, system stopped! Heater_ID: 0"),
    ],
)
async def test_a_broken_heater_kills(fault: str, error: str, tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name=fault)
        await printer.send("M104 S200")
        assert await printer.line() == error
        assert await printer.line() == "Error:Printer halted. kill() called!"
        still_hot = (await heater(rig))["duty"] == 1.0
        assert still_hot is (fault == "heater_stuck")
        await rig.ask("power", on=False)
        assert (await heater(rig))["duty"] == 0.0


async def test_m85_kills_a_printer_whose_host_is_gone(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await printer.send("M85 S30")
        assert await printer.line() == "Error:KILL caused by too much inactive time"
        assert await printer.line() == "Error:Printer halted. kill() called!"


async def test_energy_is_the_power_over_lab_time(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await printer.send("M17")
        begin = await rig.ask("status")
        assert begin["power_w"] == 22.0
        await printer.send("G4 S100")
        end = await rig.ask("status")
        joules = (end["energy_kwh"] - begin["energy_kwh"]) * 3.6e6
        assert joules == pytest.approx(22.0 * lab_seconds(begin, end), rel=0.02)


async def test_a_second_tcp_client_is_hung_up_on(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--wire", "tcp") as rig, host(rig.endpoint) as printer:
        async with host(rig.endpoint, banner=False) as second:
            assert await second.line() == ""
        assert await printer.send("M400") == ["ok"]


async def test_a_host_that_does_not_read_does_not_block_it(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        descriptor = os.open(rig.endpoint, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            while not (await rig.ask("status"))["link"]:
                pass
            for _ in range(40):
                os.write(descriptor, b"M115\n" * 5)
                assert (await rig.ask("status"))["ok"]
            await counted(rig, 200)
        finally:
            os.close(descriptor)


async def counted(rig: Sim, executed: int) -> None:
    while len(rig.truth("executed")) < executed:
        await rig.ask("status")
