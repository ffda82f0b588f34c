"""The doctor: each trouble of a lab being set up, told with its fix, and nothing moved."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from lab_controller import wiring
from lab_controller.cli.main import main
from lab_controller.doctor import machine, ports, wires
from lab_controller.doctor.examination import examine
from lab_controller.doctor.finding import Finding, Health
from lab_controller.i18n import text
from tests.equipment_drivers.fake_hub import FakeHub
from tests.equipment_drivers.fakes import FakeDriver
from tests.lab_controller.bench import Bench
from tests.lab_controller.test_stream import Served

LAB = """
[lab]
name = {{ ja = "試験ラボ", en = "Test lab" }}
data_dir = "data"

[[connection]]
id = "wire"
driver = "{driver}"
[connection.options]
{options}

[[device]]
id = "thing"
name = {{ ja = "もの", en = "Thing" }}
connection = "wire"
{device}
"""
HUB_DEVICE = 'address = "switch.printer1"\n[device.options]\nkind = "plug"'
PRINTER = 'estop = { ja = "正面", en = "Front" }'


def of(found: list[Finding], about: str) -> Finding:
    return next(one for one in found if one.about == about)


def told(one: Finding) -> set[str]:
    """Its sentence in both languages; every parameter in it is filled in."""
    sentences = {text(language, one.code, one.params) for language in ("ja", "en")}
    assert len(sentences) == 2
    assert not any("{" in sentence for sentence in sentences), sentences
    return sentences


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    hub = FakeHub()
    hub.put("switch.printer1", "off")
    await hub.start()
    yield hub
    await hub.stop()


def lab_with(folder: Path, driver: str, options: str, device: str = "") -> Path:
    path = folder / "lab.toml"
    path.write_text(LAB.format(driver=driver, options=options, device=device), encoding="utf-8")
    return path


def lab_with_hub(folder: Path, hub: FakeHub, token: str) -> Path:
    (folder / "hub.token").write_text(token, encoding="utf-8")
    options = f'url = "{hub.url}"\ntoken_file = "hub.token"'
    return lab_with(folder, "home_assistant", options, HUB_DEVICE)


async def test_a_sound_lab_is_called_sound_and_nothing_is_moved(
    hub: FakeHub, tmp_path: Path
) -> None:
    found = await examine(lab_with_hub(tmp_path, hub, hub.token), "en")
    assert of(found, "config").health is Health.GOOD
    assert of(found, "wire").code == "doctor.wire_good"
    assert hub.calls() == []
    for one in found:
        told(one)


async def test_a_rejected_token_is_told_without_the_token(hub: FakeHub, tmp_path: Path) -> None:
    found = await examine(lab_with_hub(tmp_path, hub, "a-wrong-secret"), "en")
    rejected = of(found, "wire")
    assert (rejected.health, rejected.code) == (Health.BAD, "driver.auth_rejected")
    assert not any("a-wrong-secret" in sentence for sentence in told(rejected))


async def test_a_missing_token_names_its_option(hub: FakeHub, tmp_path: Path) -> None:
    path = lab_with_hub(tmp_path, hub, "x")
    (tmp_path / "hub.token").unlink()
    assert of(await examine(path, "en"), "wire").code == "driver.bad_option"


async def test_nobody_at_the_address(hub: FakeHub, tmp_path: Path) -> None:
    path = lab_with_hub(tmp_path, hub, hub.token)
    await hub.stop()
    assert of(await examine(path, "en"), "wire").code == "driver.connect_failed"
    await hub.start()


async def test_a_wire_that_does_not_hang_up_ends_no_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clinging(FakeDriver):
        async def close(self) -> None:
            await super().close()
            await asyncio.Event().wait()

    monkeypatch.setattr(wiring.registry, "find", lambda driver: Clinging)
    monkeypatch.setattr(wires, "CLOSE_S", 0.01)
    found = await examine(lab_with(tmp_path, "fake", "", PRINTER), "en")
    assert of(found, "wire").code == "doctor.wire_good"


async def test_a_machine_behind_a_plug_may_just_be_off(tmp_path: Path) -> None:
    path = lab_with(tmp_path, "marlin", 'port = "/dev/machikoba-none"', PRINTER)
    (wire,) = wiring.plan_wires(wiring.check(path), path)
    (found,) = await wires.examine(wire, ["plug_printer"])
    assert (found.health, found.code) == (Health.LOOK, "doctor.maybe_off")
    assert all("plug_printer" in sentence for sentence in told(found))


async def test_a_missing_port_names_those_there_are(tmp_path: Path) -> None:
    path = lab_with(tmp_path, "marlin", 'port = "/dev/machikoba-none"', PRINTER)
    missing = of(await examine(path, "en"), "wire")
    assert (missing.health, missing.code) == (Health.BAD, "doctor.port_missing")
    (tmp_path / "dev/serial/by-id").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyACM1", "serial/by-id/usb-printer", "tty0"):
        (tmp_path / "dev" / name).touch()
    seen = ports.serial_port("wire", "/dev/machikoba-none", tmp_path / "dev").params["seen"]
    assert [Path(one).name for one in seen.split(", ")] == ["usb-printer", "ttyACM1", "ttyUSB0"]


def test_a_port_of_another_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may everything
    finding = ports.serial_port("wire", str(port))
    assert finding.code == "doctor.port_group"
    assert any(f"usermod -aG {ports.group_of(str(port))}" in one for one in told(finding))


def test_a_port_somebody_holds() -> None:
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    try:
        assert ports.serial_port("wire", name).code == "doctor.port_good"
        holder = subprocess.Popen(
            [sys.executable, "-c", f"f = open({name!r}); print('held', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        finding = ports.serial_port("wire", name)
        holder.communicate(b"\n")
        assert finding.code == "doctor.port_used"
        assert f"({holder.pid})" in finding.params["program"]
        told(finding)
    finally:
        os.close(master)


async def test_what_is_wrong_with_the_file_comes_first(tmp_path: Path) -> None:
    found = await examine(lab_with(tmp_path, "nothing_known", ""), "en")
    assert {one.code for one in found} == {"config.unknown_driver"}
    for one in found:
        told(one)


def test_a_clock_before_the_last_record(tmp_path: Path) -> None:
    (tmp_path / "lab.db").touch()
    now = datetime.now(UTC)
    (late,) = machine.clock(tmp_path, now - timedelta(hours=2))
    assert late.code == "doctor.clock_behind"
    assert int(late.params["seconds"]) == pytest.approx(7200, abs=5)
    told(late)
    (fine,) = machine.clock(tmp_path, now)
    assert fine.code != "doctor.clock_behind"


@pytest.mark.parametrize(("off_s", "expected"), [(0, []), (-120, [120]), (3600, [-3600])])
async def test_a_clock_that_differs_from_the_hub(off_s: int, expected: list[int]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=off_s), usegmt=True)
        writer.write(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await wires.compare_clocks("wire", url)
    assert [round(int(one.params["seconds"]) / 10) * 10 for one in found] == expected
    for one in found:
        told(one)


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (good,) = machine.disk(tmp_path / "not" / "yet" / "made")
    assert good.params["dir"] == str(tmp_path)
    monkeypatch.setattr(machine, "LEAST_FREE_SHARE", 1.1)
    (small,) = machine.disk(tmp_path)
    assert (small.health, small.code) == (Health.LOOK, "doctor.disk_small")
    told(small)


def test_a_stop_that_stands(tmp_path: Path) -> None:
    assert next(machine.latch(tmp_path)).code == "doctor.no_latch"
    (tmp_path / "stop.latch").write_text("torn {", encoding="utf-8")
    assert next(machine.latch(tmp_path)).code == "doctor.lab_latched"


async def test_a_running_controller_is_asked_instead(bench: Bench) -> None:
    served = Served(bench)
    drivers = {id: cast(FakeDriver, one.driver) for id, one in bench.lab.connections.items()}
    connects = {id: len(one.calls) for id, one in drivers.items()}
    try:
        async with served.client() as lab:
            devices = await lab.devices()
    finally:
        await served.stop()
    planned = [wiring.Wire(id, FakeDriver, one.options, ()) for id, one in drivers.items()]
    found = wires.as_the_controller_sees(planned, devices)
    assert {one.about for one in found} == set(drivers)
    for one in found:
        told(one)
    assert connects == {id: len(one.calls) for id, one in drivers.items()}


async def test_the_command_marks_and_counts(hub: FakeHub, tmp_path: Path) -> None:
    path = lab_with_hub(tmp_path, hub, "wrong")

    async def doctor(*options: str) -> Result:
        words = ["doctor", str(path), *options]
        return await asyncio.to_thread(CliRunner().invoke, main, words, catch_exceptions=False)

    done = await doctor("--lang", "en")
    marks = {line.split()[1]: line[0] for line in done.stdout.splitlines()[:-1]}
    assert (done.exit_code, marks["config"], marks["wire"]) == (1, "✓", "✗")
    rows = json.loads((await doctor("--json")).stdout)
    assert [row["health"] for row in rows if row["about"] == "wire"] == ["bad"]
    lab_with_hub(tmp_path, hub, hub.token)
    rows = json.loads((await doctor("--json")).stdout)
    assert [row["health"] for row in rows if row["about"] == "wire"] == ["good"]
