"""What can be wrong on the printer's serial line, each under the name all wires share."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import serial

from tests.hardware_sim.rig import host, simulator

KIND = "gcode_printer"


@pytest.mark.parametrize("name", ["hang", "late_execution"])
async def test_what_was_held_back_is_carried_out_at_the_end(name: str, tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name=name)
        printer.write(b"M104 S50\n")
        for _ in range(20):
            status = await rig.ask("status")
        assert status["heaters"]["hotend"]["target"] == 0
        await rig.ask("clear")
        assert await printer.line() == "ok"
        assert (await rig.ask("status"))["heaters"]["hotend"]["target"] == 50


async def test_a_late_board_still_reports(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await printer.send("M155 S1")
        await rig.ask("fault", name="late_execution")
        assert " T:" in await printer.line()


async def test_half_a_line_and_nothing_more_until_it_ends(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="half_frame")
        printer.write(b"M113\nM400\n")
        while len(rig.truth("executed")) < 2:
            await rig.ask("status")
        await rig.ask("clear")
        printer.write(b"M400\n")
        assert await printer.line() == "echo:Mok"


@pytest.mark.parametrize("wire", ["pty", "tcp"])
async def test_a_break_in_the_middle_of_a_line_hangs_up(wire: str, tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--wire", wire) as rig:
        async with host(rig.endpoint) as printer:
            await rig.ask("fault", name="reset_mid_frame")
            printer.write(b"M113\n")
            seen = await printer.line()
            assert "echo:M113 S2".startswith(seen)
            assert len(seen) < 8
            assert await printer.line() == ""
        await rig.ask("clear")
        async with host((await rig.ask("status"))["endpoint"]) as printer:
            assert await printer.send("M400") == ["ok"]


async def test_an_answer_comes_twice(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="duplicate_reply")
        printer.write(b"M113\n")
        assert [await printer.line() for _ in range(4)] == ["echo:M113 S2"] * 2 + ["ok"] * 2


async def test_every_temperature_is_no_number(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="bad_value")
        assert re.match(r"ok T:nan /0\.00 B:nan /0\.00 @", (await printer.send("M105"))[0])


async def test_a_flood_of_lines_nobody_asked_for(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig, host(rig.endpoint) as printer:
        await rig.ask("fault", name="flood", text="x")
        assert [await printer.line() for _ in range(1000)] == ["x"] * 1000
        await rig.ask("clear")
        printer.write(b"M400\n")
        while await printer.line() != "ok":
            pass


async def test_the_port_found_by_its_link_is_another_terminal(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        async with host(rig.endpoint) as printer:
            before = os.readlink(rig.endpoint)
            await rig.ask("fault", name="renumber")
            assert await printer.line() == ""
        assert os.readlink(rig.endpoint) != before
        async with host(rig.endpoint) as printer:
            assert await printer.send("M400") == ["ok"]


async def test_a_tcp_adapter_comes_back_on_another_port(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND, "--wire", "tcp") as rig:
        await rig.ask("fault", name="renumber")
        fresh = (await rig.ask("status"))["endpoint"]
        assert fresh != rig.endpoint
        async with host(fresh) as printer:
            assert await printer.send("M400") == ["ok"]


async def test_a_port_somebody_else_holds_cannot_be_locked(tmp_path: Path) -> None:
    async with simulator(tmp_path, KIND) as rig:
        await rig.ask("fault", name="second_owner")
        with pytest.raises(serial.SerialException):
            serial.Serial(rig.endpoint, exclusive=True)
        await rig.ask("clear")
        async with host(rig.endpoint) as printer:
            assert (await printer.send("M400"))[-1] == "ok"


async def test_what_does_not_fit_the_receive_buffer_is_lost(tmp_path: Path) -> None:
    small = ("--rx-buffer", "32")
    async with simulator(tmp_path, KIND, *small) as rig, host(rig.endpoint) as printer:
        printer.write(b"M117 123456789\n" * 10)
        await printer.line()
        assert rig.truth("rx_overrun")
